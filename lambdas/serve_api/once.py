"""A call under a key makes one thing, however often it is sent; it knows no route and no resource.

The key's row is a lease while the call runs and holds the answer afterwards. The ids of what is made are drawn from
the row's seed, so a call that runs again after a crash makes the same things again, which is once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from lambdas import state
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.errors import (
    Code,
    Conflict,
    FieldFault,
    InvalidInput,
    MaskmillError,
    NotFound,
    QuotaExceeded,
    Unavailable,
    Where,
)
from maskmill.core.limits import (
    IDEMPOTENCY_KEY_CHARS_MAX,
    IDEMPOTENCY_LEASE_S,
    IDEMPOTENCY_LIFE_S,
    KEPT_ANSWER_BYTES_MAX,
)
from maskmill.core.model import canonical_json
from maskmill.core.ports import Ids, Table
from maskmill.core.rows import KeptCall
from maskmill.core.table import Put, Row, RowConflict, Update

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}

_REFUSALS = (InvalidInput, NotFound, Conflict, QuotaExceeded)  # after anything else a part may have been made
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_MOMENT_CHARS = 10
_DRAWN_CHARS = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, as text; `text` is empty where there is no body."""

    status: int
    text: str
    headers: Mapping[str, str]


class SeededIds:
    """The ids port, drawing the same ids from the same seed: its moment, and a hash in place of randomness."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._calls = 0

    def new(self, count: int) -> Sequence[str]:
        moment = _text(_number(self._seed[:_MOMENT_CHARS]) + self._calls, _MOMENT_CHARS)
        drawn = {_text(self._draw(place), _DRAWN_CHARS) for place in range(count)}
        self._calls += 1
        return [moment + text for text in sorted(drawn)]

    def _draw(self, place: int) -> int:
        data = f"{self._seed} {self._calls} {place}".encode()
        return int.from_bytes(hashlib.sha256(data).digest()[: _DRAWN_CHARS * 5 // 8])


def key_of(headers: Mapping[str, str]) -> str | None:
    """The caller's key; raises invalid_request for what is none."""
    key = headers.get(HEADER.lower())
    if key is None:
        return None
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        detail = f"1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible characters"
        raise InvalidInput(faults=(FieldFault(pointer=f"/{HEADER}", detail=detail, where=Where.HEADER),))
    return key


def fingerprint(*parts: object) -> str:
    """A hash of what is asked: the same for the same method, address and body."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def once(
    ports: Ports, tenant: str, key: str, asked: str, run: Callable[[Ids], Answer], *, is_made_again: bool
) -> Answer:
    """The answer of the first call under the key that was not refused.

    With `is_made_again`, the answer is not kept: a repetition runs, with the ids of the first call. Raises
    idempotency_mismatch when something else was asked under this key, and still_running.
    """
    call = _begun(ports, tenant, key, asked)
    if call.status and call.text is not None:
        return Answer(call.status, call.text, {**(call.headers or {}), **REPLAYED})
    if call.status:
        answer = run(SeededIds(call.seed))
        return replace(answer, headers={**answer.headers, **REPLAYED})
    try:
        answer = run(SeededIds(call.seed))
    except Exception as error:
        _try(ports.table, rows.end_call(tenant, key, call, is_free=isinstance(error, _REFUSALS)))
        raise
    is_kept = not is_made_again and len(answer.text.encode()) <= KEPT_ANSWER_BYTES_MAX
    text = answer.text if is_kept else None
    _try(ports.table, rows.keep_answer(tenant, key, call, status=answer.status, text=text, headers=answer.headers))
    return answer


def put_once(table: Table, put: Put) -> Row:
    """The row as it was put now, or by an earlier run of the same call: nobody else draws the same id."""
    try:
        return table.write(put)
    except RowConflict as conflict:
        if conflict.current is None:
            raise
        return conflict.current


def _begun(ports: Ports, tenant: str, key: str, asked: str) -> KeptCall:
    """The call, held by us if it has no answer yet."""
    now_s = state.now_s(ports.clock)
    (name,) = ports.ids.new(1)
    fresh = KeptCall(
        asked=asked,
        seed=name,
        holder=name,
        lease_until_s=now_s + IDEMPOTENCY_LEASE_S,
        expires_at_s=now_s + IDEMPOTENCY_LIFE_S,
    )
    try:
        ports.table.write(rows.begin_call(tenant, key, fresh))
        return fresh
    except RowConflict as conflict:
        if conflict.current is None:
            raise Unavailable(detail="a key came and went") from conflict
        before = rows.kept_call_of(conflict.current)
    if not (before.is_free or before.expires_at_s <= now_s):
        if before.asked != asked:
            raise InvalidInput(Code.IDEMPOTENCY_MISMATCH)
        if before.status:
            return before
        if before.lease_until_s > now_s:
            raise Conflict(Code.STILL_RUNNING)
        fresh = replace(fresh, seed=before.seed)
    try:
        ports.table.write(rows.begin_call_again(tenant, key, fresh, before=before))
    except RowConflict as conflict:
        raise Conflict(Code.STILL_RUNNING) from conflict
    return fresh


def _try(table: Table, write: Update) -> None:
    """A write that may be lost: the lease runs out by itself, and another run may have taken the call over."""
    with suppress(RowConflict, MaskmillError):
        table.write(write)


def _number(text: str) -> int:
    number = 0
    for char in text:
        number = number * 32 + _DIGITS.index(char)
    return number


def _text(number: int, chars: int) -> str:
    return "".join(_DIGITS[(number >> (5 * place)) & 31] for place in reversed(range(chars)))
