"""The bodies of the REST API, shared by the service, the client and the docs; it knows no HTTP.

Lists are pages: `items` and, when there is more, `next_cursor`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import Field, StringConstraints

from maskmill.core.automask import Automask, FoundMask
from maskmill.core.geometry import Size
from maskmill.core.image import DatasetName, ImageStatus, NormalImage, Refusal, Upload
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from maskmill.core.limits import CANDIDATES_MAX, UPLOADS_PER_CALL_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Model
from maskmill.core.prompt import MaskChoice, Prompt, Template
from maskmill.core.recipe import Layer, OutputFormat, Recipe
from maskmill.core.result import BoxPx, Remark

Item = TypeVar("Item")


class Page(Model, Generic[Item]):
    """One page of a list."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


class Problem(Model):
    """RFC 9457 problem details with a stable `code`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: tuple[ProblemField, ...] = ()


class ProblemField(Model):
    """One invalid field: a JSON pointer and what is wrong with it."""

    pointer: str
    detail: str


# Datasets and images


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


# The interactive lane


class SegmentImage(Model):
    """Find one object in an image, now; `top_k` above one asks for the next best candidates, too."""

    prompt: Prompt
    choice: MaskChoice = MaskChoice.BEST
    top_k: Annotated[int, Field(strict=True, ge=1, le=CANDIDATES_MAX)] = 1


class Segmentation(Model):
    """The candidates for a prompt, at the size of the upright image, the chosen one first; a mask may be empty."""

    segmenter: str
    candidates: Annotated[tuple[Mask, ...], Field(min_length=1)]


class Everything(Model):
    """Everything that a search found in an image, the best first; `search` is what was searched for."""

    segmenter: str
    search: Automask
    masks: tuple[FoundMask, ...]


class EmbeddingView(Model):
    """What a segmenter knows of an image before a prompt; `url` is signed, and absent while it is being made."""

    segmenter: str
    url: str | None = None


# Jobs


class SubmitJob(Model):
    """Run a recipe over all images of the dataset that have arrived, or over those named."""

    recipe: Recipe
    image_ids: (
        Annotated[tuple[Annotated[str, StringConstraints(max_length=40)], ...], Field(max_length=1000)] | None
    ) = None


class JobView(Model):
    """A job; `waiting_for_gpu` says that all open items wait for the segmenter and nothing has come back yet."""

    job_id: str
    dataset_id: str
    status: JobStatus
    items: Counts
    items_total: int
    waiting_for_gpu: bool
    cancel_requested: bool
    created_at: datetime
    finished_at: datetime | None = None
    refusal: Refusal | None = None
    recipe: Recipe
    archive_bytes: int | None = None


class ItemView(Model):
    """One image of a job."""

    index: int
    image_id: str
    name: str
    status: ItemStatus
    refusal: Refusal | None = None


class LabelView(Model):
    """One labelled object of a picture; `mask_url` is signed, `file_name` is the mask's path in the dataset."""

    name: str
    file_name: str
    score: float
    area_px: int
    box: BoxPx
    mask_url: str
    sha256: str  # of the mask's PNG
    size_bytes: int
    rle_sha256: str


class VariantView(Model):
    """One rendered picture; `url` is signed; `file_name` is its path in the dataset."""

    variant_id: str
    file_name: str
    format: OutputFormat
    size: Size
    size_bytes: int
    sha256: str
    sample: int
    layers: tuple[Layer, ...]
    url: str
    labels: tuple[LabelView, ...] | None = None  # given where its geometry differs from the source's


class ItemVariants(Model):
    """Everything that one finished item gave: its source, its labels and its variants."""

    index: int
    image_id: str
    name: str
    normal: NormalImage
    source_file_name: str
    source_url: str
    labels: tuple[LabelView, ...]
    variants: tuple[VariantView, ...]
    remarks: tuple[Remark, ...] = ()


class DatasetFiles(Model):
    """Signed URLs of a finished job's dataset: annotations, manifest and the archive with everything."""

    annotations_url: str
    manifest_url: str
    archive_url: str
    archive_bytes: int


class Health(Model):
    status: str
    version: str
    segmenter: str


class Limits(Model):
    """The bounds that a client should know before it is refused."""

    upload_bytes_max: int
    image_side_px_min: int
    image_pixels_max: int
    uploads_per_call_max: int
    images_per_job_max: int
    points_max: int
    candidates_max: int
    templates_per_recipe_max: int
    layers_per_recipe_max: int
    samples_per_image_max: int
    variants_per_image_max: int
    variants_per_job_max: int
    template_bytes_max: int
    recipe_bytes_max: int
    job_bytes_max: int
