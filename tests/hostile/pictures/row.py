"""One row of the corpus of picture files: a file, and the one answer that it may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maskmill.core.errors import Code
from maskmill.core.image import Note, SourceFormat
from maskmill.imaging.normal import Normalised

Build = Callable[[], bytes]
Check = Callable[[Normalised], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A file that earns `code`, or (where there is none) a picture for which `check` holds.

    `notes` are exactly what ingest tells of an accepted file; None where a row does not say.
    """

    what: str
    build: Build
    code: Code | None = None
    notes: frozenset[Note] | None = None
    check: Check | None = None


def refused(code: Code, what: str, build: Build) -> Row:
    return Row(what, build, code)


def accepted(what: str, build: Build, *checks: Check, notes: tuple[Note, ...] | None = None) -> Row:
    def check(made: Normalised) -> None:
        for one in checks:
            one(made)

    return Row(what, build, notes=None if notes is None else frozenset(notes), check=check)


def shows(rgb: Callable[[], np.ndarray], *, within: int = 0) -> Check:
    """The colours are these, each to so many levels."""

    def check(made: Normalised) -> None:
        expected = rgb()
        assert made.picture.rgb.shape == expected.shape
        assert int(np.abs(made.picture.rgb.astype(int) - expected).max()) <= within

    return check


def mostly_shows(rgb: Callable[[], np.ndarray], *, within: float) -> Check:
    """The colours are these to so many levels on average: what a lossy file keeps."""

    def check(made: Normalised) -> None:
        expected = rgb()
        assert made.picture.rgb.shape == expected.shape
        assert float(np.abs(made.picture.rgb.astype(int) - expected).mean()) <= within

    return check


def is_opaque_where(opaque: Callable[[], np.ndarray]) -> Check:
    def check(made: Normalised) -> None:
        assert made.picture.alpha is not None
        assert np.array_equal(made.picture.alpha > 127, opaque())

    return check


def has_opacity(values: Callable[[], np.ndarray]) -> Check:
    def check(made: Normalised) -> None:
        assert made.picture.alpha is not None
        assert np.array_equal(made.picture.alpha, values())

    return check


def is_of(source_format: SourceFormat) -> Check:
    def check(made: Normalised) -> None:
        assert made.normal.source_format is source_format

    return check


def is_grey(made: Normalised) -> None:
    assert made.picture.is_grey
    assert made.normal.is_grey
