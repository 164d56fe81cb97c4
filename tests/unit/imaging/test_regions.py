"""Regions: feathered edges inside the mask, and an algebra that keeps them there."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from maskmill.core.recipe import Region, RegionExpr, RegionOp
from maskmill.imaging.regions import SoftMask, alpha_of, feather, region_alpha, region_mask

FEW = settings(max_examples=100)
MASK = arrays.arrays(np.bool_, (9, 14))
NAMES = st.sampled_from(["a", "b", "c"])


def deeper(regions: st.SearchStrategy[Region]) -> st.SearchStrategy[Region]:
    many = st.lists(regions, min_size=1, max_size=3).map(tuple)
    ops = st.sampled_from([RegionOp.UNION, RegionOp.INTERSECT, RegionOp.SUBTRACT])
    inverted = regions.map(lambda region: RegionExpr(op=RegionOp.INVERT, of=(region,)))
    return inverted | st.builds(lambda op, of: RegionExpr(op=op, of=of), ops, many)


REGIONS = st.recursive(NAMES, deeper, max_leaves=6)


def evaluated(region: Region, masks: dict[str, np.ndarray], row: int, column: int) -> bool:
    """One pixel of a region by the words of the contract."""
    if isinstance(region, str):
        return bool(masks[region][row, column])
    values = [evaluated(part, masks, row, column) for part in region.of]
    return {
        RegionOp.UNION: any(values),
        RegionOp.INTERSECT: all(values),
        RegionOp.SUBTRACT: values[0] and not any(values[1:]),
        RegionOp.INVERT: not values[0],
    }[region.op]


@given(region=REGIONS, a=MASK, b=MASK, c=MASK, feathers=st.lists(st.floats(0, 6), min_size=3, max_size=3))
@FEW
def test_alpha_lies_exactly_on_the_region(
    region: Region, a: np.ndarray, b: np.ndarray, c: np.ndarray, feathers: list[float]
) -> None:
    masks = {"a": a, "b": b, "c": c}
    parts = {name: SoftMask(masks[name], width) for name, width in zip(masks, feathers, strict=True)}
    expected = np.array([[evaluated(region, masks, row, column) for column in range(14)] for row in range(9)])
    assert np.array_equal(region_mask(region, parts), expected)
    alpha = region_alpha(region, parts)
    assert np.array_equal(alpha.mask(), expected)
    assert alpha.whole().max(initial=0) <= 1
    assert np.array_equal(alpha.window(range(-2, 12), range(-3, 15))[2:-3, 3:-1], alpha.whole())


@given(a=MASK, b=MASK)
@FEW
def test_hard_regions_have_hard_alpha(a: np.ndarray, b: np.ndarray) -> None:
    parts = {"a": SoftMask(a), "b": SoftMask(b)}
    for op in (RegionOp.UNION, RegionOp.INTERSECT, RegionOp.SUBTRACT):
        region = RegionExpr(op=op, of=("a", "b"))
        assert np.array_equal(region_alpha(region, parts).whole(), region_mask(region, parts).astype(np.float32))


def test_a_feather_rises_inside_from_the_edge() -> None:
    mask = np.zeros((5, 40), np.bool_)
    mask[:, 10:] = True
    alpha = feather(mask, 4.0)
    assert alpha.dtype == np.float32
    assert alpha[2, 8:16].tolist() == [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    assert (alpha[:, 30:] == 1).all()  # the border of the picture is no edge


@given(mask=MASK, width=st.floats(0, 20))
@FEW
def test_a_feather_stays_inside(mask: np.ndarray, width: float) -> None:
    alpha = feather(mask, width)
    assert np.array_equal(alpha > 0, mask)
    assert alpha.max(initial=0) <= 1


def test_an_empty_mask_has_empty_alpha() -> None:
    alpha = alpha_of(np.zeros((5, 6), np.bool_), feather_px=3.0)
    assert alpha.is_empty
    assert alpha.whole().shape == (5, 6)
