"""The local stack's throughput beside the pure work: the same photos by library calls alone, on as many processes.

    python -m benchmarks.throughput --images 500

Half of the photos go through the library (`benchmarks/pure.py`), then all of them through the deployed local stack
(upload, ingest, job, archive), then the other half through the library, so that both see the same machine. `ratio` is
that of the processors' time for an image; `clock_ratio`, that of images in a second, is the same on a machine that does
nothing else, and favours the stack's many processes on one that does. Each part is read from its processes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.cost import HEIGHT, WIDTH, draw_photos
from benchmarks.emulated import ended
from benchmarks.machine import facts
from benchmarks.processors import Processors
from benchmarks.pure import LAYERS, TEMPLATE, TEMPLATE_ID, pure
from benchmarks.report import keep, table
from local.cloud import Laptop, laptop
from maskmill import Client
from maskmill.client.export_sync import await_export
from maskmill.core.export import ExportFormat
from maskmill.core.recipe import Recipe

IMAGES, WARMING, DRAWN = 60, 4, 12
POLL_S, LONGEST_S = 1.0, 3600.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PREFIX = "maskmill-local-"
IDLE = ("publish-page", "make-key", "switch-spending")  # functions of deployments and budgets


@dataclass(frozen=True, slots=True)
class Stack:
    """What the stack took: elapsed seconds of both phases, and seconds of processors by part."""

    upload_s: float
    job_s: float
    cpu_s: dict[str, float]

    @property
    def wall_s(self) -> float:
        return self.upload_s + self.job_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maskmill-throughput-") as name:
        folder = Path(name)
        draw(folder / "photos", chosen.images)
        draw_photos(folder / "warming", WARMING)
        photos = sorted((folder / "photos").iterdir())
        first = pure(photos[::2], folder / "first")
        with laptop(folder / "state") as cloud:
            stack = through_the_stack(cloud, folder)
        second = pure(photos[1::2], folder / "second")
    pure_wall_s, pure_cpu_s = first.wall_s + second.wall_s, first.cpu_s + second.cpu_s
    cpu_s = sum(stack.cpu_s.values())
    figures = {
        "images": chosen.images,
        "ratio": round(pure_cpu_s / cpu_s, 2),
        "clock_ratio": round(pure_wall_s / stack.wall_s, 2),
        "images_per_s": round(chosen.images / stack.wall_s, 2),
        "pure_images_per_s": round(chosen.images / pure_wall_s, 2),
        "cpu_s_per_image": round(cpu_s / chosen.images, 2),
        "pure_cpu_s_per_image": round(pure_cpu_s / chosen.images, 2),
    }
    busy = cpu_s / (stack.wall_s * (os.cpu_count() or 1))
    details = {
        "upload_s": round(stack.upload_s, 1),
        "job_s": round(stack.job_s, 1),
        "processors_busy_share": round(busy, 2),
        "cpu_s": {part: round(seconds, 2) for part, seconds in stack.cpu_s.items()},
    }
    keep("local", figures, text=text_of(figures, details), machine=facts("numpy", "Pillow"), details=details)
    return 0


def draw(folder: Path, count: int, *, drawn: int = DRAWN) -> None:
    """Photographs of two megapixels: a few are drawn, and the others are those, shifted and with other grain."""
    draw_photos(folder, min(count, drawn))
    photos = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    for number in range(len(photos), count):
        shifted = np.roll(photos[number % len(photos)], (number // len(photos)) * 4, axis=1)
        Image.fromarray(shifted).save(folder / f"{number:05d}.jpg", quality=90)


def through_the_stack(cloud: Laptop, folder: Path) -> Stack:
    """Upload and job, after a few photos of another dataset have woken every function."""
    profile = cloud.state / "throughput.json"
    cloud.sign_in("throughput@example.com", profile)
    processors = Processors(cloud.emulator.pid or 0)
    with Client.from_login(profile) as client, processors.watched():
        run(client, "warming", folder / "warming")
        before = parts_of(cloud, processors)
        upload_s, job_s = run(client, "throughput", folder / "photos")
        after = parts_of(cloud, processors)
    spent = {part: after[part] - before.get(part, 0.0) for part in after}
    return Stack(upload_s, job_s, {part: seconds for part, seconds in spent.items() if part not in IDLE})


def run(client: Client, name: str, photos: Path) -> tuple[float, float]:
    """The seconds until all photos are ingested, and then until the archive is there."""
    began = time.monotonic()
    report = client.upload_folder(name, photos)
    if len(report.image_ids) != len(list(photos.iterdir())):
        raise SystemExit(f"{len(report.image_ids)} photos arrived")
    dataset = client.find_dataset(name)
    uploaded = time.monotonic()
    template_id = client.create_template(dataset.dataset_id, TEMPLATE).template_id
    layers = [{**layer, "region": template_id} for layer in LAYERS if layer["region"] == TEMPLATE_ID]
    recipe = {"templates": [template_id], "layers": layers, "exports": [ExportFormat.ARCHIVE]}
    job = ended(client, client.submit(dataset, Recipe.model_validate(recipe)), poll_s=POLL_S, longest_s=LONGEST_S)
    await_export(client, job.job_id, ExportFormat.ARCHIVE)
    return uploaded - began, time.monotonic() - uploaded


def parts_of(cloud: Laptop, processors: Processors) -> dict[str, float]:
    """Seconds of processors so far: of each function, and of the emulator, endpoint, model server and client."""
    found = {name.removeprefix(_PREFIX): seconds for name, seconds in processors.total().items()}
    processes = {"emulator": cloud.emulator, "endpoint": cloud.stand_in, "model server": cloud.model}
    found |= {name: own_cpu_s(process.pid) for name, process in processes.items() if process.pid}
    return {**found, "client": time.process_time()}


def own_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def text_of(figures: dict[str, Any], details: dict[str, Any]) -> str:
    megapixels, busy = HEIGHT * WIDTH / 1e6, details["processors_busy_share"]
    total = sum(details["cpu_s"].values())
    parts = sorted(details["cpu_s"].items(), key=lambda part: -part[1])
    rows = [
        (part, round(1000 * seconds / figures["images"]), f"{seconds / total:.0%}")
        for part, seconds in parts
        if seconds / total >= 0.005
    ]
    return "\n".join(
        [
            f"{figures['images']} photos of {megapixels:.1f} megapixels, on {os.cpu_count()} processors:",
            "",
            table(
                ("", "local stack", "library calls alone", "ratio"),
                [
                    (
                        "images in a second",
                        figures["images_per_s"],
                        figures["pure_images_per_s"],
                        figures["clock_ratio"],
                    ),
                    (
                        "processors' seconds for each image",
                        figures["cpu_s_per_image"],
                        figures["pure_cpu_s_per_image"],
                        figures["ratio"],
                    ),
                ],
            ),
            "",
            f"The stack kept {busy:.0%} of the processors busy, and waited otherwise, for other programs, too:",
            "",
            table(("part", "ms for each image", "share"), rows),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
