"""Images of a dataset: list, read, remove, with the addresses of their pictures; it knows no HTTP and no bytes."""

from __future__ import annotations

from lambdas import state
from lambdas.serve_api import cursors, datasets
from lambdas.serve_api.media import MediaGate, address_of
from lambdas.serve_api.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.api import ImageView, Page
from maskmill.core.errors import NotFound
from maskmill.core.image import Image, ImageStatus
from maskmill.core.limits import SWEEP_FIRST_LOOK_S
from maskmill.core.messages import RemoveImage
from maskmill.core.ports import Table
from maskmill.core.table import Query

PREFIX = "IMAGE#"


def listed(
    ports: Ports, tenant: str, dataset_id: str, *, status: ImageStatus | None, cursor: str | None, limit: int
) -> Page[ImageView]:
    datasets.require(ports.table, tenant, dataset_id)
    listing = cursors.listing(ports, tenant, "images", dataset_id, status)
    query = Query(pk=rows.dataset_pk(tenant, dataset_id), prefix=PREFIX, after=listing.after(cursor))
    keep = None if status is None else lambda row: row["status"] == status.value
    found, after = cursors.page_of(ports.table, query, limit=limit, keep=keep)
    items = tuple(_view(ports.gate, tenant, rows.image_of(row)) for row in found)
    return Page[ImageView](items=items, next_cursor=listing.cursor(after))


def read(ports: Ports, tenant: str, dataset_id: str, image_id: str) -> ImageView:
    return _view(ports.gate, tenant, require(ports.table, tenant, dataset_id, image_id))


def remove(ports: Ports, tenant: str, dataset_id: str, image_id: str) -> None:
    """Take an image out of its dataset; raises NotFound once it is gone.

    No later job works on it. Its objects go when no job needs them any more that is open now.
    """
    datasets.require(ports.table, tenant, dataset_id)
    now_s = int(ports.clock.now().timestamp())
    due_at_s = now_s + SWEEP_FIRST_LOOK_S
    was_there = state.retire_image(ports.table, tenant, dataset_id, image_id, at_s=now_s, due_at_s=due_at_s)
    if not was_there and ports.table.get(rows.gone_key(tenant, dataset_id, image_id)) is None:
        raise NotFound(detail="image")
    ports.queues.send([RemoveImage(tenant=tenant, dataset_id=dataset_id, image_id=image_id)])


def require(table: Table, tenant: str, dataset_id: str, image_id: str) -> Image:
    """An image of a dataset that is kept; raises NotFound."""
    datasets.require(table, tenant, dataset_id)
    image = find(table, tenant, dataset_id, image_id)
    if image is None:
        raise NotFound(detail="image")
    return image


def find(table: Table, tenant: str, dataset_id: str, image_id: str) -> Image | None:
    """An image of a dataset of the tenant."""
    row = table.get(rows.image_key(tenant, dataset_id, image_id))
    return None if row is None else rows.image_of(row)


def _view(gate: MediaGate, tenant: str, image: Image) -> ImageView:
    source_url = thumbnail_url = None
    if image.normal is not None:
        source_url = address_of(gate, keys.normal(tenant, image.normal.pixels_sha256))
        thumbnail_url = address_of(gate, keys.thumbnail(tenant, image.normal.pixels_sha256))
    return ImageView(
        image_id=image.image_id,
        dataset_id=image.dataset_id,
        name=image.name,
        status=image.status,
        created_at=image.created_at,
        sha256=image.upload.sha256,
        normal=image.normal,
        refusal=image.refusal,
        source_url=source_url,
        thumbnail_url=thumbnail_url,
    )
