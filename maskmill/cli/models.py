"""`maskmill models`: the checkpoints that segmenters need, from their publishers; it knows no service and no model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskmill.cli.context import common_of
from maskmill.cli.failures import FAILED, usage
from maskmill.cli.output import console_on
from maskmill.core.catalogue import PUBLISHED, Published
from maskmill.core.engines import Engine
from maskmill.core.package import MANIFEST

if TYPE_CHECKING:
    from maskmill.client.checkpoints import Found

MODELS = Path("models")
_UNKNOWN = "?"
_LINE_EVERY_SHARE = 0.1  # where no terminal is

models = typer.Typer(no_args_is_help=True, help="Checkpoints of the segmenters, and where they come from.")

Named = Annotated[str, typer.Argument(metavar="ENGINE", help="As `maskmill models list` shows it.")]
Place = Annotated[Path, typer.Option("--in", help="The folder that the checkpoints lie in.")]


@models.command("list")
def list_models(context: typer.Context, folder: Place = MODELS) -> None:
    """Every engine with weights, its size and licence, and whether it was fetched; nothing is read or sent."""
    output = common_of(context).output
    rows = [_listed(published, folder) for published in PUBLISHED.values()]
    headings = ("engine", "file", "size", "licence", "here", "publisher")
    output.table(headings, ([row[name] for name in headings] for row in rows))
    for row, published in zip(rows, PUBLISHED.values(), strict=True):
        output.document(row | {"size": published.size_bytes, "url": published.url, "sha256": published.sha256})


@models.command("fetch")
def fetch(
    context: typer.Context,
    engine: Named,
    folder: Annotated[Path, typer.Option("--to", help="The folder to keep it in.")] = MODELS,
    mirror: Annotated[str | None, typer.Option("--from", help="Address of a folder that has the same file.")] = None,
) -> None:
    """Download a checkpoint from its publisher and check it; a download that broke goes on where it stopped."""
    from maskmill.client.checkpoints import fetch_checkpoint
    from maskmill.client.retry import Backoff

    output = common_of(context).output
    published = published_named(engine)
    output.say(f"{published.file} is given away by {published.page} under {published.licence}.")
    with _progress(published.file) as report:
        found = fetch_checkpoint(published, folder, mirror=mirror, backoff=Backoff(), report=report)
    if found.is_first:
        output.say(
            "What this file must be is not known here, so this first download was trusted. Its SHA-256 is kept beside"
            f" it; name it when you deploy: -c weights_sha256={found.sha256}"
        )
    output.result(f"{found.path} is {'here' if found.is_new else 'here already'} and whole: {found.version}")
    output.document({"engine": published.engine, "path": found.path, "sha256": found.sha256, "version": found.version})


@models.command("verify")
def verify(
    context: typer.Context,
    engines: Annotated[list[str] | None, typer.Argument(metavar="[ENGINE]…", help="All that are here.")] = None,
    folder: Place = MODELS,
) -> None:
    """Read checkpoints and packages whole and compare them with what they must be; ends with status 1 if one is not."""
    from maskmill.client.checkpoints import State

    output = common_of(context).output
    found = list(_looked_at([published_named(name).engine for name in engines or []], folder))
    output.table(("file", "state", "sha256"), ((item.path, item.state, item.sha256 or "") for item in found))
    for item in found:
        output.document({"file": item.path, "state": item.state, "sha256": item.sha256, "expected": item.expected})
    if not found:
        output.say(f"There is no checkpoint and no package in {folder}. `maskmill models fetch ENGINE` gets one.")
    if not found or any(item.state in (State.WRONG, State.MISSING) for item in found):
        raise typer.Exit(FAILED)


def published_named(name: str) -> Published:
    """A catalogue's entry by its engine's name; ends the command for a name that is not there."""
    if name not in set(Engine) or Engine(name) not in PUBLISHED:
        usage(f"there is no checkpoint for {name!r}; there are {', '.join(PUBLISHED)}", "ENGINE")
    return PUBLISHED[Engine(name)]


def _listed(published: Published, folder: Path) -> dict[str, str]:
    return {
        "engine": published.engine.value,
        "file": published.file,
        "size": _size(published.size_bytes),
        "licence": published.licence,
        "here": "yes" if (folder / published.file).exists() else "no",
        "publisher": published.page,
    }


def _looked_at(engines: list[Engine], folder: Path) -> Iterator[Found]:
    """The checkpoints that are named, or all that are here, and the packages beside them."""
    from maskmill.client.checkpoints import look, look_at_package

    for published in PUBLISHED.values():
        is_here = (folder / published.file).exists()
        if published.engine in engines or (is_here and not engines):
            yield look(published, folder)
    for manifest in sorted([*folder.glob(MANIFEST), *folder.glob(f"*/{MANIFEST}")]):
        if not engines or manifest.parent.name in engines:
            yield from look_at_package(manifest)


def _size(size_bytes: int | None) -> str:
    return _UNKNOWN if size_bytes is None else f"{size_bytes / 1e6:,.0f} MB"


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar in a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(name)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console_on(sys.stderr)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Progress as a line for each tenth."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        if done / total >= self._next:
            print(f"{self._name}: {_size(done)} of {_size(total)}", file=sys.stderr, flush=True)
            self._next = done / total + _LINE_EVERY_SHARE
