"""The bodies of datasets, images, uploads and templates; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from maskmill.core.image import DatasetName, ImageStatus, NormalImage, Refusal, Upload
from maskmill.core.limits import UPLOADS_PER_CALL_MAX
from maskmill.core.model import Model
from maskmill.core.prompt import Template


class CreateDataset(Model):
    name: DatasetName


class DatasetView(Model):
    dataset_id: str
    name: str
    created_at: datetime


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
    """An image; `source_url` (upright PNG) and `thumbnail_url` are signed and live for minutes."""

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


class TemplateView(Template):
    template_id: str
