"""Exports: the formats of other tools, how pictures are split, and what an export says it lost; it knows no bytes.

A split is decided per picture by its pixels alone, so that a source and all its variants are in the same one, two
uploads of one photo are, too, and adding photos moves none that are there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from maskmill.core.model import Count, Model, Number

SHARES_TOLERANCE = 1e-6
RECEIPT = "receipt.json"


class ExportFormat(StrEnum):
    """The forms in which a dataset leaves, by the tool that reads each."""

    COCO = "coco"  # instances with compressed RLE: pycocotools, supervision, datumaro
    YOLO_SEG = "yolo-seg"  # one polygon per object: ultralytics, supervision
    VOC = "voc"  # Pascal VOC: class and object pictures, boxes; datumaro, torchvision
    IMAGEFOLDER = "imagefolder"  # Hugging Face datasets, as a folder of files
    PARQUET = "parquet"  # Hugging Face datasets, as tables that hold the pictures
    WEBDATASET = "webdataset"  # tar shards that are read in order
    MASKS = "masks"  # the pictures and one plain mask for each label
    OVERLAY = "overlay"  # pictures with their labels painted over them, for people
    ARCHIVE = "archive"  # everything as it is: the tree of `maskmill sync`, packed


class Split(StrEnum):
    """The parts of a training set."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


Share = Annotated[Number, Field(ge=0.0, le=1.0)]


class Splits(Model):
    """Which share of the photos is in each split, and which splits get variants; the others get originals only.

    A share is a chance: among a few photos a small split may stay empty. `seed` draws another division.
    """

    train: Share = 1.0
    val: Share = 0.0
    test: Share = 0.0
    seed: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 0
    variants_in: Annotated[tuple[Split, ...], Field(max_length=len(Split))] = (Split.TRAIN,)

    @model_validator(mode="after")
    def _is_a_division(self) -> Self:
        if abs(self.train + self.val + self.test - 1.0) > SHARES_TOLERANCE:
            raise ValueError("the shares of train, val and test must add up to 1")
        if len(set(self.variants_in)) != len(self.variants_in):
            raise ValueError("a split is named twice")
        return self

    def of(self, pixels_sha256: str) -> Split:
        """The split of a photo, by the identity of its pixels."""
        digest = hashlib.sha256(f"split/{self.seed}/{pixels_sha256}".encode()).digest()
        fraction = int.from_bytes(digest[:7], "big") / 2**56
        if fraction < self.train:
            return Split.TRAIN
        if fraction < self.train + self.val:
            return Split.VAL
        return Split.TEST if self.test else (Split.VAL if self.val else Split.TRAIN)  # a rounded sum is not a split

    def has_variants(self, pixels_sha256: str) -> bool:
        """Whether variants are made of a photo."""
        return self.of(pixels_sha256) in self.variants_in


class ExportStatus(StrEnum):
    """waiting (for its job) → making → ready | failed."""

    WAITING = "waiting"
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        return self in (ExportStatus.READY, ExportStatus.FAILED)


class Conversion(StrEnum):
    """What had to be done to pictures because a format does not take them as they are."""

    WRITTEN_AS_JPEG = "written_as_jpeg"
    WRITTEN_AS_WEBP = "written_as_webp"  # lossless: the same pixels
    LAID_ON_WHITE = "laid_on_white"  # their transparency is gone


class SplitTally(Model):
    """What one split holds; `labels` counts by class."""

    sources: Count = 0
    variants: Count = 0
    labels: dict[str, Count] = {}

    @property
    def pictures(self) -> int:
        return self.sources + self.variants


class Loss(Model):
    """What reading the export back costs, against the run lengths, which are the truth.

    IoU is that of each label in each picture as the format's readers draw it, measured when the export was made. None:
    the format holds nothing that is read back.
    """

    labels: Count = 0  # that were measured
    iou_mean: Annotated[Number, Field(ge=0.0, le=1.0)] | None = None
    iou_min: Annotated[Number, Field(ge=0.0, le=1.0)] | None = None
    holes_lost: Count = 0
    objects_split: Count = 0  # into several instances
    labels_dropped: Count = 0  # too small to be written, or hidden altogether by others
    labels_overlapped: Count = 0  # that gave pixels to a smaller one, where a pixel has one owner
    pixels_overlapped: Count = 0


class ExportPart(Model):
    """One file of an export."""

    name: str
    size_bytes: Count
    sha256: str
    pictures: Count


class Tally(Model):
    """What one part of an export holds and lost, so that the parts of an export can be added up."""

    splits: dict[Split, SplitTally] = {}
    loss: Loss = Loss()
    iou_sum: Annotated[Number, Field(ge=0.0)] = 0.0
    conversions: dict[Conversion, Count] = {}


class MadePart(Model):
    """A part that lies in the store, and what is in it."""

    part: ExportPart
    tally: Tally


class ExportReceipt(Model):
    """What an export holds and what it lost; the same job gives the same receipt."""

    version: Literal[1] = 1
    format: ExportFormat
    classes: tuple[str, ...]
    splits: dict[Split, SplitTally]
    loss: Loss
    conversions: dict[Conversion, Count] = {}
    parts: tuple[ExportPart, ...]

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)


def receipt_of(export: ExportFormat, classes: tuple[str, ...], made: Sequence[MadePart]) -> ExportReceipt:
    """The receipt of an export from its parts, in their order."""
    tallies = [one.tally for one in made]
    splits: dict[Split, SplitTally] = {}
    conversions: Counter[Conversion] = Counter()
    for tally in tallies:
        conversions.update(tally.conversions)
        for split, held in tally.splits.items():
            splits[split] = _added(splits.get(split, SplitTally()), held)
    return ExportReceipt(
        format=export,
        classes=classes,
        splits={split: splits[split] for split in Split if split in splits},
        loss=_loss_of(tallies),
        conversions={conversion: conversions[conversion] for conversion in Conversion if conversions[conversion]},
        parts=tuple(one.part for one in made),
    )


def _added(one: SplitTally, other: SplitTally) -> SplitTally:
    labels = Counter(one.labels)
    labels.update(other.labels)
    return SplitTally(
        sources=one.sources + other.sources,
        variants=one.variants + other.variants,
        labels=dict(sorted(labels.items())),
    )


def _loss_of(tallies: Sequence[Tally]) -> Loss:
    labels = sum(tally.loss.labels for tally in tallies)
    lowest = [tally.loss.iou_min for tally in tallies if tally.loss.iou_min is not None]
    return Loss(
        labels=labels,
        iou_mean=min(1.0, sum(tally.iou_sum for tally in tallies) / labels) if labels else None,
        iou_min=min(lowest, default=None),
        **{name: sum(getattr(tally.loss, name) for tally in tallies) for name in _COUNTED_LOSSES},
    )


_COUNTED_LOSSES = ("holes_lost", "objects_split", "labels_dropped", "labels_overlapped", "pixels_overlapped")
