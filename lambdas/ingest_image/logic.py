"""Ingest: an upload becomes a normal image and a thumbnail, or a refusal with its reason; it knows no codec."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from lambdas import state
from maskmill.core import keys, rows
from maskmill.core.errors import Code, InvalidInput, Unavailable
from maskmill.core.image import Image, ImageStatus, NormalImage, Refusal
from maskmill.core.limits import UPLOAD_BYTES_MAX
from maskmill.core.messages import IngestUpload
from maskmill.core.ports import Clearable, ObjectMissing, Objects, Table
from maskmill.core.table import RowConflict


class Normalised(Protocol):
    """What becomes of a file: its description, the upright picture (PNG) and a thumbnail (WebP)."""

    @property
    def normal(self) -> NormalImage: ...

    @property
    def png(self) -> bytes: ...

    @property
    def thumbnail(self) -> bytes: ...


class Uploads(Objects, Clearable, Protocol):
    """The bucket of uploads: read, and rid of what nobody announced any more."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What ingest needs; `normalise` raises InvalidInput for bytes that are not an acceptable picture."""

    table: Table
    uploads: Uploads
    media: Objects
    normalise: Callable[[bytes], Normalised]


def ingest(ports: Ports, message: IngestUpload) -> None:
    """Settle one image; a message about a settled or missing upload changes nothing.

    Every upload was announced: one that nobody knows has been removed before it arrived, and goes as well.
    """
    row = ports.table.get(rows.image_key(message.tenant, message.dataset_id, message.image_id))
    if row is None or not _is_kept(ports.table, message):
        ports.uploads.delete(keys.upload(message.tenant, message.dataset_id, message.image_id))
        return
    image = rows.image_of(row)
    if image.status is not ImageStatus.EXPECTED:
        return
    outcome: NormalImage | Refusal | None
    try:
        outcome = _examine(ports, message, image)
    except ObjectMissing:
        return  # announced, but not here: the sweep waits for it
    except InvalidInput as error:
        outcome = state.refusal_of(error)
    if outcome is not None:
        _settle(ports, message, outcome)


def _is_kept(table: Table, message: IngestUpload) -> bool:
    dataset = table.get(rows.dataset_key(message.tenant, message.dataset_id))
    return dataset is not None and rows.removal_of(dataset) is None


def _examine(ports: Ports, message: IngestUpload, image: Image) -> NormalImage | None:
    """What the upload is; None when the image was settled or removed meanwhile."""
    key = keys.upload(message.tenant, message.dataset_id, message.image_id)
    data = ports.uploads.get(key, bytes_max=UPLOAD_BYTES_MAX)
    if hashlib.sha256(data).hexdigest() != image.upload.sha256:
        raise InvalidInput(Code.CHECKSUM_MISMATCH)
    normalised = ports.normalise(data)
    pixels = normalised.normal.pixels_sha256
    if not _refer(ports.table, message, pixels):
        return None
    ports.media.put(keys.thumbnail(message.tenant, pixels), normalised.thumbnail, media_type="image/webp")
    ports.media.put(keys.normal(message.tenant, pixels), normalised.png, media_type="image/png")
    return normalised.normal


def _refer(table: Table, message: IngestUpload, pixels: str) -> bool:
    """Note that this image is about to show these pixels, so that whoever removes it, or them, knows.

    False when the image was settled or removed meanwhile; raises Unavailable while the picture's objects are being
    removed because the last image went that showed it.
    """
    tenant, dataset_id, image_id = message.tenant, message.dataset_id, message.image_id
    try:
        table.write(rows.note_pixels(tenant, dataset_id, image_id, pixels_sha256=pixels))
    except RowConflict:
        return False
    with suppress(RowConflict):  # an earlier attempt did it
        table.write(rows.put_reference(tenant, pixels, dataset_id, image_id))
    if table.get(rows.lock_key(tenant, pixels)) is not None:
        raise Unavailable(detail="the same picture is being removed elsewhere")
    return True


def _settle(ports: Ports, message: IngestUpload, outcome: NormalImage | Refusal) -> None:
    normal = outcome if isinstance(outcome, NormalImage) else None
    refusal = outcome if isinstance(outcome, Refusal) else None
    try:
        ports.table.write(
            rows.settle_image(message.tenant, message.dataset_id, message.image_id, normal=normal, refusal=refusal)
        )
    except RowConflict:
        return  # another delivery of the same event was faster
