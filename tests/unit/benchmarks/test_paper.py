"""Jobs on paper: the same figures each time, and none that has become worse than what was kept by more than a quarter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.guard import guarded, losses
from benchmarks.paper import Requests
from benchmarks.paper_jobs import counted
from benchmarks.plan import Played, check, played, sizes
from benchmarks.requests import as_on_paper, small_figures, timeless, total
from infra.config import LOCAL, PROD
from maskmill.core.limits import IMAGES_PER_JOB_MAX
from maskmill.core.table import Key


def test_a_job_asks_for_no_more_than_it_did() -> None:
    assert not losses(guarded(), {"requests": small_figures()}), "make bench-requests writes down what is so now"


def test_a_large_job_asks_for_no_more_than_it_did() -> None:
    found = played(1000)
    check(found, found)
    fresh = {"requests_per_image_small": found.per_image}
    assert not losses(guarded(), {"plan": fresh}), "make bench-plan writes down what is so now"


def test_the_same_job_asks_for_the_same() -> None:
    first, again = counted(LOCAL, 6), counted(LOCAL, 6)
    assert first == again
    assert first.first["invoke render_item"] > 0
    assert total(first.second) < total(first.first), "masks are known by then"


def test_larger_chunks_ask_for_less() -> None:
    assert total(counted(PROD, 50).first) < total(counted(LOCAL, 50).first)


def test_more_images_than_a_job_holds_are_several_jobs() -> None:
    assert sizes(3 * IMAGES_PER_JOB_MAX) == [1000, IMAGES_PER_JOB_MAX, 3 * IMAGES_PER_JOB_MAX]
    assert sizes(1000) == [1000]


def test_the_writes_of_a_row_are_counted_by_the_second() -> None:
    requests = Requests()
    for now_s in (0.1, 0.9, 1.1, 1.2, 1.3):
        requests.wrote(Key("job", "chunk"), now_s)
    requests.wrote(Key("job", "other"), 1.4)
    assert (requests.row_writes_per_s, requests.busiest_row) == (3, "job chunk")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"row_writes_per_s": 201}, "201 writes"),
        ({"requests": {"s3 ListObjectsV2": 1}}, "listings"),
        ({"requests": {"s3 GetObject": 1100}}, "requests for each"),
    ],
)
def test_what_must_not_be_ends_the_run(change: dict[str, object], words: str) -> None:
    small = Played(1000, 1, {"s3 GetObject": 1000}, 10, "row", 1.0, 1.0)
    check(small, small)
    with pytest.raises(SystemExit, match=words):
        check(replace(small, **change), small)  # type: ignore[arg-type]


def test_what_depends_on_the_clock_is_left_out_of_the_comparison() -> None:
    counts = {"api request": 1.0, "invoke maskmill-local-serve-api": 1.0, "invoke maskmill-local-push-progress": 0.5,
              "invoke maskmill-local-render-item": 1.0, "s3 GetObject": 2.0}  # fmt: skip
    assert as_on_paper(counts) == {"invoke render_item": 1.0, "s3 GetObject": 2.0}
    assert timeless({"invoke push_progress": 0.1, "sns POST": 0.2}) == {"sns POST": 0.2}
