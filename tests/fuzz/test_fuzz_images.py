"""Mutated pictures do nothing that a picture may not do, and the search for those that do would find one."""

from __future__ import annotations

import os
import signal
import time

import pytest

from maskmill.imaging.decode import decode
from tests.fuzz import images
from tests.fuzz.images import MEMORY_KIB_MAX, campaign, shared_campaign
from tests.fuzz.mutants import mutant, seeds

CASES = 50_000
LARGE_KIB = 2**40  # a worker begins with what the process of these tests holds


def test_no_mutant_crashes_the_decoder_holds_it_up_or_fills_the_memory() -> None:
    found = shared_campaign(seed=7, mutants=CASES, cpu_s=600, jobs=1)  # a process of its own: this one may be large
    assert (found.faults, found.mutants) == ([], CASES)
    assert found.peak_kib < MEMORY_KIB_MAX
    assert len(found.outcomes) >= 10, "the mutants reach every way of being refused"
    assert sum(count for outcome, count in found.outcomes.items() if outcome.startswith("a picture")) > CASES / 20


def test_every_seed_is_a_picture_before_it_is_changed() -> None:
    assert {decode(data)[1] for data in seeds()} == {"jpeg", "png", "webp", "bmp", "tiff"}


def test_a_seed_gives_the_same_mutants_and_the_same_ends_each_time() -> None:
    once, again = (campaign(seed=3, numbers=range(400)) for _ in range(2))
    assert (once.digest, once.outcomes) == (again.digest, again.outcomes)
    assert mutant(3, 1) != mutant(4, 1)


def test_a_mutant_that_ends_its_process_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fatal(data: bytes) -> object:
        if data == mutant(1, 30):
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(data)

    monkeypatch.setattr(images, "decode", fatal)
    monkeypatch.setattr(images, "MEMORY_KIB_MAX", LARGE_KIB)
    monkeypatch.setattr(images, "BLOCK", 10)
    monkeypatch.setattr(images, "keep", lambda seed, number: None)
    found = campaign(seed=1, numbers=range(60))
    assert found.faults == ["30: ends the decoder with SIGKILL"]
    assert found.mutants == 59


def test_whatever_is_slow_or_escapes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(data: bytes) -> object:
        if data == mutant(1, 3):
            raise RuntimeError("out of the boundary")
        if data == mutant(1, 5):
            start = time.process_time()
            while time.process_time() - start < 0.3:
                pass
        return decode(data)

    monkeypatch.setattr(images, "decode", odd)
    monkeypatch.setattr(images, "MEMORY_KIB_MAX", LARGE_KIB)
    monkeypatch.setattr(images, "SLOW_S", 0.25)
    faults = campaign(seed=1, numbers=range(8)).faults
    assert len(faults) == 2
    assert "3: RuntimeError escapes" in faults[0]
    assert faults[1].startswith("5: takes 0.3")
