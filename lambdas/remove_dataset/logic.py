"""Removal of a dataset: its jobs end, then its objects go, then its rows; it knows no bucket's name and no table's.

It is gone through twice. The first look removes objects alone: the rows still say where objects may lie, because
somebody who began before the removal may go on writing for a while. When nobody can be left, the last look removes
objects and rows. A run ends itself before its time is up and sends itself the message again; the dataset's row holds
how far the removal is, and when the sweep should ask.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdas import state, usage
from lambdas.remove_dataset.jobs import abandon_jobs, job_of
from lambdas.remove_dataset.pictures import clear_folder, clear_picture
from lambdas.remove_dataset.ports import Ports, Run, begin
from maskmill.core import keys, rows
from maskmill.core.limits import REMOVAL_WAIT_S
from maskmill.core.messages import RemoveDataset
from maskmill.core.rows import RemovalState
from maskmill.core.table import Delete, Query, Row, RowConflict, Update


def remove_dataset(ports: Ports, message: RemoveDataset) -> bool:
    """Go on with the removal of a dataset; whether this was the end of it.

    A message about one that is kept, gone or being worked on does nothing.
    """
    run = begin(ports)
    removal = _claim(run, message)
    if removal is None:
        return False
    at_s = run.now_s()
    if removal.last_look_s > at_s:
        _end_run(run, removal, due_at_s=removal.last_look_s)
    elif abandon_jobs(run, removal.tenant, removal.dataset_id):
        _wait_for_jobs(run, removal)
    else:
        return _look(run, removal)
    return False


def _claim(run: Run, message: RemoveDataset) -> RemovalState | None:
    """Take the removal for this run; None when there is nothing to do, or another run is at it."""
    tenant, dataset_id = message.tenant, message.dataset_id
    write = rows.claim_removal(tenant, dataset_id, run=run.name, now_s=run.began_s, until_s=run.until_s)
    try:
        return rows.removal_of(run.ports.table.write(write))
    except RowConflict as conflict:
        found = None if conflict.current is None else rows.removal_of(conflict.current)
        return found if found is not None and found.run == run.name else None  # its own write, repeated by the SDK


def _wait_for_jobs(run: Run, removal: RemovalState) -> None:
    """Jobs end in their own time; one that is found at the last look may still have written something."""
    due_at_s = run.now_s() + REMOVAL_WAIT_S
    if removal.is_last_look:
        _write_if_own(run, rows.restart_removal(removal.tenant, removal.dataset_id, run=run.name, due_at_s=due_at_s))
    else:
        _end_run(run, removal, due_at_s=due_at_s)


def _end_run(run: Run, removal: RemovalState, *, due_at_s: int, done_until: str | None = None) -> None:
    write = rows.pause_removal(
        removal.tenant, removal.dataset_id, run=run.name, done_until=done_until, due_at_s=due_at_s
    )
    _write_if_own(run, write)


def _write_if_own(run: Run, write: Update | Delete) -> bool:
    try:
        run.ports.table.write(write)
    except RowConflict:
        return False  # it took so long that another run has taken over
    return True


def _hand_on(run: Run, removal: RemovalState, *, done_until: str | None) -> None:
    """Leave the rest to the next run, which may begin at once."""
    _end_run(run, removal, due_at_s=run.now_s() + REMOVAL_WAIT_S, done_until=done_until)
    run.ports.queues.send([RemoveDataset(tenant=removal.tenant, dataset_id=removal.dataset_id)])


def _look(run: Run, removal: RemovalState) -> bool:
    is_done, done_until = _clear(run, removal)
    if not is_done:
        _hand_on(run, removal, done_until=done_until)
        return False
    if removal.is_last_look:
        return _write_if_own(run, rows.drop_dataset(removal.tenant, removal.dataset_id, run=run.name))
    last_look_s = run.now_s() + run.ports.late_s
    _give_back(run, removal)
    write = rows.end_first_look(removal.tenant, removal.dataset_id, run=run.name, last_look_s=last_look_s)
    _write_if_own(run, write)
    return False


def _give_back(run: Run, removal: RemovalState) -> None:
    """What the dataset took of its tenant's quotas, once, and no more than surely was taken.

    The dataset's own counts may be too high, because an announcement may die before the tenant's count; should this run
    die in between, or give back too little, a recount finds it.
    """
    table, tenant = run.ports.table, removal.tenant
    sizes = _sizes(run, removal)
    try:
        table.write(rows.note_given_back(tenant, removal.dataset_id))
    except RowConflict:
        return
    usage.give_back(table, tenant, of=removal.dataset_id, datasets=1, images=len(sizes), size_bytes=sum(sizes.values()))


def _sizes(run: Run, removal: RemovalState) -> Mapping[str, int]:
    """The bytes of each image that still counts: of those that were leaving the dataset, and of those in it."""
    table, pk = run.ports.table, rows.dataset_pk(removal.tenant, removal.dataset_id)
    leaving = map(rows.gone_of, state.all_rows(table, pk, rows.GONE_PREFIX))
    images = map(rows.image_of, state.all_rows(table, pk, rows.IMAGE_PREFIX))
    counted = (gone for gone in leaving if not gone.is_last_look and gone.image_id not in removal.released)
    return {
        **{gone.image_id: gone.size_bytes for gone in counted},
        **{image.image_id: image.upload.size_bytes for image in images},
    }


def _clear(run: Run, removal: RemovalState) -> tuple[bool, str | None]:
    """Remove what the rows of the dataset name; whether that was all of it, and where the first look is to go on."""
    table, pk = run.ports.table, rows.dataset_pk(removal.tenant, removal.dataset_id)
    done_until = None if removal.is_last_look else removal.done_until
    if done_until is None and not clear_folder(
        run, run.ports.uploads, keys.uploads_folder(removal.tenant, removal.dataset_id)
    ):
        return False, None
    for row in state.all_rows(table, pk, "", after=done_until):
        if not _clear_row(run, removal, row):
            return False, done_until
        if not removal.is_last_look:
            done_until = row["sk"]
        if run.is_over():
            return False, done_until
    is_empty = not table.query(Query(pk=pk, limit=1)).rows  # somebody may have added a row behind the last look
    return is_empty or not removal.is_last_look, done_until


def _clear_row(run: Run, removal: RemovalState, row: Row) -> bool:
    """Remove what one row names, at the last look with the row itself; False when the time was over before."""
    kind, _, name = row["sk"].partition("#")
    if f"{kind}#" in (rows.IMAGE_PREFIX, rows.GONE_PREFIX):
        is_done = _clear_image(run, removal, name, rows.pixels_of(row))
    elif f"{kind}#" == rows.DATASET_JOB_PREFIX:
        is_done = _clear_job(run, removal, name)
    else:
        is_done = True
    if is_done and removal.is_last_look:
        run.ports.table.write(Delete(state.row_key(row)))
    return is_done


def _clear_image(run: Run, removal: RemovalState, image_id: str, pixels: frozenset[str]) -> bool:
    tenant, dataset_id = removal.tenant, removal.dataset_id
    own = rows.references_of(dataset_id)
    for one in sorted(pixels):
        drop = rows.drop_reference(tenant, one, dataset_id, image_id) if removal.is_last_look else None
        if not clear_picture(run, tenant, one, own=own, drop=drop):
            return False
    return True


def _clear_job(run: Run, removal: RemovalState, job_id: str) -> bool:
    """Remove what a job has, its own row last: as long as that is there, nobody can take the job's name again."""
    ports, tenant = run.ports, removal.tenant
    if job_of(ports.table, tenant, removal.dataset_id, job_id) is None:
        return True
    folders = [
        (ports.media, keys.job_folder(tenant, job_id)),
        (ports.work, keys.job_folder(tenant, job_id)),
        *((ports.work, folder) for folder in keys.answer_folders(tenant, job_id)),
    ]
    if not all(clear_folder(run, bucket, folder) for bucket, folder in folders):
        return False
    return not removal.is_last_look or _drop_job(run, tenant, job_id)


def _drop_job(run: Run, tenant: str, job_id: str) -> bool:
    for row in state.all_rows(run.ports.table, rows.job_pk(tenant, job_id), ""):
        run.ports.table.write(Delete(state.row_key(row)))
        if run.is_over():
            return False
    run.ports.table.write(Delete(rows.job_key(tenant, job_id)))
    return True
