"""Points and boxes between normalised and pixel coordinates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maskmill.core.geometry import Box, PixelPoint, Point, Size, pixel_box_of, pixel_of, point_of

sizes = st.builds(Size, height_px=st.integers(1, 9000), width_px=st.integers(1, 9000))
units = st.floats(0, 1)


@given(sizes, st.data())
def test_a_pixel_returns_to_itself_through_its_normalised_centre(size: Size, data: st.DataObject) -> None:
    pixel = PixelPoint(data.draw(st.integers(0, size.height_px - 1)), data.draw(st.integers(0, size.width_px - 1)))
    assert pixel_of(point_of(pixel, size), size) == pixel


@given(sizes, units, units)
def test_every_normalised_point_is_a_pixel_of_the_image(size: Size, x: float, y: float) -> None:
    row, column = pixel_of(Point(x=x, y=y), size)
    assert 0 <= row < size.height_px
    assert 0 <= column < size.width_px


def test_a_point_beside_the_object_stays_one() -> None:
    size, pixel = Size(height_px=10, width_px=10), PixelPoint(row=3, column=4)
    assert [point_of(pixel, size, positive=positive).positive for positive in (True, False)] == [True, False]


def test_x_is_the_column_and_y_the_row() -> None:
    assert pixel_of(Point(x=0.75, y=0.25), Size(height_px=100, width_px=200)) == PixelPoint(row=25, column=150)


@given(
    sizes, st.tuples(units, units).filter(lambda p: p[0] < p[1]), st.tuples(units, units).filter(lambda p: p[0] < p[1])
)
def test_a_box_covers_at_least_one_pixel_and_stays_inside(
    size: Size, across: tuple[float, float], down: tuple[float, float]
) -> None:
    box = pixel_box_of(Box(left=across[0], right=across[1], top=down[0], bottom=down[1]), size)
    assert 0 <= box.top < box.bottom <= size.height_px
    assert 0 <= box.left < box.right <= size.width_px
    assert box.bottom >= down[1] * size.height_px - 1e-6
    assert box.right >= across[1] * size.width_px - 1e-6


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf"), "0.5", True, None])
def test_a_coordinate_that_is_no_number_in_0_1_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Point.model_validate({"x": value, "y": 0.5})


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(ValidationError, match="empty"):
        Box(left=0.5, right=0.5, top=0, bottom=1)
