"""The names of what may be known of a picture: segmenters' answers, refined masks, records of variants."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class FactKind(StrEnum):
    """What kind of thing is known."""

    MASK = "mask"  # a segmenter's answer: the first one stays
    LABEL = "label"  # a refined mask and its measures
    RECORD = "record"  # how a variant was made


class Fact(NamedTuple):
    """One thing that may be known of a picture: `fact_id` is a mask's key, a label's object, or a record's id."""

    kind: FactKind
    pixels_sha256: str
    fact_id: str


def mask_fact(pixels_sha256: str, mask_key: str) -> Fact:
    return Fact(FactKind.MASK, pixels_sha256, mask_key)


def label_fact(pixels_sha256: str, object_id: str) -> Fact:
    return Fact(FactKind.LABEL, pixels_sha256, object_id)


def record_fact(pixels_sha256: str, record_id: str) -> Fact:
    return Fact(FactKind.RECORD, pixels_sha256, record_id)
