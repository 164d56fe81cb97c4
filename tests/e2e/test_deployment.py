"""The deployment of the laptop says itself what its emulator does not hold."""

from __future__ import annotations

import pytest

from local.cloud import Laptop
from local.shortfall import of_assembly

pytestmark = pytest.mark.integration


def test_the_deployment_says_what_it_does_not_hold(cloud: Laptop, told: list[str]) -> None:
    expected = [f"  {line}" for line in of_assembly(cloud.state / "cdk.out")]
    begins = told.index(expected[0])
    assert told[begins : begins + len(expected)] == expected
