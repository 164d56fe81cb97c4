"""The rows of calls: what was asked under a key and what was answered, and how much a tenant asked; no resource."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from maskmill.core.rows.library import tenant_pk
from maskmill.core.table import Condition, Key, Op, Put, Row, Update

_KEY_CHARS = 40


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call under a key.

    `asked` is a hash of what was asked, `seed` what the ids of the things it makes are drawn from, `holder` names the
    run that may answer. `lease_until_s` is 0 when nobody runs it, `status` 0 while there is no answer, and `text` None
    when the answer is not kept.
    """

    asked: str
    seed: str
    holder: str
    lease_until_s: int
    expires_at_s: int
    is_free: bool = False
    status: int = 0
    text: str | None = None
    headers: Mapping[str, str] | None = None


def kept_call_key(tenant: str, key: str) -> Key:
    return Key(tenant_pk(tenant), f"KEY#{hashlib.sha256(key.encode()).hexdigest()[:_KEY_CHARS]}")


def begin_call(tenant: str, key: str, call: KeptCall) -> Put:
    return Put(kept_call_key(tenant, key), _begun(call))


def begin_call_again(tenant: str, key: str, call: KeptCall, *, before: KeptCall) -> Update:
    """The call in place of one that ended without an answer, whose key is free, or that expired; refused for one that
    somebody else took over meanwhile."""
    return Update(
        kept_call_key(tenant, key),
        set={(name,): value for name, value in _begun(call).items()},
        remove=(("is_free",), ("status",), ("text",), ("headers",)),
        require=(Condition(("holder",), Op.EQUALS, before.holder),),
    )


def keep_answer(
    tenant: str, key: str, call: KeptCall, *, status: int, text: str | None, headers: Mapping[str, str]
) -> Update:
    """The call has its answer; refused for a run that lost its lease to another one."""
    values: dict[tuple[str, ...], object] = {("status",): status, ("lease_until_s",): 0}
    if text is not None:
        values |= {("text",): text, ("headers",): dict(headers)}
    return Update(kept_call_key(tenant, key), set=values, require=(Condition(("holder",), Op.EQUALS, call.holder),))


def end_call(tenant: str, key: str, call: KeptCall, *, is_free: bool) -> Update:
    """The call ended without an answer to keep: the same may be asked again, and anything else if the key is free."""
    return Update(
        kept_call_key(tenant, key),
        set={("lease_until_s",): 0, **({("is_free",): True} if is_free else {})},
        require=(Condition(("holder",), Op.EQUALS, call.holder),),
    )


def kept_call_of(row: Row) -> KeptCall:
    return KeptCall(
        asked=row["asked"],
        seed=row["seed"],
        holder=row["holder"],
        lease_until_s=row["lease_until_s"],
        expires_at_s=row["expires_at"],
        is_free=row.get("is_free", False),
        status=row.get("status", 0),
        text=row.get("text"),
        headers=row.get("headers"),
    )


def _begun(call: KeptCall) -> dict[str, str | int]:
    return {
        "asked": call.asked,
        "seed": call.seed,
        "holder": call.holder,
        "lease_until_s": call.lease_until_s,
        "expires_at": call.expires_at_s,
    }


# How much a tenant asks -----------------------------------------------------------------------------------------


def rate_key(tenant: str) -> Key:
    return Key(tenant_pk(tenant), "RATE")


def put_rate(tenant: str, *, window: int, taken: int) -> Put:
    return Put(rate_key(tenant), {"window": window, "taken": taken})


def take_requests(tenant: str, *, window: int, count: int, count_max: int) -> Update:
    """Take requests of a window; refused when it would give more than it has, and in another window."""
    return Update(
        rate_key(tenant),
        add={("taken",): count},
        require=(
            Condition(("window",), Op.EQUALS, window),
            Condition(("taken",), Op.AT_MOST, count_max - count),
        ),
    )


def open_window(tenant: str, *, window: int, count: int, before: int) -> Update:
    """A new window and the first requests of it; refused when somebody else opened one after `before`."""
    return Update(
        rate_key(tenant),
        set={("window",): window, ("taken",): count},
        require=(Condition(("window",), Op.EQUALS, before),),
    )
