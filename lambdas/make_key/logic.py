"""A pair of keys for a deployment: the private half is locked away unread, the public half is told; it knows no AWS.

An order that comes again, because its answer was lost, is answered with the same public half. A word is kept nowhere:
what the deployment hears is what counts, and an order that comes again is answered with another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from maskmill.core.rsa import PRIVATE, PUBLIC, Draw, draw_key, public_pem


class Vault(Protocol):
    """Where the halves are kept; what was locked away cannot be read here."""

    def lock(self, name: str, text: str, *, again: bool) -> bool: ...

    def show(self, name: str, text: str) -> None: ...

    def shown(self, name: str) -> str | None: ...

    def forget(self, names: Sequence[str]) -> None: ...


def make(vault: Vault, name: str, draw: Draw) -> str:
    """The public half of the pair of this name, which is drawn unless it is there."""
    key = draw_key(draw)
    if not vault.lock(f"{name}/{PRIVATE}", key.model_dump_json(), again=False):
        known = vault.shown(f"{name}/{PUBLIC}")
        if known is not None:
            return known
        # Somebody died between the two halves and told nobody of theirs.
        vault.lock(f"{name}/{PRIVATE}", key.model_dump_json(), again=True)
    public = public_pem(key)
    vault.show(f"{name}/{PUBLIC}", public)
    return public


def forget(vault: Vault, name: str) -> None:
    vault.forget([f"{name}/{PRIVATE}", f"{name}/{PUBLIC}"])


def told_of_word(word: str) -> dict[str, str]:
    """A drawn word for whoever says it, and its hash for whoever is to know it when it is said."""
    return {"Word": word, "Digest": hashlib.sha256(word.encode()).hexdigest()}
