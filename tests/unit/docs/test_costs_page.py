"""The page of costs shows the prices of the list, the warnings that there are, and the requests that were counted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from maskmill.core.bill import Estimate, WarningCode
from maskmill.core.limits import ESTIMATE_IMAGES_AT_SUBMISSION_MAX, ESTIMATE_IMAGES_MAX
from maskmill.core.prices import AS_OF, INSTANCES, PRICES, REGION

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "costs.md").read_text()
DECISION = (ROOT / "docs" / "decisions" / "0018-one-arithmetic-for-estimate-and-bill.md").read_text()
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


def test_the_counted_requests_are_those_of_the_results() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "requests.json").read_text())
    rows = dict(re.findall(r"^\| ([a-z0-9]+ [A-Za-z0-9 ]+) \| ([0-9.]+) \|$", PAGE, re.M))
    assert rows
    for name, shown in rows.items():
        assert float(shown) == pytest.approx(found["job"]["per_image"][name], abs=0.006), name
