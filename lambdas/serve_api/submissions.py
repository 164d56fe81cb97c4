"""Submitting a job: a recipe is bound to a dataset, checked against it and accepted once; it knows no HTTP.

The job's id is computed from the tenant and the caller's key, so the same call twice names the same job. The row is
the truth and the plan message a hint: whoever submits again while the job is not planned sends the hint again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from pydantic_core import ErrorDetails

from lambdas import state
from lambdas.serve_api import datasets, estimates, images, jobs, quotas, templates
from lambdas.serve_api.bodies import check_size
from lambdas.serve_api.names import is_id
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.api import SubmitJob
from maskmill.core.bill import Estimate
from maskmill.core.edit import Background
from maskmill.core.errors import Code, Conflict, FieldFault, InvalidInput, Unavailable
from maskmill.core.estimate import Pictures
from maskmill.core.image import Image, ImageStatus
from maskmill.core.job import Job, is_worth_retrying, job_id_of
from maskmill.core.limits import (
    ESTIMATE_IMAGES_AT_SUBMISSION_MAX,
    IMAGES_PER_DATASET_MAX,
    JOB_BYTES_MAX,
    PAGE_ITEMS_MAX,
    RECIPE_BYTES_MAX,
    SCANNED_ROWS,
    SWEEP_FIRST_LOOK_S,
)
from maskmill.core.messages import PlanJob
from maskmill.core.model import content_hash
from maskmill.core.ports import Table
from maskmill.core.prompt import Template
from maskmill.core.recipe import Recipe, ResolvedRecipe, images_max, resolve, variants_per_image
from maskmill.core.rows import JobState
from maskmill.core.table import Query, RowConflict
from maskmill.core.usage import MachineTime

FETCHED_ONE_BY_ONE_MAX = 25


class _Made(NamedTuple):
    """A job, what it may take of its tenant's day, and what is thought of it where that could be found out."""

    job: Job
    variants: int
    machine: MachineTime
    estimate: Estimate | None = None


class _Asked(NamedTuple):
    """What a body asks for: its recipe with the templates, and the images, some of which may not be here yet."""

    recipe: ResolvedRecipe
    images: list[Image]


def code_for(fault: ErrorDetails) -> Code | None:
    """A recipe whose parts have the right shape but do not fit together has a code of its own."""
    is_rule = fault["type"] == "value_error"
    return Code.INVALID_RECIPE if is_rule and fault["loc"][:1] == ("recipe",) else None


def submit(ports: Ports, tenant: str, dataset_id: str, key: str | None, body: SubmitJob) -> JobState:
    """The accepted job, new or the one that the same key named before; raises idempotency_mismatch."""
    datasets.require(ports.table, tenant, dataset_id)
    job_id = job_id_of(tenant, ports.ids.new(1)[0] if key is None else key)
    body_hash = content_hash({"dataset": dataset_id, "body": body})
    return accepted(ports, tenant, job_id, body_hash, lambda: _job(ports, tenant, dataset_id, job_id, body))


def estimate(ports: Ports, tenant: str, dataset_id: str, body: SubmitJob) -> Estimate:
    """What a job would take if it were submitted now; nothing is kept. Raises what submitting raises, but no quota."""
    datasets.require(ports.table, tenant, dataset_id)
    asked = _checked(ports.table, tenant, dataset_id, body)
    return estimates.with_quotas(ports, tenant, estimates.expected(ports, tenant, asked.recipe, asked.images))


def retry(ports: Ports, tenant: str, source_id: str, key: str | None) -> JobState:
    """A new job over the plan of one that has ended, new or the one that the same key named before.

    What is done costs it only look-ups, so its dataset is whole. Raises NotFound, idempotency_mismatch, and Conflict
    while the source is open, where nothing of it failed, and while another retry of it is open.
    """
    source = jobs.require(ports.table, tenant, source_id)
    datasets.require(ports.table, tenant, source.job.dataset_id)
    job_id = job_id_of(tenant, ports.ids.new(1)[0] if key is None else key)
    retried = accepted(
        ports, tenant, job_id, content_hash({"retry_of": source_id}), lambda: _again(ports, tenant, source, job_id)
    )
    ports.table.write(rows.note_retry(tenant, source_id, job_id))
    return retried


def accepted(ports: Ports, tenant: str, job_id: str, body_hash: str, make: Callable[[], _Made]) -> JobState:
    """The job of this id, made and sent on its way unless it was before.

    Raises idempotency_mismatch, and QuotaExceeded before anything is written.
    """
    row = ports.table.get(rows.job_key(tenant, job_id))
    if row is None:
        job, variants, machine, estimate = make()
        quotas.take_job(ports, tenant, job_id, variants=variants, machine=machine)
        _tell_dataset(ports.table, tenant, job)
        now_s = int(job.created_at.timestamp())
        due_at_s = now_s + SWEEP_FIRST_LOOK_S
        write = rows.put_job(tenant, job, body_hash=body_hash, now_s=now_s, due_at_s=due_at_s, estimate=estimate)
        try:
            row = ports.table.write(write)
        except RowConflict as conflict:
            if conflict.current is None:
                raise
            row = conflict.current  # the same call, made twice at once or repeated by the SDK
    found = rows.job_of(row)
    state.free_place(ports.table, found)  # should it have ended before this call, or one that died, took it a place
    if found.body_hash != body_hash:
        raise InvalidInput(Code.IDEMPOTENCY_MISMATCH)
    if not found.planned and not found.status.is_terminal:
        ports.queues.send([PlanJob(tenant=tenant, job_id=job_id)])
    return found


def _tell_dataset(table: Table, tenant: str, job: Job) -> None:
    """Let the dataset know of a job before there is one; raises NotFound when its removal has begun meanwhile.

    A removal marks the dataset first and looks for its jobs afterwards: one of the two sees the other.
    """
    with suppress(RowConflict):  # an earlier attempt of the same call did it
        table.write(rows.put_dataset_job(tenant, job))
    datasets.require(table, tenant, job.dataset_id)


def _again(ports: Ports, tenant: str, source: JobState, job_id: str) -> _Made:
    """The source's job under a new id, for the segmenter of today, and the variants that are still to be made."""
    if not source.status.is_terminal:
        raise Conflict(message="The job has not ended yet. It can be retried when it has.")
    counts = jobs.counts_of(ports.table, source)
    if not is_worth_retrying(counts) and source.refusal is None:
        raise Conflict(message="Every item of the job came to a good end. There is nothing to retry.")
    if any(_is_open(ports.table, tenant, retry_id) for retry_id in sorted(source.retried_by)):
        raise Conflict(message="A retry of this job is running already. Wait for it.")
    changes = {
        "job_id": job_id,
        "retry_of": source.job.job_id,
        "segmenter": ports.segmenter,
        "instance_type": ports.fleet.instance_type,
        "created_at": ports.clock.now(),
    }
    left = max(0, source.items_total - counts.done)
    job = source.job.model_copy(update=changes)
    machine = estimates.machine_at_most(ports, job.recipe, Pictures(ready=left))
    return _Made(job, left * variants_per_image(job.recipe.recipe), machine)


def _is_open(table: Table, tenant: str, job_id: str) -> bool:
    row = table.get(rows.job_key(tenant, job_id))
    return row is not None and not rows.job_of(row).status.is_terminal


def _job(ports: Ports, tenant: str, dataset_id: str, job_id: str, body: SubmitJob) -> _Made:
    asked = _checked(ports.table, tenant, dataset_id, body)
    job = Job(
        job_id=job_id,
        dataset_id=dataset_id,
        recipe=asked.recipe,
        image_ids=None if body.image_ids is None else tuple(dict.fromkeys(body.image_ids)),
        segmenter=ports.segmenter,
        instance_type=ports.fleet.instance_type,
        created_at=ports.clock.now(),
    )
    check_size(job, JOB_BYTES_MAX, what="recipe with its templates", pointer="/recipe", code=Code.INVALID_RECIPE)
    splits = body.recipe.splits
    varied = sum(image.normal is not None and splits.has_variants(image.normal.pixels_sha256) for image in asked.images)
    variants = varied * variants_per_image(body.recipe)
    try:
        expected = estimates.expected(
            ports, tenant, asked.recipe, asked.images, sample_max=ESTIMATE_IMAGES_AT_SUBMISSION_MAX
        )
    except Unavailable:  # a store that is busy keeps no job from being accepted
        machine = estimates.machine_at_most(ports, asked.recipe, estimates.pictures_of(asked.images, asked.recipe))
        return _Made(job, variants, machine)
    return _Made(job, variants, expected.machine, expected.estimate)


def _checked(table: Table, tenant: str, dataset_id: str, body: SubmitJob) -> _Asked:
    """What a body asks for, when it fits the dataset; raises InvalidInput."""
    check_size(body.recipe, RECIPE_BYTES_MAX, what="recipe", pointer="/recipe", code=Code.INVALID_RECIPE)
    recipe = _resolved(table, tenant, dataset_id, body.recipe)
    _check_backgrounds(table, tenant, dataset_id, body.recipe)
    images = _images_of(table, tenant, dataset_id, body.image_ids)
    count = sum(map(_is_settled, images))
    if count == 0:
        raise InvalidInput(Code.NO_IMAGES)
    if count > images_max(body.recipe):
        raise InvalidInput(Code.TOO_MANY_IMAGES)
    return _Asked(recipe, images)


def _resolved(table: Table, tenant: str, dataset_id: str, recipe: Recipe) -> ResolvedRecipe:
    found: dict[str, Template] = {}
    for template_id in filter(is_id, recipe.templates):
        template = templates.find(table, tenant, dataset_id, template_id)
        if template is not None:
            found[template_id] = template
    return resolve(recipe, found)


def _check_backgrounds(table: Table, tenant: str, dataset_id: str, recipe: Recipe) -> None:
    """Whatever a cut-out is put on is a ready image of the same dataset."""
    faults = []
    for position, layer in enumerate(recipe.layers):
        cutout = layer.edits.cutout
        if cutout is None or cutout.background is not Background.IMAGE:
            continue
        image_id = cutout.image_id or ""
        image = images.find(table, tenant, dataset_id, image_id) if is_id(image_id) else None
        if image is None or image.status is not ImageStatus.READY:
            pointer = f"/recipe/layers/{position}/edits/cutout/image_id"
            faults.append(FieldFault(pointer=pointer, detail="no ready image of this dataset"))
    if faults:
        raise InvalidInput(Code.INVALID_RECIPE, faults=tuple(faults))


def _images_of(table: Table, tenant: str, dataset_id: str, image_ids: tuple[str, ...] | None) -> list[Image]:
    """The images to work on, those that have not arrived included; every one that is named is of the dataset."""
    if image_ids is None:
        return list(_all_images(table, tenant, dataset_id))
    found = _named(table, tenant, dataset_id, image_ids)
    faults = tuple(
        FieldFault(pointer=f"/image_ids/{position}", detail="no such image in this dataset")
        for position, image_id in enumerate(image_ids)
        if image_id not in found
    )
    if faults:
        raise InvalidInput(faults=faults)
    return list(found.values())


def _is_settled(image: Image) -> bool:
    return image.status is not ImageStatus.EXPECTED


def _named(table: Table, tenant: str, dataset_id: str, image_ids: tuple[str, ...]) -> dict[str, Image]:
    """The named images that exist: a few are read one by one, many from the pages of the dataset."""
    if len(image_ids) > FETCHED_ONE_BY_ONE_MAX:
        wanted = set(image_ids)
        everything = _all_images(table, tenant, dataset_id)
        return {image.image_id: image for image in everything if image.image_id in wanted}
    found = (images.find(table, tenant, dataset_id, image_id) for image_id in filter(is_id, image_ids))
    return {image.image_id: image for image in found if image is not None}


def _all_images(table: Table, tenant: str, dataset_id: str) -> Iterable[Image]:
    after: str | None = None
    for _ in range(0, IMAGES_PER_DATASET_MAX + 1, PAGE_ITEMS_MAX):  # an answer of 1 MB holds more rows than that
        query = Query(pk=rows.dataset_pk(tenant, dataset_id), prefix=images.PREFIX, after=after, limit=SCANNED_ROWS)
        page = table.query(query)
        yield from (rows.image_of(row) for row in page.rows)
        after = page.after
        if after is None:
            return
