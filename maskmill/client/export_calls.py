"""The routes of exports as calls; it knows no files on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from maskmill.client.wire import Wire, path_of
from maskmill.core.api import ExportView, Page
from maskmill.core.export import ExportFormat


class ExportCalls(Wire):
    """A job's dataset in the forms of other tools."""

    def exports(self, job_id: str) -> Iterator[ExportView]:
        return self._all(Page[ExportView], path_of("jobs", job_id, "exports"))

    def ask_export(self, job_id: str, export: ExportFormat) -> ExportView:
        """Ask for an export of a finished job; one that is there is not made again, one that failed is."""
        return self._create(ExportView, path_of("jobs", job_id, "exports", export.value))

    def export_state(self, job_id: str, export: ExportFormat) -> ExportView:
        """An export as it is now: its receipt and the signed addresses of its files once it is ready."""
        return self._read(ExportView, path_of("jobs", job_id, "exports", export.value))

    def archive(self, job_id: str) -> ExportView:
        """The export `archive`, which holds everything, by a shorter name."""
        return self._read(ExportView, path_of("jobs", job_id, "archive"))
