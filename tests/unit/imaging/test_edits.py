"""The edits of a region: what they leave alone, what they agree with, and that the way of computing leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskmill.core.edit import RANGES, Blur, Cutout, Edits, Paint, Thumbnail
from maskmill.imaging.edits import apply_edits
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import Alpha, alpha_of, boxed
from tests.unit.imaging import given as some
from tests.unit.imaging import reference

FEW = settings(max_examples=60)


def whole(picture: Picture, value: float = 1.0) -> Alpha:
    return boxed(np.full(picture.rgb.shape[:2], value, np.float32))


def photo_like(height: int = 33, width: int = 47, *, seed: int = 1) -> Picture:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [128 + 120 * np.sin(rows / (5 + c) + columns / (9 - 2 * c) + c) for c in range(3)]
    rgb = np.clip(np.stack(waves, axis=-1) + rng.normal(0, 12, (height, width, 3)), 0, 255)
    rgb[:6, :6], rgb[-6:, -6:] = 255, 0
    return Picture(np.ascontiguousarray(rgb.astype(np.uint8)), None, is_grey=False)


@given(picture=some.pictures(), seed=st.integers(0, 2**64 - 1))
@FEW
def test_neutral_edits_give_the_same_object_back(picture: Picture, seed: int) -> None:
    neutral = [Edits(), Edits(paint=Paint(colour="#ff0000", strength=0.0)), Edits(blur=Blur(radius=0.0))]
    neutral += [Edits(brightness=0.5, opacity=0.0), Edits(cutout=Cutout()), Edits(thumbnail=Thumbnail(long_side=16))]
    for edits in neutral:
        assert apply_edits(picture, whole(picture), edits, seed=seed) is picture


def test_an_empty_region_gives_the_same_object_back() -> None:
    picture = photo_like()
    assert apply_edits(picture, whole(picture, 0.0), Edits(brightness=1.0), seed=0) is picture


@given(data=st.data(), picture=some.pictures(), edits=some.edits(), seed=st.integers(0, 2**64 - 1))
@FEW
def test_nothing_changes_outside_the_region(data: st.DataObject, picture: Picture, edits: Edits, seed: int) -> None:
    before = picture.rgb.copy()
    alpha = data.draw(some.alphas(picture))
    result = apply_edits(picture, alpha, edits, seed=seed)
    outside = ~alpha.mask()
    assert np.array_equal(result.rgb[outside], before[outside])
    assert np.array_equal(picture.rgb, before)
    assert result.alpha is picture.alpha


@given(data=st.data(), picture=some.pictures(), edits=some.edits(), seed=st.integers(0, 2**64 - 1))
@FEW
def test_box_whole_picture_and_strips_give_the_same_bytes(
    data: st.DataObject, picture: Picture, edits: Edits, seed: int
) -> None:
    alpha = data.draw(some.alphas(picture))
    boxed_result = apply_edits(picture, alpha, edits, seed=seed)
    values = alpha.whole()
    size = alpha.size
    unboxed = Alpha(values, type(alpha.box)(0, 0, size.height_px, size.width_px), size)
    assert np.array_equal(apply_edits(picture, unboxed, edits, seed=seed).rgb, boxed_result.rgb)
    for tile in ((1, 64), (3, 5), (64, 1), (7, 11)):
        assert np.array_equal(apply_edits(picture, alpha, edits, seed=seed, tile=tile).rgb, boxed_result.rgb)


@pytest.mark.parametrize("radius", [0.0, 3.0, 6.0, 25.0, 50.0])
def test_a_part_of_a_large_picture_is_the_same_as_in_the_whole(radius: float) -> None:
    picture = photo_like(210, 330)
    edits = Edits(brightness=0.1, hue=20.0, sharpen=1.0, noise=0.05, blur=Blur(radius=radius))
    everything = apply_edits(picture, whole(picture), edits, seed=7).rgb
    mask = np.zeros((210, 330), np.bool_)
    mask[101:180, 33:61] = mask[3:9, 300:330] = True
    part = apply_edits(picture, alpha_of(mask), edits, seed=7).rgb
    assert np.array_equal(part[mask], everything[mask])


@given(picture=some.pictures(), edits=some.edits(some.EXTREMES), seed=st.integers(0, 2**64 - 1))
@FEW
def test_extreme_values_stay_in_range(picture: Picture, edits: Edits, seed: int) -> None:
    with np.errstate(all="raise"):
        result = apply_edits(picture, whole(picture, 0.5), edits, seed=seed)
    assert result.rgb.dtype == np.uint8
    assert result.rgb.flags.c_contiguous


@given(picture=some.pictures(), edits=some.edits(), seed=st.integers(0, 2**64 - 1))
@FEW
def test_the_same_inputs_give_the_same_bytes(picture: Picture, edits: Edits, seed: int) -> None:
    first = apply_edits(picture, whole(picture), edits, seed=seed)
    assert np.array_equal(first.rgb, apply_edits(picture, whole(picture), edits, seed=seed).rgb)


@given(picture=some.pictures(), edits=some.edits())
@FEW
def test_greyscale_stays_grey_unless_it_is_painted(picture: Picture, edits: Edits) -> None:
    result = apply_edits(picture, whole(picture), edits, seed=3)
    if result.is_grey:
        assert picture.is_grey
        assert (result.rgb == result.rgb[:, :, :1]).all()
    elif picture.is_grey:
        assert edits.paint is not None


def test_hue_and_saturation_pass_by_a_greyscale_picture() -> None:
    grey = Picture(np.repeat(photo_like().rgb[:, :, :1], 3, axis=2), None, is_grey=True)
    assert apply_edits(grey, whole(grey), Edits(hue=90.0, saturation=1.0), seed=0) is grey
    painted = apply_edits(grey, whole(grey), Edits(hue=90.0, paint=Paint(colour="#ff0000")), seed=0)
    assert not painted.is_grey
    assert not (painted.rgb == painted.rgb[:, :, :1]).all()


SINGLE = [
    *(
        Edits(**{name: value})
        for name, (low, high) in RANGES.items()
        if name not in ("noise", "opacity")
        for value in (low, low / 2, 0.3 * high, high)
        if value
    ),
    *(
        Edits(paint=Paint(colour=colour, strength=strength, keep_shading=keep))
        for colour in ("#ff8000", "#0040c0", "#ffffff", "#000000")
        for strength in (0.4, 1.0)
        for keep in (True, False)
    ),
    *(Edits(blur=Blur(radius=radius)) for radius in (0.3, 1.0, 2.5, 5.9)),
    Edits(brightness=0.2, contrast=0.4, gamma=-0.3, hue=35.0, saturation=0.6, sharpen=0.8, opacity=0.7),
    Edits(gamma=1.4, saturation=-0.5, paint=Paint(colour="#22aa55", strength=0.6), blur=Blur(radius=1.2), sharpen=1.5),
]


@pytest.mark.parametrize("edits", SINGLE, ids=lambda edits: str(edits.model_dump(exclude_defaults=True)))
def test_edits_agree_with_plain_float64_arithmetic(edits: Edits) -> None:
    picture = photo_like()
    alpha = np.random.default_rng(0).random(picture.rgb.shape[:2]).astype(np.float32)
    alpha[:, 20:] = 1
    result = apply_edits(picture, boxed(alpha), edits, seed=0)
    expected = reference.edited(picture.rgb, alpha, edits)
    assert np.abs(result.rgb - expected).max() <= 0.51


@pytest.mark.parametrize("radius", [6.0, 11.3, 24.0, 50.0])
def test_a_large_blur_agrees_with_a_true_gaussian(radius: float) -> None:
    rng = np.random.default_rng(5)
    rgb = np.kron(rng.choice([0, 255], (4, 4, 3)), np.ones((30, 35, 1))).astype(np.uint8)
    picture = Picture(np.ascontiguousarray(rgb), None, is_grey=False)
    result = apply_edits(picture, whole(picture), Edits(blur=Blur(radius=radius)), seed=0)
    expected = reference.edited(rgb, np.ones(rgb.shape[:2]), Edits(blur=Blur(radius=radius)))
    assert np.abs(result.rgb - expected).max() <= 0.52


def test_greyscale_agrees_with_plain_float64_arithmetic() -> None:
    grey = Picture(np.repeat(photo_like().rgb[:, :, :1], 3, axis=2), None, is_grey=True)
    edits = Edits(brightness=0.1, gamma=0.5, hue=50.0, saturation=1.0, sharpen=0.7, blur=Blur(radius=2.0))
    expected = reference.edited(grey.rgb, np.ones(grey.rgb.shape[:2]), edits, is_grey=True)
    assert np.abs(apply_edits(grey, whole(grey), edits, seed=0).rgb - expected).max() <= 0.51


def test_half_a_turn_of_hue_is_the_same_in_both_directions() -> None:
    picture = photo_like()
    turned = [apply_edits(picture, whole(picture), Edits(hue=degrees), seed=0).rgb for degrees in (180.0, -180.0)]
    assert np.array_equal(*turned)


@given(degrees=st.floats(-180, 180))
@settings(max_examples=25)
def test_turning_hue_there_and_back_loses_a_level_at_most(degrees: float) -> None:
    flat = np.random.default_rng(2).integers(0, 256, (12, 12, 3), np.uint8)
    saturated = Picture(flat, None, is_grey=False)
    there = apply_edits(saturated, whole(saturated), Edits(hue=degrees), seed=0)
    back = apply_edits(there, whole(there), Edits(hue=-degrees), seed=0)
    assert np.abs(back.rgb.astype(int) - flat).max() <= 3


def test_opacity_and_alpha_weigh_alike() -> None:
    picture = photo_like()
    by_opacity = apply_edits(picture, whole(picture), Edits(brightness=0.3, opacity=0.5), seed=0)
    by_alpha = apply_edits(picture, whole(picture, 0.5), Edits(brightness=0.3), seed=0)
    assert np.array_equal(by_opacity.rgb, by_alpha.rgb)
