"""The frame of the benchmarks: turns, ratios, what is written where, and what counts as a loss."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import guard, report
from benchmarks.machine import facts
from benchmarks.rounds import Rounds, Spread, interleaved

MARKED = "# Page\n<!-- written by make bench-x -->\nold\n<!-- end of what is written -->\nrest\n"


def test_every_round_runs_each_way_once_and_the_order_turns() -> None:
    ran: list[str] = []
    found = interleaved({name: lambda name=name: ran.append(name) for name in "abc"}, rounds=3, is_warmed=False)
    assert ran == [*"abc", *"bca", *"cab"]
    assert {name: len(values) for name, values in found.cpu_s.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_first_run_is_not_counted() -> None:
    ran: Counter[str] = Counter()
    found = interleaved({"a": lambda: ran.update("a")}, rounds=2)
    assert ran["a"] == 3
    assert len(found.wall_s["a"]) == 2


def test_a_ratio_is_taken_within_each_round_and_the_median_counts() -> None:
    times = {"reference": [10.0, 20.0, 90.0], "ours": [5.0, 5.0, 45.0]}
    rounds = Rounds(cpu_s=times, wall_s=times, faults={"reference": 0, "ours": 0})
    assert rounds.ratio("reference", "ours") == Spread(median=2.0, least=2.0, most=4.0)
    assert str(rounds.ratio("reference", "ours")) == "2 (2 to 4)"


def test_the_machine_is_described() -> None:
    found = facts("numpy", "no-such-package")
    assert "processors" in found["processor"]
    assert "numpy " in found["versions"]
    assert "no-such-package not installed" in found["versions"]


def test_a_benchmark_writes_its_line_its_file_and_its_part_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "performance.md"
    page.write_text(MARKED)
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.delenv(report.FOLDER_VARIABLE, raising=False)
    report.keep("x", {"ratio": 2.5, "bytes": 7}, text="| new |", machine={}, guarded=["bytes"])
    assert capsys.readouterr().out == "bench-x ratio=2.5 bytes=7\n"
    assert page.read_text() == MARKED.replace("old", "| new |")
    assert guard.guarded(tmp_path) == {"x": {"bytes": 7}}


def test_figures_for_comparison_go_elsewhere_and_leave_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "PAGE", tmp_path / "no page")
    monkeypatch.setenv(report.FOLDER_VARIABLE, str(tmp_path / "fresh"))
    report.keep("x", {"ratio": 2.5}, text="", machine={})
    assert json.loads((tmp_path / "fresh" / "x.json").read_text())["figures"] == {"ratio": 2.5}


def test_a_benchmark_without_its_place_on_the_page_is_missed() -> None:
    with pytest.raises(KeyError, match="bench-y"):
        report.rewritten(MARKED, "bench-y", "")


def test_a_loss_is_more_than_a_quarter_of_a_figure_that_stood() -> None:
    stored = {"x": {"requests": 4.0, "bytes": 100.0}}
    assert guard.losses(stored, {"x": {"requests": 5.0, "bytes": 80.0}}) == []
    assert guard.losses(stored, {"x": {"requests": 5.1, "new": 9.0}, "y": {"other": 1.0}}) == [
        "bench-x: requests is 5.1, and was 4"
    ]


def test_the_guard_ends_with_one_for_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, fresh = tmp_path / "stored", tmp_path / "fresh"
    for folder, value in ((stored, 4.0), (fresh, 6.0)):
        folder.mkdir()
        (folder / "x.json").write_text(json.dumps({"guarded": {"requests": value}}))
    monkeypatch.setattr(guard, "guarded", lambda folder=stored: guarded(folder))
    assert guard.main([str(fresh)]) == 1
    assert guard.main([str(stored)]) == 0
    assert guard.main([]) == 2


guarded = guard.guarded
