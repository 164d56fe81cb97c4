"""What the model server costs on top of its model, and whether it leaks: the real process, over HTTP, on drawn scenes.

    python -m benchmarks.server --checkpoint tests/sam_test/sam-test.safetensors

Images × templates go through the server in shards, and through the same segmenter without a server, in turns. The
ratio of the two times is the throughput; `model_share` is the same from the server's own statistics, of one run, and
therefore the steadier figure on a machine that does other things. Memory is read from the process every 50 ms. Then
many small requests are sent whose embedding is known. It knows nothing of the weights, which may be random.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from inference_container.images import decode_picture
from inference_container.segmenters.sam import SamSegmenter
from maskmill.core.engines import Engine
from maskmill.core.geometry import Point, Size
from maskmill.core.limits import SHARD_ITEMS_MAX
from maskmill.core.prompt import Prompt
from maskmill.core.shard import ImageTask, PromptTask, ShardAnswer, ShardRequest
from tests.container.pictures import blob, png
from tests.container.process import Server, storing

TUNABLES = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:glibc.malloc.arena_max=1"
SIZE = Size(height_px=384, width_px=512)
SCENES = 20  # drawn; more images than that are the same ones again
_SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Workload:
    """How much is asked, and of which weights; `threads` are those of the model."""

    checkpoint: Path
    images: int = 200
    templates: int = 4
    small: int = 2000
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One shard after the other through one server. `rss_bytes` are samples with the images answered until then."""

    seconds: float
    model_s: float
    rss_bytes: tuple[tuple[int, int], ...]

    def drift(self, *, settled: int) -> float:
        """How far memory strays from its level once `settled` images were answered, as a share of that level."""
        later = [rss for answered, rss in self.rss_bytes if answered >= settled]
        return max(abs(rss - later[0]) for rss in later) / later[0]


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    rss_bytes: int
    threads: int
    files: int


@contextmanager
def serving(workload: Workload, folder: Path) -> Iterator[tuple[Server, str]]:
    """A model server that has its images, and its segmenter's version."""
    env = {"SEGMENTER_CHECKPOINT": str(workload.checkpoint), "THREADS": str(workload.threads)}
    with storing() as objects:
        for number, data in enumerate(pictures()):
            objects.objects[f"/pictures/{number}.png"] = data
        server = Server(folder, objects.url, SEGMENTER=Engine.SAM_TEST, GLIBC_TUNABLES=TUNABLES, **env)
        try:
            yield server, server.ping_until(status=200, timeout_s=120).json["segmenter"]
        finally:
            server.kill()


def pictures() -> list[bytes]:
    """PNGs of the images that are asked about, again and again."""
    return [png(blob(SIZE, seed=seed)[0]) for seed in range(SCENES)]


def prompts(templates: int) -> list[Prompt]:
    return [Prompt(points=(Point(x=(place + 0.5) / templates, y=0.5),)) for place in range(templates)]


def run_server(workload: Workload, server: Server, version: str) -> Run:
    """All images through the server, in shards as large as they may be."""
    asked = [
        PromptTask(mask_key=str(number), prompt=prompt) for number, prompt in enumerate(prompts(workload.templates))
    ]
    tasks = [
        ImageTask(
            image_key=str(number), address=f"s3://pictures/{number % SCENES}.png", size=SIZE, prompts=tuple(asked)
        )
        for number in range(workload.images)
    ]
    before = server.call("GET", "/stats").json["seconds"]
    answered = 0
    with sampled(server, lambda: answered) as samples:
        began = time.monotonic()
        for first in range(0, len(tasks), SHARD_ITEMS_MAX):
            shard = ShardRequest(segmenter=version, images=tuple(tasks[first : first + SHARD_ITEMS_MAX]))
            reply = server.call("POST", "/invocations", shard.model_dump_json(), timeout_s=600)
            answer = ShardAnswer.model_validate_json(reply.body)
            assert all(image.error is None for image in answer.images), answer.images[0].error
            answered += len(answer.images)
        seconds = time.monotonic() - began
    after = server.call("GET", "/stats").json["seconds"]
    model_s = sum(after[phase] - before[phase] for phase in ("embed", "segment"))
    return Run(seconds, model_s, tuple(samples))


@contextmanager
def sampled(server: Server, answered: Callable[[], int]) -> Iterator[list[tuple[int, int]]]:
    """The server's memory while the block runs, each time with the images answered by then."""
    samples: list[tuple[int, int]] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_SAMPLE_S):
            samples.append((answered(), footprint(server.process.pid).rss_bytes))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()
        samples.append((answered(), footprint(server.process.pid).rss_bytes))


def run_small(server: Server, version: str, count: int) -> None:
    """Many requests of one image and one prompt, whose embedding is in the server's memory after the first ones."""
    for number in range(count):
        task = ImageTask(
            image_key="0",
            address=f"s3://pictures/{number % SCENES}.png",
            size=SIZE,
            embedding=f"s3://pictures/{number % SCENES}.bin",
            prompts=(PromptTask(mask_key="0", prompt=prompts(1)[0]),),
        )
        request = ShardRequest(segmenter=version, images=(task,))
        reply = server.call("POST", "/invocations", request.model_dump_json())
        assert ShardAnswer.model_validate_json(reply.body).images[0].error is None


def footprint(pid: int) -> Footprint:
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Footprint(int(fields["VmRSS"].split()[0]) * 1024, int(fields["Threads"]), files)


def run_pure(workload: Workload) -> float:
    """Seconds for the same images and prompts without a server, decoded beforehand and not encoded afterwards."""
    segmenter = SamSegmenter(Engine.SAM_TEST, workload.checkpoint, device="cpu", threads=workload.threads)
    segmenter.setup()
    decoded = [decode_picture(data, SIZE, segmenter.working_size(SIZE)) for data in pictures()]
    asked = prompts(workload.templates)
    segmenter.segment(segmenter.embed(decoded[0]), asked)
    began = time.monotonic()
    for number in range(workload.images):
        segmenter.segment(segmenter.embed(decoded[number % SCENES]), asked)
    return time.monotonic() - began


def pure_elsewhere(workload: Workload) -> float:
    """`run_pure` in a process with the server's allocator."""
    arguments = ["--checkpoint", str(workload.checkpoint), "--images", str(workload.images)]
    arguments += ["--templates", str(workload.templates), "--threads", str(workload.threads), "--pure"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.server", *arguments],
        env={**os.environ, "GLIBC_TUNABLES": TUNABLES},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout)["seconds"])


def measure(workload: Workload, *, rounds: int) -> dict[str, Any]:
    """All figures, as they are printed."""
    with tempfile.TemporaryDirectory() as folder, serving(workload, Path(folder)) as (server, version):
        pure: list[float] = []
        runs: list[Run] = []
        for _ in range(rounds):
            pure.append(pure_elsewhere(workload))
            runs.append(run_server(workload, server, version))
        pure.append(pure_elsewhere(workload))
        run_small(server, version, workload.small // 10)
        before = footprint(server.process.pid)
        run_small(server, version, workload.small)
        after = footprint(server.process.pid)
        stats = server.call("GET", "/stats").json
    return {
        "images": workload.images,
        "templates": workload.templates,
        "notes": stats["model"]["notes"],
        "server_images_per_s": round(workload.images / fmean(run.seconds for run in runs), 2),
        "pure_images_per_s": round(workload.images / fmean(pure), 2),
        "throughput": round(fmean(pure) / fmean(run.seconds for run in runs), 3),
        "model_share": round(fmean(run.model_s / run.seconds for run in runs), 3),
        "rss_mib": round(runs[0].rss_bytes[-1][1] / 2**20),
        "rss_drift": round(max(run.drift(settled=50 if run is runs[0] else 0) for run in runs), 4),
        "small_requests": workload.small,
        "small_rss_growth": round(after.rss_bytes / before.rss_bytes - 1, 4),
        "small_threads": [before.threads, after.threads],
        "small_files": [before.files, after.files],
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--templates", type=int, default=4)
    parser.add_argument("--small", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pure", action="store_true", help="only the model, for a process of its own")
    chosen = parser.parse_args(arguments)
    workload = Workload(chosen.checkpoint.resolve(), chosen.images, chosen.templates, chosen.small, chosen.threads)
    if chosen.pure:
        print(json.dumps({"seconds": run_pure(workload)}))
        return
    figures = measure(workload, rounds=chosen.rounds)
    print(json.dumps(figures, indent=2))
    shown = ("throughput", "model_share", "rss_drift", "small_rss_growth")
    print("bench-server", *(f"{name}={figures[name]}" for name in shown))


if __name__ == "__main__":
    main(sys.argv[1:])
