"""Datasets of a tenant: create, list, read; it knows no HTTP."""

from __future__ import annotations

from lambdas.serve_api import cursors
from lambdas.serve_api.names import is_plain
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.api import CreateDataset, DatasetView, Page
from maskmill.core.errors import FieldFault, InvalidInput, NotFound, QuotaExceeded
from maskmill.core.image import Dataset
from maskmill.core.limits import DATASETS_PER_TENANT_MAX
from maskmill.core.ports import Table
from maskmill.core.table import Query, RowConflict

PREFIX = "DATASET#"


def create(ports: Ports, tenant: str, body: CreateDataset) -> DatasetView:
    if not is_plain(body.name):
        raise InvalidInput(faults=(FieldFault(pointer="/name", detail="the name has control characters"),))
    everything = Query(pk=rows.tenant_pk(tenant), prefix=PREFIX, limit=DATASETS_PER_TENANT_MAX)
    if len(ports.table.query(everything).rows) >= DATASETS_PER_TENANT_MAX:
        raise QuotaExceeded(detail="datasets of the tenant")
    (dataset_id,) = ports.ids.new(1)
    dataset = Dataset(dataset_id=dataset_id, name=body.name, created_at=ports.clock.now())
    ports.table.write(rows.put_dataset(tenant, dataset))
    return _view(dataset)


def listed(ports: Ports, tenant: str, *, cursor: str | None, limit: int) -> Page[DatasetView]:
    listing = cursors.listing(ports, tenant, "datasets")
    query = Query(pk=rows.tenant_pk(tenant), prefix=PREFIX, after=listing.after(cursor))
    found, after = cursors.page_of(ports.table, query, limit=limit)
    items = tuple(_view(rows.dataset_of(row)) for row in found)
    return Page[DatasetView](items=items, next_cursor=listing.cursor(after))


def read(ports: Ports, tenant: str, dataset_id: str) -> DatasetView:
    return _view(require(ports.table, tenant, dataset_id))


def require(table: Table, tenant: str, dataset_id: str) -> Dataset:
    """A dataset of the tenant; raises NotFound."""
    row = table.get(rows.dataset_key(tenant, dataset_id))
    if row is None:
        raise NotFound(detail="dataset")
    return rows.dataset_of(row)


def reserve(table: Table, tenant: str, dataset_id: str, *, kind: str, count: int, count_max: int) -> None:
    """Count new things of a dataset before they are made; raises NotFound, QuotaExceeded."""
    try:
        table.write(rows.reserve(tenant, dataset_id, kind=kind, count=count, count_max=count_max))
    except RowConflict as conflict:
        if conflict.current is None:
            raise NotFound(detail="dataset") from conflict
        raise QuotaExceeded(detail=f"{kind} of the dataset") from conflict


def _view(dataset: Dataset) -> DatasetView:
    return DatasetView(dataset_id=dataset.dataset_id, name=dataset.name, created_at=dataset.created_at)
