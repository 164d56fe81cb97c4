"""The bodies of exports; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime

from maskmill.core.export import ExportFormat, ExportReceipt, ExportStatus, Loss
from maskmill.core.image import Refusal
from maskmill.core.model import Model


class ExportSummary(Model):
    """One export of a job at a glance; `loss` is there when it is ready, `refusal` when it failed."""

    format: ExportFormat
    status: ExportStatus
    parts: int = 0  # that are made
    size_bytes: int = 0
    loss: Loss | None = None
    refusal: Refusal | None = None


class ExportFile(Model):
    """One file of an export; `url` is signed and can be read in ranges."""

    name: str
    size_bytes: int
    sha256: str
    url: str


class ExportView(Model):
    """An export with its receipt once it is ready; `seconds` is the time spent on making it.

    `files` are given where one export is asked for, and left out of lists.
    """

    format: ExportFormat
    status: ExportStatus
    created_at: datetime | None = None  # None: the job has not ended yet
    finished_at: datetime | None = None
    seconds: float = 0.0
    parts: int = 0  # that are made
    size_bytes: int = 0
    receipt: ExportReceipt | None = None
    receipt_url: str | None = None
    refusal: Refusal | None = None
    files: tuple[ExportFile, ...] = ()
