"""Instant masks: what lies under a click, from masks that were found before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from maskmill.core.automask import FoundMask, masks_at
from maskmill.core.errors import ModelFailure
from maskmill.core.geometry import PixelPoint, Point, Size, point_of
from maskmill.core.mask import Mask, Rle
from maskmill.imaging.masks import rle_of

BITMAPS = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=25))
CENTRE = Point(x=0.5, y=0.5)


def found(rle: Rle) -> FoundMask:
    return FoundMask(mask=Mask(rle=rle, score=0.9), stability=0.95, point=CENTRE)


def text(counts: str, height: int = 4, width: int = 5) -> FoundMask:
    return found(Rle(size=Size(height_px=height, width_px=width), counts=counts))


def square(side: int, score: float = 0.9) -> FoundMask:
    """A square of a side of up to 40 in the middle of a picture of 40 × 60."""
    bitmap = np.zeros((40, 60), np.bool_)
    bitmap[20 - side // 2 : 20 + side // 2, 30 - side // 2 : 30 + side // 2] = True
    return found(rle_of(bitmap)).model_copy(update={"stability": score})


@given(BITMAPS, st.data())
def test_a_mask_is_under_a_click_exactly_where_its_pixels_are(bitmap: np.ndarray, data: st.DataObject) -> None:
    height, width = bitmap.shape
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    click = point_of(PixelPoint(row, column), Size(height_px=height, width_px=width))
    one = found(rle_of(bitmap))
    assert masks_at([one], click) == ((one,) if bitmap[row, column] else ())


def test_the_smallest_comes_first_whatever_the_order_it_was_found_in() -> None:
    wheel, car, street = square(4), square(20), square(40)
    assert masks_at([street, wheel, car], CENTRE) == (wheel, car, street)
    assert masks_at([street, wheel, car], Point(x=0.5, y=0.3)) == (car, street)
    assert masks_at([street, wheel, car], Point(x=0.01, y=0.01)) == ()


def test_of_equally_large_masks_the_first_found_comes_first() -> None:
    one, other = square(8, 0.96), square(8, 0.99)
    assert masks_at([one, other], CENTRE) == (one, other)


def test_large_masks_are_read_too() -> None:
    bitmap = np.zeros((3000, 4000), np.bool_)
    bitmap[100:2900, 5:3900] = True
    bitmap[:, 2000] = False
    one = found(rle_of(bitmap))
    assert masks_at([one], Point(x=0.4, y=0.4)) == (one,)
    assert masks_at([one], Point(x=2000.5 / 4000, y=0.4)) == ()


def test_no_masks_are_under_no_click() -> None:
    assert masks_at([], CENTRE) == ()


@pytest.mark.parametrize("counts", ["", "0", "P", "0o", "oooooooo0", "0é", "0 ", "0d00d0"])
def test_text_that_is_no_mask_is_refused(counts: str) -> None:
    with pytest.raises(ModelFailure):
        masks_at([text(counts)], Point(x=0.0, y=0.0))


@given(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_any_text_is_read_or_refused(counts: str, x: float, y: float) -> None:
    try:
        assert len(masks_at([text(counts)], Point(x=x, y=y))) <= 1
    except ModelFailure:
        pass
