"""`maskmill render`: a variant of a folder made again from its line of the manifest; it knows no service."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from maskmill.cli.context import common_of
from maskmill.core.errors import InvalidInput, NotFound
from maskmill.core.recipe import Layer, Region


def render(
    context: typer.Context,
    manifest: Annotated[
        Path, typer.Option("--from", exists=True, dir_okay=False, help="`manifest.jsonl` of a folder that was synced.")
    ],
    line: Annotated[int, typer.Option("--line", min=1, help="Which line of it, from 1.")],
    out: Annotated[Path | None, typer.Option("--out", dir_okay=False, help="Where the picture goes.")] = None,
) -> None:
    """Make a variant again, on this machine, and say whether its bytes are those of the manifest.

    Needs the folder's sources and masks; asks no service. Ends with status 1 when the bytes differ.
    """
    from maskmill.client.placing import place
    from maskmill.exports.remake import remake

    common = common_of(context)
    text = _line_of(manifest, line)
    entry = _entry(text, line)
    data = remake(text, lambda name: place(manifest.parent, name).read_bytes())
    sha256 = hashlib.sha256(data).hexdigest()
    on_disk = _compared(manifest.parent / entry["file"], sha256)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
    common.output.result(f"{entry['file']}: {len(data):,} bytes, sha256 {sha256}")
    common.output.result(f"The bytes are those of the manifest; the file in the folder {on_disk}.")
    for region, edits in _drawn(entry):
        common.output.result(f"  {region}: {edits}")
    if out is not None:
        common.output.result(f"Written: {out}")
    common.output.document(
        {
            "file": entry["file"],
            "sha256": sha256,
            "size_bytes": len(data),
            "equal": True,
            "on_disk": on_disk,
            "out": out,
        }
    )


def _line_of(manifest: Path, number: int) -> str:
    with manifest.open(encoding="utf-8") as lines:
        found = next(islice(lines, number - 1, None), None)
    if found is None:
        raise NotFound(message=f"{manifest} has no line {number}.")
    return found


def _entry(text: str, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except ValueError as exc:
        raise InvalidInput(message=f"Line {number} is not JSON, so this is no manifest.") from exc
    if not isinstance(entry, dict) or entry.get("kind") != "variant":
        raise InvalidInput(message=f"Line {number} is no variant: a source is a photo, and nothing made it.")
    return entry


def _compared(path: Path, sha256: str) -> str:
    if not path.is_file():
        return "is missing"
    return "is the same" if hashlib.sha256(path.read_bytes()).hexdigest() == sha256 else "differs"


def _drawn(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """What was done to which region, with the values that were drawn; neutral values are left out."""
    names = {mask["template_id"]: mask["name"] for mask in entry["masks"]}
    layers = (Layer.model_validate(layer) for layer in entry["layers"])
    return [(_written(layer.region, names), _edits(layer)) for layer in layers]


def _edits(layer: Layer) -> str:
    values = layer.edits.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def _written(region: Region, names: dict[str, str]) -> str:
    if isinstance(region, str):
        return names.get(region, region)
    return f"{region.op.value}({', '.join(_written(part, names) for part in region.of)})"
