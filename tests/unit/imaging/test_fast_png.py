"""PNGs of our own: anyone reads them, and what is damaged or another's is not taken for one."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from maskmill.core.errors import Code, InvalidInput
from maskmill.imaging import fast_png
from maskmill.imaging.normal import read_normal
from maskmill.imaging.png import check_stream

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))


@given(pixels=SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape)), level=st.sampled_from([1, 6]))
def test_what_is_written_is_read_back_by_us_and_by_others(pixels: np.ndarray, level: int) -> None:
    data = fast_png.written(pixels, level=level)
    again = fast_png.read(data)
    assert again is not None and np.array_equal(again, pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)
    check_stream(data)


def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)


def test_the_bytes_stay_what_they_are() -> None:
    rows = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert zlib.crc32(fast_png.written(rows)) == 2880963009


def test_another_programs_png_is_left_to_others() -> None:
    out = io.BytesIO()
    Image.fromarray(pixels()).save(out, "PNG")
    assert fast_png.read(out.getvalue()) is None
    assert np.array_equal(read_normal(out.getvalue()).rgb, pixels())
    for data in (b"", b"GIF89a", fast_png.written(pixels())[:30]):
        assert fast_png.read(data) is None


@pytest.mark.parametrize("place", [60, 500, -20, -14])
def test_a_damaged_png_is_refused(place: int) -> None:
    data = bytearray(fast_png.written(pixels()))
    data[place] ^= 0xFF
    with pytest.raises(InvalidInput) as caught:
        read_normal(bytes(data))
    assert caught.value.code is Code.CORRUPT_IMAGE


def test_a_png_whose_stream_is_too_short_is_refused() -> None:
    full, short = fast_png.written(pixels()), fast_png.written(pixels()[:-1])
    lying = full[:33] + short[33:]
    with pytest.raises(ValueError, match=r"bytes of pixels|damaged"):
        fast_png.read(lying)


def test_a_header_of_too_many_pixels_is_not_believed() -> None:
    data = bytearray(fast_png.written(pixels()))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    assert fast_png.read(bytes(data)) is None
    with pytest.raises(InvalidInput) as caught:
        read_normal(bytes(data))
    assert caught.value.code is Code.TOO_MANY_PIXELS
