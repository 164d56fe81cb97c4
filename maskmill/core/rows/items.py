"""The rows of chunks, which hold the states of items, and of the results that finished items left behind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from maskmill.core import item as items
from maskmill.core import job as jobs
from maskmill.core.image import Refusal
from maskmill.core.item import BEFORE_RENDERING, ItemStatus
from maskmill.core.job import Counts
from maskmill.core.limits import REQUESTS_IN_OUTAGE, REQUESTS_PER_CHUNK_MAX
from maskmill.core.plan import Chunk
from maskmill.core.table import Condition, Key, Op, Path, Put, Row, Update
from maskmill.core.work import NOTHING_SPENT, Spent, total

_JOB_PK = re.compile(r"T#([^#]+)#J#([^#]+)")


@dataclass(frozen=True, slots=True)
class ItemState:
    """How far an item is. Times are seconds since 1970.

    `request_id` is the attempt that is or was in flight, `lease_until_s` its deadline; it was really handed to the
    endpoint once `is_invoked`.
    """

    status: ItemStatus
    attempt: int = 0
    changed_at_s: int = 0
    request_id: str | None = None
    lease_until_s: int = 0
    is_invoked: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class ChunkState:
    """A chunk row: its items by their number in the job, and where the endpoint said its answers would be."""

    number: int
    items: Mapping[int, ItemState]
    ended: int
    answers: Mapping[str, tuple[str, str | None]]  # request id → (answer, failure) as s3:// addresses
    spent: Spent = NOTHING_SPENT
    asked: int = 0  # requests for its items that were handed to the endpoint, or were about to be
    repairs: int = 0  # sweeps that sent something of it again
    together: int = 1  # items that one run renders at most

    @property
    def may_ask(self) -> bool:
        """Whether one more request may be handed to the endpoint."""
        return self.asked < _requests_max(len(self.items))

    @property
    def is_full(self) -> bool:
        return self.ended == len(self.items)

    @property
    def has_left_segmenter(self) -> bool:
        """Whether no item waits for its masks any more: another chunk may take this one's place in the segmenter."""
        return all(item.status not in BEFORE_RENDERING for item in self.items.values())

    @property
    def waits_for_place(self) -> bool:
        """Whether an item has not been dispatched yet."""
        return any(item.status is ItemStatus.PENDING for item in self.items.values())

    @property
    def changed_at_s(self) -> int:
        """When an item changed last."""
        return max((item.changed_at_s for item in self.items.values()), default=0)

    @property
    def counts(self) -> Counts:
        return jobs.count(item.status for item in self.items.values())


def _requests_max(items: int) -> int:
    return REQUESTS_PER_CHUNK_MAX * items + REQUESTS_IN_OUTAGE


def job_pk(tenant: str, job_id: str) -> str:
    return f"T#{tenant}#J#{job_id}"


def job_of_pk(pk: str) -> tuple[str, str] | None:
    """Tenant and job of a job's partition; None for any other partition."""
    found = _JOB_PK.fullmatch(pk)
    return None if found is None else (found[1], found[2])


CHUNK_PREFIX = "CHUNK#"
RESULT_PREFIX = "RESULT#"


def chunk_key(tenant: str, job_id: str, number: int) -> Key:
    return Key(job_pk(tenant, job_id), f"{CHUNK_PREFIX}{number:04d}")


def put_chunk(tenant: str, job_id: str, chunk: Chunk, *, now_s: int, together: int = 1) -> Put:
    """A chunk as planned: refused images have failed from the start, all others are pending.

    Up to `together` of its items are rendered in one run.
    """
    states = {str(item.index): _first_state(item.refusal, now_s) for item in chunk.items}
    failed = sum(item.refusal is not None for item in chunk.items)
    row = {"number": chunk.number, "items": states, "ended": failed, "answers": {}, "together": together}
    return Put(chunk_key(tenant, job_id, chunk.number), row)


def _first_state(refusal: Refusal | None, now_s: int) -> dict[str, Any]:
    if refusal is None:
        return {"s": ItemStatus.PENDING.value, "a": 0, "t": now_s}
    return {"s": ItemStatus.FAILED.value, "a": 0, "t": now_s, "e": refusal.model_dump_json()}


def chunk_of(row: Row) -> ChunkState:
    return ChunkState(
        number=row["number"],
        items={int(index): _item_of(entry) for index, entry in sorted(row["items"].items(), key=_by_index)},
        ended=row["ended"],
        answers={request: (where["ok"], where.get("failed")) for request, where in row["answers"].items()},
        spent=_spent_of(row),
        asked=row.get("asked", 0),
        repairs=row.get("repairs", 0),
        together=row.get("together", 1),
    )


_SPENT = "spent_"
_SPENT_KEYS = {name: f"{_SPENT}{name}" for name in Spent.model_fields}


def _spent_of(row: Row) -> Spent:
    counted = {name: row[key] for name, key in _SPENT_KEYS.items() if key in row}
    return Spent(**counted) if counted else NOTHING_SPENT


def _spent_paths(spent: Spent) -> dict[Path, int | frozenset[str]]:
    return {(f"{_SPENT}{name}",): amount for name, amount in spent.model_dump().items() if amount}


def _by_index(entry: tuple[str, Any]) -> int:
    return int(entry[0])


def _item_of(entry: Mapping[str, Any]) -> ItemState:
    return ItemState(
        status=ItemStatus(entry["s"]),
        attempt=entry["a"],
        changed_at_s=entry["t"],
        request_id=entry.get("r"),
        lease_until_s=entry.get("u", 0),
        is_invoked=entry.get("i", False),
        refusal=Refusal.stored(entry["e"]) if "e" in entry else None,
    )


def _at(index: int, name: str) -> Path:
    return ("items", str(index), name)


def _enter_item(index: int, target: ItemStatus) -> Condition:
    sources = tuple(sorted(source.value for source in items.sources_of(target)))
    return Condition(_at(index, "s"), Op.IN, sources)


def lease_items(
    tenant: str,
    job_id: str,
    number: int,
    *,
    indices: Iterable[int],
    seen: Mapping[int, ItemState],
    attempt: int,
    request_id: str,
    now_s: int,
    lease_until_s: int,
) -> Update:
    """Takes items for one attempt at their masks, all or none; refused when any changed since it was `seen`.

    A lease is never prolonged: an attempt that was seen to be over is over as long as it is the last one.
    """
    leased = {
        "s": ItemStatus.SEGMENTING.value, "a": attempt, "t": now_s, "r": request_id, "u": lease_until_s, "i": False
    }  # fmt: skip
    values: dict[Path, Any] = {}
    require: list[Condition] = []
    for index in indices:
        values["items", str(index)] = leased  # as one value, so that a full chunk fits into an expression
        last = seen[index].request_id
        require += [
            Condition(_at(index, "s"), Op.EQUALS, seen[index].status.value),
            Condition(_at(index, "r"), Op.ABSENT if last is None else Op.EQUALS, last),
        ]
    return Update(chunk_key(tenant, job_id, number), set=values, add={("asked",): 1}, require=tuple(require))


def count_request(tenant: str, job_id: str, number: int, *, items: int) -> Update:
    """One more request of a chunk of so many items is about to be handed over; refused when it had all that it may."""
    most = Condition(("asked",), Op.AT_MOST, _requests_max(items) - 1)
    return Update(chunk_key(tenant, job_id, number), add={("asked",): 1}, require=(most,))


def mark_invoked(
    tenant: str, job_id: str, number: int, *, indices: Iterable[int], request_id: str, answer: str, failure: str | None
) -> Update:
    """The endpoint took the request and said where its answer will be; refused when another attempt took over."""
    where = {"ok": answer} if failure is None else {"ok": answer, "failed": failure}
    values: dict[Path, Any] = {("answers", request_id): where}
    require: list[Condition] = []
    for index in indices:
        values[_at(index, "i")] = True
        require.append(Condition(_at(index, "r"), Op.EQUALS, request_id))
    return Update(chunk_key(tenant, job_id, number), set=values, require=tuple(require))


def release_item(tenant: str, job_id: str, number: int, index: int, *, request_id: str, now_s: int) -> Update:
    """Ends the lease of a failed attempt, so that the next one may start at once."""
    return Update(
        chunk_key(tenant, job_id, number),
        set={_at(index, "u"): 0, _at(index, "t"): now_s},
        require=(
            Condition(_at(index, "s"), Op.EQUALS, ItemStatus.SEGMENTING.value),
            Condition(_at(index, "r"), Op.EQUALS, request_id),
        ),
    )


def note_repair(
    tenant: str, job_id: str, number: int, *, indices: Iterable[int], seen: Mapping[int, ItemState], now_s: int
) -> Update:
    """Somebody was asked again to see to these items: the wait begins anew; refused when one has gone on meanwhile."""
    values: dict[Path, Any] = {}
    require: list[Condition] = []
    for index in indices:
        values[_at(index, "t")] = now_s
        require.append(Condition(_at(index, "s"), Op.EQUALS, seen[index].status.value))
    return Update(chunk_key(tenant, job_id, number), set=values, add={("repairs",): 1}, require=tuple(require))


def start_rendering(
    tenant: str,
    job_id: str,
    number: int,
    *,
    indices: Iterable[int],
    now_s: int,
    spent: Spent = NOTHING_SPENT,
) -> Update:
    """All masks of these items are known, some by the answer that is counted here; all or none."""
    values: dict[Path, Any] = {}
    require: list[Condition] = []
    for index in indices:
        values |= {_at(index, "s"): ItemStatus.RENDERING.value, _at(index, "t"): now_s}
        require.append(_enter_item(index, ItemStatus.RENDERING))
    return Update(chunk_key(tenant, job_id, number), set=values, add=_spent_paths(spent), require=tuple(require))


@dataclass(frozen=True, slots=True)
class Ending:
    """How an item ends: in which state, why, and what was spent on it."""

    status: ItemStatus
    reason: Refusal | None = None
    spent: Spent = NOTHING_SPENT


def end_items(
    tenant: str,
    job_id: str,
    number: int,
    endings: Mapping[int, Ending],
    *,
    now_s: int,
    request_id: str | None = None,
) -> Update:
    """The one write that makes items terminal, with their counter and what they took; refused once one of them is.

    With `request_id`, refused also when another attempt has taken over: an old attempt's error never ends a new one.
    """
    values: dict[Path, Any] = {}
    require: list[Condition] = []
    for index, ending in endings.items():
        values |= {_at(index, "s"): ending.status.value, _at(index, "t"): now_s}
        if ending.reason is not None:
            values[_at(index, "e")] = ending.reason.model_dump_json()
        require.append(_enter_item(index, ending.status))
        if request_id is not None:
            require.append(Condition(_at(index, "r"), Op.EQUALS, request_id))
    counted = {("ended",): len(endings), **_spent_paths(total(ending.spent for ending in endings.values()))}
    return Update(chunk_key(tenant, job_id, number), set=values, add=counted, require=tuple(require))


def may_end(item: ItemState, ending: Ending, *, request_id: str | None) -> bool:
    """Whether that write would not be refused for this item."""
    is_its_own = request_id is None or item.request_id == request_id
    return is_its_own and item.status in items.sources_of(ending.status)


def result_key(tenant: str, job_id: str, index: int) -> Key:
    return Key(job_pk(tenant, job_id), f"{RESULT_PREFIX}{index:06d}")


def result_index(row: Row) -> int:
    """The number of the item that a result is of."""
    return int(str(row["sk"]).removeprefix(RESULT_PREFIX))


def put_result(tenant: str, job_id: str, index: int, *, doc: str) -> Put:
    """What an item left behind, as JSON."""
    return Put(result_key(tenant, job_id, index), {"doc": doc})


def put_result_address(tenant: str, job_id: str, index: int, *, key: str) -> Put:
    """Where what an item left behind lies, when it is too long for a row."""
    return Put(result_key(tenant, job_id, index), {"key": key})
