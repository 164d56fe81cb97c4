"""A service of one job that has ended beside the built page; a test says how far its ZIP is. It knows no browser.

Only what the job's screen asks for is answered, in the shapes of the API's own models.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from maskmill.core.api import DatasetView, ExportFile, ExportSummary, ExportView, JobView
from maskmill.core.export import ExportFormat, ExportStatus
from maskmill.core.image import Refusal
from maskmill.core.job import Counts, JobStatus
from maskmill.core.recipe import Recipe
from tests.page.browser import listening
from tests.page.page_service import BEGAN, PageHandler, PageServer

DATASET, JOB = "01photos", "01job"
DATASET_BYTES = 1_234_567
REFUSAL = Refusal(code="export_failed", message="The export could not be made. Ask for it again.")


@dataclass
class Archive:
    """The job's ZIP as the service has it, and how often it was asked to make it."""

    status: ExportStatus | None = None  # None: nobody has asked for it
    made: int = 0
    parts: int = 1
    asked: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    def ask(self) -> None:
        self.asked += 1
        if self.status in (None, ExportStatus.FAILED):
            self.status, self.made = ExportStatus.MAKING, 0

    def finish(self, *, parts: int = 1) -> None:
        names = ["archive.zip"] if parts == 1 else [f"archive-{n + 1:03d}-of-{parts:03d}.zip" for n in range(parts)]
        self.files = {name: _packed(name) for name in names}
        self.status, self.made = ExportStatus.READY, parts

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def refusal(self) -> Refusal | None:
        return REFUSAL if self.status is ExportStatus.FAILED else None

    def summaries(self) -> tuple[ExportSummary, ...]:
        if self.status is None:
            return ()
        return (
            ExportSummary(
                format=ExportFormat.ARCHIVE,
                status=self.status,
                parts=self.made,
                size_bytes=self.size_bytes,
                refusal=self.refusal,
            ),
        )

    def view(self) -> ExportView:
        return ExportView(
            format=ExportFormat.ARCHIVE,
            status=self.status or ExportStatus.MAKING,
            created_at=BEGAN,
            parts=self.made,
            size_bytes=self.size_bytes,
            refusal=self.refusal,
            files=tuple(
                ExportFile(
                    name=name,
                    size_bytes=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                    url=f"https://media.test/t/ann/jobs/{JOB}/exports/archive/{name}?signature",
                )
                for name, data in self.files.items()
            ),
        )


def job_view(archive: Archive) -> JobView:
    return JobView(
        job_id=JOB,
        dataset_id=DATASET,
        status=JobStatus.SUCCEEDED,
        items=Counts(done=12),
        items_total=12,
        waiting_for_gpu=False,
        cancel_requested=False,
        created_at=BEGAN,
        finished_at=BEGAN + timedelta(seconds=40),
        recipe=Recipe(templates=("01saucer",)),
        dataset_bytes=DATASET_BYTES,
        exports=archive.summaries(),
    )


class _Handler(PageHandler):
    def __init__(self, *given: Any, archive: Archive, **page: Any) -> None:
        self._archive = archive
        super().__init__(*given, **page)

    def api(self, method: str, path: str, query: dict[str, list[str]]) -> None:
        if (method, path) == ("POST", f"/jobs/{JOB}/exports/archive"):
            self._archive.ask()
        if path == f"/jobs/{JOB}/exports/archive":
            view = self._archive.view()
            ended = method == "GET" and view.status.is_terminal
            self.answer_json(view, status=200 if ended else 202, **({} if ended else {"Retry-After": "1"}))
        elif path == f"/jobs/{JOB}/events":
            self.answer_json({"items": [], "next_since": 1, "is_complete": True, "job": None})
        elif path == f"/jobs/{JOB}":
            self.answer_json(job_view(self._archive))
        elif path == f"/datasets/{DATASET}":
            self.answer_json(DatasetView(dataset_id=DATASET, name="Cups", created_at=BEGAN, images_total=12))
        elif path == "/live/tickets":
            self.answer(503, b"", "text/plain")  # no socket: the page asks every few seconds
        else:
            self.answer_json({"items": [], "next_cursor": None})

    def media(self, path: str) -> None:
        self.answer(200, self._archive.files[path.rpartition("/")[2]], "application/zip")


def _packed(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("manifest.jsonl", name)
    return out.getvalue()


@contextmanager
def serving_job(folder: Path, archive: Archive) -> Iterator[str]:
    """The address of the built page and of the job's service."""
    with listening(PageServer(partial(_Handler, folder=folder, archive=archive))) as address:
        yield address
