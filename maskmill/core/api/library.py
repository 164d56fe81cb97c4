"""The bodies of datasets, images, uploads and templates; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from maskmill.core.image import DatasetName, DatasetStatus, ImageStatus, NormalImage, Refusal, Upload
from maskmill.core.limits import DATASET_LIFE_S_MAX, DATASET_LIFE_S_MIN, UPLOADS_PER_CALL_MAX
from maskmill.core.model import Count, Model
from maskmill.core.prompt import Colour, MaskChoice, Overrides, Placement, Prompt, Refinement, Template, TemplateName

LifeS = Annotated[int, Field(strict=True, ge=DATASET_LIFE_S_MIN, le=DATASET_LIFE_S_MAX)]


class CreateDataset(Model):
    """A dataset that is kept until it is removed, or removed by itself after `expires_in_s` seconds.

    A trial expires soon even where nothing is said about it.
    """

    name: DatasetName
    trial: bool = False
    expires_in_s: LifeS | None = None


class PatchDataset(Model):
    """Another name, another end: what is absent stays; `expires_in_s: null` keeps the dataset until it is removed."""

    name: DatasetName | None = None
    expires_in_s: LifeS | None = None


class DatasetView(Model):
    """A dataset; with the status `removing` it is seen once, in the answer to its removal.

    `images_total` and `size_bytes` are what it counts for quotas: the files that were announced and have not been
    removed, refused ones included.
    """

    dataset_id: str
    name: str
    created_at: datetime
    status: DatasetStatus = DatasetStatus.ACTIVE
    trial: bool = False
    expires_at: datetime | None = None
    images_total: Count = 0
    size_bytes: Count = 0


class RequestUploads(Model):
    """Announce files; each gets a form to post it with, or says that the dataset holds the same file already."""

    files: Annotated[tuple[Upload, ...], Field(min_length=1, max_length=UPLOADS_PER_CALL_MAX)]


class UploadTicket(Model):
    """Post `fields` and then the file, as multipart/form-data, to `url`, before `expires_in_s` seconds have passed."""

    image_id: str
    name: str
    url: str
    fields: dict[str, str]
    expires_in_s: int


class UploadTickets(Model):
    """One ticket per announced file, in the same order."""

    items: tuple[UploadTicket, ...]


class ImageView(Model):
    """An image; `source_url` (upright PNG) and `thumbnail_url` take a media session and never change."""

    image_id: str
    dataset_id: str
    name: str
    status: ImageStatus
    created_at: datetime
    sha256: str  # of the file as it was announced
    normal: NormalImage | None = None
    refusal: Refusal | None = None
    source_url: str | None = None
    thumbnail_url: str | None = None


class PatchTemplate(Model):
    """The fields of a template to replace, each whole; those that are not named stay as they are."""

    name: TemplateName | None = None
    prompt: Prompt | None = None
    reference_image_id: str | None = None
    placement: Placement | None = None
    choice: MaskChoice | None = None
    refinement: Refinement | None = None
    colour: Colour | None = None
    overrides: Overrides | None = None


class TemplateView(Template):
    template_id: str
