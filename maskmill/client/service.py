"""Every route of the REST API as a typed Python call; it knows no files and no terminal."""

from __future__ import annotations

from maskmill.client.export_calls import ExportCalls
from maskmill.client.hook_calls import HookCalls
from maskmill.client.job_calls import JobCalls
from maskmill.client.library_calls import LibraryCalls


class Service(LibraryCalls, JobCalls, ExportCalls, HookCalls):
    """One user's view of one Maskmill service, route by route; `maskmill.client.Client` adds whole roads."""
