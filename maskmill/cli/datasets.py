"""`maskmill datasets`, `upload`, `images` and `templates`: what a job will work on; it knows no jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from maskmill.cli.bars import Bars
from maskmill.cli.context import common_of
from maskmill.cli.failures import FAILED
from maskmill.cli.run import Recursive, Sources, Watch, parse_templates
from maskmill.core.api import DatasetView, ImageView, TemplateView
from maskmill.core.errors import Conflict
from maskmill.core.image import ImageStatus
from maskmill.core.prompt import MaskChoice, Placement, Template
from maskmill.core.runs import runs_of

datasets = typer.Typer(no_args_is_help=True, help="Sets of photos.")
templates = typer.Typer(no_args_is_help=True, help="Ways to find an object.")

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="Id or name.")]


@datasets.command("list")
def list_datasets(context: typer.Context) -> None:
    """All datasets."""
    common = common_of(context)
    with common.connect() as client:
        common.output.listing(("id", "name", "created"), client.datasets(), _dataset_row)


@datasets.command("create")
def create_dataset(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """A new, empty dataset; refused when there is one of that name, because commands find datasets by name."""
    from maskmill.client.run import find_dataset

    common = common_of(context)
    with common.connect() as client:
        if found := find_dataset(client, name):
            raise Conflict(
                message=f"There is a dataset {found.name!r} already ({found.dataset_id}). Choose another name."
            )
        made = client.create_dataset(name)
    common.output.result(made.dataset_id)
    common.output.document(made)


@datasets.command("show")
def show_dataset(context: typer.Context, dataset: Dataset) -> None:
    """A dataset, its photos counted by state, and its templates."""
    common = common_of(context)
    with common.connect() as client:
        found = client.find_dataset(dataset)
        counts = {status.value: 0 for status in ImageStatus}
        for image in client.images(found.dataset_id):
            counts[image.status.value] += 1
        named = list(client.templates(found.dataset_id))
    common.output.result(f"{found.name} ({found.dataset_id}), created {found.created_at:%Y-%m-%d %H:%M}")
    common.output.result("Photos: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    common.output.result("Templates: " + (", ".join(template.name for template in named) or "none"))
    common.output.document({"dataset": found, "images": counts, "templates": named})


def upload(
    context: typer.Context,
    sources: Sources,
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id; the folder's name by default.")] = "",
    recursive: Recursive = False,
    watch: Watch = False,
) -> None:
    """Photos into a dataset, which is created when there is none of that name.

    An upload that was interrupted goes on where it stopped: run it again.
    """
    from maskmill.cli.reports import show_upload, upload_document
    from maskmill.cli.watching import watch_upload
    from maskmill.client.folder import find_files, folder_name
    from maskmill.client.run import find_or_create_dataset
    from maskmill.client.upload import upload_files

    common = common_of(context)
    if watch:
        watch_upload(common, tuple(sources), dataset or folder_name(sources[0]), recursive=recursive)
        return
    found = find_files(sources, recursive=recursive)
    with common.connect() as client:
        target = find_or_create_dataset(client, dataset or folder_name(sources[0]))
        with Bars() as bars:
            report = upload_files(client, target.dataset_id, found, progress=bars.show)
    common.output.result(f"Dataset {target.name} ({target.dataset_id})")
    show_upload(common.output, report)
    common.output.document({"dataset": target, **upload_document(report)})
    if report.refused:
        raise typer.Exit(FAILED)


def images(
    context: typer.Context,
    dataset: Dataset,
    status: Annotated[ImageStatus | None, typer.Option("--status", help="Only those in this state.")] = None,
) -> None:
    """The photos of a dataset: what ingest made of them, or why it refused them."""
    common = common_of(context)
    with common.connect() as client:
        found = client.images(client.find_dataset(dataset).dataset_id, status=status)
        common.output.listing(("id", "name", "state", "size", "notes or reason"), found, _image_row)


@templates.command("list")
def list_templates(context: typer.Context, dataset: Dataset) -> None:
    """The templates of a dataset."""
    common = common_of(context)
    with common.connect() as client:
        found = client.templates(client.find_dataset(dataset).dataset_id)
        common.output.listing(("id", "name", "placement", "what to look for"), found, _template_row)


@templates.command("create")
def create_template(
    context: typer.Context,
    dataset: Dataset,
    template: Annotated[list[str], typer.Argument(metavar="NAME=IMAGE:x,y…", help="As for `maskmill run --template`.")],
) -> None:
    """New templates; an equal one that exists is reused."""
    from maskmill.client.run import make_templates
    from maskmill.client.upload import UploadReport

    common = common_of(context)
    drafts = parse_templates(template)
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        made = make_templates(client, dataset_id, drafts, UploadReport(files=(), left_out=()))
    common.output.listing(("id", "name", "placement", "what to look for"), made, _template_row)


def _dataset_row(dataset: DatasetView) -> tuple[object, ...]:
    return dataset.dataset_id, dataset.name, f"{dataset.created_at:%Y-%m-%d %H:%M}"


def _image_row(image: ImageView) -> tuple[object, ...]:
    size = f"{image.normal.size.width_px}x{image.normal.size.height_px}" if image.normal else ""
    words = ", ".join(note.replace("_", " ") for note in image.normal.notes) if image.normal else ""
    if image.refusal is not None:
        words = f"{image.refusal.code}: {image.refusal.message}"
    return image.image_id, image.name, image.status.value, size, words


def _template_row(template: TemplateView) -> tuple[object, ...]:
    return template.template_id, template.name, template.placement.value, _written(template)


def _written(template: Template) -> str:
    """Points, box and refinement of a template as `--template` takes them."""
    prompt, refined = template.prompt, template.refinement
    places = (
        [f"{'' if point.positive else '!'}{point.x:.4g},{point.y:.4g}" for point in prompt.points] if prompt else []
    )
    if prompt is not None and prompt.box is not None:
        box = prompt.box
        places.append(f"box={box.left:.4g},{box.top:.4g},{box.right:.4g},{box.bottom:.4g}")
    values = (refined.grow_px, refined.feather_px, refined.island_area_min, refined.hole_area_min)
    names = ("grow", "feather", "islands", "holes")
    if template.placement is Placement.MASK and prompt is not None and prompt.previous is not None:
        rle = prompt.previous
        area_px = sum(run for index, run in enumerate(runs_of(rle)) if index % 2)
        places = [f"{area_px} px of {rle.size.width_px} × {rle.size.height_px}"]
    options = [f"{name}={value:.4g}" for name, value in zip(names, values, strict=True) if value]
    if template.choice is not MaskChoice.BEST:
        options.append(f"choice={template.choice.value}")
    return ";".join(places) + (f"@{','.join(options)}" if options else "")
