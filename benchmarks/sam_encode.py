"""Image encoding and sixteen prompts, ours against segment_anything, in turns in one process; it knows no server.

    python -m benchmarks.sam_encode [--engine sam-vit-b] [--rounds 2]

The reference is `SamPredictor.set_image`, fp32, and sixteen calls of the reference's decoder. Each process has one
thread and is run once with the allocator as it comes and once with one that keeps its pages (GLIBC_TUNABLES), which
is much of what the reference loses. A ratio is the median over the rounds of the ratios of CPU seconds. Weights are
random and of full size: speed does not depend on them, but errors do, and masks of noise are mostly outline.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import TUNED_MALLOC
from benchmarks.rounds import Rounds, interleaved
from benchmarks.sam_decode import photo_like
from inference_container.segmenter import Candidate, Picture, chosen
from maskmill.core.engines import Engine
from maskmill.core.geometry import Size, pixel_of
from maskmill.core.prompt import MaskChoice, Prompt

SIZE = Size(height_px=1536, width_px=2048)
PROMPTS = [
    Prompt.model_validate({"points": [{"x": (0.5 + i % 4) / 4, "y": (0.5 + i // 4) / 4}]}) for i in range(16)
]  # a grid of clicks
_MALLOCS = {"default": "", "tuned": TUNED_MALLOC}
_VARIANTS: dict[str, dict[str, Any]] = {  # what runs by itself here, and what would without bf16 units
    "auto": {},
    "fp32": {"precision": "fp32"},
}


def encode_and_prompts(engine: Engine, *, rounds: int = 2) -> dict[str, dict[str, Any]]:
    """The measurements of `measured`, with the default and with the tuned allocator."""
    with tempfile.TemporaryDirectory(prefix="sam-encode-") as folder:
        path = Path(folder) / "random.pth"
        _run([engine.value, str(path), "make"], "")
        return {name: _run([engine.value, str(path), str(rounds)], malloc) for name, malloc in _MALLOCS.items()}


def _run(arguments: Sequence[str], malloc: str) -> dict[str, Any]:
    """What a fresh process of this module prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLIBC_TUNABLES": malloc}
    command = [sys.executable, "-m", "benchmarks.sam_encode", "--child", *arguments]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def make_weights(engine: Engine, path: Path) -> None:
    """Random weights as segment_anything's constructors draw them, with positions that matter."""
    import torch

    from inference_container.segmenters.architectures import ARCHITECTURES, build_sam

    torch.manual_seed(0)
    model = build_sam(ARCHITECTURES[engine])
    for name, weight in model.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            torch.nn.init.normal_(weight, std=0.02)
    torch.save(model.state_dict(), path)


def measured(engine: Engine, path: Path, rounds: int) -> dict[str, Any]:
    """Everything of one process: `encode` by precision, `prompts16`, and the errors of each."""
    import torch

    from inference_container.segmenters.sam import SamSegmenter
    from inference_container.segmenters.torchvision_stand_in import ensure_torchvision

    torch.set_num_threads(1)
    ensure_torchvision()
    from segment_anything import SamPredictor, sam_model_registry

    kind = engine.value.removeprefix("sam-").replace("-", "_")
    predictor = SamPredictor(sam_model_registry[kind](checkpoint=str(path)).eval())
    segmenters = {
        name: SamSegmenter(engine, path, device="cpu", threads=1, **options) for name, options in _VARIANTS.items()
    }
    picture = Picture.whole(photo_like(SIZE))
    works: dict[str, Callable[[], object]] = {"reference": lambda: predictor.set_image(picture.pixels)}
    kept: dict[str, Any] = {}
    for name, segmenter in segmenters.items():
        segmenter.setup()
        works[name] = partial(_keep_embedding, kept, name, segmenter, picture)
    turns = _in_turns(works, rounds)
    times = turns.cpu_s
    features = predictor.features.numpy()[0]
    truth = _reference_masks(predictor)
    encode = {
        name: {
            "seconds": round(min(times[name]), 2),
            "ratio": round(turns.ratio("reference", name).median, 2),
            "faults": turns.faults[name],
            "cosine": round(_cosine(kept[name].features, features), 6) if name in kept else 1.0,
            "iou": round(_mean_iou(segmenters[name].segment(kept[name], PROMPTS), truth), 4) if name in kept else 1.0,
            "runs": str(dict(segmenters[name].notes())) if name in segmenters else "segment_anything, fp32",
        }
        for name in works
    }
    segmenter, embedding = segmenters["auto"], kept["auto"]
    return {"encode": encode, "prompts16": _prompts16(segmenter, embedding, predictor, rounds)}


def _keep_embedding(kept: dict[str, Any], name: str, segmenter: Any, picture: Picture) -> None:
    kept[name] = segmenter.embed(picture)


def _prompts16(segmenter: Any, embedding: Any, predictor: Any, rounds: int) -> dict[str, Any]:
    works: dict[str, Callable[[], object]] = {
        "reference": lambda: [_reference_logits(predictor, prompt) for prompt in PROMPTS],
        "ours_together": lambda: segmenter.segment(embedding, PROMPTS),
        "ours_single": lambda: [segmenter.segment(embedding, [prompt]) for prompt in PROMPTS],
        "reference_masks": lambda: _reference_masks(predictor),
        "ours_masks": lambda: [
            chosen(found, MaskChoice.BEST).draw() for found in segmenter.segment(embedding, PROMPTS)
        ],
    }
    times = _in_turns(works, max(3, rounds)).cpu_s

    def share(ours: str, theirs: str) -> float:
        return round(median(one / other for one, other in zip(times[ours], times[theirs], strict=True)), 3)

    import torch

    answers = segmenter.segment(type(embedding)(predictor.features.numpy()[0], SIZE), PROMPTS)
    scores = np.array([[candidate.score for candidate in found] for found in answers])
    expected = torch.cat([_reference_logits(predictor, prompt)[1] for prompt in PROMPTS]).numpy()
    return {
        "seconds": {name: round(min(values), 3) for name, values in times.items()},
        "share": share("ours_together", "reference"),
        "share_of_own_singles": share("ours_together", "ours_single"),
        "share_with_masks": share("ours_masks", "reference_masks"),
        "score_error": float(f"{np.abs(scores - expected).max():.1e}"),
        "iou": round(_mean_iou(answers, _reference_masks(predictor)), 4),
    }


def _in_turns(works: dict[str, Callable[[], object]], rounds: int) -> Rounds:
    """Where malloc keeps its pages, they are asked for once, which is no part of the figure."""
    return interleaved(works, rounds=rounds, is_warmed="GLIBC_TUNABLES" in os.environ)


def _reference_logits(predictor: Any, prompt: Prompt) -> Any:
    """Three masks in low resolution and their scores (1, 3), by the reference's own parts."""
    import torch

    pixel = pixel_of(prompt.points[0], SIZE)
    model = predictor.model
    with torch.inference_mode():
        coordinates = predictor.transform.apply_coords(np.array([[[pixel.column, pixel.row]]]), predictor.original_size)
        points = (torch.as_tensor(coordinates, dtype=torch.float), torch.ones(1, 1, dtype=torch.int))
        sparse, dense = model.prompt_encoder(points=points, boxes=None, masks=None)
        return model.mask_decoder(
            image_embeddings=predictor.features,
            image_pe=model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )


def _reference_masks(predictor: Any) -> list[Any]:
    """The three masks of each prompt at the size of the picture, by `SamPredictor.predict`."""
    pixels = [pixel_of(prompt.points[0], SIZE) for prompt in PROMPTS]
    return [
        predictor.predict(point_coords=np.array([[pixel.column, pixel.row]]), point_labels=np.array([1]))[0]
        for pixel in pixels
    ]


def _mean_iou(answers: Sequence[Sequence[Candidate]], truth: Sequence[Any]) -> float:
    overlaps = []
    for found, masks in zip(answers, truth, strict=True):
        for candidate, mask in zip(found, masks, strict=True):
            mine = candidate.bitmap()
            union = int((mine | mask).sum())
            overlaps.append(int((mine & mask).sum()) / union if union else 1.0)
    return float(np.mean(overlaps))


def _cosine(one: Any, other: Any) -> float:
    one, other = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """A measurement in words, one line for each figure with its error."""
    told = []
    for malloc, parts in found.items():
        for name, one in parts["encode"].items():
            told.append(
                f"encode, {malloc} malloc, {name}: {one['seconds']} s, {one['ratio']} x the reference, "
                f"{one['faults']} faults, cosine {one['cosine']}, mask IoU {one['iou']} ({one['runs']})"
            )
        prompts = parts["prompts16"]
        told.append(
            f"16 prompts, {malloc} malloc: {prompts['share']} of sixteen calls of the reference's decoder, "
            f"{prompts['share_of_own_singles']} of sixteen of ours, {prompts['share_with_masks']} with masks drawn, "
            f"score error {prompts['score_error']}, mask IoU {prompts['iou']} ({prompts['seconds']} s)"
        )
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", type=Engine, default=Engine.SAM_VIT_B)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    print("\n".join(lines(encode_and_prompts(given.engine, rounds=given.rounds))))
    return 0


def _child(arguments: Sequence[str]) -> int:
    engine, path, what = Engine(arguments[0]), Path(arguments[1]), arguments[2]
    if what == "make":
        make_weights(engine, path)
    print(json.dumps({} if what == "make" else measured(engine, path, int(what))))
    return 0


if __name__ == "__main__":
    sys.exit(_child(sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main())
