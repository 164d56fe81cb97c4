"""Dispatch: masks that are known send their items to rendering, missing ones go to the endpoint; it knows no pixels.

An attempt has a name, a request object, a lease and a deadline, in this order: the request is written, then the lease
is taken, then the endpoint is called, then its promise is noted. A crash between any two is picked up by the next
message: a lease that was never invoked is invoked again under the same name.

While an operator has stopped what costs money, nothing is asked: masks that are known go on to rendering, and all else
stays as it is until the sweep sees that work goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field

from lambdas import known, state
from lambdas.spending import Switch
from maskmill.core import keys, rows
from maskmill.core.engines import keeps_embeddings
from maskmill.core.errors import Code, Unavailable
from maskmill.core.fact import Fact, mask_fact
from maskmill.core.item import ItemStatus
from maskmill.core.limits import CONFLICT_RETRIES_MAX, MODEL_ATTEMPTS_MAX
from maskmill.core.messages import DispatchItems
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.ports import Clock, Endpoint, Objects, Queues, Table
from maskmill.core.prompt import placed_prompt
from maskmill.core.rows import ChunkState, Ending, ItemState, JobState
from maskmill.core.shard import ImageTask, PromptTask, ShardRequest
from maskmill.core.table import RowConflict


@dataclass(frozen=True, slots=True)
class Ports:
    """What dispatch needs; `lease_s` is the longest that an answer of the endpoint may take."""

    table: Table
    media: Objects
    work: Objects
    queues: Queues
    endpoint: Endpoint
    clock: Clock
    spending: Switch
    media_bucket: str
    lease_s: int


@dataclass(slots=True)
class _Triage:
    """The items of a message by what they need."""

    waiting: list[int] = field(default_factory=list)
    unsent: dict[str, list[int]] = field(default_factory=dict)  # by request
    rendering: list[int] = field(default_factory=list)


def dispatch(ports: Ports, message: DispatchItems) -> None:
    """See to the masks of some items; raises Unavailable when the message should come again."""
    job, chunk = state.load_both(ports.table, message.tenant, message.job_id, message.chunk)
    if job is None or job.status.is_terminal:
        return
    described = state.described(ports.media, message.tenant, message.job_id, message.chunk)
    for _ in range(CONFLICT_RETRIES_MAX):
        if chunk is None:
            return
        try:
            if not _advance(ports, job, described, chunk, message.indices):
                state.hand_on(ports.table, ports.queues, job, chunk.number)
            return
        except RowConflict:
            chunk = state.load_chunk(ports.table, message.tenant, message.job_id, message.chunk)
    raise Unavailable(detail="the chunk is too busy")


def _advance(ports: Ports, job: JobState, described: Chunk, chunk: ChunkState, indices: Iterable[int] | None) -> bool:
    """Bring items of a chunk further; whether the segmenter has just been asked for some, so that it waits for them."""
    at_s = state.now_s(ports.clock)
    if job.cancel_requested:
        state.end_open_items(
            ports.table, ports.queues, job, chunk, code=Code.CANCELLED, status=ItemStatus.CANCELLED, at_s=at_s
        )
        return False
    state.forward(ports.table, ports.queues, job.tenant, job.job.job_id, chunk)
    triage = _triage(chunk, chunk.items if indices is None else indices, at_s)
    for request_id, members in triage.unsent.items() if _may_ask(ports, triage.unsent) else ():
        _invoke_again(ports, job, chunk, members, request_id)
    missing = _missing(ports, job, {index: described.item(index) for index in triage.waiting})
    ready = [index for index in triage.waiting if not missing[index]]
    if ready:
        ports.table.write(rows.start_rendering(job.tenant, job.job.job_id, chunk.number, indices=ready, now_s=at_s))
    state.ask_to_render(ports.queues, job, chunk, _pixels(described, [*ready, *triage.rendering]))
    asking = {index: tasks for index, tasks in missing.items() if tasks}
    return _may_ask(ports, asking) and _ask_or_give_up(ports, job, described, chunk, asking, at_s)


def _may_ask(ports: Ports, wanted: Sized) -> bool:
    """Whether there is something to ask and nobody has stopped it: the switch is looked at only then."""
    return len(wanted) > 0 and not ports.spending.now().is_stopped


def _triage(chunk: ChunkState, indices: Iterable[int], at_s: int) -> _Triage:
    triage = _Triage()
    for index in indices:
        item = chunk.items[index]
        if item.status is ItemStatus.RENDERING:
            triage.rendering.append(index)
        elif _is_waiting(item, at_s):
            triage.waiting.append(index)
        elif item.status is ItemStatus.SEGMENTING and not item.is_invoked and item.request_id is not None:
            triage.unsent.setdefault(item.request_id, []).append(index)
    return triage


def _is_waiting(item: ItemState, at_s: int) -> bool:
    expired = item.status is ItemStatus.SEGMENTING and item.lease_until_s <= at_s
    return expired or item.status is ItemStatus.PENDING


def _missing(ports: Ports, job: JobState, items: Mapping[int, PlannedItem]) -> dict[int, tuple[PromptTask, ...]]:
    """The masks of some items that are not known."""
    needed = {index: _needed(job, item) for index, item in items.items()}
    there = known.those_known(ports.table, job.tenant, (fact for tasks in needed.values() for fact in tasks))
    return {index: tuple(task for fact, task in tasks.items() if fact not in there) for index, tasks in needed.items()}


def _needed(job: JobState, item: PlannedItem) -> dict[Fact, PromptTask]:
    """The masks of an item that come from the segmenter, each once."""
    tasks: dict[Fact, PromptTask] = {}
    for template in job.job.recipe.templates.values() if item.normal is not None else ():
        prompt, mask_key = placed_prompt(template, item.image_id), mask_key_for(item, template, job.job.segmenter)
        if item.normal is not None and prompt is not None and mask_key is not None:
            task = PromptTask(mask_key=mask_key, prompt=prompt, choice=template.choice)
            tasks.setdefault(mask_fact(item.normal.pixels_sha256, mask_key), task)
    return tasks


def _pixels(described: Chunk, indices: Iterable[int]) -> dict[int, int]:
    normals = {index: described.item(index).normal for index in indices}
    return {index: 0 if normal is None else normal.size.pixels for index, normal in normals.items()}


def _ask_or_give_up(
    ports: Ports,
    job: JobState,
    described: Chunk,
    chunk: ChunkState,
    asking: Mapping[int, tuple[PromptTask, ...]],
    at_s: int,
) -> bool:
    """Ask for what may still be asked for, which it says, and end the others."""
    fresh = {index: tasks for index, tasks in asking.items() if chunk.items[index].attempt < MODEL_ATTEMPTS_MAX}
    failed = Ending(ItemStatus.FAILED, state.refusal(Code.MODEL_UNAVAILABLE))
    for index in asking.keys() - fresh.keys():
        request_id = chunk.items[index].request_id
        state.end_items(ports.table, ports.queues, job, chunk.number, {index: failed}, at_s=at_s, request_id=request_id)
    if not chunk.may_ask:
        _end_spent(ports, job, chunk, fresh)
        return False
    if fresh:
        _ask(ports, job, described, chunk, fresh, at_s)
    return bool(fresh)


def _ask(
    ports: Ports,
    job: JobState,
    described: Chunk,
    chunk: ChunkState,
    asking: Mapping[int, tuple[PromptTask, ...]],
    at_s: int,
) -> None:
    indices = tuple(sorted(asking))
    attempt = max(chunk.items[index].attempt for index in indices) + 1
    request = ShardRequest(
        segmenter=job.job.segmenter,
        images=tuple(_image_task(ports, job, chunk.number, described.item(index), asking[index]) for index in indices),
    )
    request_id = keys.request_id_of(job.job.job_id, request, attempt=attempt)
    ports.work.put(
        keys.request(job.tenant, job.job.job_id, request_id),
        request.model_dump_json().encode(),
        media_type="application/json",
    )
    ports.table.write(
        rows.lease_items(
            job.tenant,
            job.job.job_id,
            chunk.number,
            indices=indices,
            seen=chunk.items,
            attempt=attempt,
            request_id=request_id,
            now_s=at_s,
            lease_until_s=at_s + ports.lease_s,
        )
    )
    _invoke(ports, job, chunk.number, indices, request_id)


def _image_task(
    ports: Ports, job: JobState, number: int, item: PlannedItem, tasks: tuple[PromptTask, ...]
) -> ImageTask:
    if item.normal is None:
        raise ValueError(f"item {item.index} has no normal image")
    pixels, segmenter = item.normal.pixels_sha256, job.job.segmenter
    bucket = f"s3://{ports.media_bucket}"
    kept = f"{bucket}/{keys.embedding(job.tenant, pixels, segmenter)}" if keeps_embeddings(segmenter) else None
    return ImageTask(
        image_key=f"{number}.{item.index}",
        address=f"{bucket}/{keys.normal(job.tenant, pixels)}",
        size=item.normal.size,
        embedding=kept,
        prompts=tasks,
    )


def _invoke_again(ports: Ports, job: JobState, chunk: ChunkState, indices: Iterable[int], request_id: str) -> None:
    """Hand over a request of which nobody noted that it was, unless its chunk had all the requests that it may."""
    try:
        write = rows.count_request(job.tenant, job.job.job_id, chunk.number, items=len(chunk.items))
        ports.table.write(write)
    except RowConflict:
        _end_spent(ports, job, chunk, indices)
    else:
        _invoke(ports, job, chunk.number, indices, request_id)


def _end_spent(ports: Ports, job: JobState, chunk: ChunkState, indices: Iterable[int]) -> None:
    endings = dict.fromkeys(indices, Ending(ItemStatus.FAILED, state.refusal(Code.BUDGET_EXCEEDED)))
    if endings:
        state.end_items(ports.table, ports.queues, job, chunk.number, endings, at_s=state.now_s(ports.clock))


def _invoke(ports: Ports, job: JobState, number: int, indices: Iterable[int], request_id: str) -> None:
    tenant, job_id = job.tenant, job.job.job_id
    promise = ports.endpoint.invoke(
        request_key=keys.request(tenant, job_id, request_id),
        request_id=request_id,
        answer_folder=keys.answer_folder(tenant, job_id),
        answer_file=keys.answer_file(request_id),
    )
    try:
        ports.table.write(
            rows.mark_invoked(
                tenant,
                job_id,
                number,
                indices=indices,
                request_id=request_id,
                answer=promise.answer,
                failure=promise.failure,
            )
        )
    except RowConflict:
        return  # the answer was collected, or another attempt took over, before the promise was noted
