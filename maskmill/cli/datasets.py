"""`maskmill datasets`, `upload` and `images`: what a job will work on; it knows no jobs."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from maskmill.cli.bars import Bars
from maskmill.cli.completion import dataset_names
from maskmill.cli.context import common_of
from maskmill.cli.failures import FAILED, usage
from maskmill.cli.output import plain
from maskmill.cli.run import Recursive, Sources, Watch
from maskmill.core.api import DatasetView, ImageView, PatchDataset
from maskmill.core.errors import Conflict, NotFound
from maskmill.core.image import ImageStatus

datasets = typer.Typer(no_args_is_help=True, help="Sets of photos.")

_LIFE = re.compile(r"([0-9]{1,9})(s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}


def _life_s(text: str) -> int:
    """Seconds of a text such as 90, 30m, 6h or 7d."""
    found = _LIFE.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time such as 30m, 6h or 7d")
    return int(found.group(1)) * _SECONDS[found.group(2)]


Expires = Annotated[
    int | None, typer.Option("--expires", parser=_life_s, metavar="6h", help="Remove it by itself after this time.")
]
HEADINGS = ("id", "name", "created", "expires")
Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="Id or name.", autocompletion=dataset_names)]


@datasets.command("list")
def list_datasets(context: typer.Context) -> None:
    """All datasets."""
    common = common_of(context)
    with common.connect() as client:
        common.output.listing(HEADINGS, client.datasets(), _dataset_row)


@datasets.command("create")
def create_dataset(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    trial: Annotated[bool, typer.Option("--trial", help="It expires soon by itself.")] = False,
    expires: Expires = None,
) -> None:
    """A new, empty dataset; refused when there is one of that name, because commands find datasets by name."""
    from maskmill.client.run import find_dataset

    common = common_of(context)
    with common.connect() as client:
        if found := find_dataset(client, name):
            raise Conflict(
                message=f"There is a dataset {found.name!r} already ({found.dataset_id}). Choose another name."
            )
        made = client.create_dataset(name, trial=trial, expires_in_s=expires)
    common.output.result(made.dataset_id)
    common.output.document(made)


@datasets.command("change")
def change_dataset(
    context: typer.Context,
    dataset: Dataset,
    rename: Annotated[str, typer.Option("--rename", help="Another name.")] = "",
    expires: Expires = None,
    keep: Annotated[bool, typer.Option("--keep", help="It does not expire any more.")] = False,
) -> None:
    """Give a dataset another name or another end."""
    from maskmill.client.wire import valid

    common = common_of(context)
    values: dict[str, object] = {"name": rename} if rename else {}
    if expires is not None or keep:
        values["expires_in_s"] = None if keep else expires
    if not values or (keep and expires is not None):
        usage("give --rename, and one of --expires and --keep", "--expires")
    with common.connect() as client:
        changed = client.change_dataset(client.find_dataset(dataset).dataset_id, valid(PatchDataset, values))
    common.output.listing(HEADINGS, [changed], _dataset_row)


@datasets.command("delete")
def delete_dataset(
    context: typer.Context,
    dataset: Dataset,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a dataset with its photos, templates, jobs and all that they gave; what was downloaded stays."""
    common = common_of(context)
    with common.connect() as client:
        found = client.find_dataset(dataset)
        if not yes:
            words = (
                f"Remove the dataset {found.name} ({found.dataset_id}) with its photos, templates, jobs and results?"
            )
            typer.confirm(plain(words), abort=True, err=True)
        client.delete_dataset(found.dataset_id)
    common.output.result(f"The dataset {found.name} ({found.dataset_id}) is being removed.")
    common.output.document({"dataset_id": found.dataset_id, "removed": True})


@datasets.command("remove-image")
def remove_images(
    context: typer.Context,
    dataset: Dataset,
    photos: Annotated[list[str], typer.Argument(metavar="PHOTO…", help="Ids or names.")],
) -> None:
    """Take photos out of a dataset; what was made of them goes when no open job needs it any more."""
    common = common_of(context)
    with common.connect() as client:
        target = client.find_dataset(dataset).dataset_id
        held = list(client.images(target))
        found = [one for one in held if one.image_id in photos or one.name in photos]
        if missing := set(photos) - {text for one in found for text in (one.image_id, one.name)}:
            raise NotFound(message=f"There is no photo {min(missing)!r}. `maskmill images` shows those that exist.")
        for one in found:
            client.delete_image(target, one.image_id)
            common.output.result(f"{one.name} ({one.image_id}) is removed.")
            common.output.document({"image_id": one.image_id, "removed": True})


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


def _dataset_row(dataset: DatasetView) -> tuple[object, ...]:
    expires = f"{dataset.expires_at:%Y-%m-%d %H:%M}" if dataset.expires_at else ""
    return dataset.dataset_id, dataset.name, f"{dataset.created_at:%Y-%m-%d %H:%M}", expires


def _image_row(image: ImageView) -> tuple[object, ...]:
    size = f"{image.normal.size.width_px}x{image.normal.size.height_px}" if image.normal else ""
    words = ", ".join(note.replace("_", " ") for note in image.normal.notes) if image.normal else ""
    if image.refusal is not None:
        words = f"{image.refusal.code}: {image.refusal.message}"
    return image.image_id, image.name, image.status.value, size, words
