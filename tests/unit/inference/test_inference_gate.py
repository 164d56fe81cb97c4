"""The gate: how many run, how many wait, and what a closed one says."""

import threading
import time

import pytest

from inference_container.gate import Gate
from maskmill.core.errors import Unavailable


def gate(running_max: int = 1, waiting_max: int = 1) -> Gate:
    return Gate(running_max=running_max, waiting_max=waiting_max, clock=time.monotonic)


def test_more_than_run_and_wait_are_refused() -> None:
    narrow = gate(waiting_max=0)
    with narrow.passage(time.monotonic() + 1), pytest.raises(Unavailable), narrow.passage(time.monotonic() + 1):
        pass
    assert narrow.is_empty


def test_a_waiter_gets_the_slot_when_it_is_free() -> None:
    narrow, is_inside, may_leave = gate(), threading.Event(), threading.Event()

    def hold() -> None:
        with narrow.passage(time.monotonic() + 5):
            is_inside.set()
            may_leave.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    is_inside.wait(5)
    threading.Timer(0.05, may_leave.set).start()
    with narrow.passage(time.monotonic() + 5):
        assert may_leave.is_set()
    holder.join()
    assert narrow.is_empty


def test_a_waiter_gives_up_at_its_deadline() -> None:
    narrow = gate()
    with narrow.passage(time.monotonic() + 5), pytest.raises(Unavailable), narrow.passage(time.monotonic() + 0.02):
        pass
    with narrow.passage(time.monotonic() + 0.02):
        pass


def test_a_closed_gate_lets_those_inside_finish() -> None:
    narrow = gate()
    with narrow.passage(time.monotonic() + 5):
        narrow.close()
        assert not narrow.is_empty
    with pytest.raises(Unavailable), narrow.passage(time.monotonic() + 5):
        pass


def test_a_failure_inside_frees_the_slot() -> None:
    narrow = gate(waiting_max=0)
    with pytest.raises(KeyError), narrow.passage(time.monotonic() + 1):
        raise KeyError
    with narrow.passage(time.monotonic() + 1):
        pass
