"""The page of costs shows the prices of the list, the warnings that there are, and the requests that were counted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.cost_tables import (
    BY_CHOICE,
    RESULTS,
    idle_dollars,
    rewritten,
    tables,
    uploading,
    wake_dollars,
    work_dollars,
    working,
)
from maskmill.core.bill import Estimate, WarningCode
from maskmill.core.limits import ESTIMATE_IMAGES_AT_SUBMISSION_MAX, ESTIMATE_IMAGES_MAX
from maskmill.core.prices import AS_OF, INSTANCES, PRICES, REGION, UPKEEP, Resource, Upkeep

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "costs.md").read_text()
DECISION = (ROOT / "docs" / "decisions" / "0018-one-arithmetic-for-estimate-and-bill.md").read_text()
FOUND = json.loads(RESULTS.read_text())
UNITS = {"a million": 1e6, "a thousand": 1e3}
ROWS = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| ([0-9.]+) \|", PAGE, re.M))
PER = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| [0-9.]+ \| ([^|]+) \|$", PAGE, re.M))


def test_every_price_is_on_the_page_and_no_other() -> None:
    assert ROWS.keys() == {resource.value for resource in PRICES} | INSTANCES.keys()
    assert REGION in PAGE and AS_OF in PAGE


@pytest.mark.parametrize("name", ROWS)
def test_a_price_is_that_of_the_list(name: str) -> None:
    many = next((count for words, count in UNITS.items() if PER[name].startswith(words)), 1.0)
    listed = {resource.value: price for resource, price in PRICES.items()} | INSTANCES
    assert float(ROWS[name]) == pytest.approx(listed[name].dollars * many)


def test_the_fields_and_the_warnings_of_an_estimate_are_named() -> None:
    for word in (*Estimate.model_fields, *(code.value for code in WarningCode)):
        assert f"`{word}`" in PAGE, word


def test_how_many_images_are_looked_at_is_as_it_is_decided() -> None:
    assert f"Up to {ESTIMATE_IMAGES_MAX} images" in DECISION
    assert f"looks at {ESTIMATE_IMAGES_AT_SUBMISSION_MAX}," in DECISION


def test_the_tables_are_those_of_the_last_run_at_the_prices_of_the_list() -> None:
    assert rewritten(PAGE, FOUND) == PAGE, "make cost IMAGES=0 writes them anew"


def test_a_table_without_its_place_on_the_page_is_missed() -> None:
    with pytest.raises(KeyError, match="idle"):
        rewritten(PAGE.replace("cost: idle", ""), FOUND)


def test_dollars_are_amounts_times_prices() -> None:
    job = FOUND["phases"]["job"]["amounts"]
    writes = job[Resource.OBJECT_WRITES] * 1000 / FOUND["images"]
    assert working(FOUND)[Resource.OBJECT_WRITES] == pytest.approx(writes)
    assert working(FOUND)[Resource.INSTANCE_S] == pytest.approx(100.0)  # 0.08 s for an image and 0.02 s for its mask
    amounts = [*uploading(FOUND).items(), *working(FOUND).items()]
    listed = {**PRICES, **UPKEEP}
    dollars = sum(amount * listed[what].dollars for what, amount in amounts if what != Resource.INSTANCE_S)
    gpu = 100.0 * INSTANCES["ml.g5.xlarge"].dollars / 3600
    assert work_dollars(FOUND, 1000) == pytest.approx(dollars + gpu)
    assert wake_dollars(FOUND) > (360 + 300) * INSTANCES["ml.g5.xlarge"].dollars / 3600


def test_each_image_was_asked_for_what_the_pipeline_does_with_it() -> None:
    """A run that lost part of what it counts would make everything look cheap."""
    upload, job = FOUND["phases"]["upload"]["amounts"], FOUND["phases"]["job"]["amounts"]
    images = FOUND["images"]
    assert upload[Resource.OBJECT_WRITES] >= 3 * images  # the file, its normal image and its thumbnail
    assert job[Resource.OBJECT_WRITES] >= (1 + 2 * FOUND["variants"]) * images  # the mask, variants and thumbnails
    assert job[Resource.FUNCTION_CALLS] >= images and upload[Resource.FUNCTION_CALLS] >= images
    assert min(upload[Resource.FUNCTION_GB_S], job[Resource.FUNCTION_GB_S]) > 0.1 * images
    assert FOUND["masks"] == images
    assert FOUND["phases"]["rest"]["amounts"][Resource.FUNCTION_CALLS] >= 1


def test_what_is_forgiven_and_chosen_only_takes_away() -> None:
    for stage in FOUND["there"]:
        bare = idle_dollars(FOUND, stage)
        assert 0 <= idle_dollars(FOUND, stage, forgiven=True) < bare <= idle_dollars(FOUND, stage, by_choice=True)
    assert Upkeep.KEY in BY_CHOICE
    assert set(tables(FOUND)) == set(re.findall(r"<!-- written by make cost: ([a-z0-9 ]+) -->", PAGE))
