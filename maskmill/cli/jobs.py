"""`maskmill jobs`: estimating, submitting and following jobs; it uploads and fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from maskmill.cli.bars import Bars
from maskmill.cli.completion import job_ids
from maskmill.cli.context import Common, common_of
from maskmill.cli.datasets import Dataset
from maskmill.cli.failures import FAILED, INTERRUPTED
from maskmill.cli.run import (
    Edits,
    EffortOption,
    Exports,
    Format,
    Key,
    Quality,
    RecipeFile,
    Samples,
    Seed,
    Split,
    Stacked,
    Templates,
    checked_key,
    how_to_come_back,
    make_recipe,
    parse_templates,
    remark_on,
)
from maskmill.core.api import ItemView, JobView, SubmitJob
from maskmill.core.event import Event
from maskmill.core.item import ItemStatus
from maskmill.core.recipe import Effort, OutputFormat, Recipe

if TYPE_CHECKING:
    from maskmill.client import Client
    from maskmill.client.runplan import TemplateDraft

PAGES_MAX = 10_000

jobs = typer.Typer(no_args_is_help=True, help="Recipes over datasets.")

OnlyImages = Annotated[
    list[str] | None, typer.Option("--image", help="Only this photo, by id or name; may be given several times.")
]
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
    effort: EffortOption = Effort.FAST,
    stacked: Stacked = False,
    samples: Samples = 1,
    seed: Seed = 0,
    key: Key = "",
    exports: Exports = None,
    split: Split = "1",
    image: OnlyImages = None,
) -> None:
    """A job over all photos of a dataset, or over some; prints its id and does not wait."""
    common = common_of(context)
    drafts = parse_templates(templates)
    named = make_recipe(
        drafts,
        edits,
        recipe_file=recipe,
        output_format=output_format,
        quality=quality,
        effort=effort,
        stacked=stacked,
        samples=samples,
        seed=seed,
        exports=exports,
        split=split,
    )
    remark_on(common, named)
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        body = _body(client, dataset_id, drafts, named, image)
        job = client.submit_job(dataset_id, body, key=checked_key(key))
    common.output.result(job.job_id)
    common.output.document(job)


@jobs.command("estimate")
def estimate_job(
    context: typer.Context,
    dataset: Dataset,
    templates: Templates = None,
    edits: Edits = None,
    recipe: RecipeFile = None,
    output_format: Format = OutputFormat.WEBP,
    quality: Quality = 88,
    effort: EffortOption = Effort.FAST,
    stacked: Stacked = False,
    samples: Samples = 1,
    seed: Seed = 0,
    exports: Exports = None,
    split: Split = "1",
    image: OnlyImages = None,
) -> None:
    """What a job would take, in pictures, seconds and dollars; nothing runs. New templates are made."""
    from maskmill.cli.bills import show_estimate

    common = common_of(context)
    drafts = parse_templates(templates)
    named = make_recipe(
        drafts,
        edits,
        recipe_file=recipe,
        output_format=output_format,
        quality=quality,
        effort=effort,
        stacked=stacked,
        samples=samples,
        seed=seed,
        exports=exports,
        split=split,
    )
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        found = client.estimate_job(dataset_id, _body(client, dataset_id, drafts, named, image))
    show_estimate(common.output, found)
    common.output.document(found)


def _body(
    client: Client, dataset_id: str, drafts: tuple[TemplateDraft, ...], named: Recipe, images: list[str] | None
) -> SubmitJob:
    """The submission of a recipe that names templates by name, over all photos or over those named."""
    from maskmill.client.run import make_templates, resolve_names
    from maskmill.client.upload import UploadReport

    made = make_templates(client, dataset_id, drafts, UploadReport(files=(), left_out=()))
    ids = None if images is None else tuple(client.find_image(dataset_id, one).image_id for one in images)
    return SubmitJob(recipe=resolve_names(client, dataset_id, named, made), image_ids=ids)


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
    exports = "".join(f", export {export.format} {export.status}" for export in event.exports)
    return event.seq, f"{event.at:%H:%M:%S}", event.status.value, counts + exports


def _item_row(item: ItemView) -> tuple[object, ...]:
    code, words = (item.refusal.code, item.refusal.message) if item.refusal else ("", "")
    return item.index + 1, item.name, item.status.value, code, words
