"""A failing world is made small: a handful of strikes, and a test that can be kept."""

from __future__ import annotations

import pytest

from tests.simulation.replay import Case, Shrinker, planted

STRIKES_MAX = 5
# Planted bugs of which one needs no fault at all, one a single one, and one several.
BUGS = {
    "a_cancel_that_overwrites_planning": Case("primary", 5001),
    "no_hand_off_when_the_work_is_done": Case("primary", 5000),
    "a_full_queue_that_is_taken_for_success": Case("primary", 5000),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_failing_world_shrinks_to_a_few_strikes(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(bug)(monkeypatch)
    case = BUGS[bug]
    before = len(case.play()[1])
    small = Shrinker(case).shrunk()
    violations, struck = small.play()
    assert violations
    assert small.only is not None
    assert set(struck) == small.only
    assert len(small.only) <= STRIKES_MAX < before
    assert len(small.absent) >= 4


def test_each_strike_that_is_left_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    planted("a_closing_condition_that_is_too_exact")(monkeypatch)
    small = Shrinker(Case("primary", 5000)).shrunk()
    assert small.only
    for strike in small.only:
        assert not Case(**{**vars(small), "only": small.only - {strike}}).play()[0]


def test_a_shrunk_case_is_quiet_once_the_bug_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        planted("no_hand_off_when_the_work_is_done")(patch)
        small = Shrinker(BUGS["no_hand_off_when_the_work_is_done"]).shrunk()
    scope: dict[str, object] = {"Case": Case}
    exec(small.as_test(), scope)
    test = scope[f"test_primary_{small.seed}_stays_quiet"]
    assert callable(test)
    test()


def test_a_quiet_world_has_nothing_to_shrink() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        Shrinker(Case("primary", 5000)).shrunk()


def test_leaving_a_strike_out_leaves_the_others_as_they_are() -> None:
    struck = Case("full", 7).play()[1]
    assert Case("full", 7, frozenset(struck)).play() == Case("full", 7).play()
    last = struck[-1]
    assert Case("full", 7, frozenset(struck) - {last}).play()[1][: len(struck) - 1] == struck[:-1]
