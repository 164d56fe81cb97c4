"""Collecting: the endpoint's answers become masks in the store and items ready to render; it knows no notification.

A callback is only a pointer. What was asked lies in the request object, what was answered in the answer object, and how
far each item is in its row; a forged, repeated, late or reordered callback can therefore do nothing that the store and
the rows do not bear out. A success of any attempt is welcome; an error counts only for the attempt that is in flight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from lambdas import known, state
from maskmill.core import keys, rows
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable
from maskmill.core.fact import Fact, mask_fact
from maskmill.core.geometry import Size
from maskmill.core.image import Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.limits import CONFLICT_RETRIES_MAX, MODEL_ANSWER_BYTES_MAX, MODEL_ATTEMPTS_MAX
from maskmill.core.mask import Rle
from maskmill.core.messages import CollectAnswer, DispatchItems
from maskmill.core.ports import Clock, ObjectMissing, Objects, Queues, Table
from maskmill.core.rows import ChunkState, Ending, JobState
from maskmill.core.shard import ImageAnswer, ImageTask, ServerProblem, ShardAnswer, ShardRequest
from maskmill.core.table import RowConflict
from maskmill.core.work import Spent

# What a smaller or a later request may do better; anything else is the model's last word on an image.
_PASSING = frozenset({Code.INTERNAL, Code.INVALID_MASK, Code.MODEL_TIMEOUT, Code.MODEL_UNAVAILABLE, Code.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Ports:
    """What collecting needs; `check` raises MaskmillError when a mask does not fit its image."""

    table: Table
    media: Objects
    work: Objects
    queues: Queues
    clock: Clock
    work_bucket: str
    check: Callable[[Rle, Size], None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request: whose it was and what it asked for, by item."""

    job: JobState
    request_id: str
    chunk: int
    found: ChunkState | None  # that chunk, as it was found
    tasks: dict[int, ImageTask]


def collect_success(ports: Ports, request_key: str, answer: str | None) -> None:
    """The endpoint says that it answered a request at this s3:// address (None: where it had promised)."""
    asked = _asked(ports, request_key)
    if asked is None:
        return
    key = _own_key(ports, asked, answer or _promised(ports, asked)[0])
    if key is None:
        return  # not where this job's answers lie: another's answer would look like a bad one of this request
    try:
        data = ports.work.get(key, bytes_max=MODEL_ANSWER_BYTES_MAX)
    except ObjectMissing:
        return  # the sweep looks again; nothing is taken on a pointer's word
    except InvalidInput:
        data = b""  # too large to read: each image asked for alone may fit
    seen = None
    try:
        shard = ShardAnswer.stored(data)
    except ValidationError:
        _try_again(ports, asked, asked.tasks, state.refusal(Code.INVALID_MASK))
    else:
        if shard.segmenter == asked.job.job.segmenter:
            seen = _take(ports, asked, shard.images, worked_ms=shard.worked_ms or 0)
        else:
            _end_failed(ports, asked, asked.tasks, state.refusal(Code.WRONG_SEGMENTER))
    state.hand_on(ports.table, ports.queues, asked.job, asked.chunk, seen=seen)


def collect_failure(ports: Ports, request_key: str, reason: str, failure: str | None) -> None:
    """The endpoint says that a request failed; `failure` is where the container's own words may lie."""
    asked = _asked(ports, request_key)
    if asked is None:
        return
    problem = _problem(ports, _own_key(ports, asked, failure))
    if problem is not None and problem.code == Code.WRONG_SEGMENTER:
        _end_failed(ports, asked, asked.tasks, state.refusal(Code.WRONG_SEGMENTER))
    elif "timed out" in reason.lower() or "timeout" in reason.lower():
        _try_again(ports, asked, asked.tasks, state.refusal(Code.MODEL_TIMEOUT))
    else:
        _try_again(ports, asked, asked.tasks, state.refusal(Code.MODEL_FAILED))
    state.hand_on(ports.table, ports.queues, asked.job, asked.chunk)


def collect_found(ports: Ports, message: CollectAnswer) -> None:
    """Look where the endpoint promised its answer, because the callback may be lost."""
    request_key = keys.request(message.tenant, message.job_id, message.request_id)
    asked = _asked(ports, request_key)
    if asked is None:
        return
    answer, failure = _promised(ports, asked)
    if _exists(ports, answer):
        collect_success(ports, request_key, answer)
    elif _exists(ports, failure):
        collect_failure(ports, request_key, "found by the sweep", failure)


def _asked(ports: Ports, request_key: str) -> _Asked | None:
    name = keys.parse_request(request_key)
    if name is None:
        return None
    try:
        request = ShardRequest.stored(ports.work.get(request_key))
    except ObjectMissing:
        return None
    chunk = int(request.images[0].image_key.split(".")[0])
    job, found = state.load_both(ports.table, name.tenant, name.job_id, chunk)
    if job is None or job.status.is_terminal:
        return None
    tasks = {int(task.image_key.split(".")[1]): task for task in request.images}
    return _Asked(job=job, request_id=name.request_id, chunk=chunk, found=found, tasks=tasks)


def _promised(ports: Ports, asked: _Asked) -> tuple[str | None, str | None]:
    chunk = _chunk(ports, asked)
    return (None, None) if chunk is None else chunk.answers.get(asked.request_id, (None, None))


def _exists(ports: Ports, address: str | None) -> bool:
    key = None if address is None else state.key_of_address(address, ports.work_bucket)
    return key is not None and ports.work.head(key) is not None


def _chunk(ports: Ports, asked: _Asked) -> ChunkState | None:
    return state.load_chunk(ports.table, asked.job.tenant, asked.job.job.job_id, asked.chunk)


def _own_key(ports: Ports, asked: _Asked, address: str | None) -> str | None:
    """The key of an address where this request's answer, or its failure, may lie; None for any other address."""
    key = None if address is None else state.key_of_address(address, ports.work_bucket)
    own = keys.answer_file(asked.request_id)
    if key in [f"{folder}{own}" for folder in keys.answer_folders(asked.job.tenant, asked.job.job.job_id)]:
        return key
    return key if address in _promised(ports, asked) else None


def _problem(ports: Ports, key: str | None) -> ServerProblem | None:
    if key is None:
        return None
    try:
        return ServerProblem.stored(ports.work.get(key, bytes_max=64 * 1024))
    except (ObjectMissing, ValidationError, InvalidInput):
        return None  # the platform's own words are plain text


def _take(ports: Ports, asked: _Asked, images: Iterable[ImageAnswer], *, worked_ms: int) -> ChunkState | None:
    """Take an answer in; returns the chunk as it stands then, None where that is not known."""
    answers = _one_each(images)
    good: list[int] = []
    failed: dict[Code, list[int]] = {}
    learned: dict[Fact, bytes] = {}
    for index, task in asked.tasks.items():
        answer = answers.get(task.image_key)
        code = _refused_for(ports, task, answer)
        if code is None and answer is not None:
            good.append(index)
            learned = _masks_of(task, answer) | learned  # of equal pictures the first
        elif code is not None:
            failed.setdefault(code, []).append(index)
    known.keep_first(ports.table, ports.media, asked.job.tenant, learned)
    started = _start_rendering(ports, asked, good, worked_ms=worked_ms)
    for code, indices in failed.items():
        act = _try_again if code in _PASSING else _end_failed
        act(ports, asked, indices, state.refusal(code))
    return None if failed else started


def _one_each(images: Iterable[ImageAnswer]) -> dict[str, ImageAnswer]:
    """The answers by image; what is answered twice is not answered, since nobody can say which one is meant."""
    listed = tuple(images)
    times = Counter(answer.image_key for answer in listed)
    return {answer.image_key: answer for answer in listed if times[answer.image_key] == 1}


def _refused_for(ports: Ports, task: ImageTask, answer: ImageAnswer | None) -> Code | None:
    """Why one image of an answer has no masks; None when it has those that were asked for.

    Of the server's refusal only the code is taken: its words are of any length and not meant for users.
    """
    if answer is not None and answer.error is not None:
        return Code(answer.error.code) if answer.error.code in set(Code) else Code.MODEL_FAILED
    return None if answer is not None and _is_whole(ports, task, answer) else Code.INVALID_MASK


def _is_whole(ports: Ports, task: ImageTask, answer: ImageAnswer) -> bool:
    """Whether the masks of one image are those that were asked for, and fit it."""
    masks = {entry.mask_key: entry.mask for entry in answer.masks}
    if len(masks) != len(answer.masks) or masks.keys() != {prompt.mask_key for prompt in task.prompts}:
        return False
    try:
        for mask in masks.values():
            ports.check(mask.rle, task.size)
    except MaskmillError:
        return False
    return True


def _masks_of(task: ImageTask, answer: ImageAnswer) -> dict[Fact, bytes]:
    """What an answer lets one know of a picture.

    Where an earlier answer has said it, that one stays: a model may draw a mask a little differently the next time, and
    labels are made of it.
    """
    pixels = task.address.split("/px/")[1].split("/")[0]
    return {mask_fact(pixels, entry.mask_key): entry.mask.model_dump_json().encode() for entry in answer.masks}


def _start_rendering(ports: Ports, asked: _Asked, good: list[int], *, worked_ms: int) -> ChunkState | None:
    """Move items whose masks are all known to rendering, and send those that are there; returns the chunk after that.

    An answer that moves nothing is not counted: it came before.
    """
    if not good:
        return None
    tenant, job_id = asked.job.tenant, asked.job.job.job_id
    chunk = asked.found
    for _ in range(CONFLICT_RETRIES_MAX):
        if chunk is None:
            return None
        ready = [i for i in good if chunk.items[i].status in (ItemStatus.PENDING, ItemStatus.SEGMENTING)]
        moving = [i for i in good if i in ready or chunk.items[i].status is ItemStatus.RENDERING]
        try:
            if ready:
                masks = sum(len(asked.tasks[index].prompts) for index in ready)
                write = rows.start_rendering(
                    tenant,
                    job_id,
                    asked.chunk,
                    indices=ready,
                    now_s=state.now_s(ports.clock),
                    spent=Spent(shards=1, masks_computed=masks, segmenting_ms=worked_ms),
                )
                chunk = rows.chunk_of(ports.table.write(write))
        except RowConflict:
            chunk = _chunk(ports, asked)
            continue
        pixels_of = {index: asked.tasks[index].size.pixels for index in moving}
        state.ask_to_render(ports.queues, asked.job, chunk, pixels_of)
        return chunk if ready else None
    raise Unavailable(detail="the chunk is too busy")


def _in_flight(ports: Ports, asked: _Asked, indices: Iterable[int]) -> dict[int, int]:
    """The items that still wait for this very attempt, with its number; where none is open, passes that on."""
    chunk = _chunk(ports, asked)
    if chunk is None:
        return {}
    state.forward(ports.table, ports.queues, asked.job.tenant, asked.job.job.job_id, chunk)
    return {
        index: chunk.items[index].attempt
        for index in indices
        if chunk.items[index].status is ItemStatus.SEGMENTING and chunk.items[index].request_id == asked.request_id
    }


def _try_again(ports: Ports, asked: _Asked, indices: Iterable[int], reason: Refusal) -> None:
    """Let the items of a failed attempt be asked for again, each alone, or end them when they had their attempts."""
    tenant, job_id = asked.job.tenant, asked.job.job.job_id
    again: list[int] = []
    for index, attempt in _in_flight(ports, asked, indices).items():
        if attempt >= MODEL_ATTEMPTS_MAX:
            _end_failed(ports, asked, [index], reason)
            continue
        try:
            ports.table.write(
                rows.release_item(
                    tenant,
                    job_id,
                    asked.chunk,
                    index,
                    request_id=asked.request_id,
                    now_s=state.now_s(ports.clock),
                )
            )
        except RowConflict:
            continue
        again.append(index)
    ports.queues.send(
        DispatchItems(tenant=tenant, job_id=job_id, chunk=asked.chunk, indices=(index,)) for index in again
    )


def _end_failed(ports: Ports, asked: _Asked, indices: Iterable[int], reason: Refusal) -> None:
    endings = dict.fromkeys(indices, Ending(ItemStatus.FAILED, reason))
    at_s, request_id = state.now_s(ports.clock), asked.request_id
    if endings:
        state.end_items(ports.table, ports.queues, asked.job, asked.chunk, endings, at_s=at_s, request_id=request_id)
