"""How long a prompt takes in the browser, from the question to the outlined mask, beside the same decoder run natively.

    python -m benchmarks.page

The decoder has the size of ViT-B's (which L and H share) and random weights: how long it takes does not depend on them.
Chromium and the native onnxruntime take turns on the same prompts and embedding, with one thread and with two; ratios
are what counts, milliseconds are of one machine on one day. It knows no service and no screen.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from benchmarks.machine import description
from inference_container.segmenters.architectures import SamArchitecture, build_sam
from inference_container.segmenters.framing import Framing
from inference_container.segmenters.sam_embedding import SamEmbedding, packed
from inference_container.segmenters.sam_onnx import export_decoder_onnx
from inference_container.segmenters.sam_prompts import framed
from maskmill.core.geometry import Size
from maskmill.core.prompt import Prompt
from tests.page.browser import build_proof, lacking, opened, serving

RESULT = Path(__file__).resolve().parents[1] / "benchmarks/results/page.json"
VERSION = "sam-vit-b-000000000000"
SIZE = Size(height_px=1500, width_px=2250)
FRAMING = Framing(side_px=1024, low_px=256)
SHAPE = (256, 64, 64)
# ViT-B's decoder behind an encoder that is never run
ARCHITECTURE = SamArchitecture(width=32, depth=1, heads=2, global_blocks=(0,))
THREADS = (1, 2)
_ROUNDS = 4
_BOX = {"left": 0.2, "top": 0.3, "right": 0.7, "bottom": 0.9}
_POINTS = [{"x": 0.4, "y": 0.5}, {"x": 0.6, "y": 0.7}, {"x": 0.1, "y": 0.1, "positive": False}]
PROMPTS = [
    Prompt.model_validate(values)
    for values in (
        {"points": _POINTS[:1]},
        {"points": _POINTS},
        {"box": _BOX},
        {"box": _BOX, "points": _POINTS},
    )
]


@dataclass(slots=True)
class Times:
    """Milliseconds of every prompt, in the browser and natively, and of what comes once for an image or a mask."""

    browser: list[float] = field(default_factory=list)
    native: list[float] = field(default_factory=list)
    outline: list[float] = field(default_factory=list)
    prepare: list[float] = field(default_factory=list)
    draw: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        return {
            "prompt_to_mask_ms": round(median(self.browser), 1),
            "best_ms": round(min(self.browser), 1),
            "native_ms": round(median(self.native), 1),
            "native_best_ms": round(min(self.native), 1),
            "ratio_to_native": round(median(self.browser) / median(self.native), 2),
            "best_ratio": round(min(self.browser) / min(self.native), 2),
            "outline_ms": round(median(self.outline), 1),
            "prepare_ms": round(median(self.prepare)),
            "full_size_mask_ms": round(median(self.draw)),
        }


def main() -> int:
    """Measure, print and write down; ends with 1 where there is no browser."""
    if (lack := lacking()) is not None:
        print(f"bench-page cannot run: {lack}", file=sys.stderr)
        return 1
    machine = description()
    print(f"machine: {machine}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        times, size_bytes = measure(Path(folder))
    figures = {f"{threads} thread{'s' * (threads > 1)}": found.figures() for threads, found in times.items()}
    for name, found in figures.items():
        print(f"{name}: {found}")
    document = {"machine": machine, "decoder_bytes": size_bytes, "prompts": len(PROMPTS) * _ROUNDS} | figures
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    one, two = (times[threads].figures() for threads in THREADS)
    print(
        f"bench-page one_thread_ms={one['prompt_to_mask_ms']} two_threads_ms={two['prompt_to_mask_ms']} "
        f"one_thread_ratio={one['ratio_to_native']} two_threads_ratio={two['ratio_to_native']}"
    )
    return 0


def measure(folder: Path) -> tuple[dict[int, Times], int]:
    """Both runtimes in turn, and how many bytes the decoder has."""
    torch.manual_seed(0)
    export_decoder_onnx(build_sam(ARCHITECTURE), folder / "decoder.onnx")
    decoder = (folder / "decoder.onnx").read_bytes()
    features = np.random.default_rng(0).normal(0, 0.3, SHAPE).astype(np.float16)
    served = {
        "/media/t/embedding": packed(SamEmbedding(features, SIZE), VERSION),
        f"/models/{VERSION}/decoder.onnx": decoder,
    }
    times = {threads: Times() for threads in THREADS}
    site = build_proof(folder / "proof")
    with serving(site, served, is_isolated=True) as address, opened(address) as proof:
        for _ in range(_ROUNDS):
            for threads, found in times.items():
                _add(
                    found, proof.call("speed", scene(), [prompt.model_dump(mode="json") for prompt in PROMPTS], threads)
                )
                found.native += native_ms(decoder, features, threads)
    return times, len(decoder)


def scene() -> dict[str, Any]:
    """What the proof page needs to know of the image."""
    return {
        "image": "photo",
        "segmenter": VERSION,
        "embedding_url": "/t/embedding",
        "decoder_url": f"/models/{VERSION}/decoder.onnx",
        "frame_px": FRAMING.side_px,
        "size": SIZE.model_dump(),
    }


def _add(times: Times, speed: Mapping[str, Any]) -> None:
    pairs = zip(speed["answer_ms"], speed["outline_ms"], strict=True)
    times.browser += [answer + outline for answer, outline in pairs]
    times.outline += speed["outline_ms"]
    times.prepare.append(speed["prepare_ms"])
    times.draw.append(speed["draw_ms"])


def native_ms(decoder: bytes, features: npt.NDArray[np.float16], threads: int) -> list[float]:
    """Of each prompt, by onnxruntime in this process; a first run is not counted."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(decoder, options, providers=["CPUExecutionProvider"])
    image = features.astype(np.float32)[None]
    asked = [inputs(image, prompt) for prompt in PROMPTS]
    session.run(None, asked[0])
    found: list[float] = []
    for one in asked:
        began = time.perf_counter()
        session.run(None, one)
        found.append(1000 * (time.perf_counter() - began))
    return found


def inputs(image: npt.NDArray[np.float32], prompt: Prompt) -> dict[str, npt.NDArray[np.float32]]:
    """A prompt as the decoder takes it."""
    some = framed([prompt], FRAMING, SIZE)
    points: Sequence[Sequence[float]] = [] if some.points is None else some.points[0].tolist()
    labels: list[float] = [] if some.labels is None else some.labels[0].tolist()
    if some.boxes is None:
        corners, kinds = [[0.0, 0.0]], [-1.0]
    else:
        corners, kinds = some.boxes.reshape(2, 2).tolist(), [2.0, 3.0]
    return {
        "image_embeddings": image,
        "point_coords": np.array([[*points, *corners]], np.float32),
        "point_labels": np.array([[*labels, *kinds]], np.float32),
        "mask_input": np.zeros((1, 1, FRAMING.low_px, FRAMING.low_px), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
    }


if __name__ == "__main__":
    sys.exit(main())
