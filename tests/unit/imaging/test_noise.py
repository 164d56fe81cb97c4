"""Noise: its distribution, and that it depends on seed and place alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskmill.core.edit import Edits
from maskmill.imaging.edits import apply_edits
from maskmill.imaging.noise import noise
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import alpha_of

BIG = noise(range(1000), range(1000), seed=12345, channel=0, deviation=1.0).astype(np.float64)


def test_mean_deviation_and_shape_are_those_of_irwin_and_hall() -> None:
    assert abs(BIG.mean()) < 0.004
    assert abs(BIG.std() - 1) < 0.003
    assert abs((BIG**4).mean() - (3 - 1.2 / 8)) < 0.03
    assert abs((BIG**3).mean()) < 0.02
    assert np.abs(BIG).max() < 4.89


@pytest.mark.parametrize(("down", "right"), [(0, 1), (1, 0), (1, 1), (7, 3), (0, 4), (0, 64), (64, 0)])
def test_neighbours_are_not_correlated(down: int, right: int) -> None:
    first = BIG[: 1000 - down or None, : 1000 - right or None]
    assert abs((first * BIG[down:, right:]).mean()) < 0.005


def test_seeds_and_channels_are_not_correlated() -> None:
    for seed, channel in ((12346, 0), (12345, 1), (12345, 2), (12345 + 2**32, 0)):
        other = noise(range(1000), range(1000), seed=seed, channel=channel, deviation=1.0)
        assert abs((BIG * other).mean()) < 0.005


@given(
    seed=st.integers(0, 2**64 - 1), top=st.integers(0, 70_000), left=st.integers(0, 70_000), channel=st.integers(0, 2)
)
@settings(max_examples=50)
def test_any_part_can_be_made_alone(seed: int, top: int, left: int, channel: int) -> None:
    part = noise(range(top + 3, top + 5), range(left + 2, left + 9), seed=seed, channel=channel, deviation=0.1)
    around = noise(range(top, top + 8), range(left, left + 12), seed=seed, channel=channel, deviation=0.1)
    assert np.array_equal(part, around[3:5, 2:9])


def test_the_asked_deviation_arrives_in_the_picture() -> None:
    grey = Picture(np.full((400, 400, 3), 128, np.uint8), None, is_grey=False)
    alpha = alpha_of(np.ones((400, 400), np.bool_))
    result = apply_edits(grey, alpha, Edits(noise=0.02), seed=9).rgb.astype(np.float64)
    expected = np.sqrt((0.02 * 255) ** 2 + 1 / 12)  # rounding adds its own
    assert abs(result.std() - expected) < 0.03
    assert abs(result.mean() - 128) < 0.05
    assert not np.array_equal(result[:, :, 0], result[:, :, 1])


def test_known_values_stay_what_they_are() -> None:
    values = noise(range(2), range(100_000, 100_003), seed=2**63 + 1, channel=2, deviation=np.sqrt(43690.0))
    assert values.astype(int).tolist() == [[64, -309, -57], [-96, 511, -109]]
