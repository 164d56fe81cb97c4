"""A right that is taken away is missed: no function goes on as if a refused call had come through.

Each right that some call of the simulated pipeline hangs on is taken from its role, one at a time, and a world that went
well with it is played again: something must go wrong. What the simulation does not play (pixels, signed addresses,
sockets that open, the page) is looked at on the deployed stacks, in tests/e2e/test_rights.py.
"""

from __future__ import annotations

from collections import defaultdict

from maskmill.core.errors import MaskmillError
from tests.simulation.judge import Held, Judge, Noticed, judged
from tests.simulation.modes import pipeline_of
from tests.unit.infra.test_access import RIGHTS

WORLDS = (
    *(("calm", seed) for seed in (4, 6, 10)),
    *(("clearing", seed) for seed in (1, 6, 11, 12, 65)),
    *(("removing", seed) for seed in (1, 6, 11, 12, 13)),
    *(("full", seed) for seed in (2, 3, 6, 7, 10, 11, 12, 13, 36)),
    ("primary", 13),
)
RIGHTS_MIN = 100  # that the simulation needs; fewer mean that it has stopped to play something
World = tuple[str, int]


def played(judge: Judge, world: World) -> bool:
    """Whether a world goes well before this judge."""
    mode, seed = world
    try:
        with judged(judge):
            return pipeline_of(mode, seed, jobs=2).run() == []
    except (Noticed, MaskmillError, AssertionError):
        return False


def needed() -> dict[Held, list[World]]:
    """Every right that alone let a call pass, with the worlds in which it did."""
    found: dict[Held, list[World]] = defaultdict(list)
    for world in WORLDS:
        judge = Judge(RIGHTS)
        assert played(judge, world), world
        for right in judge.alone:
            found[right].append(world)
    return found


def test_every_right_that_is_taken_away_is_missed() -> None:
    found = needed()
    assert len(found) >= RIGHTS_MIN
    unmissed = [right for right, worlds in found.items() if all(played(Judge(RIGHTS, right), one) for one in worlds)]
    assert sorted(unmissed) == []


def test_a_function_that_swallows_what_it_is_refused_would_be_found() -> None:
    """A canary of the judge itself: where nothing is asked for, nothing is missed."""
    judge = Judge(RIGHTS, missing=("Sweep", "sqs:SendMessage", "<RemoveQueue/Queue.Arn>"))
    assert played(judge, ("calm", 2))
    assert judge.refused == 0
