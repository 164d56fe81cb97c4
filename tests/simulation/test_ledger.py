"""The second ledger follows every quota through faulty worlds, and sees each way in which the first could be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas import state, usage
from maskmill.core import rows
from maskmill.core.table import Update
from tests.simulation.modes import pipeline_of
from tests.simulation.pipeline import Pipeline

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS_MAX = 12


def played(mode: str, seed: int) -> Pipeline:
    pipeline = pipeline_of(mode, seed)
    pipeline.run()
    return pipeline


def test_every_job_of_a_faulty_world_settles_its_place() -> None:
    """That the two ledgers agree is asked of every world that is played; here, that there was something to agree on."""
    pipeline = played("full", 7000)
    assert not list(pipeline.ledger.at_rest())
    assert pipeline.ledger.settled > 0


def a_place_that_is_given_back_twice(patch: pytest.MonkeyPatch) -> None:
    real = rows.give_back_job

    def twice(*given: Any, **named: Any) -> Update:
        update = real(*given, **named)
        return replace(update, add={path: 2 * amount for path, amount in update.add.items()})  # type: ignore[operator]

    patch.setattr(rows, "give_back_job", twice)


def an_end_that_gives_nothing_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(state, "free_place", lambda *_: None)


def seconds_that_nobody_settles(patch: pytest.MonkeyPatch) -> None:
    real = usage.give_back_job
    patch.setattr(usage, "give_back_job", lambda *given, **named: real(*given, **{**named, "worked_s": None}))


def a_tail_that_is_given_back_whoever_counts_on_it(patch: pytest.MonkeyPatch) -> None:
    real = rows.give_back_job

    def careless(tenant: str, job_id: str, *, seen: Any, **named: Any) -> Update:
        place = seen.jobs[job_id]
        return real(tenant, job_id, seen=replace(seen, awake_until_s=place.awake_until_s), **{**named, "worked_s": 0})

    patch.setattr(rows, "give_back_job", careless)


@pytest.mark.parametrize(
    "plant",
    [
        a_place_that_is_given_back_twice,
        an_end_that_gives_nothing_back,
        seconds_that_nobody_settles,
        a_tail_that_is_given_back_whoever_counts_on_it,
    ],
)
def test_the_ledger_sees_a_planted_bug(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert any(list(played("primary", seed).ledger.at_rest()) for seed in range(7000, 7000 + SEEDS_MAX))
