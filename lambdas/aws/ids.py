"""New names and secrets from the clock and the system's randomness; it knows nothing of what they name."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from maskmill.core.ports import Clock

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS = 10
_RANDOM_CHARS = 16
_RANDOM_BITS = 80
_SECRET_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RandomIds:
    """26 characters: 48 bits of milliseconds since 1970, then 80 random bits, in Crockford's base 32, lower case.

    The ids of one call share a moment and are sorted; each call takes a later moment than the one before.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = 0

    def new(self, count: int) -> Sequence[str]:
        now_ms = int((self._clock.now() - _EPOCH).total_seconds() * 1000)
        self._last_ms = max(now_ms, self._last_ms + 1)
        moment = _text(self._last_ms, _TIME_CHARS)
        draws: set[int] = set()
        while len(draws) < count:
            draws.add(secrets.randbits(_RANDOM_BITS))
        return [moment + _text(draw, _RANDOM_CHARS) for draw in sorted(draws)]


def new_secret() -> bytes:
    """A key to sign with, that nobody can guess."""
    return secrets.token_bytes(_SECRET_BYTES)


def _text(number: int, chars: int) -> str:
    return "".join(_DIGITS[(number >> (5 * place)) & 31] for place in reversed(range(chars)))
