"""Cut-outs on every background, their clean edges, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from maskmill.core.edit import Background, Cutout
from maskmill.core.errors import Code, MaskmillError
from maskmill.imaging.cutout import covering, cut_out
from maskmill.imaging.defringe import BAND_PX, defringed
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import Alpha, alpha_of

ROWS, COLUMNS = np.mgrid[0:90, 0:120]
DISC = (ROWS - 45) ** 2 + (COLUMNS - 60) ** 2 <= 30**2


def red_on_blue(*, is_soft: bool = False) -> Picture:
    """A red disc on blue; `is_soft` mixes both colours over the edge as a lens does."""
    distance = np.sqrt((ROWS - 45.0) ** 2 + (COLUMNS - 60.0) ** 2)
    share = np.clip((30.5 - distance) / 3 + 0.5, 0, 1) if is_soft else DISC.astype(float)
    rgb = share[:, :, None] * np.array([220, 30, 20]) + (1 - share[:, :, None]) * np.array([20, 40, 210])
    return Picture(np.ascontiguousarray(rgb.round().astype(np.uint8)), None, is_grey=False)


def noisy(*, alpha: bool = False) -> Picture:
    rng = np.random.default_rng(0)
    opacity = rng.integers(0, 256, (90, 120), np.uint8) if alpha else None
    return Picture(rng.integers(0, 256, (90, 120, 3), np.uint8), opacity, is_grey=False)


def soft() -> Alpha:
    return alpha_of(DISC, feather_px=5.0)


def test_a_transparent_background_is_alpha_and_nothing_else() -> None:
    picture = noisy()
    result = cut_out(picture, soft(), Cutout(defringe=False))
    assert result.alpha is not None
    assert np.array_equal(result.alpha, np.floor(soft().whole() * 255 + 0.5).astype(np.uint8))
    assert np.array_equal(result.rgb[result.alpha > 0], picture.rgb[result.alpha > 0])
    assert not result.rgb[result.alpha == 0].any()


def test_a_transparent_background_keeps_the_opacity_of_the_source() -> None:
    picture = noisy(alpha=True)
    result = cut_out(picture, alpha_of(DISC), Cutout(defringe=False))
    assert picture.alpha is not None
    assert result.alpha is not None
    assert np.array_equal(result.alpha, np.where(DISC, picture.alpha, 0))


def test_a_colour_stands_behind_the_object() -> None:
    picture = noisy()
    result = cut_out(picture, soft(), Cutout(background=Background.COLOUR, colour="#10ff80", defringe=False))
    share = soft().whole().astype(np.float64)[:, :, None]
    expected = picture.rgb * share + np.array([0x10, 0xFF, 0x80]) * (1 - share)
    assert np.abs(result.rgb - expected).max() <= 0.51
    assert result.alpha is None


def test_another_picture_stands_behind_the_object() -> None:
    behind = noisy()
    result = cut_out(red_on_blue(), alpha_of(DISC), Cutout(background=Background.IMAGE, image_id="b"), behind)
    assert np.array_equal(result.rgb[~DISC], behind.rgb[~DISC])


def test_a_missing_picture_is_an_error_of_rendering() -> None:
    with pytest.raises(MaskmillError) as caught:
        cut_out(noisy(), soft(), Cutout(background=Background.IMAGE, image_id="b"))
    assert caught.value.code is Code.RENDER_FAILED


@pytest.mark.parametrize(("height", "width"), [(90, 120), (500, 40), (40, 500), (9, 9)])
def test_a_background_covers_and_keeps_its_proportions(height: int, width: int) -> None:
    stripes = np.zeros((height, width, 3), np.uint8)
    stripes[:, : width // 2] = 255
    cover = covering(Picture(stripes, None, is_grey=False), height_px=90, width_px=120)
    assert cover.rgb.shape == (90, 120, 3)
    assert cover.rgb[:, :50].mean() > 200
    assert cover.rgb[:, 70:].mean() < 55


@pytest.mark.parametrize("radius", [0.0, 2.0, 20.0, 100.0])
def test_a_blurred_background_takes_no_colour_of_the_object(radius: float) -> None:
    result = cut_out(red_on_blue(), alpha_of(DISC), Cutout(background=Background.BLUR, radius=radius, defringe=False))
    assert np.abs(result.rgb[~DISC].astype(int) - (20, 40, 210)).max() <= 1
    assert np.array_equal(result.rgb[DISC], red_on_blue().rgb[DISC])


def test_defringing_takes_the_old_background_out_of_the_edge() -> None:
    picture = red_on_blue(is_soft=True)
    clean = defringed(picture.rgb, alpha_of(DISC))
    edge = DISC & (squared_distances(~DISC, cap_px=3) <= 1)
    before = np.abs(picture.rgb[edge].astype(int) - (220, 30, 20)).mean()
    after = np.abs(clean[edge].astype(int) - (220, 30, 20)).mean()
    assert after < before / 4


def test_defringing_touches_the_edge_alone() -> None:
    picture = noisy()
    clean = defringed(picture.rgb, alpha_of(DISC))
    band = DISC & (squared_distances(~DISC, cap_px=5) <= BAND_PX**2 + 4)
    assert np.array_equal(clean[~band], picture.rgb[~band])
    assert not np.array_equal(clean[band], picture.rgb[band])


def test_defringing_leaves_a_line_too_thin_for_an_inside() -> None:
    picture = noisy()
    line = np.zeros((90, 120), np.bool_)
    line[40, 10:100] = True
    assert np.array_equal(defringed(picture.rgb, alpha_of(line)), picture.rgb)


def test_defringing_reaches_the_borders_of_the_picture() -> None:
    everything = np.ones((90, 120), np.bool_)
    assert np.array_equal(defringed(noisy().rgb, alpha_of(everything)), noisy().rgb)
    half = COLUMNS < 60
    assert np.array_equal(defringed(noisy().rgb, alpha_of(half))[:, :50], noisy().rgb[:, :50])


def test_a_cut_out_of_a_grey_picture_is_grey_where_it_can_be() -> None:
    grey = Picture(np.repeat(noisy().rgb[:, :, :1], 3, axis=2), None, is_grey=True)
    for cutout, is_grey in (
        (Cutout(), True),
        (Cutout(background=Background.COLOUR, colour="#ffffff"), True),
        (Cutout(background=Background.COLOUR, colour="#ff0000"), False),
        (Cutout(background=Background.BLUR), True),
        (Cutout(background=Background.IMAGE, image_id="b"), False),
    ):
        result = cut_out(grey, soft(), cutout, noisy())
        assert result.is_grey == is_grey
        assert not is_grey or (result.rgb == result.rgb[:, :, :1]).all()


def test_the_background_of_an_empty_region_is_all_there_is() -> None:
    result = cut_out(noisy(), alpha_of(np.zeros((90, 120), np.bool_)), Cutout(background=Background.COLOUR))
    assert (result.rgb == 255).all()
