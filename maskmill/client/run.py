"""One run from photos to a labelled dataset on disk, as the command and the demo both do it; it knows no terminal.

    upload → templates → job → wait → download

Nothing is done twice: photos that the dataset holds, templates that are equal and files that are on disk are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskmill.client.export_sync import ExportReport, sync_export
from maskmill.client.folder import Found, find_files
from maskmill.client.placing import place
from maskmill.client.progress import Progress, Report, Step, silent
from maskmill.client.runplan import RunPlan, TemplateDraft, same_template, unique, with_ids
from maskmill.client.service import Service
from maskmill.client.sync import SyncReport, sync_job
from maskmill.client.upload import UploadReport, upload_files
from maskmill.client.watch import Stopwatch, watch_job
from maskmill.core.api import DatasetView, ImageView, ItemView, JobView, SubmitJob, TemplateView
from maskmill.core.errors import Code, InvalidInput, MaskmillError, NotFound
from maskmill.core.image import ImageStatus
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.mask import Rle
from maskmill.core.model import content_hash
from maskmill.core.prompt import Template
from maskmill.core.recipe import Recipe

IMAGES_NAMED_MAX = 1000  # a job over more than these is a job over the whole dataset
_UNWELL = (ItemStatus.FAILED, ItemStatus.NO_MATCH, ItemStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class RunReport:
    """All that a run did and how it ended."""

    dataset: DatasetView
    upload: UploadReport
    templates: tuple[TemplateView, ...]
    job: JobView
    unwell: tuple[ItemView, ...]  # items that gave nothing: failed, no match, cancelled
    sync: SyncReport
    exports: tuple[ExportReport, ...]
    seconds: dict[Step, float]

    @property
    def out(self) -> Path:
        return self.sync.out

    @property
    def is_complete(self) -> bool:
        """Whether every photo became what was asked for and lies on disk."""
        return self.job.status is JobStatus.SUCCEEDED and not self.upload.refused and not self.sync.failures


def run_job(client: Service, plan: RunPlan, progress: Report = silent) -> RunReport:
    """Do a whole run; raises the errors of core.errors when a step cannot be done at all.

    Single photos that are refused, items that fail and files that cannot be fetched do not raise: the report has them.
    An interruption leaves the job running; the progress carries its id from the moment it exists.
    """
    found = find_files(plan.sources, recursive=plan.recursive)
    if not found.files:
        raise InvalidInput(Code.NO_IMAGES, message=f"There is no picture in {_listed(plan.sources)}.")
    return run_files(client, plan, found, progress)


def run_files(client: Service, plan: RunPlan, found: Found, progress: Report = silent) -> RunReport:
    """A whole run over files that were found before; as `run_job`."""
    watch = Stopwatch()
    seen = _timed(progress, watch)
    dataset = find_or_create_dataset(client, plan.dataset)
    _check_references(client, dataset.dataset_id, plan.templates, found)
    _template_ids(client, dataset.dataset_id, plan.recipe, known={draft.name: "" for draft in plan.templates})
    uploaded = upload_files(client, dataset.dataset_id, found, progress=seen)
    if uploaded.ready == 0:
        raise InvalidInput(Code.NO_IMAGES, message=f"None of the pictures was accepted. {_first_refusal(uploaded)}")
    seen(Progress(Step.PLANNING))
    templates = make_templates(client, dataset.dataset_id, plan.templates, uploaded)
    recipe = resolve_names(client, dataset.dataset_id, plan.recipe, templates)
    body = _submission(recipe, uploaded)
    key = content_hash({"dataset": dataset.dataset_id, "body": body}) if plan.each_job_apart else plan.key
    job = client.submit_job(dataset.dataset_id, body, key=key)
    seen(Progress(Step.PLANNING, job_id=job.job_id))
    job = watch_job(client, job.job_id, progress=seen)
    seen(Progress(Step.DOWNLOADING, 0, job.items.done, job_id=job.job_id))
    out = place(plan.out, job.job_id) if plan.each_job_apart else plan.out
    synced = sync_job(client, job.job_id, out, progress=seen)
    formats = job.recipe.exports if job.items.done else ()
    exported = [sync_export(client, job.job_id, one, out / "exports" / one.value, progress=seen) for one in formats]
    watch.mark(None)
    return RunReport(
        dataset=dataset,
        upload=uploaded,
        templates=tuple(templates),
        job=job,
        unwell=unwell_items(client, job),
        sync=synced,
        exports=tuple(exported),
        seconds=watch.seconds,
    )


def unwell_items(client: Service, job: JobView) -> tuple[ItemView, ...]:
    """The items of an ended job that gave nothing, with their reasons."""
    counts = job.items.model_dump()
    return tuple(item for status in _UNWELL if counts[status.value] for item in client.items(job.job_id, status=status))


def find_dataset(client: Service, text: str) -> DatasetView | None:
    """A dataset by its id or its name; raises InvalidInput when several have the name."""
    by_name: dict[str, list[DatasetView]] = {}
    for dataset in client.datasets():
        if dataset.dataset_id == text:
            return dataset
        by_name.setdefault(dataset.name, []).append(dataset)
    return unique(by_name, text.strip(), "dataset")


def find_or_create_dataset(client: Service, name: str) -> DatasetView:
    """The dataset of that name or id, created when there is none."""
    return find_dataset(client, name) or client.create_dataset(name)


def find_template(client: Service, dataset_id: str, text: str) -> TemplateView:
    """A template of a dataset by its id or its name; raises NotFound, and InvalidInput when several have the name."""
    by_name: dict[str, list[TemplateView]] = {}
    for template in client.templates(dataset_id):
        if template.template_id == text:
            return template
        by_name.setdefault(template.name, []).append(template)
    found = unique(by_name, text, "template")
    if found is None:
        raise NotFound(message=f"There is no template {text!r}. `maskmill templates list` shows those that exist.")
    return found


def make_templates(
    client: Service, dataset_id: str, drafts: tuple[TemplateDraft, ...], uploaded: UploadReport
) -> list[TemplateView]:
    """The drafts as templates of the dataset; an equal one that exists is reused."""
    existing = list(client.templates(dataset_id)) if drafts else []
    made = []
    for draft in drafts:
        template = template_of(client, dataset_id, draft, uploaded)
        equal = next((one for one in existing if same_template(one, template)), None)
        made.append(equal or client.create_template(dataset_id, template))
    return made


def template_of(client: Service, dataset_id: str, draft: TemplateDraft, uploaded: UploadReport) -> Template:
    """What a draft means in a dataset; raises InvalidInput when its picture or its mask cannot be had."""
    image = _reference(client, dataset_id, draft, uploaded) if draft.image is not None else None
    size = image.normal.size if image is not None and image.normal is not None else None
    mask = _mask_in(Path(draft.mask)) if draft.mask is not None else None
    return draft.template(image_id=image.image_id if image else None, size=size, mask=mask)


def _mask_in(path: Path) -> Rle:
    """The mask in a picture of one's own: what is light in it; raises InvalidInput."""
    from maskmill.imaging.masks import read_mask_png, rle_of  # here, because pixels take long to import

    try:
        return rle_of(read_mask_png(path.read_bytes()))
    except OSError as exc:
        raise InvalidInput(message=f"The mask {path} cannot be read: {exc.strerror}.") from exc
    except MaskmillError as error:
        raise InvalidInput(error.code, message=f"The mask {path} is no PNG that can be read.") from error


def resolve_names(client: Service, dataset_id: str, recipe: Recipe, templates: list[TemplateView]) -> Recipe:
    """The recipe with ids: of the templates just made, or else of the dataset's own by id or by name."""
    known = {template.name: template.template_id for template in templates}
    return with_ids(recipe, _template_ids(client, dataset_id, recipe, known=known))


def _template_ids(client: Service, dataset_id: str, recipe: Recipe, *, known: dict[str, str]) -> dict[str, str]:
    """Ids by name: those known, and of the dataset's templates those that the recipe names; raises NotFound."""
    ids = dict(known)
    unknown = [name for name in recipe.templates if name not in ids]
    if unknown:
        existing: dict[str, list[TemplateView]] = {}
        for template in client.templates(dataset_id):
            existing.setdefault(template.name, []).append(template)
            ids.setdefault(template.template_id, template.template_id)
        for name in unknown:
            found = None if name in ids else unique(existing, name, "template")
            if name not in ids and found is None:
                raise NotFound(message=f"There is no template {name!r}. Define it with --template {name}=…")
            ids |= {name: found.template_id} if found else {}
    return ids


def _timed(progress: Report, watch: Stopwatch) -> Report:
    def report(one: Progress) -> None:
        watch.mark(one.step)
        progress(one)

    return report


def _submission(recipe: Recipe, uploaded: UploadReport) -> SubmitJob:
    ids = uploaded.image_ids
    return SubmitJob(recipe=recipe, image_ids=ids if len(ids) <= IMAGES_NAMED_MAX else None)


def _check_references(client: Service, dataset_id: str, drafts: tuple[TemplateDraft, ...], found: Found) -> None:
    """Say that a template's picture does not exist before anything is sent."""
    local = {name for file in found.files for name in (file.name, file.path.name, str(file.path))}
    missing = {draft.image for draft in drafts if draft.image is not None and _base(draft.image) not in local} - local
    if missing:
        missing -= {name for image in client.images(dataset_id) for name in (image.name, image.image_id)}
    if missing:
        name = sorted(filter(None, missing))[0]
        raise InvalidInput(message=f"A template was clicked on {name!r}, but there is no such picture in the folder.")


def _reference(client: Service, dataset_id: str, draft: TemplateDraft, uploaded: UploadReport) -> ImageView:
    """The picture that a draft was clicked on, which must be ready."""
    text = draft.image or ""
    for exact in (text, _base(text)):
        for file in uploaded.files:
            if exact in (file.file.name, file.file.path.name, str(file.file.path)):
                if file.image is None or not file.is_ready:
                    why = f" {file.refusal.message}" if file.refusal else ""
                    raise InvalidInput(message=f"The template {draft.name} needs {text}, which was refused.{why}")
                return file.image
    ready = client.images(dataset_id, status=ImageStatus.READY)
    image = next((image for image in ready if text in (image.image_id, image.name)), None)
    if image is None:
        raise InvalidInput(message=f"The template {draft.name} needs {text!r}, which the dataset does not hold.")
    return image


def _base(text: str) -> str:
    return Path(text).name


def _listed(sources: tuple[Path, ...]) -> str:
    return ", ".join(str(source) for source in sources)


def _first_refusal(uploaded: UploadReport) -> str:
    return next((f"{file.file.name}: {file.refusal.message}" for file in uploaded.refused if file.refusal), "")
