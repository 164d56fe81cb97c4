"""The machine's clock as a port; it knows nothing of what time is used for."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The time, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
