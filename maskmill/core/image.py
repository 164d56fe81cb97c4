"""Datasets and images: what was uploaded, what ingest made of it; it knows no bytes and no storage."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from maskmill.core.geometry import Size
from maskmill.core.limits import FILENAME_BYTES_MAX, NAME_CHARS_MAX, UPLOAD_BYTES_MAX
from maskmill.core.model import Model

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
DatasetName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX, strip_whitespace=True)]


class DatasetStatus(StrEnum):
    """active → removing, and then it is gone."""

    ACTIVE = "active"
    REMOVING = "removing"


class Dataset(Model):
    """A set of images of one tenant; it is removed, with everything that was made of it, when it expires.

    `images_total` and `size_bytes` are what it counts for the tenant's quotas: the files that were announced and have
    not been removed, refused ones included.
    """

    dataset_id: str
    name: DatasetName
    created_at: datetime
    is_trial: bool = False
    status: DatasetStatus = DatasetStatus.ACTIVE
    expires_at: datetime | None = None  # None: never
    images_total: int = 0
    size_bytes: int = 0


class ImageStatus(StrEnum):
    """expected → ready | refused; a refused image keeps its reason."""

    EXPECTED = "expected"
    READY = "ready"
    REFUSED = "refused"


class SourceFormat(StrEnum):
    """What a file is, decided by its bytes."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"


class Note(StrEnum):
    """What ingest did to a file; shown to the user."""

    TURNED_UPRIGHT = "turned_upright"
    CONVERTED_TO_SRGB = "converted_to_srgb"
    BROKEN_PROFILE_IGNORED = "broken_profile_ignored"
    CONVERTED_FROM_CMYK = "converted_from_cmyk"
    REDUCED_FROM_16_BIT = "reduced_from_16_bit"
    ALPHA_KEPT = "alpha_kept"
    GREYSCALE = "greyscale"
    FIRST_FRAME_ONLY = "first_frame_only"
    METADATA_DROPPED = "metadata_dropped"


class NormalImage(Model):
    """The upright sRGB picture that ingest made of a file, and its identities.

    `pixels_sha256` is the identity of the decoded pixels (mode, size and bytes); masks and variants are keyed by it.
    `source_sha256` is that of the file as it was uploaded.
    """

    pixels_sha256: Sha256
    source_sha256: Sha256
    png_sha256: Sha256  # of the normal image's own file
    png_bytes: int
    source_format: SourceFormat
    size: Size
    is_grey: bool
    has_alpha: bool
    notes: tuple[Note, ...] = ()


class Upload(Model):
    """One file that a client announces."""

    name: Annotated[str, Field(min_length=1, max_length=FILENAME_BYTES_MAX)]
    size_bytes: Annotated[int, Field(strict=True, ge=0, le=UPLOAD_BYTES_MAX)]
    sha256: Sha256


class Refusal(Model):
    """Why something failed: a stable code and words for the user."""

    code: str
    message: str


class Image(Model):
    """A row of a dataset: the announced file and, once ingest has seen it, its normal image or its refusal."""

    image_id: str
    dataset_id: str
    name: str
    status: ImageStatus
    upload: Upload
    created_at: datetime
    normal: NormalImage | None = None
    refusal: Refusal | None = None
