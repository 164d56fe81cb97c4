"""One owner for every pixel, for formats that cannot hold overlapping labels; it knows no file format.

Where labels overlap, the smaller one lies on top, so that a logo on a shirt stays whole; of two equal ones, the first
in the recipe's order.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from maskmill.core.result import Label
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content
from maskmill.exports.tally import Count
from maskmill.imaging.masks import mask_of
from maskmill.imaging.picture import Bytes


@dataclass(frozen=True, slots=True, eq=False)
class Owners:
    """A map (H, W) of whose each pixel is: 0 for none, n for the n-th label; `held_px` are the labels' pixels in it."""

    map: Bytes
    labels: tuple[Label, ...]
    held_px: tuple[int, ...]

    @property
    def ious(self) -> tuple[float, ...]:
        """What is left of each label: it only ever loses pixels."""
        return tuple(held / label.area_px for held, label in zip(self.held_px, self.labels, strict=True))

    def count_overlaps(self, count: Count) -> None:
        for held, label in zip(self.held_px, self.labels, strict=True):
            if held < label.area_px:
                count.losses["labels_overlapped"] += 1
                count.losses["pixels_overlapped"] += label.area_px - held


def owners_of(size: Size, labels: Sequence[tuple[Label, Rle]]) -> Owners:
    """The owners of a picture's pixels."""
    owned = np.zeros((size.height_px, size.width_px), np.uint8)
    for number in sorted(range(len(labels)), key=lambda number: (-labels[number][0].area_px, -number)):
        owned[mask_of(labels[number][1], size=size)] = number + 1
    held = np.bincount(owned.ravel(), minlength=len(labels) + 1)[1:]
    return Owners(owned, tuple(label for label, _ in labels), tuple(int(pixels) for pixels in held))


class ClassMaps:
    """The maps of classes of pictures, as PNG; pictures with the same labels share one."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._numbers = {name: number for number, name in enumerate(classes, start=1)}
        self._known: tuple[object, Owners, bytes] | None = None

    def png(self, entry: Entry, content: Content, count: Count) -> bytes:
        """The numbers of classes, from 1, in one 8-bit channel; what overlaps cost is counted."""
        identity = identity_of(entry)
        if self._known is None or self._known[0] != identity:
            owners = owners_of(entry.picture.size, content.of(entry.picture.labels))
            self._known = identity, owners, grey_png(classes_in(owners, self._numbers))
        self._known[1].count_overlaps(count)
        return self._known[2]


def identity_of(entry: Entry) -> object:
    """What the maps of a picture depend on."""
    return entry.picture.size, tuple(label.object_id for label in entry.picture.labels)


def classes_in(owners: Owners, numbers: dict[str, int]) -> Bytes:
    """The map of classes: of each pixel the number of its label's class."""
    table = np.array([0, *(numbers[label.name] for label in owners.labels)], np.uint8)
    return table[owners.map]


def grey_png(values: Bytes) -> bytes:
    """A map as a PNG of one 8-bit channel that holds its numbers."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG", compress_level=6)
    return out.getvalue()


def palette_png(values: Bytes, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """A map as a PNG with a palette: its numbers stay, and people see colours."""
    image = Image.fromarray(values)
    image.putpalette([channel for colour in palette for channel in colour])
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=6)
    return out.getvalue()
