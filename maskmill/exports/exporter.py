"""What an export format is to those who write it: the files that it makes of a dataset and of one picture.

It knows no format and no store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import NamedTuple, Protocol

from maskmill.core.errors import Code, MaskmillError
from maskmill.core.export import Split
from maskmill.core.image import NormalImage
from maskmill.core.mask import Rle
from maskmill.core.recipe import ResolvedRecipe
from maskmill.core.result import Label, Results
from maskmill.exports.archive import Member
from maskmill.exports.entries import Entry, RleOf
from maskmill.exports.tally import Count


class Needs(Flag):
    """What a format must be given of each picture."""

    PICTURE = auto()  # the file as the store holds it
    RLES = auto()  # the labels' run lengths
    PNGS = auto()  # the labels' mask files


@dataclass(frozen=True, slots=True)
class Content:
    """What a picture is made of, as far as it was needed; masks are by the object id of their label."""

    data: bytes = b""
    rles: Mapping[str, Rle] = field(default_factory=dict)
    pngs: Mapping[str, bytes] = field(default_factory=dict)

    def of(self, labels: Sequence[Label]) -> list[tuple[Label, Rle]]:
        """Labels with their run lengths."""
        return [(label, self.rles[label.object_id]) for label in labels]

    def png(self, label: Label) -> bytes:
        """A label's mask file; raises MaskmillError when it is not the label's."""
        png = self.pngs[label.object_id]
        if hashlib.sha256(png).hexdigest() != label.png_sha256:
            raise MaskmillError(Code.INTERNAL, detail=f"the mask of {label.object_id} is another one")
        return png


class File(NamedTuple):
    """A file of an export: its path and its bytes."""

    name: str
    data: bytes


class Dataset(Protocol):
    """The dataset as a whole, for the files that tell of all of it."""

    @property
    def recipe(self) -> ResolvedRecipe: ...

    def splits(self) -> tuple[Split, ...]:
        """The splits that hold pictures, in their order."""
        ...

    @property
    def results(self) -> Results:
        """What each item left behind, in order."""
        ...

    def entries(self, split: Split | None) -> Iterator[Entry]:
        """The pictures of a split (None: of all); each call begins anew."""
        ...

    def rles(self, split: Split | None) -> RleOf:
        """The run lengths of the labels of a split, to be asked for once per label and item, in their order."""
        ...

    def backgrounds(self) -> Mapping[str, NormalImage]:
        """What cut-outs are put on, by image id."""
        ...

    def background(self, normal: NormalImage) -> Iterator[bytes]:
        """The file of one of them."""
        ...


class Exporter(Protocol):
    """A format that is a tree of files; it may keep what the pictures of one item share."""

    @property
    def needs(self) -> Needs: ...

    @property
    def draws(self) -> bool:
        """Whether pictures are decoded and encoded again or outlines drawn, which takes time for every pixel."""
        ...

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        """The files that tell of the whole dataset: the first ones of the first part."""
        ...

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        """The files of one picture, which is counted."""
        ...


def classes_of(recipe: ResolvedRecipe) -> tuple[str, ...]:
    """The names of the labels, in the order of the recipe's templates."""
    return tuple(recipe.name_of(template_id) for template_id in recipe.recipe.templates)
