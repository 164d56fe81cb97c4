"""Datasets of a tenant: create, list, read, change, remove; it knows no HTTP."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from lambdas.serve_api import cursors, quotas
from lambdas.serve_api.names import is_plain
from lambdas.serve_api.once import put_once
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.api import CreateDataset, DatasetView, Page, PatchDataset
from maskmill.core.errors import FieldFault, InvalidInput, NotFound, QuotaExceeded
from maskmill.core.image import Dataset, DatasetStatus
from maskmill.core.limits import SWEEP_FIRST_LOOK_S
from maskmill.core.messages import RemoveDataset
from maskmill.core.ports import Table
from maskmill.core.table import Query, Row, RowConflict, Update
from maskmill.core.usage import Quota

PREFIX = "DATASET#"


def create(ports: Ports, tenant: str, body: CreateDataset) -> DatasetView:
    _check_name(body.name)
    quotas.take(ports, tenant, {Quota.DATASETS: 1})
    (dataset_id,) = ports.ids.new(1)
    now = ports.clock.now()
    life_s = ports.trial_life_s if body.trial and body.expires_in_s is None else body.expires_in_s
    dataset = Dataset(
        dataset_id=dataset_id,
        name=body.name,
        created_at=now,
        is_trial=body.trial,
        expires_at=None if life_s is None else _end(now, life_s),
    )
    return _view(rows.dataset_of(put_once(ports.table, rows.put_dataset(tenant, dataset))))


def listed(ports: Ports, tenant: str, *, cursor: str | None, limit: int) -> Page[DatasetView]:
    listing = cursors.listing(ports, tenant, "datasets")
    query = Query(pk=rows.tenant_pk(tenant), prefix=PREFIX, after=listing.after(cursor))
    found, after = cursors.page_of(ports.table, query, limit=limit, keep=_is_active)
    items = tuple(_view(rows.dataset_of(row)) for row in found)
    return Page[DatasetView](items=items, next_cursor=listing.cursor(after))


def read(ports: Ports, tenant: str, dataset_id: str) -> DatasetView:
    return _view(require(ports.table, tenant, dataset_id))


def change(ports: Ports, tenant: str, dataset_id: str, body: PatchDataset) -> DatasetView:
    """Another name, another end; raises NotFound."""
    writes: list[Update] = []
    if body.name is not None:
        _check_name(body.name)
        writes.append(rows.rename_dataset(tenant, dataset_id, name=body.name))
    if "expires_in_s" in body.model_fields_set:
        life_s = body.expires_in_s
        expiry_s = None if life_s is None else int(_end(ports.clock.now(), life_s).timestamp())
        writes.append(rows.expire_dataset(tenant, dataset_id, expiry_s=expiry_s))
    for write in writes:
        try:
            ports.table.write(write)
        except RowConflict as conflict:
            raise NotFound(detail="dataset") from conflict
    return read(ports, tenant, dataset_id)


def remove(ports: Ports, tenant: str, dataset_id: str) -> DatasetView:
    """Begin the removal of a dataset, from when on nothing of it is seen any more; raises NotFound once it is gone.

    Asking again while it lasts asks for nothing new, so that a lost answer does no harm.
    """
    now_s = int(ports.clock.now().timestamp())
    write = rows.begin_removal(tenant, dataset_id, now_s=now_s, due_at_s=now_s + SWEEP_FIRST_LOOK_S)
    try:
        row = ports.table.write(write)
    except RowConflict as conflict:
        if conflict.current is None:
            raise NotFound(detail="dataset") from conflict
        row = conflict.current
    ports.queues.send([RemoveDataset(tenant=tenant, dataset_id=dataset_id)])
    return _view(rows.dataset_of(row))


def require(table: Table, tenant: str, dataset_id: str) -> Dataset:
    """A dataset of the tenant that nobody has asked to remove; raises NotFound."""
    row = table.get(rows.dataset_key(tenant, dataset_id))
    if row is None or not _is_active(row):
        raise NotFound(detail="dataset")
    return rows.dataset_of(row)


def is_there(table: Table, tenant: str, dataset_id: str) -> bool:
    """Whether the tenant has such a dataset, and nobody has asked to remove it."""
    row = table.get(rows.dataset_key(tenant, dataset_id))
    return row is not None and _is_active(row)


def reserve(
    table: Table, tenant: str, dataset_id: str, *, kind: str, count: int, count_max: int, size_bytes: int = 0
) -> None:
    """Count new things of a dataset before they are made; raises NotFound, QuotaExceeded."""
    try:
        table.write(
            rows.reserve(tenant, dataset_id, kind=kind, count=count, count_max=count_max, size_bytes=size_bytes)
        )
    except RowConflict as conflict:
        if conflict.current is None or not _is_active(conflict.current):
            raise NotFound(detail="dataset") from conflict
        raise QuotaExceeded(detail=f"{kind} of the dataset") from conflict


def _check_name(name: str) -> None:
    if not is_plain(name):
        raise InvalidInput(faults=(FieldFault(pointer="/name", detail="the name has control characters"),))


def _end(now: datetime, life_s: int) -> datetime:
    return now.replace(microsecond=0) + timedelta(seconds=life_s)


def _is_active(row: Row) -> bool:
    return rows.dataset_of(row).status is DatasetStatus.ACTIVE


def give_back(table: Table, tenant: str, dataset_id: str, *, kind: str, count: int) -> None:
    """Take things of a dataset out of the count, after they are gone; a dataset that is gone counts nothing."""
    with suppress(RowConflict):
        table.write(rows.release(tenant, dataset_id, kind=kind, count=count))


def _view(dataset: Dataset) -> DatasetView:
    return DatasetView(
        dataset_id=dataset.dataset_id,
        name=dataset.name,
        created_at=dataset.created_at,
        status=dataset.status,
        trial=dataset.is_trial,
        expires_at=dataset.expires_at,
        images_total=dataset.images_total,
        size_bytes=dataset.size_bytes,
    )
