"""Counting what a part of an export holds and loses, while it is written; it knows no format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from maskmill.core.errors import Code, MaskmillError
from maskmill.core.export import Conversion, Loss, Split, SplitTally, Tally
from maskmill.core.limits import TEMPLATES_PER_RECIPE_MAX
from maskmill.core.mask import Rle, rle_hash
from maskmill.core.result import Label
from maskmill.exports.entries import Entry


@dataclass(slots=True)
class Count:
    """A tally that grows."""

    pictures: int = 0
    sources: Counter[Split] = field(default_factory=Counter)
    variants: Counter[Split] = field(default_factory=Counter)
    labels: dict[Split, Counter[str]] = field(default_factory=dict)
    conversions: Counter[Conversion] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    ious: int = 0
    iou_sum: float = 0.0
    iou_min: float = 1.0
    _known: dict[str, Rle] = field(default_factory=dict)

    def add(self, entry: Entry, labels: Iterable[Label]) -> None:
        """A picture with the labels that were written for it."""
        self.pictures += 1
        (self.sources if entry.is_source else self.variants)[entry.split] += 1
        self.labels.setdefault(entry.split, Counter()).update(label.name for label in labels)

    def measure(self, iou: float) -> None:
        """What a reader gets back of one label of one picture."""
        self.ious += 1
        self.iou_sum += iou
        self.iou_min = min(self.iou_min, iou)

    def measure_exact(self, label: Label, rle: Rle) -> None:
        """A label whose run lengths are written as they are; raises MaskmillError when they are not the label's."""
        if self._known.get(label.rle_sha256) is not rle:  # pictures of one item share their masks
            if rle_hash(rle) != label.rle_sha256:
                raise MaskmillError(Code.INTERNAL, detail=f"the mask of {label.object_id} is another one")
            if len(self._known) >= TEMPLATES_PER_RECIPE_MAX:
                self._known.clear()
            self._known[label.rle_sha256] = rle
        self.measure(1.0)

    def total(self) -> Tally:
        return Tally(
            splits={
                split: SplitTally(
                    sources=self.sources[split],
                    variants=self.variants[split],
                    labels=dict(sorted(self.labels[split].items())),
                )
                for split in Split
                if split in self.labels
            },
            loss=Loss(
                labels=self.ious,
                iou_mean=min(1.0, self.iou_sum / self.ious) if self.ious else None,
                iou_min=self.iou_min if self.ious else None,
                **self.losses,
            ),
            iou_sum=self.iou_sum,
            conversions=dict(self.conversions),
        )
