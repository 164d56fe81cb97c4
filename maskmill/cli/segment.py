"""`maskmill segment` and `automask`: masks of one picture, at once; it knows no jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskmill.cli.context import common_of
from maskmill.cli.datasets import Dataset
from maskmill.cli.failures import usage
from maskmill.core.api import Everything, ImageView
from maskmill.core.automask import Automask, FoundMask
from maskmill.core.errors import Code, NotFound
from maskmill.core.geometry import Point
from maskmill.core.limits import AUTOMASK_SIDE_MAX, CANDIDATES_MAX, PARTS_MAX
from maskmill.core.recipe import Output as Encoding
from maskmill.core.recipe import OutputFormat

if TYPE_CHECKING:
    from maskmill.client import Client
    from maskmill.imaging.picture import Bools

MaskFile = Annotated[Path | None, typer.Option("--out", dir_okay=False, help="The mask as a PNG.")]
Overlay = Annotated[
    Path | None, typer.Option("--overlay", dir_okay=False, help="The picture with the masks over it, as a PNG.")
]
COLOURS = ("#ff5a36", "#2f9e44", "#1c7ed6", "#f59f00", "#9c36b5", "#0ca678", "#e64980", "#868e96")


def segment(
    context: typer.Context,
    dataset: Dataset,
    template: Annotated[str, typer.Argument(metavar="NAME=IMAGE:x,y…", help="As for `maskmill run --template`.")],
    out: MaskFile = None,
    overlay: Overlay = None,
    top: Annotated[int, typer.Option("--top", min=1, max=CANDIDATES_MAX, help="Candidates, the best first.")] = 1,
    parts: Annotated[
        int, typer.Option("--parts", min=0, max=PARTS_MAX, help="The connected parts of the mask instead of it.")
    ] = 0,
) -> None:
    """What a template finds in its picture, within seconds: try a click before a job runs over it."""
    from maskmill.cli.run import parse_templates
    from maskmill.client.pictures import try_template
    from maskmill.imaging.masks import mask_of
    from maskmill.imaging.refine import refine

    common = common_of(context)
    (draft,) = parse_templates([template])
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        image, made, answer = try_template(client, dataset_id, draft, top_k=top, parts_max=parts)
        found = [(one.rle, one.score) for one in answer.candidates]
        if parts:
            found = [(part.rle, answer.candidates[0].score) for part in answer.parts]
        masks = [refine(mask_of(rle), made.refinement) for rle, _ in found]
        files = _save_masks(out, masks)
        if overlay is not None:
            colours = COLOURS if parts else (made.colour,)
            painted = [(mask, colours[n % len(colours)]) for n, mask in enumerate(masks if parts else masks[:1])]
            _save_overlay(client, image, painted, overlay)
    rows = [
        {"score": score, **_measured(mask), "file": file}
        for (_, score), mask, file in zip(found, masks, files, strict=True)
    ]
    common.output.table(
        ("score", "area in px", "box in px", "file"),
        [(f"{row['score']:.2f}", row["area_px"], _written(row["box"]), row["file"] or "") for row in rows],
    )
    rles = [{**row, "rle": rle} for row, (rle, _) in zip(rows, found, strict=True)]
    name = "parts" if parts else "candidates"
    common.output.document({"image": image, "segmenter": answer.segmenter, name: rles})


def automask(
    context: typer.Context,
    dataset: Dataset,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Id or name.")],
    at: Annotated[str, typer.Option("--at", metavar="x,y", help="Only the smallest thing at this point.")] = "",
    out: MaskFile = None,
    overlay: Overlay = None,
    points: Annotated[
        int | None,
        typer.Option("--points", min=1, max=AUTOMASK_SIDE_MAX, help="Along each side; the service's most by default."),
    ] = None,
    score: Annotated[
        float | None,
        typer.Option("--score", min=0.0, max=1.0, help="The least score; what suits the segmenter by default."),
    ] = None,
) -> None:
    """Everything in a picture. It is searched once: asking again, or for another point, costs no segmenter."""
    from maskmill.client.pictures import find_picture
    from maskmill.imaging.masks import mask_of

    if out is not None and not at:
        usage("one mask is written, so say which: --at x,y", "--out")
    common = common_of(context)
    asked = {"points_per_side": points, "score_min": score}
    search = Automask.model_validate({name: value for name, value in asked.items() if value is not None})
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        picture = find_picture(client, dataset_id, image)
        everything = client.automask(dataset_id, picture.image_id, search)
        found = (_picked(everything, _point(at, picture), picture),) if at else everything.masks
        if out is not None:
            _save_masks(out, [mask_of(found[0].mask.rle)])
        if overlay is not None:
            painted = [(mask_of(one.mask.rle), COLOURS[n % len(COLOURS)]) for n, one in enumerate(found)]
            _save_overlay(client, picture, painted, overlay)
    if not found:
        common.output.say(f"Nothing scored {everything.search.score_min:g} or more. Lower it with --score.")
    common.output.table(("score", "stability", "area in px", "found at"), map(_found_row, found))
    document = {"segmenter": everything.segmenter, "search": everything.search, "masks": found}
    common.output.document({"image": picture, **document})


def _point(text: str, image: ImageView) -> Point:
    """A point as templates write it, in a picture whose size is known."""
    from maskmill.cli.run import parse_templates

    (draft,) = parse_templates([f"at={image.image_id}:{text}"])
    if draft.box is not None or len(draft.points) != 1:
        usage(f"{text!r} is not one point x,y", "--at")
    prompt = draft.template(size=image.normal.size if image.normal else None).prompt
    return prompt.points[0] if prompt else Point(x=0.5, y=0.5)


def _picked(everything: Everything, point: Point, image: ImageView) -> FoundMask:
    from maskmill.imaging.everything import mask_at

    found = mask_at(everything.masks, point)
    if found is None:
        words = f"Nothing was found at {point.x:.4g},{point.y:.4g} of {image.name}. Use `maskmill segment` there."
        raise NotFound(Code.NO_OBJECT_FOUND, message=words)
    return found


def _save_masks(out: Path | None, masks: list[Bools]) -> list[Path | None]:
    """The masks as PNGs: the first under the name given, the others with their number behind it."""
    from maskmill.imaging.masks import mask_png

    if out is None:
        return [None] * len(masks)
    files: list[Path | None] = []
    for number, mask in enumerate(masks, start=1):
        path = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        _write(path, mask_png(mask))
        files.append(path)
    return files


def _save_overlay(client: Client, image: ImageView, masks: list[tuple[Bools, str]], path: Path) -> None:
    from maskmill.client.pictures import fetch_picture
    from maskmill.imaging.encode import encode
    from maskmill.imaging.overlay import overlay

    _write(path, encode(overlay(fetch_picture(client, image), masks), Encoding(format=OutputFormat.PNG)))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _measured(mask: Bools) -> dict[str, Any]:
    from maskmill.imaging.masks import area_px, box_px

    return {"area_px": area_px(mask), "box": box_px(mask)}


def _written(box: Any) -> str:
    return f"{box.x},{box.y} {box.width}x{box.height}"


def _found_row(one: FoundMask) -> tuple[object, ...]:
    from maskmill.imaging.masks import area_of

    area_px, where = area_of(one.mask.rle), f"{one.point.x:.4g},{one.point.y:.4g}"
    return f"{one.mask.score:.2f}", f"{one.stability:.2f}", area_px, where
