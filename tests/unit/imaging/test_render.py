"""Variants: geometry, labels, identity, encodings and previews."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from maskmill.core.edit import Background, Cutout, Edits, Paint, Thumbnail
from maskmill.core.errors import Code, InvalidInput, MaskmillError
from maskmill.core.geometry import PixelBox, Size
from maskmill.core.recipe import Effort, Layer, Output, OutputFormat, RegionExpr, RegionOp
from maskmill.imaging.encode import encode, flattened
from maskmill.imaging.overlay import overlay
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import alpha_of
from maskmill.imaging.render import (
    DrawnLayer,
    Geometry,
    mask_identity,
    render,
    renderer_version,
    seed_of,
    transform_mask,
    variant_id,
)

MASK = np.zeros((60, 100), np.bool_)
MASK[20:40, 30:70] = True
OTHER = np.zeros((60, 100), np.bool_)
OTHER[30:60, 60:90] = True


def picture(*, alpha: bool = False, is_grey: bool = False) -> Picture:
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (60, 100, 3), np.uint8)
    rgb = np.repeat(rgb[:, :, :1], 3, axis=2) if is_grey else rgb
    return Picture(rgb, rng.integers(0, 256, (60, 100), np.uint8) if alpha else None, is_grey)


def one(edits: Edits, mask: np.ndarray = MASK) -> list[DrawnLayer]:
    return [DrawnLayer(edits, alpha_of(mask))]


def test_a_recipe_without_effect_gives_the_source_itself() -> None:
    source = picture()
    rendered = render(source, one(Edits()), seed=0)
    assert rendered.picture is source
    assert rendered.keeps_labels
    assert render(source, [], seed=0).picture is source


def test_layers_are_applied_in_order() -> None:
    white, black = Paint(colour="#ffffff", keep_shading=False), Paint(colour="#000000", keep_shading=False)
    layers = [*one(Edits(paint=white)), *one(Edits(paint=black), OTHER)]
    result = render(picture(), layers, seed=0).picture.rgb
    assert (result[OTHER] == 0).all()
    assert (result[MASK & ~OTHER] == 255).all()
    assert np.array_equal(result[~(MASK | OTHER)], picture().rgb[~(MASK | OTHER)])


def test_the_noise_of_two_layers_differs() -> None:
    grey = Picture(np.full((60, 100, 3), 128, np.uint8), None, is_grey=False)
    twice = render(grey, [*one(Edits(noise=0.05)), *one(Edits(noise=0.05))], seed=0).picture.rgb[MASK]
    assert abs(twice.astype(float).std() / (0.05 * 255) - np.sqrt(2)) < 0.05


def test_a_crop_keeps_a_margin_inside_the_picture() -> None:
    rendered = render(picture(), one(Edits(cutout=Cutout(crop=True, margin=0.1, defringe=False))), seed=0)
    assert rendered.geometry.crop == PixelBox(16, 26, 44, 74)
    assert rendered.picture.size == Size(height_px=28, width_px=48)
    assert rendered.picture.alpha is not None
    assert np.array_equal(rendered.picture.alpha > 0, MASK[16:44, 26:74])
    assert np.array_equal(rendered.label(MASK), MASK[16:44, 26:74])
    wide = render(picture(), one(Edits(cutout=Cutout(crop=True, margin=1.0))), seed=0)
    assert wide.geometry.crop == PixelBox(0, 0, 60, 100)


def test_a_cut_out_leaves_of_other_labels_what_it_shows() -> None:
    rendered = render(picture(), one(Edits(cutout=Cutout(background=Background.COLOUR))), seed=0)
    assert rendered.geometry.is_identity
    assert not rendered.keeps_labels
    assert np.array_equal(rendered.label(OTHER), OTHER & MASK)


def test_a_thumbnail_shrinks_and_never_enlarges() -> None:
    small = render(picture(), one(Edits(thumbnail=Thumbnail(long_side=50))), seed=0)
    assert small.picture.size == Size(height_px=30, width_px=50)
    assert not small.keeps_labels
    label = small.label(MASK)
    assert np.array_equal(label, MASK[::2, ::2])
    same = render(picture(), one(Edits(thumbnail=Thumbnail(long_side=200))), seed=0)
    assert same.keeps_labels


def test_a_label_on_a_smaller_picture_covers_what_it_covered() -> None:
    rows, columns = np.mgrid[0:300, 0:400]
    disc = (rows - 150) ** 2 + (columns - 200) ** 2 < 120**2
    whole = PixelBox(0, 0, 300, 400)
    geometry = Geometry(Size(height_px=300, width_px=400), whole, Size(height_px=77, width_px=103))
    small = transform_mask(disc, geometry)
    assert abs(small.mean() - disc.mean()) < 0.005


def test_hidden_colours_do_not_bleed_into_a_thumbnail() -> None:
    rgb = np.full((60, 100, 3), (0, 255, 0), np.uint8)
    rgb[MASK] = (255, 0, 0)
    hidden = Picture(rgb, np.where(MASK, np.uint8(255), np.uint8(0)), is_grey=False)
    small = render(hidden, one(Edits(thumbnail=Thumbnail(long_side=40))), seed=0).picture
    assert small.alpha is not None
    assert (small.rgb[small.alpha > 8][:, 1] <= 8).all()


def test_a_missing_background_is_an_error_of_rendering() -> None:
    layers = one(Edits(cutout=Cutout(background=Background.IMAGE, image_id="i")))
    with pytest.raises(MaskmillError) as caught:
        render(picture(), layers, seed=0)
    assert caught.value.code is Code.RENDER_FAILED
    render(picture(), layers, seed=0, backgrounds={"i": picture()})


def identity(**changes: object) -> str:
    layer = Layer(region="t1", edits=Edits(brightness=0.1))
    facts: dict[str, object] = {
        "pixels_sha256": "a" * 64, "layers": [layer], "masks": {"t1": "m", "t2": "n"}, "backgrounds": {},
        "output": Output(), "renderer": "r",
    }  # fmt: skip
    return variant_id(**(facts | changes))  # type: ignore[arg-type]


def test_a_variant_is_named_by_all_that_its_bytes_are_made_from() -> None:
    inverted = RegionExpr(op=RegionOp.INVERT, of=("t1",))
    on_image = Edits(cutout=Cutout(background=Background.IMAGE, image_id="i"))
    names = [
        identity(),
        identity(pixels_sha256="b" * 64),
        identity(masks={"t1": "other"}),
        identity(layers=[Layer(region="t1", edits=Edits(brightness=0.2))]),
        identity(layers=[Layer(region=inverted, edits=Edits(brightness=0.1))]),
        identity(layers=[Layer(region="t1", edits=on_image)], backgrounds={"i": "1"}),
        identity(layers=[Layer(region="t1", edits=on_image)], backgrounds={"i": "2"}),
        identity(output=Output(format=OutputFormat.PNG)),
        identity(output=Output(effort=Effort.SMALL)),
        identity(renderer="s"),
    ]
    assert len(set(names)) == len(names)
    assert mask_identity(rle_sha256="a", feather_px=0.0) != mask_identity(rle_sha256="a", feather_px=1.0)


def test_ids_of_templates_and_images_do_not_name_a_variant() -> None:
    other = Layer(region="t9", edits=Edits(brightness=0.1))
    assert identity(layers=[other], masks={"t9": "m"}) == identity()


def test_the_seed_is_the_first_64_bits_of_the_name() -> None:
    assert seed_of("0123456789abcdef" + "f" * 48) == 0x0123456789ABCDEF


def test_the_renderer_names_its_codecs() -> None:
    assert renderer_version().startswith("maskmill-render 2; pillow ")
    assert "webp" in renderer_version() and "deflate" in renderer_version()


@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize("output", OutputFormat)
def test_each_format_decodes_to_what_went_in(output: OutputFormat, effort: Effort, alpha: bool, is_grey: bool) -> None:
    smooth = np.kron(picture(is_grey=is_grey).rgb[:6, :10], np.ones((10, 10, 1), np.uint8))
    opacity = np.kron(np.arange(60, dtype=np.uint8).reshape(6, 10) * 4, np.ones((10, 10), np.uint8)) if alpha else None
    source = Picture(np.ascontiguousarray(smooth), opacity, is_grey)
    settings = Output(format=output, quality=95, effort=effort)
    data = encode(source, settings)
    assert data == encode(source, settings)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.width, image.height) == (100, 60)
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
        decoded = np.asarray(image.convert("RGBA" if alpha and output is not OutputFormat.JPEG else "RGB")).astype(int)
    if output is OutputFormat.PNG:
        assert np.array_equal(decoded[:, :, :3], smooth)
        assert opacity is None or np.array_equal(decoded[:, :, 3], opacity)
    elif output is OutputFormat.JPEG:
        assert np.abs(decoded - flattened(source).rgb).mean() < 12
    else:
        visible = np.ones((60, 100), np.bool_) if opacity is None else opacity > 100
        assert np.abs(decoded[:, :, :3] - smooth)[visible].mean() < 12


@pytest.mark.parametrize("output", OutputFormat)
def test_more_effort_makes_smaller_files(output: OutputFormat) -> None:
    rows, columns = np.mgrid[:200, :300]
    waves = [128 + 90 * np.sin(rows / (7 + c) + columns / 11) for c in range(3)]
    grain = np.random.default_rng(1).normal(0, 0.4, (200, 300, 3))
    source = Picture((np.stack(waves, axis=-1) + grain).clip(0, 255).astype(np.uint8), None, is_grey=False)
    fast, small = (len(encode(source, Output(format=output, effort=effort))) for effort in Effort)
    assert small < fast


def test_jpeg_lies_on_white() -> None:
    nothing = Picture(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.uint8), is_grey=False)
    with Image.open(io.BytesIO(encode(nothing, Output(format=OutputFormat.JPEG)))) as image:
        assert image.getpixel((8, 8)) == (255, 255, 255)


def test_a_side_that_a_format_cannot_hold_says_what_to_choose() -> None:
    long = Picture(np.zeros((8, 16_400, 3), np.uint8), None, is_grey=False)
    with pytest.raises(InvalidInput) as caught:
        encode(long, Output())
    assert caught.value.code is Code.RENDER_FAILED
    assert "PNG" in caught.value.message


def test_an_overlay_tints_the_label_and_outlines_it() -> None:
    grey = Picture(np.full((60, 100, 3), 100, np.uint8), None, is_grey=True)
    result = overlay(grey, [(MASK, "#ff0000"), (np.zeros_like(MASK), "#00ff00")])
    assert result.rgb[20, 30].tolist() == [255, 0, 0]
    assert result.rgb[30, 50].tolist() == [162, 60, 60]
    assert (result.rgb[~MASK] == 100).all()
    assert not result.is_grey
