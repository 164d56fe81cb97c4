"""Pictures as the model server reads them: what it accepts, what it refuses, and at which size it decodes."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.sam_decode import jpeg_of, photo_like, psnr
from inference_container.images import decode_picture, read_picture
from inference_container.segmenter import Pixels
from maskmill.core.errors import Code, InvalidInput, NotFound
from maskmill.core.geometry import Size
from tests.container.pictures import SIZE, FolderSource, blob, png, size_of

PHOTO = Size(height_px=760, width_px=1000)


def jpeg(image: Pixels, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, "JPEG", **{"quality": 95, **options})
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@cache
def photo(encode: Callable[[Pixels], bytes]) -> bytes:
    """A picture of 760 × 1000 with as much detail as a photograph."""
    return encode(photo_like(PHOTO))


def refusal(data: bytes, size: Size = SIZE) -> str:
    with pytest.raises(InvalidInput) as caught:
        decode_picture(data, size)
    return caught.value.code


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_png_is_read_exactly_and_without_alpha(mode: str) -> None:
    image = blob()[0]
    given = decode_picture(png(image, mode), SIZE)
    assert np.array_equal(given.pixels, image)
    assert given.size == SIZE


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_png_has_three_equal_colours(mode: str) -> None:
    grey = blob()[0][..., 1]
    assert np.array_equal(decode_picture(png(grey, mode), SIZE).pixels, np.dstack([grey] * 3))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}, {"subsampling": 0}])
def test_a_jpeg_has_the_pixels_that_pillow_reads(options: dict[str, Any]) -> None:
    data = jpeg(blob()[0], **options)
    assert np.array_equal(decode_picture(data, SIZE).pixels, np.asarray(Image.open(io.BytesIO(data))))


def test_a_grey_jpeg_has_three_equal_colours() -> None:
    data = jpeg(blob()[0], "L")
    grey = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(decode_picture(data, SIZE).pixels, np.dstack([grey] * 3))


@pytest.mark.parametrize("encode", [png, jpeg_of], ids=["png", "jpeg"])
@pytest.mark.parametrize("wanted", [(700, 999), (380, 500), (190, 250), (195, 256), (256, 256), (125, 900), (4, 3)])
def test_a_picture_is_reduced_to_exactly_what_is_wanted(
    encode: Callable[[Pixels], bytes], wanted: tuple[int, int]
) -> None:
    data = photo(encode)
    reduced = decode_picture(data, PHOTO, Size(height_px=wanted[0], width_px=wanted[1]))
    whole = Image.open(io.BytesIO(data)).convert("RGB")
    expected = np.asarray(whole.resize(wanted[::-1], Image.Resampling.BILINEAR))
    assert reduced.pixels.shape == (*wanted, 3)
    assert reduced.size == PHOTO
    assert encode is jpeg_of or np.array_equal(reduced.pixels, expected)
    assert psnr(reduced.pixels, expected) > 48


@pytest.mark.parametrize("wanted", [(760, 1000), (1024, 768), (800, 400), (3000, 4000)])
def test_a_picture_is_never_enlarged(wanted: tuple[int, int]) -> None:
    given = decode_picture(photo(png), PHOTO, Size(height_px=wanted[0], width_px=wanted[1]))
    assert given.pixels.shape == (760, 1000, 3)


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_a_jpeg_that_must_be_turned_is_no_normal_image(orientation: int) -> None:
    assert refusal(jpeg(blob()[0], exif=exif(orientation))) == Code.CORRUPT_IMAGE


def test_a_jpeg_that_says_it_is_upright_is_read() -> None:
    assert decode_picture(jpeg(blob()[0], exif=exif(1)), SIZE).pixels.shape == (90, 120, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        png(blob()[0])[:2000],
        jpeg(blob()[0])[:-500],
        jpeg(blob()[0])[:100],
        png(blob()[0], "P"),
        png(blob()[0], "1"),
        jpeg(blob()[0], "CMYK"),
        png(blob(Size(height_px=91, width_px=120))[0]),
        jpeg(blob(Size(height_px=120, width_px=90))[0]),
    ],
    ids=["empty", "text", "cut", "cut-jpeg", "headless", "palette", "bits", "cmyk", "size", "turned"],
)
def test_what_is_no_normal_image_is_refused(data: bytes) -> None:
    assert refusal(data) == Code.CORRUPT_IMAGE


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "TIFF"])
def test_the_type_is_decided_by_the_bytes(kind: str) -> None:
    file = io.BytesIO()
    Image.fromarray(blob()[0]).save(file, kind)
    assert refusal(file.getvalue()) == Code.CORRUPT_IMAGE


def test_a_jpeg_of_many_scans_is_refused() -> None:
    data = jpeg(blob()[0], progressive=True)
    start = data.rindex(b"\xff\xda")
    assert refusal(data[:-2] + data[start:-2] * 120 + data[-2:]) == Code.TOO_COMPLEX


def test_a_size_is_judged_before_a_pixel_is_decoded() -> None:
    header = png(np.zeros((1, 1, 3), np.uint8))[:33]  # with a width and a height of 2³¹ − 1
    assert refusal(header[:16] + b"\x7f\xff\xff\xff" * 2 + header[24:]) == Code.CORRUPT_IMAGE
    assert refusal(png(np.zeros((2000, 2000), np.uint8))) == Code.CORRUPT_IMAGE


def test_too_many_pixels_are_refused_before_a_byte_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_picture(FolderSource(tmp_path), "s3://pictures/a.png", Size(height_px=10_000, width_px=10_000))
    assert caught.value.code == Code.TOO_MANY_PIXELS


def test_a_picture_is_read_from_its_address(tmp_path: Path) -> None:
    source, image = FolderSource(tmp_path), photo_like(Size(height_px=320, width_px=480))
    source.put("s3://pictures/a", jpeg(image))
    small = Size(height_px=160, width_px=240)
    assert read_picture(source, "s3://pictures/a", size_of(image)).pixels.shape == (320, 480, 3)
    assert read_picture(source, "s3://pictures/a", size_of(image), reduce_to=small).pixels.shape == (160, 240, 3)
    with pytest.raises(NotFound):
        read_picture(source, "s3://pictures/b", size_of(image))


def test_more_bytes_than_the_pixels_can_need_are_refused(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    source.put("s3://pictures/a", b"x" * 2_000_000)
    with pytest.raises(InvalidInput):
        read_picture(source, "s3://pictures/a", Size(height_px=8, width_px=8))
