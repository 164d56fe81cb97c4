"""Synthetic pictures, their true masks, fake sources and fake segmenters for the model server's tests."""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from inference_container.segmenter import Bitmap, Candidate, Patch, Picture, Pixels
from maskmill.core.errors import InvalidInput, ModelFailure, NotFound, Unavailable
from maskmill.core.geometry import PixelPoint, Size, point_of
from maskmill.core.mask import Rle
from maskmill.core.prompt import Prompt
from maskmill.core.shard import ImageTask, PromptTask, ShardRequest

SIZE = Size(height_px=90, width_px=120)


def blob(size: Size = SIZE, *, seed: int = 0, centre: tuple[float, float] = (0.5, 0.5)) -> tuple[Pixels, Bitmap]:
    """A coloured ellipse on a noisy background, uint8 (height, width, 3), and its mask."""
    noise = np.random.default_rng(seed)
    mask = np.zeros((size.height_px, size.width_px), np.uint8)
    middle = (int(centre[1] * size.width_px), int(centre[0] * size.height_px))
    cv2.ellipse(mask, middle, (size.width_px // 5, size.height_px // 4), 20, 0, 360, 1, thickness=-1)
    colours = np.where(mask[..., None] > 0, (200, 60, 50), (70, 110, 140))
    image = np.clip(colours + noise.normal(0, 6, colours.shape), 0, 255).astype(np.uint8)
    return image, mask > 0


def png(image: Any, mode: str | None = None) -> bytes:
    """An array as the bytes of a PNG."""
    file = io.BytesIO()
    picture = Image.fromarray(image)
    (picture.convert(mode) if mode else picture).save(file, "PNG")
    return file.getvalue()


def size_of(image: Any) -> Size:
    return Size(height_px=image.shape[0], width_px=image.shape[1])


def click(mask: Bitmap) -> Prompt:
    """One positive point at the deepest place of a mask."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.asarray(depth).argmax()), mask.shape)
    size = Size(height_px=mask.shape[0], width_px=mask.shape[1])
    return Prompt(points=(point_of(PixelPoint(int(row), int(column)), size),))


def task(key: str, size: Size, *prompts: Prompt, address: str | None = None) -> ImageTask:
    prompts = prompts or (Prompt.model_validate({"points": [{"x": 0.5, "y": 0.5}]}),)
    named = tuple(PromptTask(mask_key=f"{key}/{index}", prompt=prompt) for index, prompt in enumerate(prompts))
    return ImageTask(image_key=key, address=address or f"s3://pictures/{key}.png", size=size, prompts=named)


def request(*tasks: ImageTask, segmenter: str = "fake-1") -> ShardRequest:
    return ShardRequest(segmenter=segmenter, images=tasks)


def truth_of(rle: Rle) -> Bitmap:
    """A mask's pixels by pycocotools, independently of the product's own decoder."""
    from pycocotools import mask as coco

    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # its arrays predate numpy 2
        decoded = coco.decode({"size": [rle.size.height_px, rle.size.width_px], "counts": rle.counts.encode()})
    return np.asarray(decoded) > 0


class FolderSource:
    """An ObjectStore over a folder: `s3://bucket/key` is `<folder>/<bucket>/<key>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.reads: list[str] = []
        self.is_writable = True

    def put(self, address: str, data: bytes) -> None:
        if not self.is_writable:
            raise Unavailable(detail=address)
        path = self._path(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def read(self, address: str, *, bytes_max: int) -> bytes:
        self.reads.append(address)
        try:
            data = self._path(address).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(detail=address) from error
        if len(data) > bytes_max:
            raise InvalidInput(detail=address)
        return data

    def _path(self, address: str) -> Path:
        return self._folder / address.removeprefix("s3://")


class FakeSegmenter:
    """Answers each prompt with the left half of the image; can be held, and fails on images whose first pixel is 13.

    With `packs` its embeddings are worth keeping: four bytes for the height and four for the width.
    """

    version = "fake-1"

    def __init__(self, *, packs: bool = False) -> None:
        self.packs = packs
        self.may_go = threading.Event()
        self.may_go.set()
        self.started = threading.Event()
        self.embedded: list[tuple[int, ...]] = []
        self.running = 0
        self.running_most = 0

    def setup(self) -> None:
        self.may_go.wait(30)

    def working_size(self, size: Size) -> Size:
        return size

    def pack(self, embedding: tuple[int, ...]) -> bytes | None:
        return struct.pack(">II", *embedding[:2]) if self.packs else None

    def unpack(self, data: bytes, size: Size) -> tuple[int, ...]:
        if len(data) != 8 or struct.unpack(">II", data) != (size.height_px, size.width_px):
            raise ModelFailure
        return (size.height_px, size.width_px, 3)

    def embed(self, picture: Picture) -> tuple[int, ...]:
        image = picture.pixels
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        try:
            self.started.set()
            self.may_go.wait(30)
            if int(image[0, 0, 0]) == 13:
                raise RuntimeError("a secret that must not leave the server")
            self.embedded.append(image.shape)
            return image.shape
        finally:
            self.running -= 1

    def segment(self, embedding: tuple[int, ...], prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        def draw() -> Patch:
            mask = np.zeros(embedding[:2], np.bool_)
            mask[:, : embedding[1] // 2] = True
            return Patch.whole(mask)

        return [(Candidate(0.25, draw), Candidate(0.75, draw), Candidate(0.5, draw)) for _ in prompts]
