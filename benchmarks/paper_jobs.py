"""Jobs that are played on paper (`benchmarks/paper.py`): with real small pictures or none; it takes no time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks.paper import Paper
from infra.config import Stage
from lambdas.collect_masks.handler import _check
from lambdas.finish_job.dataset import write_dataset
from lambdas.render_item.pictures import look, paint
from lambdas.serve_api import datasets, jobs, submissions, templates, uploads
from lambdas.serve_api.ports import Ports
from maskmill.core import keys
from maskmill.core.api import CreateDataset, RequestUploads, SubmitJob
from maskmill.core.geometry import Point
from maskmill.core.image import Upload
from maskmill.core.job import JobStatus
from maskmill.core.mask import Mask
from maskmill.core.messages import IngestUpload, QueueName
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import Recipe
from maskmill.core.shard import ImageAnswer, MaskAnswer, ShardAnswer, ShardRequest
from maskmill.core.usage import Quotas
from maskmill.imaging.masks import rle_of
from maskmill.imaging.normal import normalise
from tests.simulation.pipeline import Hands
from tests.simulation.world import World
from tests.unit.lambdas.studio import picture

TENANT = "tenant-paper"
TEMPLATE = Template(name="ball", prompt=Prompt(points=(Point(x=0.3, y=0.5),)))
LARGE = 10**9
QUOTAS = Quotas(
    datasets=LARGE,
    images=LARGE,
    bytes=10**15,
    variants_per_day=LARGE,
    gpu_seconds_per_day=LARGE,
    open_jobs=100,
)
ANNOUNCED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class PaperJob:
    """Requests for each image, by kind, of a first run and of a second one with other edits."""

    first: Mapping[str, float]
    second: Mapping[str, float]

    def told(self) -> dict[str, Any]:
        return asdict(self)


def counted(stage: Stage, images: int) -> PaperJob:
    """Upload so many pictures, run a job over them, and another with other edits."""
    hands = Hands(normalise, half_of_each, _check, look, paint, write_dataset)
    paper = Paper(World(0), jobs=0, hands=hands, stage=stage)
    api = replace(paper.api(), quotas=QUOTAS)
    dataset_id = datasets.create(api, TENANT, CreateDataset(name="paper")).dataset_id
    _upload(paper, api, dataset_id, images)
    template_id = templates.create(api, TENANT, dataset_id, TEMPLATE).template_id
    runs = []
    for hue in (60.0, -60.0):
        paper.requests.take()
        job_id = submit(api, TENANT, dataset_id, template_id, hue=hue)
        paper.play()
        check_done(api, TENANT, job_id)
        runs.append({kind: round(count / images, 3) for kind, count in paper.requests.take().items()})
    return PaperJob(*runs)


def submit(api: Ports, tenant: str, dataset_id: str, template_id: str, *, hue: float) -> str:
    """One layer, one variant of every image."""
    layers = [{"region": template_id, "edits": {"hue": hue}}]
    recipe = Recipe.model_validate({"templates": [template_id], "layers": layers})
    return submissions.submit(api, tenant, dataset_id, None, SubmitJob(recipe=recipe)).job.job_id


def check_done(api: Ports, tenant: str, job_id: str) -> None:
    """Raises RuntimeError for a job that did not succeed."""
    view = jobs.read(api, tenant, job_id)
    if view.status is not JobStatus.SUCCEEDED:
        raise RuntimeError(f"{job_id} is {view.status}: {view.items}")


def _upload(paper: Paper, api: Ports, dataset_id: str, images: int) -> None:
    for start in range(0, images, ANNOUNCED_AT_ONCE):
        files = [picture(number) for number in range(start, min(start + ANNOUNCED_AT_ONCE, images))]
        announced = tuple(
            Upload(name=f"{start + place:05d}.png", size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for place, data in enumerate(files)
        )
        tickets = uploads.announce(api, TENANT, dataset_id, RequestUploads(files=announced)).items
        for ticket, data in zip(tickets, files, strict=True):
            paper.uploads.objects[keys.upload(TENANT, dataset_id, ticket.image_id)] = data
            message = IngestUpload(tenant=TENANT, dataset_id=dataset_id, image_id=ticket.image_id)
            paper.put_in_line(QueueName.INGEST, message)
        paper.play()


def half_of_each(request: ShardRequest) -> ShardAnswer:
    """A segmenter that finds the upper half of every picture."""
    images = []
    for task in request.images:
        drawn = _upper_half(task.size.height_px, task.size.width_px)
        masks = tuple(MaskAnswer(mask_key=prompt.mask_key, mask=drawn) for prompt in task.prompts)
        images.append(ImageAnswer(image_key=task.image_key, masks=masks))
    return ShardAnswer(segmenter=request.segmenter, images=tuple(images), worked_ms=1)


def _upper_half(height_px: int, width_px: int) -> Mask:
    mask = np.zeros((height_px, width_px), bool)
    mask[: height_px // 2] = True
    return Mask(rle=rle_of(mask), score=0.9)
