"""The sweep: finds what was lost and sends it on its way again, and counts what it repaired; it does no work itself.

In a calm run it repairs nothing. It looks at rows that are due, so its cost follows the open work, not the table. A
row that cannot be looked at costs the others nothing, and a sweep that runs out of time leaves the rest to the next
one, which begins elsewhere. What was asked for again is left alone for a while, so that a backlog is not made longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lambdas import state
from lambdas.sweep.jobs import look_at_job
from lambdas.sweep.ports import Ports, Repairs, postpone
from maskmill.core import keys, rows
from maskmill.core.errors import Code
from maskmill.core.image import Image
from maskmill.core.limits import (
    JOB_LIFE_S,
    SWEEP_DELIVERY_S,
    SWEEP_EXPORT_S,
    SWEEP_FIRST_LOOK_S,
    SWEEP_JOBS_MAX,
    SWEEP_REMOVAL_S,
    SWEEP_RUN_S,
    SWEEP_UPLOAD_S,
    UPLOAD_GRACE_S,
)
from maskmill.core.messages import (
    DeliverWebhook,
    ExportDataset,
    IngestUpload,
    RemoveDataset,
    RemoveImage,
)
from maskmill.core.ports import Table
from maskmill.core.rows import ExportState
from maskmill.core.table import Index, Query, Row, RowConflict


def sweep(ports: Ports) -> Repairs:
    """Look at what is due now, the longest due first, for as long as one sweep may take."""
    repairs = Repairs()
    began_s = state.now_s(ports.clock)
    for row, look in _due(ports.table, began_s):
        at_s = state.now_s(ports.clock)
        if at_s - began_s >= SWEEP_RUN_S:
            repairs.is_cut_short = True
            break
        try:
            postpone(ports, state.row_key(row), at_s + SWEEP_FIRST_LOOK_S)
            before = repairs.total
            look(ports, row, at_s, repairs)
            if repairs.total > before and "job_id" in row:
                repairs.jobs.append(row["job_id"])
        except Exception as error:  # noqa: BLE001 - the edge of one row: it must not keep the sweep from the others
            repairs.failures.append((state.row_key(row), error))
    return repairs


_Look = Callable[[Ports, Row, int, Repairs], None]


def _due(table: Table, at_s: int) -> Iterator[tuple[Row, _Look]]:
    """A page of each due partition, each with how to look at its rows; every minute begins with another partition."""
    partitions: list[tuple[str, _Look]] = [
        *((rows.due_jobs(number), look_at_job) for number in range(rows.DUE_PARTITIONS)),
        (rows.DUE_UPLOADS, _look_at_upload),
        (rows.DUE_DELIVERIES, _look_at_delivery),
        (rows.DUE_EXPORTS, _look_at_export),
        (rows.DUE_DATASETS, _look_at_dataset),
        (rows.DUE_GONE, _look_at_gone),
    ]
    first = at_s // 60 % len(partitions)
    for pk, look in partitions[first:] + partitions[:first]:
        for row in table.query(Query(pk=pk, index=Index.DUE, at_most=at_s, limit=SWEEP_JOBS_MAX)).rows:
            yield row, look


def _look_at_export(ports: Ports, stale: Row, at_s: int, repairs: Repairs) -> None:
    row = ports.table.get(state.row_key(stale))
    if row is None:
        return
    export = rows.export_of(row)
    job = state.load_job(ports.table, export.tenant, export.job_id)
    if export.status.is_terminal or job is None:
        return
    if export.run_until_s > at_s or not job.status.is_terminal:
        postpone(ports, state.row_key(row), max(export.run_until_s, at_s) + SWEEP_EXPORT_S)
    elif job.dataset_bytes == 0 or at_s - export.created_at_s > JOB_LIFE_S:
        _fail_export(ports, export)
        repairs.add("export_gave_up")
    else:
        ports.queues.send([ExportDataset(tenant=export.tenant, job_id=export.job_id, format=export.format)])
        postpone(ports, state.row_key(row), at_s + SWEEP_EXPORT_S)
        repairs.add("export")


def _fail_export(ports: Ports, export: ExportState) -> None:
    reason = state.refusal(Code.EXPORT_FAILED)
    try:
        ports.table.write(
            rows.fail_export(export.tenant, export.job_id, export.format, reason, finished_at=ports.clock.now())
        )
    except RowConflict:
        return  # it has ended meanwhile


def _look_at_upload(ports: Ports, row: Row, at_s: int, repairs: Repairs) -> None:
    image, tenant = rows.image_of(row), row["tenant"]
    key = rows.image_key(tenant, image.dataset_id, image.image_id)
    if ports.uploads.head(keys.upload(tenant, image.dataset_id, image.image_id)) is not None:
        ports.queues.send([IngestUpload(tenant=tenant, dataset_id=image.dataset_id, image_id=image.image_id)])
        repairs.add("ingest")
    elif at_s - int(image.created_at.timestamp()) > UPLOAD_GRACE_S:
        _refuse_missing(ports, tenant, image)
        return  # an upload that never came is the client's choice, not a loss
    postpone(ports, key, at_s + SWEEP_UPLOAD_S)


def _refuse_missing(ports: Ports, tenant: str, image: Image) -> None:
    reason = state.refusal(Code.UPLOAD_MISSING)
    try:
        ports.table.write(rows.settle_image(tenant, image.dataset_id, image.image_id, normal=None, refusal=reason))
    except RowConflict:
        return  # it arrived meanwhile


def _look_at_delivery(ports: Ports, row: Row, at_s: int, repairs: Repairs) -> None:
    """Wakes an attempt: for long waits that is the sweep's part, after short ones or a died attempt it is a repair."""
    delivery = rows.delivery_of(row)
    key = state.row_key(row)
    if delivery.next_at_s > at_s:
        postpone(ports, key, delivery.next_at_s)  # it was settled while it was looked at
        return
    ports.queues.send(
        [DeliverWebhook(tenant=delivery.tenant, webhook_id=delivery.webhook_id, delivery_id=delivery.delivery_id)]
    )
    postpone(ports, key, at_s + SWEEP_DELIVERY_S)
    if delivery.claim is not None or at_s - delivery.next_at_s >= SWEEP_DELIVERY_S:
        repairs.add("webhook")


def _look_at_dataset(ports: Ports, stale: Row, at_s: int, repairs: Repairs) -> None:
    """A dataset has expired, or its removal is to go on; only a run that died on the way is a loss."""
    tenant, dataset_id = stale["tenant"], stale["dataset_id"]
    key = rows.dataset_key(tenant, dataset_id)
    due_at_s = at_s + SWEEP_REMOVAL_S
    try:
        row = ports.table.write(rows.begin_expiry(tenant, dataset_id, now_s=at_s, due_at_s=due_at_s))
    except RowConflict as conflict:
        if conflict.current is None:
            return
        row = conflict.current
    removal = rows.removal_of(row)
    if removal is None:  # it was given more time, which the index did not know yet
        postpone(ports, key, row.get("expiry_s", due_at_s))
        return
    ports.queues.send([RemoveDataset(tenant=tenant, dataset_id=dataset_id)])
    postpone(ports, key, due_at_s)
    repairs.add("remove", int(removal.run_until_s > 0))


def _look_at_gone(ports: Ports, row: Row, at_s: int, _repairs: Repairs) -> None:
    """The objects of an image wait for jobs to end, or for nobody to be left who writes: now may be the time."""
    gone = rows.gone_of(row)
    ports.queues.send([RemoveImage(tenant=gone.tenant, dataset_id=gone.dataset_id, image_id=gone.image_id)])
    postpone(ports, rows.gone_key(gone.tenant, gone.dataset_id, gone.image_id), at_s + SWEEP_REMOVAL_S)
