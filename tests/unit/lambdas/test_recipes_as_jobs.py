"""Templates, edits, compositions and samples as whole jobs: what a recipe says is what lies in the dataset."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lambdas.serve_api import bodies
from maskmill.core.edit import RANGES
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.prompt import Template
from tests.unit.lambdas.studio import BALL, BOX, Studio, picture

RED, BLUE = (190, 40, 40), (40, 60, 180)


@dataclass
class Result:
    """A finished dataset's pictures as arrays, by template or variant name."""

    files: dict[str, bytes]
    lines: list[dict[str, Any]]

    def array(self, name: str) -> Any:
        return np.asarray(Image.open(io.BytesIO(self.files[name]))).astype(int)

    @property
    def source(self) -> Any:
        return self.array("sources/0001_a.png")

    def mask(self, name: str) -> Any:
        return self.array(f"masks/0001_a/{name}.png") > 0

    @property
    def variants(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["kind"] == "variant"]

    def variant(self, number: int = 0) -> Any:
        return self.array(self.variants[number]["file"])


def run(
    *layers: dict[str, Any], mode: str = "RGB", templates: dict[str, dict[str, Any]] | None = None, **more: Any
) -> Result:
    """A job over one photo; layers name templates by their names, and PNG keeps every pixel."""
    studio = Studio()
    files = {"a.png": picture(1, mode=mode), "other.png": picture(5)}
    dataset_id, images = studio.dataset(**files)
    wanted = templates or {"ball": {"prompt": {"points": [BALL]}}, "box": {"prompt": {"points": [BOX]}}}
    ids = {name: studio.template(dataset_id, name, **values) for name, values in wanted.items()}
    text = json.dumps({"output": {"format": "png"}, "layers": layers, **more})
    for name, known in {**ids, **images}.items():
        text = text.replace(f'"{name}"', f'"{known}"')
    job = studio.job(dataset_id, {"templates": list(ids.values()), **json.loads(text)}, image_ids=[images["a.png"]])
    assert (job.status, job.items.done) == ("succeeded", 1), job
    return Result(studio.files(job.job_id), [json.loads(line) for line in studio.lines(job.job_id)])


# Templates ----------------------------------------------------------------------------------------------------------


def test_a_fixed_template_finds_what_lies_at_its_points() -> None:
    result = run()
    assert (result.source[result.mask("ball")] == RED).all()
    assert (result.source[result.mask("box")] == BLUE).all()


def test_whole_is_the_whole_picture_without_the_segmenter_and_centre_the_thing_in_the_middle() -> None:
    result = run(templates={"all": {"placement": "whole"}, "middle": {"placement": "centre"}})
    assert result.mask("all").all()
    middle = result.mask("middle")
    assert middle[30, 40]
    assert 0 < middle.sum() < middle.size


def test_matching_is_said_to_be_missing() -> None:
    body = json.dumps({"name": "cap", "placement": "match", "prompt": {"points": [BALL]}}).encode()
    with pytest.raises(InvalidInput) as refused:
        bodies.read(body, Template)
    assert refused.value.code is Code.NOT_IMPLEMENTED


def test_the_choice_of_the_mask_is_the_templates() -> None:
    """The stand-in's candidates: the part at the point, everything of its colour (its best), the whole picture."""
    choices = {f"m{choice}": {"prompt": {"points": [BALL]}, "choice": choice} for choice in ("best", "0", "1", "2")}
    result = run(templates=choices)
    best, first, second, third = (result.mask(f"m{choice}") for choice in ("best", "0", "1", "2"))
    assert (best == second).all()
    assert first.sum() < second.sum() < third.sum() == third.size
    assert not first[0, 0] and second[0, 0]  # the speck in the corner


def test_islands_holes_and_growth_change_the_label() -> None:
    prompt = {"points": [BALL]}
    refined = {
        "raw": {},
        "island": {"island_area_min": 0.01},
        "hole": {"hole_area_min": 0.01},
        "grown": {"grow_px": 2},
        "shrunk": {"grow_px": -2},
    }
    result = run(templates={name: {"prompt": prompt, "refinement": values} for name, values in refined.items()})
    masks = {name: result.mask(name) for name in refined}
    assert masks["raw"][0, 0] and not masks["island"][0, 0]
    assert not masks["raw"][30, 30] and masks["hole"][30, 30]
    assert masks["shrunk"].sum() < masks["raw"].sum() < masks["grown"].sum()
    assert (masks["grown"] | ~masks["raw"]).all() and (masks["raw"] | ~masks["shrunk"]).all()


def test_a_feather_softens_the_edit_and_leaves_the_label_hard() -> None:
    prompt = {"points": [BALL]}
    templates = {"hard": {"prompt": prompt}, "soft": {"prompt": prompt, "refinement": {"feather_px": 4}}}
    paint = {"paint": {"colour": "#00ff00", "keep_shading": False}}
    result = run({"region": "hard", "edits": paint}, {"region": "soft", "edits": paint}, templates=templates)
    assert (result.mask("hard") == result.mask("soft")).all()
    hard, soft = (abs(result.variant(number) - result.source).sum(axis=2) for number in (0, 1))
    edge = result.mask("hard") & (soft < hard)
    assert 0 < edge.sum() < result.mask("hard").sum()
    assert not soft[~result.mask("soft")].any()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"op": "union", "of": ["ball", "box"]}, lambda ball, box: ball | box),
        ({"op": "intersect", "of": ["ball", {"op": "invert", "of": ["box"]}]}, lambda ball, box: ball & ~box),
        ({"op": "subtract", "of": [{"op": "union", "of": ["ball", "box"]}, "box"]}, lambda ball, box: ball & ~box),
        ({"op": "invert", "of": ["ball"]}, lambda ball, box: ~ball),
    ],
)
def test_a_region_is_an_expression_of_masks(expression: dict[str, Any], expected: Any) -> None:
    result = run({"region": expression, "edits": {"paint": {"colour": "#ffffff", "keep_shading": False}}})
    region = expected(result.mask("ball"), result.mask("box"))
    assert (result.variant()[region] == 255).all()
    assert (result.variant()[~region] == result.source[~region]).all()


# Edits --------------------------------------------------------------------------------------------------------------

INSIDE: dict[str, Any] = {
    "brightness": 0.2, "contrast": 0.5, "gamma": 0.5, "hue": 120, "saturation": -0.8, "sharpen": 1.5, "noise": 0.1,
    "paint": {"colour": "#00ff00"}, "blur": {"radius": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", INSIDE)
def test_an_edit_changes_its_region_and_nothing_else(name: str) -> None:
    result = run({"region": {"op": "invert", "of": ["box"]}, "edits": {name: INSIDE[name]}})  # grain, ball and edges
    region = ~result.mask("box")
    assert (result.variant()[region] != result.source[region]).any()
    assert (result.variant()[~region] == result.source[~region]).all()


def test_opacity_blends_the_edit_with_the_original() -> None:
    paint = {"paint": {"colour": "#ffffff", "keep_shading": False}}
    result = run(
        {"region": "ball", "edits": {**paint, "opacity": 0.5}}, {"region": "ball", "edits": {**paint, "opacity": 0.0}}
    )
    inside = result.mask("ball")
    assert abs(result.variant(0)[inside] - (np.array(RED) + 255) / 2).max() <= 1
    assert (result.variant(1) == result.source).all()


def test_paint_keeps_the_shading_or_covers_it() -> None:
    region = {"op": "invert", "of": ["box"]}
    covered, shaded = (
        {"region": region, "edits": {"paint": {"colour": "#208040", "keep_shading": keeps}}} for keeps in (False, True)
    )
    result = run(covered, shaded)
    inside = ~result.mask("box")
    assert (result.variant(0)[inside] == (0x20, 0x80, 0x40)).all()
    assert len(np.unique(result.variant(1)[inside], axis=0)) > 20
    assert result.variant(1)[inside].mean(axis=0).argmax() == 1  # green


def test_a_cut_out_keeps_the_object_and_replaces_the_rest() -> None:
    backgrounds: list[dict[str, Any]] = [
        {"background": "transparent"},
        {"background": "colour", "colour": "#102030"},
        {"background": "blur", "radius": 5},
        {"background": "image", "image_id": "other.png"},
    ]
    result = run(*({"region": "ball", "edits": {"cutout": {**one, "defringe": False}}} for one in backgrounds))
    inside = result.mask("ball")
    transparent, colour, blur, image = (result.variant(number) for number in range(4))
    assert (transparent[..., 3] == np.where(inside, 255, 0)).all()
    assert (colour[~inside] == (0x10, 0x20, 0x30)).all()
    assert blur[~inside].std() < result.source[~inside].std()
    behind = np.asarray(Image.open(io.BytesIO(picture(5)))).astype(int)
    assert (image[~inside] == behind[~inside]).all()
    assert all((one[inside][:, :3] == result.source[inside]).all() for one in (transparent, colour, blur, image))


def test_defringing_takes_the_old_background_out_of_a_soft_edge() -> None:
    soft = {"ball": {"prompt": {"points": [BALL]}, "refinement": {"grow_px": 2, "feather_px": 4}}}
    cut = [{"region": "ball", "edits": {"cutout": {"background": "colour", "defringe": on}}} for on in (False, True)]
    result = run(*cut, templates=soft)
    edge = result.mask("ball") & (abs(result.variant(0) - result.variant(1)).sum(axis=2) > 0)
    assert edge.any()
    # towards red: less of the grey that lay around the ball
    assert (result.variant(1)[edge][:, 1].mean()) < result.variant(0)[edge][:, 1].mean()


def test_a_crop_has_its_margin_and_a_thumbnail_its_long_side_and_labels_follow() -> None:
    box = {"region": "box", "edits": {"cutout": {"crop": True, "margin": 0.5}}}
    small = {"region": "box", "edits": {"thumbnail": {"long_side": 40}}}
    result = run(box, small)
    rows, columns = np.nonzero(result.mask("box"))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    margin = round(0.5 * max(height, width))
    cropped, shrunk = result.variants
    assert cropped["size"] == {"height_px": height + 2 * margin, "width_px": width + 2 * margin}
    assert shrunk["size"] == {"height_px": 30, "width_px": 40}
    for line in (cropped, shrunk):
        (label,) = (mask for mask in line["masks"] if mask["name"] == "box")
        shape = result.array(label["file"]).shape
        assert shape == (line["size"]["height_px"], line["size"]["width_px"])
    assert cropped["masks"][0]["box"] == {"x": margin, "y": margin, "width": width, "height": height}


def test_greys_keep_their_hue_edits_away() -> None:
    result = run({"region": {"op": "invert", "of": ["box"]}, "edits": {"hue": 90, "saturation": 1}}, mode="L")
    assert (result.variant() == result.source).all()


# Composition and samples ----------------------------------------------------------------------------------------------

TWO = ({"region": "ball", "edits": {"hue": 120}}, {"region": "box", "edits": {"hue": 120}})


def test_separate_layers_make_a_variant_each_and_stacked_layers_one() -> None:
    separate, stacked = run(*TWO), run(*TWO, composition="stacked")
    assert [line["file"] for line in separate.variants] == ["variants/0001_a__ball.png", "variants/0001_a__box.png"]
    assert [line["file"] for line in stacked.variants] == ["variants/0001_a__stacked.png"]
    both = stacked.variant()
    for number, name in enumerate(("ball", "box")):
        inside = separate.mask(name)
        assert (both[inside] == separate.variant(number)[inside]).all()


DRAWN = {
    "hue": {"uniform": [-180, 180]},
    "brightness": {"normal": [0.9, 0.5]},  # a good part of it is cut off at 1
    "saturation": {"choice": [-0.5, 0, 0.5]},
    "noise": {"uniform": [0, 0.2]},
}


def test_samples_are_drawn_within_the_ranges_and_told_in_the_manifest() -> None:
    result = run({"region": "ball", "vary": DRAWN}, samples_per_image=40, seed=9)
    drawn = [line["layers"][0]["edits"] for line in result.variants]
    assert len(drawn) == 40
    for edit in DRAWN:
        low, high = RANGES[edit]
        values = [one[edit] for one in drawn]
        assert all(low <= value <= high for value in values)
        assert len(set(values)) > 1
    assert {one["saturation"] for one in drawn} == {-0.5, 0, 0.5}
    assert max(one["brightness"] for one in drawn) == 1
    assert all(line["layers"][0]["vary"] == {} for line in result.variants)


def dataset_of(seed: int) -> bytes:
    """The archive of a job with every kind of draw over three photos, made in a service of its own."""
    studio = Studio()
    dataset_id, _ = studio.dataset(**{f"{number}.png": picture(number) for number in range(3)})
    ball = studio.template(dataset_id, "ball", refinement={"feather_px": 2})
    recipe = {"templates": [ball], "layers": [{"region": ball, "vary": DRAWN}], "samples_per_image": 3, "seed": seed}
    job = studio.job(dataset_id, recipe)
    assert job.items.done == 3
    return studio.archive(job.job_id)


def test_two_jobs_with_one_seed_agree_byte_for_byte_and_with_another_they_do_not() -> None:
    first, again, other = dataset_of(7), dataset_of(7), dataset_of(8)
    assert first == again
    assert first != other


def test_a_second_job_in_the_same_dataset_has_the_same_bytes_though_it_reuses_everything() -> None:
    studio = Studio()
    dataset_id, _ = studio.dataset(**{f"{number}.png": picture(number) for number in range(3)})
    ball = studio.template(dataset_id, "ball")
    recipe = {"templates": [ball], "layers": [{"region": ball, "vary": DRAWN}], "samples_per_image": 2, "seed": 1}
    first, second = studio.job(dataset_id, recipe), studio.job(dataset_id, recipe)
    assert studio.archive(first.job_id) == studio.archive(second.job_id)
    other = studio.job(dataset_id, {**recipe, "seed": 2})
    changed = {
        name: data for name, data in studio.files(other.job_id).items() if data != studio.files(first.job_id)[name]
    }
    assert {name.split("/")[0] for name in changed} == {"variants", "manifest.jsonl"}
