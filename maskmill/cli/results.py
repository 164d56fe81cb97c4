"""`maskmill sync`, `export` and `jobs exports`: what a job gave, into folders; it submits nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maskmill.cli.bars import Bars
from maskmill.cli.context import common_of
from maskmill.cli.failures import FAILED
from maskmill.cli.jobs import Job
from maskmill.cli.run import Out
from maskmill.core.export import ExportFormat


def list_exports(context: typer.Context, job: Job) -> None:
    """The exports of a job: what they hold and what the format cost."""
    from maskmill.cli.bills import export_row

    common = common_of(context)
    with common.connect() as client:
        headings = ("format", "state", "parts", "MiB", "pictures", "labels", "mean IoU", "least IoU")
        common.output.listing(headings, client.exports(job), export_row)


def export(
    context: typer.Context,
    job: Job,
    form: Annotated[ExportFormat, typer.Argument(metavar="FORMAT", help=", ".join(ExportFormat))],
    out: Annotated[Path | None, typer.Option("--out", file_okay=False, help="FORMAT by default.")] = None,
) -> None:
    """An ended job's dataset in another tool's form, unpacked and verified; made if nobody has asked for it yet.

    `archive` is everything as it is, and stays packed.
    """
    from maskmill.cli.bills import show_receipt

    common = common_of(context)
    with common.connect() as client, Bars() as bars:
        report = client.export(job, form, out or Path(form.value), on_progress=bars.show)
    show_receipt(common.output, report.receipt)
    common.output.result(f"{report.fetched} parts fetched, {report.kept} there already: {report.out}")
    document = {"out": report.out, "fetched": report.fetched, "kept": report.kept, "receipt": report.receipt}
    common.output.document(document)


def sync(context: typer.Context, job: Job, out: Out = Path("maskmill-results")) -> None:
    """The dataset of an ended job into a folder; only what is missing or differs is downloaded.

    What an earlier sync of another job put there goes; files that you made or changed stay.
    """
    from maskmill.cli.reports import show_sync, sync_document
    from maskmill.client.sync import sync_job

    common = common_of(context)
    with common.connect() as client, Bars() as bars:
        report = sync_job(client, job, out, progress=bars.show)
    show_sync(common.output, report)
    common.output.result(f"Results: {out}")
    common.output.document(sync_document(report))
    if report.failures:
        raise typer.Exit(FAILED)
