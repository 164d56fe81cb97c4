"""`maskmill jobs` and `maskmill sync`: submitting, following and fetching jobs; it uploads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskmill.cli.bars import Bars
from maskmill.cli.completion import job_ids
from maskmill.cli.context import Common, common_of
from maskmill.cli.datasets import Dataset
from maskmill.cli.failures import FAILED, INTERRUPTED
from maskmill.cli.run import (
    Edits,
    Format,
    Key,
    NoArchive,
    Out,
    Quality,
    RecipeFile,
    Samples,
    Seed,
    Stacked,
    Templates,
    checked_key,
    how_to_come_back,
    make_recipe,
    parse_templates,
    remark_on,
)
from maskmill.core.api import ItemView, JobView
from maskmill.core.event import Event
from maskmill.core.item import ItemStatus
from maskmill.core.recipe import OutputFormat

if TYPE_CHECKING:
    from maskmill.client import Client

PAGES_MAX = 10_000

jobs = typer.Typer(no_args_is_help=True, help="Recipes over datasets.")

Job = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.", autocompletion=job_ids)]


@jobs.command("list")
def list_jobs(context: typer.Context) -> None:
    """All jobs, the newest first."""
    common = common_of(context)
    with common.connect() as client:
        common.output.listing(("id", "state", "done", "items", "created"), client.jobs(), _job_row)


@jobs.command("submit")
def submit_job(
    context: typer.Context,
    dataset: Dataset,
    templates: Templates = None,
    edits: Edits = None,
    recipe: RecipeFile = None,
    output_format: Format = OutputFormat.WEBP,
    quality: Quality = 88,
    stacked: Stacked = False,
    samples: Samples = 1,
    seed: Seed = 0,
    key: Key = "",
) -> None:
    """A job over all photos of a dataset; prints its id and does not wait."""
    from maskmill.client.run import make_templates, resolve_names
    from maskmill.client.upload import UploadReport
    from maskmill.core.api import SubmitJob

    common = common_of(context)
    drafts = parse_templates(templates)
    named = make_recipe(
        drafts,
        edits,
        recipe_file=recipe,
        output_format=output_format,
        quality=quality,
        stacked=stacked,
        samples=samples,
        seed=seed,
    )
    remark_on(common, named)
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        made = make_templates(client, dataset_id, drafts, UploadReport(files=(), left_out=()))
        body = SubmitJob(recipe=resolve_names(client, dataset_id, named, made))
        job = client.submit_job(dataset_id, body, key=checked_key(key))
    common.output.result(job.job_id)
    common.output.document(job)


@jobs.command("show")
def show_job(context: typer.Context, job: Job) -> None:
    """A job as it is now, and which items gave nothing."""
    from maskmill.cli import reports
    from maskmill.client.run import unwell_items

    common = common_of(context)
    with common.connect() as client:
        found = client.job(job)
        unwell = unwell_items(client, found)
    reports.show_job(common.output, found, unwell)
    common.output.document({"job": found, "unwell": unwell})


@jobs.command("watch")
def watch_job(context: typer.Context, job: Job) -> None:
    """Follow a job until it ends; with --json, one line for each change."""
    common = common_of(context)
    with common.connect() as client:
        try:
            ended = _followed(common, client, job)
        except KeyboardInterrupt:
            how_to_come_back(common, job, None)
            raise typer.Exit(INTERRUPTED) from None
    _end_by(ended)


@jobs.command("cancel")
def cancel_job(context: typer.Context, job: Job) -> None:
    """Ask a job to stop; what is done stays done."""
    common = common_of(context)
    with common.connect() as client:
        found = client.cancel_job(job)
    common.output.result(f"Job {found.job_id} is asked to stop ({found.status.value}).")
    common.output.document(found)


@jobs.command("retry")
def retry_job(context: typer.Context, job: Job, key: Key = "") -> None:
    """Run an ended job again as a new job over the same photos; what is done already costs only look-ups."""
    common = common_of(context)
    with common.connect() as client:
        made = client.retry_job(job, key=checked_key(key))
    common.output.result(made.job_id)
    common.output.document(made)


@jobs.command("events")
def list_events(
    context: typer.Context,
    job: Job,
    since: Annotated[int, typer.Option("--since", min=0, help="The number of the last event that you know.")] = 0,
) -> None:
    """What happened to a job, in numbered steps."""
    common = common_of(context)
    with common.connect() as client:
        common.output.listing(("event", "time", "state", "items"), events_of(client, job, since), _event_row)


@jobs.command("items")
def list_items(
    context: typer.Context,
    job: Job,
    status: Annotated[ItemStatus | None, typer.Option("--status", help="Only those in this state.")] = None,
) -> None:
    """The items of a job with their states and reasons."""
    common = common_of(context)
    with common.connect() as client:
        found = client.items(job, status=status)
        common.output.listing(("item", "name", "state", "code", "reason"), found, _item_row)


def sync(context: typer.Context, job: Job, out: Out = Path("maskmill-results"), no_archive: NoArchive = False) -> None:
    """The dataset of an ended job into a folder; only what is missing or differs is downloaded.

    What an earlier sync of another job put there goes; files that you made or changed stay.
    """
    from maskmill.cli.reports import show_sync, sync_document
    from maskmill.client.sync import sync_job

    common = common_of(context)
    with common.connect() as client, Bars() as bars:
        report = sync_job(client, job, out, archive=not no_archive, progress=bars.show)
    show_sync(common.output, report)
    common.output.result(f"Results: {out}")
    common.output.document(sync_document(report))
    if report.failures:
        raise typer.Exit(FAILED)


def _followed(common: Common, client: Client, job_id: str) -> JobView:
    from maskmill.cli import reports
    from maskmill.client.run import unwell_items
    from maskmill.client.watch import watch_job as follow

    with Bars() as bars:
        ended = follow(client, job_id, progress=bars.show, changed=common.output.document)
    reports.show_job(common.output, ended, unwell_items(client, ended))
    return ended


def _end_by(job: JobView) -> None:
    from maskmill.cli.reports import is_well

    if not is_well(job):
        raise typer.Exit(FAILED)


def _job_row(job: JobView) -> tuple[object, ...]:
    state = "waiting for the segmenter" if job.waiting_for_gpu else job.status.value
    return job.job_id, state, job.items.done, job.items_total, f"{job.created_at:%Y-%m-%d %H:%M}"


def events_of(client: Client, job_id: str, since: int) -> Iterator[Event]:
    """All events after one, page by page; where events are gone, those that are left."""
    for _ in range(PAGES_MAX):
        page = client.events(job_id, since=since)
        yield from page.items
        if page.next_since <= since or not page.items:
            return
        since = page.next_since


def _event_row(event: Event) -> tuple[object, ...]:
    counts = ", ".join(f"{count} {name}" for name, count in event.counts.model_dump().items() if count)
    return event.seq, f"{event.at:%H:%M:%S}", event.status.value, counts


def _item_row(item: ItemView) -> tuple[object, ...]:
    code, words = (item.refusal.code, item.refusal.message) if item.refusal else ("", "")
    return item.index + 1, item.name, item.status.value, code, words
