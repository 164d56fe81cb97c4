"""Train the small SAM of the tests on drawn scenes, from random weights; it knows no server and no checkpoint of others.

    python -m tests.sam_test.train --minutes 90 --out tests/sam_test/sam-test.safetensors

Every scene, prompt and weight follows from SEED; the arithmetic of the machine decides the last digits. The loss is
SAM's in small (Kirillov et al., 2023, appendix A): the best of three masks by cross-entropy and dice, the predicted
IoU by its square error; one round with a click or a box, and a second with a further click where the first was wrong.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

from inference_container.segmenters.architectures import ARCHITECTURES, PIXEL_MEAN, PIXEL_STD, build_sam
from maskmill.core.engines import Engine
from tests.sam_test.scenes import draw_scene

SEED = 20260
ARCHITECTURE = ARCHITECTURES[Engine.SAM_TEST]
SIDE = ARCHITECTURE.side_px
LOW = 4 * ARCHITECTURE.grid  # the side of the decoder's masks
SCENES, OBJECTS = 12, 4  # of one step
VIEWS = 4  # of each drawn scene: turned, mirrored, with its colours exchanged
RATE, WARM_UP = 1e-3, 200


class Views(torch.utils.data.IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless pairs of a frame (3, side, side), normalised and padded, and OBJECTS masks (OBJECTS, side, side)."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        rng = np.random.default_rng(SEED)
        waiting: list[tuple[np.ndarray, np.ndarray]] = []
        seed = 1_000_000
        while True:
            while len(waiting) < 64:
                seed += 1
                scene = draw_scene(seed)
                if scene.objects:
                    waiting += [(scene.pixels, np.stack(scene.objects))] * VIEWS
            pixels, objects = waiting.pop(int(rng.integers(len(waiting))))
            yield self._view(rng, pixels, objects)

    def _view(self, rng: np.random.Generator, pixels: Any, objects: Any) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = pixels[:, :, rng.permutation(3)]
        if rng.random() < 0.5:
            pixels, objects = pixels[:, ::-1], objects[:, :, ::-1]
        turns = int(rng.integers(4))
        pixels, objects = np.rot90(pixels, turns), np.rot90(objects, turns, (1, 2))
        if rng.random() < 0.5:
            pixels = 255 - pixels
        frame = (pixels.astype(np.float32) - PIXEL_MEAN) / np.float32(PIXEL_STD)
        masks = objects.astype(np.float32)
        keeps = np.ones((SIDE, SIDE), np.float32)
        if rng.random() < 0.5:  # not square: the rest of the frame is padding
            cut = int(rng.integers(SIDE // 2, SIDE))
            keeps[cut:] = 0
            keeps = keeps if rng.integers(2) else keeps.T
        large = np.flatnonzero((masks * keeps).sum(axis=(1, 2)) >= 0.006 * SIDE * SIDE)
        if large.size == 0:
            large, keeps = np.arange(len(masks)), np.ones_like(keeps)
        frame, masks = frame * keeps[:, :, None], masks * keeps
        masks = masks[rng.choice(large, OBJECTS, replace=large.size < OBJECTS)]
        return torch.from_numpy(frame.transpose(2, 0, 1).astype(np.float32).copy()), torch.from_numpy(masks.copy())


def click_inside(rng: np.random.Generator, mask: np.ndarray) -> tuple[int, int] | None:
    """A pixel (column, row) inside a mask, mostly far from its edge; None when it is empty."""
    inner = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    deepest = float(inner.max())
    if deepest <= 0:
        return None
    rows, columns = np.nonzero(inner >= deepest * rng.choice([0.25, 0.5, 1.0]))
    index = int(rng.integers(len(rows)))
    return int(columns[index]), int(rows[index])


def decoded(model: Any, features: torch.Tensor, prompts: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """All four masks (N, 4, LOW, LOW) and scores (N, 4) for N = scenes × OBJECTS prompts."""
    sparse, dense = model.prompt_encoder(**prompts)
    image_pe = model.prompt_encoder.get_dense_pe()
    decoder = model.mask_decoder
    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])[None].expand(len(sparse), -1, -1)
    tokens = torch.cat([output, sparse], dim=1)
    source = features.repeat_interleave(OBJECTS, dim=0) + dense
    hidden, source = decoder.transformer(source, image_pe.expand(len(source), -1, -1, -1), tokens)
    count = decoder.num_mask_tokens
    grid = ARCHITECTURE.grid
    upscaled = decoder.output_upscaling(source.transpose(1, 2).reshape(len(source), -1, grid, grid))
    weights = torch.stack([decoder.output_hypernetworks_mlps[i](hidden[:, 1 + i]) for i in range(count)], dim=1)
    masks = torch.einsum("nkc,nchw->nkhw", weights, upscaled)
    return masks, decoder.iou_prediction_head(hidden[:, 0])


def loss_of(logits: torch.Tensor, scores: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of one round and the IoU (N, 4) of its masks; `targets` (N, LOW, LOW) are coverages in [0, 1]."""
    logits, scores = logits.float(), scores.float()
    wanted = targets[:, None].expand_as(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((2, 3))
    chance = logits.sigmoid()
    dice = 1 - (2 * (chance * wanted).sum((2, 3)) + 1) / (chance.sum((2, 3)) + wanted.sum((2, 3)) + 1)
    losses = 10 * entropy + dice
    with torch.no_grad():
        is_found, is_wanted = logits > 0, wanted > 0.5
        ious = (is_found & is_wanted).sum((2, 3)) / (is_found | is_wanted).sum((2, 3)).clamp(min=1)
    best = losses[:, 1:].min(dim=1).values.mean() + 0.1 * losses[:, 1:].mean() + 0.5 * losses[:, 0].mean()
    return best + (scores - ious).square().mean(), ious


class Trainer:
    """The model, its optimiser and the two rounds of each step."""

    def __init__(self, minutes: float) -> None:
        torch.manual_seed(SEED)
        self.rng = np.random.default_rng(SEED)
        self.model = build_sam(ARCHITECTURE).train()
        torch.nn.init.normal_(self.model.image_encoder.pos_embed, std=0.02)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=RATE, weight_decay=0.02, betas=(0.9, 0.98))
        self.budget_s = minutes * 60
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def set_rate(self, step: int, spent_s: float) -> None:
        share = min(1.0, spent_s / self.budget_s)
        rate = RATE * min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def step(self, frames: torch.Tensor, masks: torch.Tensor) -> tuple[float, float, float]:
        """One step; the loss and the mean IoU of the best-scored masks after one and two prompts."""
        truths = masks.flatten(0, 1)
        targets = functional.avg_pool2d(truths[:, None], SIDE // LOW)[:, 0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = self.model.image_encoder(frames)
            first = self._first_prompts(truths.numpy())
            logits, scores = decoded(self.model, features, first)
            loss_1, ious_1 = loss_of(logits, scores, targets)
            second = self._second_prompts(first, truths.numpy(), logits.detach().float(), scores.detach().float())
            logits, scores_2 = decoded(self.model, features, second)
            loss_2, ious_2 = loss_of(logits, scores_2, targets)
        loss = loss_1 + loss_2
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return float(loss.detach()), _chosen(ious_1, scores), _chosen(ious_2, scores_2)

    def keep_average(self, step: int) -> None:
        decay = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)

    def _first_prompts(self, truths: np.ndarray) -> dict[str, Any]:
        if self.rng.random() < 0.2:
            boxes = [self._box(mask) for mask in truths]
            return {"points": None, "boxes": torch.tensor(boxes, dtype=torch.float32), "masks": None}
        clicks = [click_inside(self.rng, mask) or (0, 0) for mask in truths]
        points = torch.tensor(clicks, dtype=torch.float32)[:, None]
        return {"points": (points, torch.ones(len(clicks), 1)), "boxes": None, "masks": None}

    def _box(self, mask: np.ndarray) -> list[float]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
        spread = 0.06 * min(edges[2] - edges[0], edges[3] - edges[1])
        return np.clip(edges + self.rng.normal(0, spread, 4), 0, SIDE).tolist()

    def _second_prompts(
        self, first: dict[str, Any], truths: np.ndarray, logits: torch.Tensor, scores: torch.Tensor
    ) -> dict[str, Any]:
        best = logits[torch.arange(len(logits)), 1 + scores[:, 1:].argmax(dim=1)][:, None]
        full = functional.interpolate(best, (SIDE, SIDE), mode="bilinear", align_corners=False)[:, 0].numpy() > 0
        points, labels = [], []
        for truth, found in zip(truths.astype(bool), full, strict=True):
            missing, surplus = truth & ~found, found & ~truth
            is_positive = missing.sum() >= surplus.sum()
            click = click_inside(self.rng, missing if is_positive else surplus) or click_inside(self.rng, truth)
            points.append([click or (0, 0)])
            labels.append([float(is_positive)])
        new, new_labels = torch.tensor(points, dtype=torch.float32), torch.tensor(labels)
        old = first["points"]
        both = (new, new_labels) if old is None else (torch.cat([old[0], new], 1), torch.cat([old[1], new_labels], 1))
        kind = self.rng.random()
        previous = None if kind < 0.6 else best if kind < 0.8 else self._as_given(full)
        return {"points": both, "boxes": first["boxes"], "masks": previous}

    def _as_given(self, found: np.ndarray) -> torch.Tensor:
        coverage = functional.avg_pool2d(torch.from_numpy(found.astype(np.float32))[:, None], SIDE // LOW)
        return (2 * coverage - 1) * 10


def _chosen(ious: torch.Tensor, scores: torch.Tensor) -> float:
    return float(ious[torch.arange(len(ious)), 1 + scores[:, 1:].argmax(dim=1)].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the small SAM of the tests.")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("sam-test.safetensors"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trainer = Trainer(options.minutes)
    batches = torch.utils.data.DataLoader(Views(), batch_size=SCENES, num_workers=1, prefetch_factor=4)
    started, seen = time.monotonic(), []
    for step, (frames, masks) in enumerate(batches):
        spent_s = time.monotonic() - started
        trainer.set_rate(step, spent_s)
        seen.append(trainer.step(frames, masks))
        trainer.keep_average(step)
        if step % 50 == 49:
            loss, one, two = np.mean(seen[-50:], axis=0)
            print(f"{step + 1} steps, {spent_s:.0f} s: loss {loss:.3f}, IoU {one:.3f} and {two:.3f}", flush=True)
        if step % 500 == 499 or spent_s >= trainer.budget_s:
            save(trainer.average, options.out)
        if spent_s >= trainer.budget_s:
            return


def save(state: dict[str, torch.Tensor], path: Path) -> None:
    """Half precision is enough for weights; the server computes with what its device likes."""
    halves = {name: value.to(torch.float16).contiguous() for name, value in state.items()}
    save_file(halves, path, metadata={"engine": Engine.SAM_TEST, "seed": str(SEED)})


if __name__ == "__main__":
    main()
