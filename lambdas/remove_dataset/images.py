"""Removal of one image: its objects go when no job needs them any more; it knows no bucket's name and no table's.

The image left its dataset when that was asked for, so no later job works on it. Jobs that were open then go on with
what they have, and its objects wait for them; they are removed a second time when nobody can be left who still writes.
"""

from __future__ import annotations

from lambdas import state, usage
from lambdas.remove_dataset.jobs import job_of, may_come, named_jobs
from lambdas.remove_dataset.pictures import clear_picture
from lambdas.remove_dataset.ports import Ports, Run, begin
from maskmill.core import keys, rows
from maskmill.core.limits import REMOVAL_WAIT_S
from maskmill.core.messages import RemoveImage
from maskmill.core.ports import Table
from maskmill.core.rows import GoneImage, JobState
from maskmill.core.table import Delete, Key, RowConflict, Update

CLOCKS_S = 60  # by which the clocks of two functions may differ


def remove_image(ports: Ports, message: RemoveImage) -> None:
    """Go on with the removal of an image; a message about one that is in its dataset, or gone, does nothing."""
    run = begin(ports)
    dataset = ports.table.get(rows.dataset_key(message.tenant, message.dataset_id))
    if dataset is None or rows.removal_of(dataset) is not None:
        return  # the removal of the dataset sees to it
    gone = _claim(run, message)
    if gone is None:
        return
    gone = _out_of_dataset(run, gone)
    if gone.last_look_s > run.now_s():
        _end_run(run, gone, due_at_s=gone.last_look_s)
    elif not gone.is_last_look and _is_needed(run, gone):
        _end_run(run, gone, due_at_s=run.now_s() + REMOVAL_WAIT_S)
    elif not _clear(run, gone):
        _end_run(run, gone, due_at_s=run.now_s() + REMOVAL_WAIT_S)
        ports.queues.send([message])
    elif gone.is_last_look:
        _write_if_there(ports, rows.forget_release(gone.tenant, gone.dataset_id, gone.image_id))
        _write_if_there(ports, rows.drop_gone(gone.tenant, gone.dataset_id, gone.image_id, run=run.name))
    else:
        _end_first_look(run, gone)


def _claim(run: Run, message: RemoveImage) -> GoneImage | None:
    """Take the image for this run; None when it is done, or another run is at it."""
    tenant, dataset_id, image_id = message.tenant, message.dataset_id, message.image_id
    write = rows.claim_gone(tenant, dataset_id, image_id, run=run.name, now_s=run.began_s, until_s=run.until_s)
    try:
        return rows.gone_of(run.ports.table.write(write))
    except RowConflict as conflict:
        found = None if conflict.current is None else rows.gone_of(conflict.current)
        return found if found is not None and found.run == run.name else None  # its own write, repeated by the SDK


def _end_run(run: Run, gone: GoneImage, *, due_at_s: int) -> None:
    write = rows.pause_gone(gone.tenant, gone.dataset_id, gone.image_id, run=run.name, due_at_s=due_at_s)
    _write_if_there(run.ports, write)


def _out_of_dataset(run: Run, gone: GoneImage) -> GoneImage:
    """The image, which has left its dataset at the latest now: who asked for its removal may have died half-way."""
    at_s = run.now_s()
    state.retire_image(run.ports.table, gone.tenant, gone.dataset_id, gone.image_id, at_s=at_s, due_at_s=at_s)
    row = run.ports.table.get(_key(gone))
    return gone if row is None else rows.gone_of(row)


def _key(gone: GoneImage) -> Key:
    return rows.gone_key(gone.tenant, gone.dataset_id, gone.image_id)


def _is_needed(run: Run, gone: GoneImage) -> bool:
    """Whether a job is open, or may come to be, that was submitted while the image was in the dataset."""
    table, tenant, dataset_id = run.ports.table, gone.tenant, gone.dataset_id
    for named in named_jobs(table, tenant, dataset_id):
        if named.get("ended", False) or named["created_at_s"] > gone.gone_at_s + CLOCKS_S:
            continue
        job = job_of(table, tenant, dataset_id, named["job_id"])
        if job is None:
            if may_come(named, run.now_s()):
                return True
        elif not job.status.is_terminal or _is_exported(table, job):
            return True
        else:
            note = rows.note_job_ended(tenant, dataset_id, named["job_id"], abandoned=job.abandoned)
            _write_if_there(run.ports, note)
    return False


def _is_exported(table: Table, job: JobState) -> bool:
    """Whether an export of an ended job is being made."""
    found = state.all_rows(table, rows.job_pk(job.tenant, job.job.job_id), rows.EXPORT_PREFIX)
    return any(not rows.export_of(row).status.is_terminal for row in found)


def _clear(run: Run, gone: GoneImage) -> bool:
    """Remove the upload and what was made of it; False when the time was over before."""
    tenant, dataset_id, image_id = gone.tenant, gone.dataset_id, gone.image_id
    run.ports.uploads.delete(keys.upload(tenant, dataset_id, image_id))
    own = rows.references_of(dataset_id, image_id)
    for pixels in sorted(gone.pixels):
        drop = rows.drop_reference(tenant, pixels, dataset_id, image_id) if gone.is_last_look else None
        if not clear_picture(run, tenant, pixels, own=own, drop=drop):
            return False
    return True


def _end_first_look(run: Run, gone: GoneImage) -> None:
    """Give back what the image took, once, and come again when nobody can be left who still writes."""
    ports, tenant, dataset_id, image_id = run.ports, gone.tenant, gone.dataset_id, gone.image_id
    write = rows.release_image(tenant, dataset_id, image_id, size_bytes=gone.size_bytes)
    if _write_if_there(ports, write):
        usage.give_back(ports.table, tenant, of=image_id, images=1, size_bytes=gone.size_bytes)
    last_look_s = run.now_s() + ports.late_s
    end = rows.end_first_look_at_image(tenant, dataset_id, image_id, run=run.name, last_look_s=last_look_s)
    _write_if_there(ports, end)
    _write_if_there(ports, rows.forget_release(tenant, dataset_id, image_id))


def _write_if_there(ports: Ports, write: Update | Delete) -> bool:
    try:
        ports.table.write(write)
    except RowConflict:
        return False  # it is done, or gone
    return True
