"""Progress for a person on stderr: a bar in a terminal, a line per step elsewhere; it knows no service."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from maskmill.cli.output import console_on, plain
from maskmill.client.progress import Progress, Step

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

WORDS = {
    Step.HASHING: "Looking at the files",
    Step.UPLOADING: "Uploading",
    Step.EXAMINING: "Examining the photos",
    Step.PLANNING: "Planning the job",
    Step.WAITING: "Waiting for the segmenter",
    Step.SEGMENTING: "Segmenting",
    Step.RENDERING: "Rendering",
    Step.FINISHING: "Finishing the dataset",
    Step.EXPORTING: "Making the export",
    Step.DOWNLOADING: "Downloading",
}
_LINE_EVERY_S = 15.0
_WIDE_COLUMNS = 100  # below this the bar itself goes, because the numbers say more


class Bars:
    """Shows each progress; use it in a `with` block. `job_id` is the job seen last, for words after an interruption.

    With `vanishes` nothing of it stays on the screen.
    """

    def __init__(self, *, vanishes: bool = False) -> None:
        self._vanishes = vanishes
        self.job_id: str | None = None
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
        self._rich: RichProgress | None = None
        self._tasks: dict[Step, TaskID] = {}
        self._last: Progress | None = None
        self._written_at = self._step_since = time.monotonic()

    def __enter__(self) -> Self:
        if self._is_terminal:
            self._rich = columns_on(console_on(sys.stderr), vanishes=self._vanishes)
            self._rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.stop()
        elif self._last is not None and not self._vanishes:
            self._write(self._last)

    def show(self, progress: Progress) -> None:
        self.job_id = progress.job_id or self.job_id
        if self._rich is not None:
            self._draw(self._rich, progress)
        else:
            self._note(progress)

    def _draw(self, rich: RichProgress, progress: Progress) -> None:
        if self._last is not None and self._last.step is not progress.step:
            ended = self._tasks[self._last.step]
            whole = self._last.total or 1
            rich.update(ended, total=whole, completed=whole, text="")
            rich.stop_task(ended)
        if progress.step not in self._tasks:
            self._tasks[progress.step] = rich.add_task(WORDS[progress.step], total=None, text="")
        is_open = progress.step in (Step.PLANNING, Step.WAITING, Step.FINISHING, Step.EXPORTING)
        total = None if is_open else progress.total
        rich.update(self._tasks[progress.step], completed=progress.done, total=total, text=plain(progress.text))
        self._last = progress

    def _note(self, progress: Progress) -> None:
        """A line when a step has ended, and now and then while it lasts."""
        if self._vanishes:
            return
        if self._last is None:
            self._step_since = time.monotonic()
        elif self._last.step is not progress.step:
            self._write(self._last)
            self._step_since = time.monotonic()
        elif time.monotonic() - self._written_at > _LINE_EVERY_S:
            self._write(progress)
        self._last = progress

    def _write(self, progress: Progress) -> None:
        now = time.monotonic()
        count = f": {progress.done} of {progress.total}" if progress.total else ""
        text = f" ({progress.text})" if progress.text else ""
        print(
            plain(f"{WORDS[progress.step]}{count}{text}, {now - self._step_since:.1f} s"), file=sys.stderr, flush=True
        )
        self._written_at = now


def columns_on(console: Console, *, vanishes: bool = False) -> RichProgress:
    """Columns that fit: in a narrow terminal the words at the end are cut, never the counts and the time."""
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    bars = [BarColumn(bar_width=24)] if console.width >= _WIDE_COLUMNS else []
    return RichProgress(
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        *bars,
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[text]}", table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
        transient=vanishes,
    )
