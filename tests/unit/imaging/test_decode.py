"""What decoding costs and tells, and what a normal image keeps; which file earns what is in `tests/hostile`."""

from __future__ import annotations

import io
import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.image import Note, SourceFormat
from maskmill.imaging.decode import decode
from maskmill.imaging.normal import normal_png, normalise, read_normal
from maskmill.imaging.picture import Picture, pixels_sha256
from maskmill.imaging.sniff import jpeg_scans
from tests.hostile.pictures.refused import REFUSED
from tests.unit.imaging import files
from tests.unit.imaging.files import saved, scene


def test_a_bomb_is_refused_quickly_and_in_little_memory() -> None:
    bomb = files.png(30_000, 30_000, depth=1, colour=0, raw=b"\0" * 3751 * 3000)
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(InvalidInput):
        decode(bomb)
    spent_s, (_, peak_bytes) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent_s < 0.5
    assert peak_bytes < 2_000_000


def test_refusals_of_popular_formats_say_what_to_do() -> None:
    for row in ("I4a", "I11a", "I10a", "I5", "I11c"):
        with pytest.raises(InvalidInput) as caught:
            decode(REFUSED[row].build())
        assert "Export" in caught.value.message


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_files_keep_every_pixel(kind: str) -> None:
    picture, source_format, notes = decode(saved(scene(), kind))
    assert np.array_equal(picture.rgb, scene())
    assert (picture.alpha, picture.is_grey, notes) == (None, False, ())
    assert source_format == kind.lower()


def test_a_grey_profile_keeps_a_picture_grey() -> None:
    grey = scene()[:, :, 1]
    picture, _, notes = decode(saved(grey, "PNG", icc_profile=files.icc_profile("GRAY", gamma=1.8)))
    linear = (grey / 255.0) ** 1.8
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert picture.is_grey
    assert Note.CONVERTED_TO_SRGB in notes
    assert np.abs(picture.rgb[:, :, 0] - expected).max() <= 3


def test_bytes_behind_a_jpeg_are_not_counted_as_scans() -> None:
    data = saved(scene(), "JPEG", progressive=True) + b"\xff\xda\0\x02" * 500
    assert jpeg_scans(data, count_max=100) < 20
    decode(data)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_normal_png_gives_the_same_picture_back(channels: int) -> None:
    rng = np.random.default_rng(channels)
    pixels = rng.integers(0, 256, (13, 29, channels), dtype=np.uint8)
    is_grey = channels <= 2
    rgb = np.repeat(pixels[:, :, :1], 3, axis=2) if is_grey else np.ascontiguousarray(pixels[:, :, :3])
    picture = Picture(rgb, np.ascontiguousarray(pixels[:, :, -1]) if channels in (2, 4) else None, is_grey)
    again = read_normal(normal_png(picture))
    assert np.array_equal(again.rgb, rgb)
    assert again.is_grey == is_grey
    assert (again.alpha is None) == (picture.alpha is None)
    assert pixels_sha256(again) == pixels_sha256(picture)
    assert normal_png(again) == normal_png(picture)


def test_what_normalise_tells_agrees_with_what_it_made() -> None:
    data = files.oriented(scene(300, 1200), 6, "PNG")
    made = normalise(data)
    assert made.normal.size == made.picture.size
    assert made.normal.pixels_sha256 == pixels_sha256(read_normal(made.png))
    with Image.open(io.BytesIO(made.thumbnail)) as thumbnail:
        assert thumbnail.size == (512, 128)
    assert made.normal.source_format is SourceFormat.PNG


def test_identity_tells_shape_mode_and_pixels_apart() -> None:
    rgb = np.zeros((4, 6, 3), np.uint8)
    pictures = [
        Picture(rgb, None, False),
        Picture(rgb, None, True),
        Picture(rgb.reshape(6, 4, 3), None, False),
        Picture(rgb, np.zeros((4, 6), np.uint8), False),
        Picture(rgb + np.uint8(1), None, False),
    ]
    assert len({pixels_sha256(picture) for picture in pictures}) == len(pictures)


def test_a_normal_image_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_normal(b"\x89PNG\r\n\x1a\nrest")
    assert caught.value.code is Code.CORRUPT_IMAGE
