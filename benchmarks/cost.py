"""What Maskmill costs: jobs on the local stack, counted and priced, and the tables of docs/costs.md from that.

    python -m benchmarks.cost --images 64      # minutes
    python -m benchmarks.cost --images 0       # no run: the last one's figures, today's templates and prices

Drawn photographs of two megapixels go through one template and two samples. The emulator counts every request; the
processor time of each function's processes is read; logs and buckets are weighed; then the stack rests, and what its
sweep does is counted. It knows no GPU: the seconds of one are those that `maskmill/core/rates.py` gives it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.cost_tables import RESULTS, rewritten, tables
from benchmarks.emulated import amounts_of, take
from benchmarks.processors import Processors
from infra import shapes
from infra.config import LOCAL
from infra.idle import counted
from local.aws import client
from local.cloud import Laptop, laptop
from maskmill import Client
from maskmill.core.api import JobView
from maskmill.core.prices import Resource, Upkeep
from maskmill.core.prompt import Template
from maskmill.core.rates import GB
from maskmill.core.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "costs.md"
STAGES = ("dev", "prod")
IMAGES, VARIANTS = 64, 2
HEIGHT, WIDTH = 1200, 1600
POLL_S, LONGEST_S = 5.0, 3600.0
REST_S = 180.0  # three runs of the sweep
SETTLE_S = 15.0  # after a job's end its last events are still told
OWN = ("logs ", "s3 ListObjectsV2")  # requests of this program's looks; no step of a job makes any
MEMORY_GB = {
    f"{LOCAL.prefix}-{shape.verb.replace('_', '-')}": shape.memory_mb / 1024
    for shape in vars(shapes).values()
    if isinstance(shape, shapes.Shape)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES)
    chosen = parser.parse_args()
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if chosen.images:
        with tempfile.TemporaryDirectory(prefix="maskmill-cost-") as folder:
            photos = Path(folder, "photos")
            draw_photos(photos, chosen.images)
            with laptop(Path(folder, "state")) as cloud:
                found = measured(cloud, photos, chosen.images)
    found["there"] = {stage: counted(templates_of(stage)) for stage in STAGES}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    for name, table in tables(found).items():
        print(f"\n{name}\n\n{table}")
    PAGE.write_text(rewritten(PAGE.read_text(), found))
    return 0


def draw_photos(folder: Path, count: int) -> None:
    """A red ball before clouds with as much detail at each scale as photographs have, and some grain."""
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = 130.0 + _clouds(rng)[..., None] + rng.normal(0, 2.0, (HEIGHT, WIDTH, 3))
        ball = (rows - 600 - 5 * (number % 7)) ** 2 + (columns - 480) ** 2 < 240**2
        pixels[ball] = np.array([190, 40, 40]) + rng.normal(0, 5, (int(ball.sum()), 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:05d}.jpg", quality=90)


def _clouds(rng: np.random.Generator) -> np.ndarray:
    """Noise whose strength halves with each halving of its scale."""
    total = np.zeros((HEIGHT, WIDTH))
    for step in range(1, 8):
        coarse = Image.fromarray(rng.normal(0, 1, (HEIGHT >> step, WIDTH >> step)).astype(np.float32))
        total += np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)) * 2.0**step / 6
    return total


def measured(cloud: Laptop, photos: Path, images: int) -> dict[str, Any]:
    """Three phases, each with what it asked for: the upload with its ingest, the job, and rest."""
    profile = cloud.state / "cost.json"
    cloud.sign_in("cost@example.com", profile)
    phases = {}
    processors = Processors(cloud.emulator.pid or 0)
    with Client.from_login(profile) as caller, processors.watched():
        watch = Watch(cloud, processors)
        report = caller.upload_folder("cost", photos)
        if len(report.image_ids) != images:
            raise SystemExit(f"{len(report.image_ids)} of {images} photos arrived")
        phases["upload"] = watch.phase()
        job = run_job(caller)
        time.sleep(SETTLE_S)
        phases["job"] = watch.phase()
        time.sleep(REST_S)
        phases["rest"] = watch.phase()
    bill = job.cost.actual
    if bill is None or bill.images != images:
        raise SystemExit(f"the job ended as {job.status} with {job.items}")
    return {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "images": images,
        "variants": VARIANTS,
        "size": {"height_px": HEIGHT, "width_px": WIDTH},
        "chunk_items": LOCAL.endpoint.shard_items,
        "phases": phases,
        "billed": {line.resource.value: line.amount for line in bill.cost.lines},
        "segmenting_s": bill.segmenting_s,
        "masks": bill.masks_computed,
    }


class Watch:
    """What was asked of the emulator, and written to its logs and buckets, from one look to the next."""

    def __init__(self, cloud: Laptop, processors: Processors) -> None:
        self._cloud, self._processors = cloud, processors
        self._logs, self._s3 = client("logs", cloud.emulator_url), client("s3", cloud.emulator_url)
        self._seen = self._weights()
        self._since_ms = round(time.time() * 1000)
        take(cloud)
        processors.take()

    def phase(self) -> dict[str, Any]:
        """Amounts since the last look; bytes by bucket and of the logs, and how many metrics were published."""
        taken, now, weights = take(self._cloud), round(time.time() * 1000), self._weights()
        counts = {name: count for name, count in taken["counts"].items() if not name.startswith(OWN)}
        grown = {name: size - self._seen.get(name, 0) for name, size in weights.items()}
        amounts: dict[str, float] = {name.value: amount for name, amount in amounts_of(counts).items()}
        worked = {name: round(seconds, 2) for name, seconds in self._processors.take().items()}
        amounts[Resource.FUNCTION_GB_S] = round(_gb_s(worked), 3)
        amounts[Upkeep.API_REQUESTS] = counts.get("api request", 0)
        amounts[Upkeep.LOG_GB] = grown["logs"] / GB
        metrics = len(self._metrics())
        self._seen, self._since_ms = weights, now
        elapsed_gb_s = round(_gb_s(taken["seconds"]), 3)
        told = {"counts": counts, "processor_s": worked, "elapsed_gb_s": elapsed_gb_s}
        return {**told, "amounts": amounts, "bytes": grown, "metrics": metrics}

    def _weights(self) -> dict[str, int]:
        weights = {"logs": sum(group["storedBytes"] for group in self._groups())}
        for bucket in ("UploadsBucket", "MediaBucket", "WorkBucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._cloud.outputs[bucket])
            sizes = (entry["Size"] for page in pages for entry in page.get("Contents", ()))
            weights[bucket.removesuffix("Bucket").lower()] = sum(sizes)
        return weights

    def _groups(self) -> Iterator[Mapping[str, Any]]:
        for page in self._logs.get_paginator("describe_log_groups").paginate():
            yield from page["logGroups"]

    def _metrics(self) -> set[str]:
        """The names, with their functions, of the metrics that log lines published since the last look."""
        found = set()
        for group in self._groups():
            pages = self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"], startTime=self._since_ms
            )
            for event in (event for page in pages for event in page["events"]):
                if '"_aws"' in event["message"]:
                    line = json.loads(event["message"])
                    (directive,) = line["_aws"]["CloudWatchMetrics"]
                    found |= {f"{line['service']} {metric['Name']}" for metric in directive["Metrics"]}
        return found


def _gb_s(seconds: Mapping[str, float]) -> float:
    return sum(MEMORY_GB[name] * value for name, value in seconds.items())


def run_job(caller: Client) -> JobView:
    """One template, one layer and two samples of it over everything; the API is asked every few seconds."""
    dataset = caller.find_dataset("cost")
    template = Template.model_validate({"name": "ball", "prompt": {"points": [{"x": 0.3, "y": 0.5}]}})
    template_id = caller.create_template(dataset.dataset_id, template).template_id
    recipe = {
        "templates": [template_id],
        "layers": [{"region": template_id, "vary": {"hue": {"uniform": [-60.0, 60.0]}}}],
        "samples_per_image": VARIANTS,
    }
    began = time.monotonic()
    job = caller.submit(dataset, Recipe.model_validate(recipe))
    while not job.status.is_terminal:
        if time.monotonic() - began > LONGEST_S:
            raise SystemExit(f"the job is still {job.status} with {job.items}")
        time.sleep(POLL_S)
        job = caller.job(job.job_id)
    return job


def templates_of(stage: str) -> Iterator[dict[str, Any]]:
    """The templates of a stage, without the wheels of its functions, which cost nothing."""
    with tempfile.TemporaryDirectory(prefix="maskmill-cost-") as folder:
        context = json.dumps({"stage": stage, "aws:cdk:bundling-stacks": []})
        environment = {**os.environ, "CDK_OUTDIR": folder, "CDK_CONTEXT_JSON": context}
        command = [sys.executable, "-W", "ignore", "-m", "infra.app"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        for path in sorted(Path(folder).glob("*.template.json")):
            yield json.loads(path.read_text())


if __name__ == "__main__":
    sys.exit(main())
