"""`--watch` of `maskmill run` and `upload`: new photos are handled as they appear, until Ctrl-C; it knows no steps.

What goes wrong with some photos is said in a line and never ends the command, except a sign-in that has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from maskmill.cli.bars import Bars
from maskmill.cli.context import Common
from maskmill.cli.failures import usage
from maskmill.client.runplan import RunPlan
from maskmill.core.errors import MaskmillError

if TYPE_CHECKING:
    from maskmill.client import Client
    from maskmill.client.folder import Found


@dataclass(slots=True)
class _Tally:
    photos: int = 0
    rounds: int = 0


def watch_run(common: Common, plan: RunPlan) -> None:
    """A job over each burst of new photos, its dataset in a folder of its own below `out`."""
    from maskmill.cli.reports import run_document
    from maskmill.client.run import run_files

    each = replace(plan, each_job_apart=True)

    def handle(client: Client, found: Found) -> int:
        with Bars(vanishes=True) as bars:
            report = run_files(client, each, found, bars.show)
        job = report.job
        ended = f"job {job.job_id} {job.status.value} ({job.items.done} of {job.items_total} done)"
        _say(common, f"{_photos(len(found.files))}, {ended}: {report.out}")
        for file in report.upload.refused:
            _say(common, f"{file.file.name} was refused: {file.refusal.message if file.refusal else ''}")
        common.output.document(run_document(report))
        return report.upload.ready

    _watch(common, plan.sources, handle, recursive=plan.recursive)


def watch_upload(common: Common, sources: tuple[Path, ...], dataset: str, *, recursive: bool) -> None:
    """Each new photo into a dataset."""
    from maskmill.cli.reports import upload_document
    from maskmill.client.run import find_or_create_dataset
    from maskmill.client.upload import upload_files

    def handle(client: Client, found: Found) -> int:
        target = find_or_create_dataset(client, dataset)
        with Bars(vanishes=True) as bars:
            report = upload_files(client, target.dataset_id, found, progress=bars.show)
        _say(common, f"{_photos(len(found.files))}: {report.sent} sent, {len(report.refused)} refused")
        for file in report.refused:
            _say(common, f"{file.file.name} was refused: {file.refusal.message if file.refusal else ''}")
        common.output.document(upload_document(report))
        return report.ready

    _watch(common, sources, handle, recursive=recursive)


def _watch(
    common: Common, sources: tuple[Path, ...], handle: Callable[[Client, Found], int], *, recursive: bool
) -> None:
    from maskmill.client.folder_watch import FolderWatch, follow

    if not all(source.is_dir() for source in sources):
        usage("only folders can be watched", "--watch")
    tally = _Tally()

    def counted(found: Found) -> None:
        tally.photos += handle(client, found)
        tally.rounds += 1

    common.output.say(f"Watching {', '.join(map(str, sources))}. Ctrl-C ends it.")
    try:
        with common.connect() as client:
            follow(FolderWatch(sources, recursive=recursive), counted, failed=lambda error: _tell(common, error))
    except KeyboardInterrupt:
        common.output.say(
            f"Stopped after {_photos(tally.photos)} in {tally.rounds} rounds. What runs goes on without you."
        )


def _tell(common: Common, error: MaskmillError) -> None:
    _say(common, f"Not done yet: {error.message} ({error.code.value})")
    common.output.document({"error": {"code": error.code.value, "message": error.message}})


def _say(common: Common, text: str) -> None:
    common.output.say(f"{datetime.now().astimezone():%H:%M:%S}  {text}")


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"
