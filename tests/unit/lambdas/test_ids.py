"""Ids: their shape, their order, and that nobody can guess the next one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lambdas.aws.clock import SystemClock
from lambdas.aws.ids import RandomIds
from maskmill.core.keys import parse_upload, upload
from tests.simulation.cloud import FixedClock

MOMENT = datetime(2026, 11, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def test_ids_have_26_lower_case_characters_and_fit_into_keys() -> None:
    ids = RandomIds(SystemClock()).new(500)
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", name) for name in ids)
    assert len(set(ids)) == 500
    assert parse_upload(upload("a", ids[0], ids[1])) is not None


def test_ids_sort_in_the_order_given_and_after_earlier_ones_even_when_the_clock_stands_or_turns_back() -> None:
    clock = FixedClock(MOMENT)
    ids = RandomIds(clock)
    first, second = ids.new(100), ids.new(100)
    clock.at = MOMENT - timedelta(seconds=5)
    third = ids.new(100)
    everything = [*first, *second, *third]
    assert everything == sorted(everything)


def test_a_later_moment_sorts_later() -> None:
    clock = FixedClock(MOMENT)
    (early,) = RandomIds(clock).new(1)
    clock.at = MOMENT + timedelta(milliseconds=1)
    (late,) = RandomIds(clock).new(1)
    assert early[:10] < late[:10]


def test_neighbours_of_one_call_are_far_apart() -> None:
    ids = RandomIds(FixedClock(MOMENT)).new(2)
    assert ids[0][:10] == ids[1][:10]
    assert ids[0][10:16] != ids[1][10:16]


def test_no_ids_are_no_ids() -> None:
    assert RandomIds(SystemClock()).new(0) == []
