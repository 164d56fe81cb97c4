"""In what moto and the emulator differ from what AWS documents, as far as the product could notice.

A row is a claim of the contract tests, or a probe, that does not hold there. A difference that has gone makes its test
fail, as does one that has no row: so the list says how far each of them may be trusted, and no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Divergence:
    """One cloud gives something else: what, why nothing rests on it or what proves it instead, and where that stands."""

    cloud: str
    claim: str  # the name of a test, or the id of a probe
    gives: str  # of a probe its exact outcome
    instead: str
    source: str
    seen: date


DIVERGENCES: tuple[Divergence, ...] = ()

_BY_CLAIM = {(one.cloud, one.claim): one for one in DIVERGENCES}


def of_claim(cloud: str, claim: str) -> Divergence | None:
    """The row of a claim on a cloud."""
    return _BY_CLAIM.get((cloud, claim))
