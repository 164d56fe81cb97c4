"""`maskmill templates`: reusable ways to find an object; it knows no jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from maskmill.cli.context import common_of
from maskmill.cli.datasets import Dataset
from maskmill.cli.failures import usage
from maskmill.cli.run import parse_templates
from maskmill.core.api import PatchTemplate, TemplateView
from maskmill.core.prompt import MaskChoice, Placement, Template
from maskmill.core.runs import runs_of

templates = typer.Typer(no_args_is_help=True, help="Ways to find an object.")

FORM = "NAME=IMAGE:x,y…"
HEADINGS = ("id", "name", "placement", "what to look for")


@templates.command("list")
def list_templates(context: typer.Context, dataset: Dataset) -> None:
    """The templates of a dataset."""
    common = common_of(context)
    with common.connect() as client:
        found = client.templates(client.find_dataset(dataset).dataset_id)
        common.output.listing(HEADINGS, found, _template_row)


@templates.command("create")
def create_template(
    context: typer.Context,
    dataset: Dataset,
    template: Annotated[list[str], typer.Argument(metavar=FORM, help="As for `maskmill run --template`.")],
) -> None:
    """New templates; an equal one that exists is reused."""
    from maskmill.client.run import make_templates
    from maskmill.client.upload import UploadReport

    common = common_of(context)
    drafts = parse_templates(template)
    with common.connect() as client:
        dataset_id = client.find_dataset(dataset).dataset_id
        made = make_templates(client, dataset_id, drafts, UploadReport(files=(), left_out=()))
    common.output.listing(HEADINGS, made, _template_row)


@templates.command("change")
def change_template(
    context: typer.Context,
    dataset: Dataset,
    template: Annotated[str, typer.Argument(metavar=FORM, help="The template of this name gets this content.")],
    rename: Annotated[str, typer.Option("--rename", help="And this name.")] = "",
) -> None:
    """Replace what a template looks for; jobs that were submitted keep it as it was.

    Prompts of single images stay as they are.
    """
    from maskmill.client.run import template_of
    from maskmill.client.upload import UploadReport

    common = common_of(context)
    (draft,) = parse_templates([template])
    with common.connect() as client:
        target = client.find_dataset(dataset)
        found = client.find_template(target, draft.name)
        made = template_of(client, target.dataset_id, draft, UploadReport(files=(), left_out=()))
        values = made.model_dump(exclude={"name", "template_id", "colour", "overrides"})
        values |= {"name": rename} if rename else {}
        changed = client.change_template(target.dataset_id, found.template_id, PatchTemplate.model_validate(values))
    common.output.listing(HEADINGS, [changed], _template_row)


@templates.command("delete")
def delete_templates(
    context: typer.Context,
    dataset: Dataset,
    names: Annotated[list[str], typer.Argument(metavar="TEMPLATE…", help="Ids or names.")],
) -> None:
    """Remove templates; jobs that were submitted keep them."""
    common = common_of(context)
    if len(set(names)) != len(names):
        usage("a template is named twice", "TEMPLATE")
    with common.connect() as client:
        target = client.find_dataset(dataset)
        found = [client.find_template(target, name) for name in names]
        for one in found:
            client.delete_template(target.dataset_id, one.template_id)
            common.output.result(f"Template {one.name} ({one.template_id}) is removed.")
            common.output.document({"template_id": one.template_id, "removed": True})


def _template_row(template: TemplateView) -> tuple[object, ...]:
    return template.template_id, template.name, template.placement.value, _written(template)


def _written(template: Template) -> str:
    """Points, box and refinement of a template as `--template` takes them, and how many images have a prompt apart."""
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
    written = ";".join(places) + (f"@{','.join(options)}" if options else "")
    own = len(template.overrides)
    return f"{written} ({own} image{'s' if own > 1 else ''} otherwise)" if own else written
