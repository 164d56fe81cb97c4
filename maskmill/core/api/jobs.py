"""The bodies of jobs and of what they give; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from maskmill.core.api.exports import ExportSummary
from maskmill.core.bill import JobCost
from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage, Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from maskmill.core.model import Model
from maskmill.core.recipe import Layer, OutputFormat, Recipe
from maskmill.core.result import BoxPx, Remark


class SubmitJob(Model):
    """Run a recipe over all images of the dataset that have arrived, or over those named."""

    recipe: Recipe
    image_ids: (
        Annotated[tuple[Annotated[str, StringConstraints(max_length=40)], ...], Field(max_length=1000)] | None
    ) = None


class JobView(Model):
    """A job; `waiting_for_gpu` says that all open items wait for the segmenter and nothing has come back yet.

    `retry_of` is the job whose plan this one took up, `retried_by` are those that took up this one's. `cost` is what
    was thought of it when it was submitted and, once it has ended, what it took.
    """

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
    dataset_bytes: int | None = None  # of all files together; None: there is no dataset, or not yet
    retry_of: str | None = None
    retried_by: tuple[str, ...] = ()
    cost: JobCost = JobCost()
    exports: tuple[ExportSummary, ...] = ()


class ItemView(Model):
    """One image of a job."""

    index: int
    image_id: str
    name: str
    status: ItemStatus
    refusal: Refusal | None = None


class LabelView(Model):
    """One labelled object of a picture; `mask_url` takes a media session, `file_name` is its path in the dataset."""

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
    """One rendered picture; `url` takes a media session; `file_name` is its path in the dataset.

    `thumbnail_url` does as well: a WebP for galleries. Variants that are older than thumbnails have none. `layer`
    is the number of the recipe's layer that made it, from 0; null where layers are stacked, and in older results.
    """

    variant_id: str
    file_name: str
    format: OutputFormat
    size: Size
    size_bytes: int
    sha256: str
    sample: int
    layer: int | None = None
    layers: tuple[Layer, ...]
    url: str
    thumbnail_url: str | None = None
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


class FileView(Model):
    """One file of a dataset by its path in it; `url` takes a media session."""

    file_name: str
    url: str
    sha256: str
    size_bytes: int


class DatasetFiles(Model):
    """Signed URLs of the lists of a finished job's dataset: annotations and manifest.

    `backgrounds` are the pictures behind cut-outs, without which no variant could be made again.
    """

    annotations_url: str
    manifest_url: str
    backgrounds: tuple[FileView, ...] = ()
