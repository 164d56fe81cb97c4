"""What a month of rest is told to cost is counted from the templates of today."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks.cost_tables import RESULTS
from infra.idle import counted
from tests.unit.infra.cloud import Cloud


def test_the_page_of_costs_counts_what_the_stacks_have(cloud_of: Callable[..., Cloud]) -> None:
    there = json.loads(RESULTS.read_text())["there"]["prod"]
    assert counted(cloud_of("prod").templates) == there, (
        "make cost IMAGES=0 counts again, and writes docs/costs.md anew"
    )
