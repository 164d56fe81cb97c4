"""How much a tenant may ask in a minute: one count for all processes, taken from in blocks; it knows no HTTP.

A process takes the right to a few requests at once and spends it alone, so most requests write nothing. What is left
of a block when its process ends is lost until the next window: a tenant never gets more than the limit, and may get a
little less.
"""

from __future__ import annotations

from dataclasses import dataclass

from maskmill.core import rows
from maskmill.core.errors import Code, QuotaExceeded, Unavailable
from maskmill.core.limits import CONFLICT_RETRIES_MAX, RATE_WINDOW_S
from maskmill.core.ports import Clock, Table
from maskmill.core.table import Row, RowConflict

BLOCK_MAX = 10
BLOCKS_PER_WINDOW_MIN = 20  # of a small limit a block is so little that several processes have one
TENANTS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left of a window: at least `left` more requests, until `resets_in_s` seconds have passed."""

    limit: int
    left: int
    resets_in_s: int


class RateLimited(QuotaExceeded):
    """A tenant asked as often as it may in this window."""

    default_code = Code.RATE_LIMITED

    def __init__(self, rate: Rate) -> None:
        super().__init__(retry_after_s=rate.resets_in_s)
        self.rate = rate


@dataclass(slots=True)
class _Block:
    """The right of this process to `own` requests of a window, which has `rest` for everybody."""

    window: int
    own: int
    rest: int


class Rates:
    """The windows of all tenants, by the clock: the minutes since 1970."""

    def __init__(self, table: Table, clock: Clock, *, per_window: int) -> None:
        self._table = table
        self._clock = clock
        self._limit = per_window
        self._blocks: dict[str, _Block] = {}

    def take(self, tenant: str) -> Rate:
        """Count one request; raises RateLimited, and Unavailable when too many processes count at once."""
        window, into_s = divmod(int(self._clock.now().timestamp()), RATE_WINDOW_S)
        resets_in_s = RATE_WINDOW_S - into_s
        block = self._blocks.get(tenant)
        if block is None or block.window < window or (block.own == 0 and block.rest > 0):
            block = self._take_block(tenant, window)
            if len(self._blocks) >= TENANTS_MAX:
                self._blocks.clear()
            self._blocks[tenant] = block
        if block.own == 0:
            raise RateLimited(Rate(self._limit, 0, resets_in_s))
        block.own -= 1
        return Rate(self._limit, block.own + block.rest, resets_in_s)

    def _take_block(self, tenant: str, window: int) -> _Block:
        size = max(1, min(BLOCK_MAX, self._limit // BLOCKS_PER_WINDOW_MIN))
        for _ in range(CONFLICT_RETRIES_MAX):
            try:
                row = self._table.write(rows.take_requests(tenant, window=window, count=size, count_max=self._limit))
                return _Block(window, size, self._limit - row["taken"])
            except RowConflict as conflict:
                current = conflict.current
            if current is None or current["window"] < window:
                if self._opened(tenant, window, size, current):
                    return _Block(window, size, self._limit - size)
            elif current["window"] > window:
                window = current["window"]  # the clock of another process is ahead
            elif current["taken"] >= self._limit:
                return _Block(window, 0, 0)
            else:
                size = min(size, self._limit - current["taken"])
        raise Unavailable(detail="the count of requests is fought over")

    def _opened(self, tenant: str, window: int, size: int, current: Row | None) -> bool:
        try:
            if current is None:
                self._table.write(rows.put_rate(tenant, window=window, taken=size))
            else:
                self._table.write(rows.open_window(tenant, window=window, count=size, before=current["window"]))
        except RowConflict:
            return False
        return True
