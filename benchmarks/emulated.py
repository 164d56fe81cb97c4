"""A job on the local stack with every request counted, what that costs, and whether memory stays flat.

Small drawn pictures go through one template and one sample, and a second time with other edits. The emulator counts
every request and invocation (local/emulator/patches/request_counts.py); the memory of every function's processes is
read every two seconds. The emulator keeps all objects itself, so its own memory grows with them and is no finding. It
knows no other figure of speed: the emulator is slower than AWS.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from local.cloud import Laptop, laptop
from local.processes import DIRECT
from maskmill import Client
from maskmill.core.api import JobView
from maskmill.core.cost import Cost, priced
from maskmill.core.job import JobStatus
from maskmill.core.prices import Resource
from maskmill.core.prompt import Template
from maskmill.core.recipe import Recipe
from maskmill.core.work import Usage

HEIGHT, WIDTH = 120, 160
_SAMPLE_S = 2.0
_POLL_S = 5.0
_LONGEST_S = 3600.0

READS = ("dynamodb GetItem", "dynamodb Query", "rows dynamodb BatchGetItem")
WRITES = ("dynamodb PutItem", "dynamodb UpdateItem", "dynamodb DeleteItem")
WRITES_AT_ONCE = ("rows dynamodb TransactWriteItems",)
OBJECT_READS = ("s3 GetObject", "s3 HeadObject", "s3 GetObject by a signed address")
_PARTS = ("s3 UploadPart", "s3 CreateMultipartUpload", "s3 CompleteMultipartUpload")
OBJECT_WRITES = ("s3 PutObject", "s3 PostObject", "s3 ListObjectsV2", *_PARTS)


@dataclass
class Memory:
    """The largest memory of each function's processes over time, in MB."""

    root: int
    samples: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def watched(self) -> AbstractContextManager[None]:
        return repeatedly(self._look, every_s=_SAMPLE_S)

    def told(self) -> dict[str, dict[str, float]]:
        """Per function: the level after the first quarter, that of the last quarter, and the most there was."""
        told = {}
        for name, values in sorted(self.samples.items()):
            quarter = max(1, len(values) // 4)
            early, late = values[quarter : 2 * quarter] or values, values[-quarter:]
            told[name] = {"early_mb": median(early), "late_mb": median(late), "most_mb": max(values)}
        return told

    def _look(self) -> None:
        found: dict[str, float] = {}
        for pid in descendants(self.root):
            name = function_of(pid)
            if name is not None:
                found[name] = max(found.get(name, 0.0), rss_mb(pid))
        for name, value in found.items():
            self.samples[name].append(value)


@contextmanager
def repeatedly(look: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Look again and again beside the block, with pauses between, until it ends."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(every_s):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def emulated(images: int) -> dict[str, Any]:
    """Start the stack, count, and stop it."""
    with tempfile.TemporaryDirectory(prefix="maskmill-requests-") as folder:
        photos = Path(folder, "photos")
        draw_photos(photos, images)
        with laptop(Path(folder, "state")) as cloud:
            return measured(cloud, photos, images)


def draw_photos(folder: Path, count: int) -> None:
    """Pictures of a red ball on grainy grey, each a little different."""
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = rng.normal(150, 6, (HEIGHT, WIDTH, 3))
        ball = (rows - 60 - number % 7) ** 2 + (columns - 48) ** 2 < 24**2
        pixels[ball] = np.array([190, 40, 40]) + rng.normal(0, 5, (int(ball.sum()), 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:05d}.jpg", quality=90)


def measured(cloud: Laptop, photos: Path, images: int) -> dict[str, Any]:
    """Three phases, each with what it asked for: the upload with its ingest, the job, and one with other edits."""
    profile = cloud.state / "bench.json"
    cloud.sign_in("bench@example.com", profile)
    memory = Memory(cloud.emulator.pid or 0)
    with Client.from_login(profile) as client, memory.watched():
        take_counts(cloud)
        began = time.monotonic()
        report = client.upload_folder("bench", photos)
        if len(report.image_ids) != images:
            raise SystemExit(f"{len(report.image_ids)} of {images} photos arrived")
        uploading_s, uploading = time.monotonic() - began, take_counts(cloud)
        template_id = make_template(client)
        take_counts(cloud)
        job, job_s = run_job(client, template_id, hue=60.0)
        counts = take_counts(cloud)
        again, again_s = run_job(client, template_id, hue=-60.0)
        second = take_counts(cloud)
    return {
        "images": images,
        "size": {"height_px": HEIGHT, "width_px": WIDTH},
        "upload": {"seconds": round(uploading_s, 1), "per_image": per_image(uploading, images)},
        "job": {"seconds": round(job_s, 1), "status": job.status.value, "per_image": per_image(counts, images)},
        "second": {"seconds": round(again_s, 1), "status": again.status.value, "per_image": per_image(second, images)},
        "dollars_per_1000_images": dollars(job, counts, images),
        "memory": memory.told(),
    }


def make_template(client: Client) -> str:
    """One click on the ball."""
    dataset = client.find_dataset("bench")
    template = Template.model_validate({"name": "ball", "prompt": {"points": [{"x": 0.3, "y": 0.5}]}})
    return client.create_template(dataset.dataset_id, template).template_id


def run_job(client: Client, template_id: str, *, hue: float) -> tuple[JobView, float]:
    """One template, one layer, one sample over everything; the API is asked seldom, since that is counted, too."""
    dataset = client.find_dataset("bench")
    layers = [{"region": template_id, "edits": {"hue": hue}}]
    began = time.monotonic()
    job = client.submit(dataset, Recipe.model_validate({"templates": [template_id], "layers": layers}))
    job = ended(client, job, poll_s=_POLL_S, longest_s=_LONGEST_S)
    return job, time.monotonic() - began


def ended(client: Client, job: JobView, *, poll_s: float, longest_s: float) -> JobView:
    """The job when it has succeeded; raises SystemExit for one that has not, or not in time."""
    began = time.monotonic()
    while not job.status.is_terminal:
        if time.monotonic() - began > longest_s:
            raise SystemExit(f"the job is still {job.status} with {job.items}")
        time.sleep(poll_s)
        job = client.job(job.job_id)
    if job.status is not JobStatus.SUCCEEDED:
        raise SystemExit(f"the job ended as {job.status} with {job.items}")
    return job


def take_counts(cloud: Laptop) -> dict[str, int]:
    """What was asked of the emulator since the last look."""
    counts: dict[str, int] = take(cloud)["counts"]
    return counts


def take(cloud: Laptop) -> dict[str, Any]:
    """The `counts` of requests since the last look, and the `seconds` of each function."""
    body = json.dumps({"reset": True}).encode()
    address = f"{cloud.emulator_url}/_local/requests"
    request = urllib.request.Request(address, data=body, method="POST")  # noqa: S310 - this machine's own emulator
    with DIRECT.open(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def per_image(counts: Mapping[str, int], images: int) -> dict[str, float]:
    """Requests for each image; those that are fewer than one in a thousand images are left out."""
    shares = {name: round(count / images, 3) for name, count in counts.items()}
    return {name: share for name, share in shares.items() if share > 0}


def dollars(job: JobView, counts: Mapping[str, int], images: int) -> dict[str, Any]:
    """The job's counted requests at the listed prices, beside what its own bill says, for a thousand images."""
    actual = job.cost.actual
    if actual is None:
        raise SystemExit(f"the job ended as {job.status} without a bill")
    billed = {line.resource: line.amount for line in actual.cost.lines}
    own = {resource: billed[resource] for resource in (Resource.INSTANCE_S, Resource.FUNCTION_GB_S)}
    counted = Usage({**own, **amounts_of(counts)})
    scale = 1000 / images
    return {
        "counted": _lines(priced(counted, instance_type="ml.c6i.xlarge"), scale),
        "billed": _lines(actual.cost, scale),
    }


def amounts_of(counts: Mapping[str, int]) -> dict[Resource, float]:
    """Counted requests by what AWS charges for; a row is one unit, or two in a transaction, whatever its size."""
    return {
        Resource.FUNCTION_CALLS: sum(count for name, count in counts.items() if name.startswith("invoke ")),
        Resource.TABLE_READS: _sum(counts, READS),
        Resource.TABLE_WRITES: _sum(counts, WRITES) + 2 * _sum(counts, WRITES_AT_ONCE),
        Resource.OBJECT_READS: _sum(counts, OBJECT_READS),
        Resource.OBJECT_WRITES: _sum(counts, OBJECT_WRITES),
        Resource.QUEUE_REQUESTS: sum(count for name, count in counts.items() if name.startswith("sqs ")),
        Resource.NOTICES: sum(count for name, count in counts.items() if name.startswith("sns ")),
    }


def _sum(counts: Mapping[str, int], names: tuple[str, ...]) -> int:
    return sum(counts.get(name, 0) for name in names)


def _lines(cost: Cost, scale: float) -> dict[str, Any]:
    lines = {
        line.resource.value: {"amount": round(line.amount * scale, 1), "dollars": round((line.dollars or 0) * scale, 6)}
        for line in cost.lines
    }
    return {"lines": lines, "dollars": round(cost.dollars * scale, 4)}


def descendants(pid: int) -> list[int]:
    """The processes below one, and itself."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # it has ended
    return found


def function_of(pid: int) -> str | None:
    """The function that a process works for; None for any other process."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    named = dict(entry.split(b"=", 1) for entry in environment if b"=" in entry)
    name = named.get(b"AWS_LAMBDA_FUNCTION_NAME")
    return None if name is None else name.decode()


def rss_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return round(pages * 4096 / 1e6, 1)
