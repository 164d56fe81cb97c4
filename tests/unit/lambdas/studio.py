"""The whole product on a cloud in memory, with real pictures: files go in through the API, datasets come out.

Only the segmenter is a stand-in: it finds what has the colour at the prompt's first point.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from lambdas import records, state
from lambdas.collect_masks.handler import _check
from lambdas.export_dataset.maker import DatasetMaker
from lambdas.finish_job.dataset import write_dataset
from lambdas.render_item.pictures import look, paint
from lambdas.serve_api import datasets, jobs, submissions, templates, uploads
from lambdas.serve_api.ports import Ports
from maskmill.core import keys
from maskmill.core.api import CreateDataset, JobView, RequestUploads, SubmitJob
from maskmill.core.export import ExportFormat
from maskmill.core.image import Upload
from maskmill.core.mask import Mask
from maskmill.core.messages import IngestUpload, Message, QueueName
from maskmill.core.prompt import MaskChoice, Template
from maskmill.core.result import Results
from maskmill.core.rows import JobState
from maskmill.core.shard import ImageAnswer, ImageTask, MaskAnswer, PromptTask, ShardAnswer, ShardRequest
from maskmill.imaging.components import largest_part
from maskmill.imaging.masks import rle_of
from maskmill.imaging.normal import normalise, read_normal
from tests.simulation.cloud import MemoryObjects, MemoryTable, at_once
from tests.simulation.pipeline import Hands, Pipeline
from tests.simulation.world import World

TENANT = "tenant-studio"
BALL = {"x": 0.3, "y": 0.5}
BOX = {"x": 0.72, "y": 0.46}


def picture(seed: int = 1, *, mode: str = "RGB") -> bytes:
    """A red ball with a hole and a speck beside it, and a blue box, on grainy grey: 60 rows by 80 columns, as PNG."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(120, 180, (60, 80, 3))
    rows, columns = np.mgrid[:60, :80]
    away = (rows - 30) ** 2 + (columns - 24) ** 2
    ball = ((away < 12**2) & ((rows - 30) ** 2 + (columns - 30) ** 2 > 2)) | ((rows < 3) & (columns < 3))
    pixels[ball] = (190, 40, 40)
    pixels[(abs(rows - 27) < 11) & (abs(columns - 57) < 9)] = (40, 60, 180)
    image = Image.fromarray(pixels.astype(np.uint8))
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(np.clip(columns * 6, 0, 255).astype(np.uint8)))
    out = io.BytesIO()
    image.convert(mode).save(out, "PNG")
    return out.getvalue()


@dataclass
class Studio:
    """One tenant's service; `see` may be set to a segmenter of the test's own."""

    see: Callable[[Studio, ImageTask], ImageAnswer] = field(default=lambda studio, task: studio.look(task))
    worked_ms: int | None = None  # what the segmenter says of the time that an answer took
    pipeline: Pipeline = field(init=False)
    api: Ports = field(init=False)
    asked: list[ShardRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        hands = Hands(normalise, self._answer, _check, look, paint, write_dataset)
        self.pipeline = Pipeline(World(1), jobs=0, hands=hands)
        for part in ("table", "uploads", "media", "work", "queues", "endpoint"):
            getattr(self.pipeline, part).call = at_once
        self.api = self.pipeline.api()

    # What a user does ---------------------------------------------------------------------------------------------

    def dataset(self, **files: bytes) -> tuple[str, dict[str, str]]:
        """A dataset of these files; its id, and the ids of its images by name."""
        dataset_id = datasets.create(self.api, TENANT, CreateDataset(name="set")).dataset_id
        return dataset_id, self.upload(dataset_id, **files)

    def upload(self, dataset_id: str, **files: bytes) -> dict[str, str]:
        announced = [
            Upload(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in files.items()
        ]
        tickets = uploads.announce(self.api, TENANT, dataset_id, RequestUploads(files=tuple(announced))).items
        for ticket, data in zip(tickets, files.values(), strict=True):
            self.pipeline.uploads.objects[keys.upload(TENANT, dataset_id, ticket.image_id)] = data
            self._deliver(IngestUpload(tenant=TENANT, dataset_id=dataset_id, image_id=ticket.image_id))
        self.run()
        return {ticket.name: ticket.image_id for ticket in tickets}

    def template(self, dataset_id: str, name: str, **more: Any) -> str:
        if "placement" not in more:
            more.setdefault("prompt", {"points": [BALL]})
        template = Template.model_validate_json(json.dumps({"name": name, **more}), strict=True)
        return templates.create(self.api, TENANT, dataset_id, template).template_id

    def submit(self, dataset_id: str, recipe: dict[str, Any], **more: Any) -> str:
        """A submitted job, which `run` plays to its end; `key` is its Idempotency-Key."""
        key = more.pop("key", None)
        body = SubmitJob.model_validate_json(json.dumps({"recipe": recipe, **more}), strict=True)
        return submissions.submit(self.api, TENANT, dataset_id, key, body).job.job_id

    def job(self, dataset_id: str, recipe: dict[str, Any], **more: Any) -> JobView:
        """A job that was played to its end."""
        job_id = self.submit(dataset_id, recipe, **more)
        self.run()
        return self.view(job_id)

    def view(self, job_id: str) -> JobView:
        return jobs.read(self.api, TENANT, job_id)

    def archive(self, job_id: str) -> bytes:
        """Everything that a finished job gave, packed."""
        table, media = self.pipeline.table, self.pipeline.media
        job = state.load_job(table, TENANT, job_id)
        assert job is not None
        results = records.done_results(table, media, job, state.all_chunks(table, TENANT, job_id))
        return packed(table, media, job, results)

    def files(self, job_id: str) -> dict[str, bytes]:
        """The files of a finished job's dataset by their paths in it."""
        with zipfile.ZipFile(io.BytesIO(self.archive(job_id))) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def lines(self, job_id: str) -> list[bytes]:
        """The lines of a finished job's manifest."""
        return self.files(job_id)[keys.MANIFEST].splitlines()

    # What the cloud does ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let everything happen that is on its way."""
        self.pipeline.world.run(self.pipeline.world.now_s + 3600.0)
        assert not self.pipeline.invariants.violations, self.pipeline.invariants.violations

    def _deliver(self, message: Message) -> None:
        self.pipeline._deliver(QueueName.INGEST, message)

    def _answer(self, request: ShardRequest) -> ShardAnswer:
        self.asked.append(request)
        images = tuple(self.see(self, task) for task in request.images)
        return ShardAnswer(segmenter=request.segmenter, images=images, worked_ms=self.worked_ms)

    def look(self, task: ImageTask) -> ImageAnswer:
        """Three candidates for each prompt: the part at the point, all of its colour (the best) and everything."""
        normal = read_normal(self.pipeline.media.objects[task.address.removeprefix("s3://media/")])
        masks = tuple(_masks(normal.rgb.astype(int), prompt) for prompt in task.prompts)
        return ImageAnswer(image_key=task.image_key, masks=masks)


def _masks(rgb: Any, prompt: PromptTask) -> MaskAnswer:
    point = prompt.prompt.points[0]
    here = rgb[int(point.y * rgb.shape[0]), int(point.x * rgb.shape[1])]
    alike = np.abs(rgb - here).max(axis=2) < 20
    whole = np.ones_like(alike)
    drawn = [largest_part(alike, diagonal=False), alike, whole]
    candidates = [Mask(rle=rle_of(one), score=score) for one, score in zip(drawn, (0.8, 0.9, 0.5), strict=True)]
    best = 1 if prompt.choice is MaskChoice.BEST else int(prompt.choice)
    rest = [number for number in range(len(candidates)) if number != best][: prompt.top_k - 1]
    others = tuple(candidates[number] for number in rest)
    choices = tuple(MaskChoice(str(number)) for number in (best, *rest)) if rest else ()
    return MaskAnswer(mask_key=prompt.mask_key, mask=candidates[best], others=others, choices=choices)


def packed(table: MemoryTable, media: MemoryObjects, job: JobState, results: Results) -> bytes:
    """The archive of these results, as its export makes it."""
    maker = DatasetMaker()
    (part,) = maker.parts(job, results, ExportFormat.ARCHIVE)
    maker.make(table, media, job, results, part)
    return media.objects[keys.export_file(job.tenant, job.job.job_id, part.export.value, part.name)]
