"""Ingest: an upload becomes a normal image and a thumbnail, or a refusal with its reason; it knows no codec."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lambdas import state
from maskmill.core import keys, rows
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.image import Image, ImageStatus, NormalImage, Refusal
from maskmill.core.limits import UPLOAD_BYTES_MAX
from maskmill.core.messages import IngestUpload
from maskmill.core.ports import ObjectMissing, Objects, Table
from maskmill.core.table import RowConflict


class Normalised(Protocol):
    """What becomes of a file: its description, the upright picture (PNG) and a thumbnail (WebP)."""

    @property
    def normal(self) -> NormalImage: ...

    @property
    def png(self) -> bytes: ...

    @property
    def thumbnail(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What ingest needs; `normalise` raises InvalidInput for bytes that are not an acceptable picture."""

    table: Table
    uploads: Objects
    media: Objects
    normalise: Callable[[bytes], Normalised]


def ingest(ports: Ports, message: IngestUpload) -> None:
    """Settle one image; a message about an unknown, settled or missing upload changes nothing."""
    row = ports.table.get(rows.image_key(message.tenant, message.dataset_id, message.image_id))
    if row is None:
        return
    image = rows.image_of(row)
    if image.status is not ImageStatus.EXPECTED:
        return
    outcome: NormalImage | Refusal
    try:
        outcome = _examine(ports, message, image)
    except ObjectMissing:
        return  # announced, but not here: the sweep waits for it
    except InvalidInput as error:
        outcome = state.refusal_of(error)
    _settle(ports, message, outcome)


def _examine(ports: Ports, message: IngestUpload, image: Image) -> NormalImage:
    key = keys.upload(message.tenant, message.dataset_id, message.image_id)
    data = ports.uploads.get(key, bytes_max=UPLOAD_BYTES_MAX)
    if hashlib.sha256(data).hexdigest() != image.upload.sha256:
        raise InvalidInput(Code.CHECKSUM_MISMATCH)
    normalised = ports.normalise(data)
    pixels = normalised.normal.pixels_sha256
    ports.media.put(keys.thumbnail(message.tenant, pixels), normalised.thumbnail, media_type="image/webp")
    ports.media.put(keys.normal(message.tenant, pixels), normalised.png, media_type="image/png")
    return normalised.normal


def _settle(ports: Ports, message: IngestUpload, outcome: NormalImage | Refusal) -> None:
    normal = outcome if isinstance(outcome, NormalImage) else None
    refusal = outcome if isinstance(outcome, Refusal) else None
    try:
        ports.table.write(
            rows.settle_image(message.tenant, message.dataset_id, message.image_id, normal=normal, refusal=refusal)
        )
    except RowConflict:
        return  # another delivery of the same event was faster
