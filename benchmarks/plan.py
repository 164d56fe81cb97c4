"""100,000 images planned, dispatched, rendered and finished on paper: whether it stays linear, and no row becomes hot.

    python -m benchmarks.plan --images 100000

A dataset and a job hold 10,000 images at most, so that more are several jobs of one tenant at once, each over a dataset
of its own. The functions are the product's own (`benchmarks/paper.py`) at the sizes of `prod`; segmenting and rendering
take no pixel and each invocation rather too little time than too much: the faster a job is, the more writes meet in one
second. Counted are requests for each image, the writes that any one row meets within a second, and listings.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.machine import facts
from benchmarks.paper import Paper
from benchmarks.paper_jobs import QUOTAS, TEMPLATE, TENANT, check_done, submit
from benchmarks.report import keep, table
from infra.config import PROD
from lambdas.serve_api import datasets, templates
from maskmill.core import keys, rows
from maskmill.core.api import CreateDataset
from maskmill.core.image import Image, ImageStatus, Upload
from maskmill.core.limits import IMAGES_PER_JOB_MAX
from tests.simulation.pipeline import Hands
from tests.simulation.rows import FrozenRow
from tests.simulation.stand_ins import normalise
from tests.simulation.world import EPOCH, World

IMAGES, SMALL = 20_000, 1_000
ROW_WRITES_MAX = 200  # a second: a partition of the table takes 1,000
GROWTH_MAX = 1.05  # of the requests for each image, from a small job to all of them


@dataclass(frozen=True, slots=True)
class Played:
    """What so many images asked for, and how long they took on the clock of the paper and on this machine."""

    images: int
    jobs: int
    requests: dict[str, int]
    row_writes_per_s: int
    busiest_row: str
    clock_s: float
    cpu_s: float

    @property
    def per_image(self) -> float:
        return round(sum(self.requests.values()) / self.images, 3)

    @property
    def listings(self) -> int:
        return self.requests.get("s3 ListObjectsV2", 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES)
    chosen = parser.parse_args()
    found = [played(count) for count in sizes(chosen.images)]
    for one in found:
        check(one, found[0])
    most = found[-1]
    figures = {
        "images": most.images,
        "requests_per_image": most.per_image,
        "requests_per_image_small": found[0].per_image,
        "row_writes_per_s": most.row_writes_per_s,
        "listings": most.listings,
        "cpu_ms_per_image": round(1000 * most.cpu_s / most.images, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    guarded = ("requests_per_image", "requests_per_image_small", "row_writes_per_s")
    details = {"played": [told(one) for one in found]}
    keep("plan", figures, text=text_of(found), machine=facts(), guarded=guarded, details=details)
    return 0


def sizes(images: int) -> list[int]:
    """A small job, one of the largest there are, and all."""
    return [count for count in (SMALL, IMAGES_PER_JOB_MAX) if count < images] + [images]


def played(images: int) -> Played:
    """Datasets of ready images, a job over each, all at once."""
    paper = Paper(World(0), jobs=0, hands=Hands(), stage=PROD)
    api = replace(paper.api(), quotas=QUOTAS)
    job_ids = []
    for count in _parts(images):
        dataset_id = datasets.create(api, TENANT, CreateDataset(name="paper")).dataset_id
        _arrive(paper, dataset_id, count)
        template_id = templates.create(api, TENANT, dataset_id, TEMPLATE).template_id
        job_ids.append(submit(api, TENANT, dataset_id, template_id, hue=60.0))
    paper.requests.take()
    began = time.process_time()
    clock_s = paper.play()
    cpu_s = time.process_time() - began
    for job_id in job_ids:
        check_done(api, TENANT, job_id)
    requests = paper.requests
    return Played(
        images, len(job_ids), requests.take(), requests.row_writes_per_s, requests.busiest_row, clock_s, cpu_s
    )


def _parts(images: int) -> Iterator[int]:
    for start in range(0, images, IMAGES_PER_JOB_MAX):
        yield min(IMAGES_PER_JOB_MAX, images - start)


def _arrive(paper: Paper, dataset_id: str, count: int) -> None:
    """The rows and pictures that ingest leaves of so many files."""
    for number in range(count):
        normal = normalise(f"good {dataset_id}.{number}".encode()).normal
        upload = Upload(name=f"{number:05d}.jpg", size_bytes=1, sha256=normal.source_sha256)
        image = Image(
            image_id=f"{number:026d}",
            dataset_id=dataset_id,
            name=upload.name,
            upload=upload,
            created_at=EPOCH,
            status=ImageStatus.READY,
        )
        put = rows.put_image(TENANT, image, due_at_s=0)
        row = {name: value for name, value in put.row.items() if name not in ("due_pk", "due_at")}
        key = {
            "pk": put.key.pk,
            "sk": put.key.sk,
            "status": ImageStatus.READY.value,
            "normal": normal.model_dump_json(),
        }
        paper.table.rows[put.key] = FrozenRow({**row, **key})
        paper.media.objects[keys.normal(TENANT, normal.pixels_sha256)] = b"."


def check(found: Played, small: Played) -> None:
    """Raises SystemExit for what must not be at any size."""
    if found.row_writes_per_s > ROW_WRITES_MAX:
        raise SystemExit(f"{found.busiest_row} met {found.row_writes_per_s} writes in a second")
    if found.listings:
        raise SystemExit(f"{found.listings} listings of objects for {found.images} images")
    if found.per_image > small.per_image * GROWTH_MAX:
        raise SystemExit(f"{found.per_image} requests for each of {found.images} images, {small.per_image} of few")


def told(found: Played) -> dict[str, Any]:
    return {
        "images": found.images,
        "jobs": found.jobs,
        "requests_per_image": found.per_image,
        "row_writes_per_s": found.row_writes_per_s,
        "busiest_row": found.busiest_row,
        "clock_s": round(found.clock_s),
        "cpu_s": round(found.cpu_s, 1),
        "requests": found.requests,
    }


def text_of(found: list[Played]) -> str:
    head = ("images", "jobs", "requests for each image", "most writes of one row within a second", "listings",
            "minutes on paper")  # fmt: skip
    return table(
        head,
        [
            (f"{one.images:,}", one.jobs, one.per_image, one.row_writes_per_s, one.listings, round(one.clock_s / 60, 1))
            for one in found
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
