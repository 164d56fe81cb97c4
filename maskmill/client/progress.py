"""How far a run is, as values that anything can show; it knows no terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What a run is doing; the order is that of a run."""

    HASHING = "hashing"
    UPLOADING = "uploading"
    EXAMINING = "examining"  # ingest looks at the files
    PLANNING = "planning"
    WAITING = "waiting"  # for the segmenter: nothing has come back yet
    SEGMENTING = "segmenting"
    RENDERING = "rendering"
    FINISHING = "finishing"
    EXPORTING = "exporting"
    DOWNLOADING = "downloading"


@dataclass(frozen=True, slots=True)
class Progress:
    """A step and how much of it is done; `total` is None while it is not known."""

    step: Step
    done: int = 0
    total: int | None = None
    text: str = ""  # more about it, for a person
    job_id: str | None = None


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A report that nobody reads."""
