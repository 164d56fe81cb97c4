"""Stopping what costs money in the middle of jobs: nothing more is asked, nothing is lost, and all of it goes on."""

from __future__ import annotations

import pytest

from lambdas.dispatch_shard import logic as dispatch_shard
from tests.simulation.faults import EVERYTHING, some_of
from tests.simulation.halting import HaltedPipeline
from tests.simulation.world import Faults, World


def test_in_calm_nothing_is_asked_while_work_is_stopped_and_every_job_ends_afterwards() -> None:
    held = 0
    for seed in range(9100, 9112):
        pipeline = HaltedPipeline(World(seed, Faults()), jobs=3)
        assert not pipeline.run(), f"seed {seed}"
        held += pipeline.repairs["dispatch"]
        assert set(pipeline.repairs) <= {"dispatch"}, f"seed {seed}: {pipeline.repairs}"
    assert held > 3  # chunks that waited, and were sent again


def test_a_halt_and_faults_together_lose_nothing() -> None:
    for seed in range(9100, 9110):
        violations = HaltedPipeline(World(seed, some_of(EVERYTHING, seed)), jobs=3).run()
        assert not violations, f"seed {seed}: {violations[:5]}"


def test_a_dispatcher_that_does_not_look_at_the_switch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_shard, "_may_ask", lambda _ports, wanted: len(wanted) > 0)
    assert any(HaltedPipeline(World(seed, Faults()), jobs=3).run() for seed in range(9000, 9020))
