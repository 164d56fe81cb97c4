"""How an export is divided into files of a bounded size; it knows no format's content and no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.export import ExportFormat, Split
from maskmill.core.limits import (
    EXPORT_BYTES_MAX,
    EXPORT_PART_BYTES_MAX,
    EXPORT_PART_PIXELS_MAX,
    EXPORT_SHARD_BYTES_MAX,
)
from maskmill.exports.entries import Entry

SHARDED = frozenset({ExportFormat.PARQUET, ExportFormat.WEBDATASET})  # each file holds pictures of one split


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One file of an export: the pictures from `start` to before `stop` of all of its split (None: of all)."""

    export: ExportFormat
    number: int
    name: str
    split: Split | None
    start: int
    stop: int


def plan_parts(entries: Iterable[Entry], export: ExportFormat, *, draws: bool) -> tuple[PlannedPart, ...]:
    """The parts of an export of these pictures, in order; raises InvalidInput export_too_large.

    `draws` says whether pictures and labels are drawn anew: then parts are bounded by their pixels, too.
    """
    sizes = list(_sizes(entries, draws=draws))
    if sum(size_bytes for _, size_bytes, _ in sizes) > EXPORT_BYTES_MAX:
        raise InvalidInput(Code.EXPORT_TOO_LARGE)
    if export not in SHARDED:
        cuts = list(_cuts([size[1:] for size in sizes], EXPORT_PART_BYTES_MAX)) or [(0, 0)]
        return tuple(
            PlannedPart(export, number, _zip_name(export, number, len(cuts)), None, start, stop)
            for number, (start, stop) in enumerate(cuts)
        )
    return tuple(_shards(sizes, export))


def _sizes(entries: Iterable[Entry], *, draws: bool) -> Iterator[tuple[Split, int, int]]:
    """The split of each picture, its bytes, and the pixels that are drawn for it; an item's labels are drawn once."""
    index = -1
    for entry in entries:
        variant = entry.picture.variant
        is_first = entry.item.index != index or (variant is not None and variant.labels is not None)
        index = entry.item.index
        layers = 1 + (len(entry.picture.labels) if is_first else 0)
        yield entry.split, entry.size_bytes, entry.picture.size.pixels * layers if draws else 0


def _shards(sizes: list[tuple[Split, int, int]], export: ExportFormat) -> Iterator[PlannedPart]:
    order = list(Split)
    numbers = 0
    for split, members in groupby(sorted(sizes, key=lambda size: order.index(size[0])), key=lambda size: size[0]):
        cuts = list(_cuts([size[1:] for size in members], EXPORT_SHARD_BYTES_MAX))
        for position, (start, stop) in enumerate(cuts):
            yield PlannedPart(export, numbers, _shard_name(export, split, position, len(cuts)), split, start, stop)
            numbers += 1


def _cuts(sizes: Iterable[tuple[int, int]], bytes_max: int) -> Iterator[tuple[int, int]]:
    """Where one part ends and the next begins: as soon as one more picture would be too much."""
    start = position = held_bytes = held_pixels = 0
    for size_bytes, pixels in sizes:
        is_full = held_bytes + size_bytes > bytes_max or held_pixels + pixels > EXPORT_PART_PIXELS_MAX
        if is_full and position > start:
            yield start, position
            start, held_bytes, held_pixels = position, 0, 0
        held_bytes += size_bytes
        held_pixels += pixels
        position += 1
    if position > start:
        yield start, position


def _zip_name(export: ExportFormat, number: int, total: int) -> str:
    return f"{export.value}.zip" if total == 1 else f"{export.value}-{number + 1:03d}-of-{total:03d}.zip"


def _shard_name(export: ExportFormat, split: Split, position: int, total: int) -> str:
    if export is ExportFormat.WEBDATASET:
        return f"{split.value}-{position:06d}.tar"  # as its readers expand `train-{000000..000002}.tar`
    return f"{split.value}-{position:05d}-of-{total:05d}.parquet"
