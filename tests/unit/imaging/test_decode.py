"""What decoding accepts, what it makes of it, and the code that each bad file earns."""

from __future__ import annotations

import io
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.image import Note, SourceFormat
from maskmill.core.limits import UPLOAD_BYTES_MAX
from maskmill.imaging.decode import decode
from maskmill.imaging.normal import normal_png, normalise, read_normal
from maskmill.imaging.picture import Picture, pixels_sha256
from maskmill.imaging.sniff import jpeg_scans
from tests.unit.imaging import files
from tests.unit.imaging.files import saved, scene


@pytest.mark.parametrize("name", files.BAD_FILES)
def test_each_bad_file_earns_its_code(name: str) -> None:
    code, build = files.BAD_FILES[name]
    with pytest.raises(InvalidInput) as caught:
        decode(build())
    assert caught.value.code == code


def test_a_file_beyond_the_limit_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(b"\xff\xd8\xff" + bytes(UPLOAD_BYTES_MAX))
    assert caught.value.code is Code.FILE_TOO_LARGE


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
    for build in (files.BAD_FILES["SVG with a script"][1], files.BAD_FILES["HEIC"][1], files.BAD_FILES["GIF"][1]):
        with pytest.raises(InvalidInput) as caught:
            decode(build())
        assert "Export" in caught.value.message


@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF"]))
@settings(max_examples=150, deadline=None)
def test_a_mutated_file_is_a_picture_or_a_refusal(data: st.DataObject, kind: str) -> None:
    original = saved(scene(), kind)
    mutant = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    mutant = mutant[: data.draw(st.integers(len(mutant) // 2, len(mutant)))]
    try:
        picture, _, _ = decode(bytes(mutant))
    except InvalidInput:
        return
    assert picture.rgb.dtype == np.uint8
    assert picture.rgb.flags.c_contiguous


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_files_keep_every_pixel(kind: str) -> None:
    picture, source_format, notes = decode(saved(scene(), kind))
    assert np.array_equal(picture.rgb, scene())
    assert (picture.alpha, picture.is_grey, notes) == (None, False, ())
    assert source_format == kind.lower()


def test_the_name_of_a_file_plays_no_part() -> None:
    assert decode(saved(scene(), "PNG"))[1] is SourceFormat.PNG


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_orientation_is_baked_in(kind: str, orientation: int) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(kind, {})
    upright = scene(24, 40)
    picture, _, notes = decode(files.oriented(upright, orientation, kind, **options))
    assert picture.rgb.shape == upright.shape
    tolerance = 25 if kind == "JPEG" else 0
    assert np.abs(picture.rgb.astype(int) - upright).max() <= tolerance
    assert (Note.TURNED_UPRIGHT in notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_counts_as_upright(orientation: int) -> None:
    picture, _, notes = decode(files.oriented(scene(), orientation, "PNG"))
    assert np.array_equal(picture.rgb, scene())
    assert Note.TURNED_UPRIGHT not in notes


def test_an_orientation_in_words_counts_as_upright() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0abc\0\0\0\0\0"
    picture, _, notes = decode(saved(scene(), "PNG", exif=exif))
    assert np.array_equal(picture.rgb, scene())
    assert Note.TURNED_UPRIGHT not in notes


def test_garbage_instead_of_exif_refuses_no_photo() -> None:
    for exif in (b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 60, b"Exif\0\0MM\0*\0\0\0\x08\0"):
        picture, _, _ = decode(saved(scene(), "JPEG", exif=exif, quality=95))
        assert picture.rgb.shape == scene().shape


def test_an_adobe_rgb_profile_is_converted() -> None:
    profile = files.icc_profile("RGB", gamma=2.2, primaries=files.ADOBE_PRIMARIES)
    picture, _, notes = decode(saved(scene(), "PNG", icc_profile=profile))
    linear = (scene() / 255.0) ** 2.2 @ files.ADOBE_PRIMARIES.T @ np.linalg.inv(files.SRGB_PRIMARIES).T
    linear = linear.clip(0, 1)
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    in_gamut = (linear > 0.001).all(axis=-1) & (linear < 0.999).all(axis=-1)
    assert Note.CONVERTED_TO_SRGB in notes
    assert in_gamut.mean() > 0.4
    assert np.abs(picture.rgb - expected)[in_gamut].max() <= 2.5


def test_an_srgb_profile_leaves_the_pixels_as_they_are() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture, _, notes = decode(saved(scene(), "PNG", icc_profile=profile))
    assert np.array_equal(picture.rgb, scene())
    assert Note.CONVERTED_TO_SRGB not in notes


def test_a_grey_profile_keeps_a_picture_grey() -> None:
    grey = scene()[:, :, 1]
    picture, _, notes = decode(saved(grey, "PNG", icc_profile=files.icc_profile("GRAY", gamma=1.8)))
    linear = (grey / 255.0) ** 1.8
    expected = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert picture.is_grey
    assert Note.CONVERTED_TO_SRGB in notes
    assert np.abs(picture.rgb[:, :, 0] - expected).max() <= 3


@pytest.mark.parametrize("profile", [b"garbage", b"\0" * 300, files.icc_profile("GRAY", gamma=2.2)])
def test_a_broken_profile_is_declared_and_ignored(profile: bytes) -> None:
    picture, _, notes = decode(saved(scene(), "PNG", icc_profile=profile))
    assert np.array_equal(picture.rgb, scene())
    assert Note.BROKEN_PROFILE_IGNORED in notes


def test_cmyk_becomes_srgb_with_the_right_polarity() -> None:
    for kind in ("JPEG", "TIFF"):
        picture, _, notes = decode(saved(Image.fromarray(scene()).convert("CMYK"), kind))
        assert Note.CONVERTED_FROM_CMYK in notes
        assert np.abs(picture.rgb[12:, 12:].astype(int) - scene()[12:, 12:]).max() <= 40
        assert not picture.is_grey


def test_greyscale_is_kept_as_greyscale() -> None:
    picture, _, notes = decode(saved(scene()[:, :, 0], "PNG"))
    assert picture.is_grey
    assert Note.GREYSCALE in notes
    assert np.array_equal(picture.rgb, np.repeat(scene()[:, :, :1], 3, axis=2))


def test_one_bit_pictures_are_black_and_white() -> None:
    picture, _, _ = decode(saved(Image.fromarray(scene()[:, :, 0]).convert("1"), "PNG"))
    assert picture.is_grey
    assert set(np.unique(picture.rgb)) <= {0, 255}


def test_alpha_is_kept_beside_the_colour() -> None:
    rgba = np.dstack((scene(), np.arange(24 * 40).reshape(24, 40).astype(np.uint8)))
    picture, _, notes = decode(saved(rgba, "PNG"))
    assert np.array_equal(picture.rgb, rgba[:, :, :3])
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, rgba[:, :, 3])
    assert Note.ALPHA_KEPT in notes


def test_a_fully_transparent_picture_keeps_its_colours() -> None:
    rgba = np.dstack((scene(), np.zeros((24, 40), np.uint8)))
    picture, _, _ = decode(saved(rgba, "PNG"))
    assert np.array_equal(picture.rgb, scene())


def test_full_opacity_is_no_alpha() -> None:
    assert decode(saved(np.dstack((scene(), np.full((24, 40), 255, np.uint8))), "PNG"))[0].alpha is None


def test_grey_with_alpha_and_palettes_with_transparency_are_read() -> None:
    grey_alpha = np.dstack((scene()[:, :, 0], scene()[:, :, 1]))
    picture, _, _ = decode(saved(grey_alpha, "PNG"))
    assert picture.is_grey
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, scene()[:, :, 1])

    palette = Image.fromarray(scene()).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    expected = np.asarray(palette.convert("RGB"))
    plain, _, _ = decode(saved(palette, "PNG"))
    assert np.array_equal(plain.rgb, expected)
    see_through, _, _ = decode(saved(palette, "PNG", transparency=3))
    assert see_through.alpha is not None
    assert np.array_equal(see_through.alpha == 0, np.asarray(palette) == 3)


def test_a_colour_key_becomes_alpha() -> None:
    picture, _, _ = decode(saved(scene(), "PNG", transparency=(250, 20, 20)))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, (scene() == (250, 20, 20)).all(axis=-1))


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    values = np.full((9, 10), 40_000)
    values[0, :4] = (0, 65_535, 128, 129)
    for data in (files.deep_grey_png(values), saved(Image.fromarray(values.astype(np.uint16)), "TIFF")):
        picture, _, notes = decode(data)
        assert picture.rgb[5, 5].tolist() == [156, 156, 156]
        assert picture.rgb[0, :4, 0].tolist() == [0, 255, 0, 1]
        assert Note.REDUCED_FROM_16_BIT in notes
        assert picture.is_grey


def test_16_bit_colour_is_declared() -> None:
    picture, _, notes = decode(files.deep_rgb_png(scene().astype(np.uint16) * 257))
    assert Note.REDUCED_FROM_16_BIT in notes
    assert np.array_equal(picture.rgb, scene())


def test_of_a_tiff_the_first_frame_is_taken() -> None:
    frames = [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]
    picture, _, notes = decode(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    assert np.array_equal(picture.rgb, scene())
    assert Note.FIRST_FRAME_ONLY in notes
    assert Note.FIRST_FRAME_ONLY not in decode(saved(frames[0], "TIFF"))[2]


def test_of_a_phone_s_multi_picture_file_the_first_is_taken() -> None:
    frames = [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]
    data = saved(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    picture, source_format, notes = decode(data)
    assert source_format is SourceFormat.JPEG
    assert np.abs(picture.rgb.astype(int) - scene())[8:, 12:].max() < 30
    assert Note.FIRST_FRAME_ONLY in notes


def test_interlaced_and_wordy_pngs_are_read() -> None:
    words = b"".join(files.chunk(b"tEXt", f"key{n}\0SECRET".encode()) for n in range(2000))
    plain = saved(scene(), "PNG")
    picture, _, notes = decode(plain[:33] + words + plain[33:])
    assert np.array_equal(picture.rgb, scene())
    assert Note.METADATA_DROPPED in notes


def test_bytes_behind_a_jpeg_are_not_counted_as_scans() -> None:
    data = saved(scene(), "JPEG", progressive=True) + b"\xff\xda\0\x02" * 500
    assert jpeg_scans(data, count_max=100) < 20
    decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_metadata_survives(kind: str) -> None:
    data = files.with_location(kind)
    assert b"SECRET" in data
    normalised = normalise(data)
    assert Note.METADATA_DROPPED in normalised.normal.notes
    for out in (normalised.png, normalised.thumbnail, normalised.normal.model_dump_json().encode()):
        assert b"SECRET" not in out
        assert b"Exif" not in out
        assert b"eXIf" not in out


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
