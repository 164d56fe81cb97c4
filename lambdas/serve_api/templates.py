"""Templates of a dataset: create, list, read, change, remove; it knows no HTTP and no segmenter."""

from __future__ import annotations

from lambdas.serve_api import cursors, datasets, images, tags
from lambdas.serve_api.bodies import check_size, merged
from lambdas.serve_api.names import is_id
from lambdas.serve_api.once import put_once
from lambdas.serve_api.ports import Ports
from lambdas.serve_api.prompts import check_mask
from maskmill.core import rows
from maskmill.core.api import Page, PatchTemplate, TemplateView
from maskmill.core.errors import FieldFault, InvalidInput, NotFound, Unavailable
from maskmill.core.limits import CONFLICT_RETRIES_MAX, TEMPLATE_BYTES_MAX, TEMPLATES_PER_DATASET_MAX
from maskmill.core.ports import Table
from maskmill.core.prompt import Template
from maskmill.core.table import Query, Row, RowConflict

PREFIX = "TEMPLATE#"


def create(ports: Ports, tenant: str, dataset_id: str, body: Template) -> TemplateView:
    datasets.require(ports.table, tenant, dataset_id)
    _check(ports.table, tenant, dataset_id, body)
    datasets.reserve(ports.table, tenant, dataset_id, kind="templates", count=1, count_max=TEMPLATES_PER_DATASET_MAX)
    (template_id,) = ports.ids.new(1)
    put_once(ports.table, rows.put_template(tenant, dataset_id, template_id, body))
    return _view(template_id, body)


def _check(table: Table, tenant: str, dataset_id: str, template: Template) -> None:
    """A template fits into its row, and what it names is there; raises InvalidInput."""
    check_size(template, TEMPLATE_BYTES_MAX, what="template", pointer="")
    reference = template.reference_image_id
    if reference is not None:
        image = images.find(table, tenant, dataset_id, reference) if is_id(reference) else None
        if image is None:
            raise InvalidInput(faults=(FieldFault("/reference_image_id", "no such image in this dataset"),))
    check_mask(template.prompt)


def listed(ports: Ports, tenant: str, dataset_id: str, *, cursor: str | None, limit: int) -> Page[TemplateView]:
    datasets.require(ports.table, tenant, dataset_id)
    listing = cursors.listing(ports, tenant, "templates", dataset_id)
    query = Query(pk=rows.dataset_pk(tenant, dataset_id), prefix=PREFIX, after=listing.after(cursor))
    found, after = cursors.page_of(ports.table, query, limit=limit)
    items = tuple(_view(*rows.template_of(row)) for row in found)
    return Page[TemplateView](items=items, next_cursor=listing.cursor(after))


def read(ports: Ports, tenant: str, dataset_id: str, template_id: str) -> TemplateView:
    return _view(*rows.template_of(_row(ports.table, tenant, dataset_id, template_id)))


def change(
    ports: Ports, tenant: str, dataset_id: str, template_id: str, body: PatchTemplate, *, if_match: str | None
) -> TemplateView:
    """The fields that are named are replaced, whole; jobs that were submitted keep the template as it was.

    With `if_match`, only in the state that it names; raises NotFound, precondition_failed.
    """
    for _ in range(CONFLICT_RETRIES_MAX):
        row = _row(ports.table, tenant, dataset_id, template_id)
        _, before = rows.template_of(row)
        tags.check(if_match, tags.tag_of(_view(template_id, before)))
        changed = merged(before, body)
        _check(ports.table, tenant, dataset_id, changed)
        try:
            ports.table.write(rows.change_template(tenant, dataset_id, template_id, changed, before=row))
        except RowConflict:
            continue  # somebody else changed it, perhaps another field: look again
        return _view(template_id, changed)
    raise Unavailable(detail="a template is fought over")


def remove(ports: Ports, tenant: str, dataset_id: str, template_id: str, *, if_match: str | None) -> None:
    """The template is gone and its place is free; jobs that were submitted keep it. Raises as `change` does."""
    for _ in range(CONFLICT_RETRIES_MAX):
        row = _row(ports.table, tenant, dataset_id, template_id)
        tags.check(if_match, tags.tag_of(_view(*rows.template_of(row))))
        try:
            ports.table.write(rows.remove_template(tenant, dataset_id, template_id, before=row))
        except RowConflict:
            continue
        datasets.give_back(ports.table, tenant, dataset_id, kind="templates", count=1)
        return
    raise Unavailable(detail="a template is fought over")


def _row(table: Table, tenant: str, dataset_id: str, template_id: str) -> Row:
    datasets.require(table, tenant, dataset_id)
    row = table.get(rows.template_key(tenant, dataset_id, template_id))
    if row is None:
        raise NotFound(detail="template")
    return row


def find(table: Table, tenant: str, dataset_id: str, template_id: str) -> Template | None:
    """A template of a dataset of the tenant."""
    row = table.get(rows.template_key(tenant, dataset_id, template_id))
    return None if row is None else rows.template_of(row)[1]


def _view(template_id: str, template: Template) -> TemplateView:
    return TemplateView(template_id=template_id, **{name: getattr(template, name) for name in Template.model_fields})
