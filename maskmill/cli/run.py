"""`maskmill run`: photos in, dataset out; the work itself is maskmill.client.run."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer

from maskmill.cli.bars import Bars
from maskmill.cli.context import Common, common_of
from maskmill.cli.failures import FAILED, INTERRUPTED, usage
from maskmill.client.folder import folder_name
from maskmill.client.grammar import GrammarError, build_recipe, parse_edit, parse_recipe, parse_splits, parse_template
from maskmill.client.runplan import RunPlan, TemplateDraft, unvaried
from maskmill.core.export import ExportFormat
from maskmill.core.limits import IDEMPOTENCY_KEY_CHARS_MAX, SAMPLES_PER_IMAGE_MAX
from maskmill.core.recipe import Effort, OutputFormat, Recipe

Sources = Annotated[
    list[Path], typer.Argument(metavar="FOLDER", exists=True, help="A folder of photos, or single photos.")
]
Recursive = Annotated[bool, typer.Option("--recursive", help="Look into folders below it, too.")]
Watch = Annotated[bool, typer.Option("--watch", help="Go on with new photos as they appear, until Ctrl-C.")]
Out = Annotated[Path, typer.Option("--out", file_okay=False, help="Where the dataset goes.")]
Key = Annotated[str, typer.Option("--key", help="Idempotency key: the same key names the same job.")]
Templates = Annotated[
    list[str] | None,
    typer.Option("--template", "-t", metavar="NAME=IMAGE:x,y…", help="What to find: cap=photo.jpg:0.52,0.40"),
]
Edits = Annotated[
    list[str] | None,
    typer.Option("--edit", "-e", metavar="TEMPLATE:key=value…", help="What to do to it: cap:hue=40,saturation=0.3"),
]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", exists=True, dir_okay=False, help="A recipe as JSON, instead of --edit.")
]
Format = Annotated[OutputFormat, typer.Option("--format", help="How variants are encoded.")]
Quality = Annotated[int, typer.Option("--quality", min=1, max=100, help="For the lossy formats.")]
EffortOption = Annotated[Effort, typer.Option("--effort", help="Files made fast, or smaller in more time.")]
Stacked = Annotated[bool, typer.Option("--stacked", help="All edits in one variant, not one variant each.")]
Samples = Annotated[
    int, typer.Option("--samples", min=1, max=SAMPLES_PER_IMAGE_MAX, help="Variants per photo and edit.")
]
Exports = Annotated[
    list[ExportFormat] | None, typer.Option("--export", help="Also in this tool's form; may be given several times.")
]
Split = Annotated[
    str,
    typer.Option(
        "--split", metavar="train/val/test", help="Shares of the photos: 0.8/0.1/0.1; variants in train only."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="For values that are drawn from a range.")]


def run(
    context: typer.Context,
    sources: Sources,
    templates: Templates = None,
    edits: Edits = None,
    out: Out = Path("maskmill-results"),
    dataset: Annotated[str, typer.Option("--dataset", help="Name or id; the folder's name by default.")] = "",
    recipe: RecipeFile = None,
    output_format: Format = OutputFormat.WEBP,
    quality: Quality = 88,
    effort: EffortOption = Effort.FAST,
    stacked: Stacked = False,
    samples: Samples = 1,
    seed: Seed = 0,
    key: Key = "",
    recursive: Recursive = False,
    exports: Exports = None,
    split: Split = "1",
    watch: Watch = False,
) -> None:
    """Upload photos, find objects, edit them, and download the labelled dataset.

    A second run uploads nothing that the dataset holds already and downloads only what is missing. With --watch each
    burst of new photos is a job of its own, and its dataset a folder below --out.
    """
    drafts = parse_templates(templates)
    built = make_recipe(
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
    plan = RunPlan(
        sources=tuple(sources),
        dataset=dataset or folder_name(sources[0]),
        templates=drafts,
        recipe=built,
        out=out,
        key=checked_key(key),
        recursive=recursive,
    )
    if watch:
        from maskmill.cli.watching import watch_run

        remark_on(common_of(context), plan.recipe)
        watch_run(common_of(context), plan)
    else:
        do_run(common_of(context), plan)


def do_run(common: Common, plan: RunPlan) -> None:
    """Run a plan with progress on stderr; ends with status 1 when something of it failed."""
    from maskmill.cli.reports import run_document, show_run
    from maskmill.client.run import run_job

    remark_on(common, plan.recipe)
    bars = Bars()
    try:
        with common.connect() as client, bars:
            report = run_job(client, plan, bars.show)
    except KeyboardInterrupt:
        how_to_come_back(common, bars.job_id, plan.out)
        raise typer.Exit(INTERRUPTED) from None
    show_run(common.output, report)
    common.output.document(run_document(report))
    if not report.is_complete:
        raise typer.Exit(FAILED)


def how_to_come_back(common: Common, job_id: str | None, out: Path | None) -> None:
    """Words after an interruption: the job goes on without this command."""
    if job_id is None:
        common.output.say("Interrupted. Nothing was submitted; what was uploaded stays in the dataset.")
        return
    target = out if out is not None else Path("maskmill-results")
    common.output.say(f"Interrupted. Job {job_id} goes on without you. Come back with:")
    common.output.say(f"  maskmill jobs watch {job_id}")
    common.output.say(f"  maskmill sync {job_id} --out {target}")


def parse_templates(texts: list[str] | None) -> tuple[TemplateDraft, ...]:
    """The `--template` options; ends with status 2 at the first that is wrong."""
    try:
        return tuple(parse_template(text) for text in texts or ())
    except GrammarError as exc:
        usage(exc, "--template")


def make_recipe(
    drafts: tuple[TemplateDraft, ...],
    edits: list[str] | None,
    *,
    recipe_file: Path | None,
    output_format: OutputFormat,
    quality: int,
    effort: Effort,
    stacked: bool,
    samples: int,
    seed: int,
    exports: list[ExportFormat] | None = None,
    split: str = "1",
) -> Recipe:
    """The recipe of the options, or of the file; ends with status 2 when it does not fit together."""
    if recipe_file is not None and edits:
        usage("give either a recipe or edits, not both", "--recipe")
    if recipe_file is not None:
        try:
            return parse_recipe(recipe_file.read_bytes())
        except ValueError as exc:
            usage(exc, "--recipe")
    try:
        shares = parse_splits(split)
    except GrammarError as exc:
        usage(exc, "--split")
    if not drafts and not edits:
        usage("say what to find: --template cap=photo.jpg:0.52,0.40", "--template")
    try:
        layers = [parse_edit(text) for text in edits or ()]
        return build_recipe(
            drafts,
            layers,
            output_format=output_format,
            quality=quality,
            effort=effort,
            stacked=stacked,
            samples=samples,
            seed=seed,
            exports=exports or (),
            splits=shares,
        )
    except ValueError as exc:
        usage(exc, "--edit")


def remark_on(common: Common, recipe: Recipe) -> None:
    """Say before the work what would surprise after it."""
    if names := unvaried(recipe):
        words = "nothing in these edits is drawn. Write a range, for example hue=-40..40"
        common.output.say(f"Note: --samples makes equal pictures of {', '.join(names)}: {words}.")


def checked_key(key: str) -> str:
    """The idempotency key; without one, a new key, so that the same command twice is two jobs."""
    if len(key) > IDEMPOTENCY_KEY_CHARS_MAX or not key.isascii() or any(not char.isprintable() for char in key):
        usage(f"at most {IDEMPOTENCY_KEY_CHARS_MAX} plain ASCII characters", "--key")
    return key or uuid.uuid4().hex
