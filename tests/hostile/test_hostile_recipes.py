"""Rows E: points, boxes, masks and recipes that can never work; each is refused before money is spent, by its pointer.

Where the recipe is shaped well and its parts do not go together, the code is `invalid_recipe`; every wrong value is an
`invalid_request` whose pointer leads to it.
"""

from __future__ import annotations

from typing import Any

import pytest

from maskmill.core import rows
from maskmill.core.limits import POINTS_MAX
from tests.hostile.corpus import POINT, Bad, Shop, check, missing, wrong
from tests.unit.lambdas.gateway import PROMPT, Answer, recipe

MISSING = "01j0000000000000000000000z"
SQUARE = {"height_px": 30, "width_px": 40}
X, Y, BOX = "/prompt/points/0/x", "/prompt/points/0/y", "/prompt/box"
EDITS, LAYER = "/recipe/layers/0/edits", "/recipe/layers/0"


def box(left: float, top: float, right: float, bottom: float) -> dict[str, float]:
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def no_prompt(what: str, prompt: Any) -> Bad:
    return wrong(what, lambda shop: shop.template_of(prompt=prompt), "/prompt", code="need_positive_point")


def edit(what: str, edits: Any, *below: str) -> Bad:
    return wrong(what, lambda shop: shop.job_of(edits), *(f"{EDITS}{one}" for one in below))


def draw(what: str, vary: Any, pointer: str, code: str = "invalid_request") -> Bad:
    return wrong(what, lambda shop: shop.job_of({}, vary=vary), pointer, code=code)


def output(what: str, pointer: str, **values: Any) -> Bad:
    return wrong(what, lambda shop: shop.job_of(output=values), f"/recipe/output{pointer}")


def unfit(what: str, pointer: str = "/recipe", **more: Any) -> Bad:
    """A recipe of the right shape that does not fit together."""
    return wrong(what, lambda shop: shop.job_of(**more), pointer, code="invalid_recipe")


def images(what: str, image_ids: Any, *pointers: str) -> Bad:
    return wrong(what, lambda shop: shop.job_of(body={"image_ids": image_ids}), *pointers)


def background(shop: Shop, image_id: str | None) -> Answer:
    return shop.job_of({"cutout": {"background": "image", "image_id": image_id}})


def in_dataset(shop: Shop, dataset: str, template: str) -> Answer:
    return shop.api.post(f"/datasets/{dataset}/jobs", {"recipe": recipe(template)})


def region(what: str, value: Any, *pointers: str, code: str = "invalid_request") -> Bad:
    return wrong(what, lambda shop: shop.job_of(layers=[{"region": value}]), *pointers, code=code)


def nested(depth: int) -> Any:
    value: Any = "t"
    for _ in range(depth):
        value = {"op": "invert", "of": [value]}
    return value


def previous(counts: str, size: Any = None) -> dict[str, Any]:
    return {"size": size or SQUARE, "counts": counts}


IN_BACKGROUND = f"{EDITS}/cutout/image_id"
BAD: dict[str, Bad] = {
    "E1a": no_prompt("nothing to look for", {}),
    "E1b": no_prompt("no points", {"points": []}),
    "E1c": wrong(
        "a template without a prompt",
        lambda shop: shop.api.post(f"/datasets/{shop.dataset}/templates", {"name": "x"}),
        "",
        code="need_positive_point",
    ),
    "E1d": wrong("nothing to look for at once", lambda shop: shop.segment_of(), "/prompt", code="need_positive_point"),
    "E2a": wrong("a point too many", lambda shop: shop.prompt_of(points=[POINT] * (POINTS_MAX + 1)), "/prompt/points"),
    "E2b": wrong(
        "a point too many at once", lambda shop: shop.segment_of(points=[POINT] * (POINTS_MAX + 1)), "/prompt/points"
    ),
    "E2c": wrong(
        "17 templates", lambda shop: shop.job_of(templates=[f"t{n}" for n in range(17)], layers=[]), "/recipe/templates"
    ),
    "E2d": wrong("17 layers", lambda shop: shop.job_of(layers=[{"region": "t"}] * 17), "/recipe/layers"),
    "E2e": wrong("four candidates", lambda shop: shop.ask("segment", {"prompt": PROMPT, "top_k": 4}), "/top_k"),
    "E3a": wrong("left of the picture", lambda shop: shop.point_of(x=-0.01), X),
    "E3b": wrong("below the picture", lambda shop: shop.point_of(y=1.0001), Y),
    "E3c": wrong(
        "below the picture at once", lambda shop: shop.segment_of(points=[POINT, {"x": 0.5, "y": 1.01}]),
        "/prompt/points/1/y",
    ),
    "E3d": wrong(
        "a box beyond the picture", lambda shop: shop.prompt_of(box=box(0.1, 0.1, 1.5, 0.9)), f"{BOX}/right"
    ),
    "E3e": wrong("a point to look under beyond the picture", lambda shop: shop.ask("automask", {"at": {"x": 2, "y": 0}}), "/at/x"),
    "E4a": wrong("three numbers", lambda shop: shop.prompt_of(points=[[0.1, 0.2, 0.3]]), "/prompt/points/0"),
    "E4b": wrong("a text for a point", lambda shop: shop.prompt_of(points=["0.5,0.5"]), "/prompt/points/0"),
    "E4c": wrong("a point in a list", lambda shop: shop.prompt_of(points=[[POINT]]), "/prompt/points/0"),
    "E4d": wrong("half a point", lambda shop: shop.prompt_of(points=[{"x": 0.5}]), Y),
    "E4e": wrong("one point for a list", lambda shop: shop.prompt_of(points=POINT), "/prompt/points"),
    "E4f": wrong("points beside the prompt", lambda shop: shop.template_of(points=[POINT]), "/points"),
    "E5a": wrong("labels apart from their points", lambda shop: shop.prompt_of(points=[POINT], labels=[1]), "/prompt/labels"),
    "E5b": wrong("label 7", lambda shop: shop.point_of(label=7), "/prompt/points/0/label"),
    "E5c": wrong("neither positive nor negative", lambda shop: shop.point_of(positive=None), "/prompt/points/0/positive"),
    "E6a": no_prompt("negative points only", {"points": [{**POINT, "positive": False}] * 3}),
    "E6b": wrong(
        "negative points only at once",
        lambda shop: shop.segment_of(points=[{**POINT, "positive": False}]),
        "/prompt",
        code="need_positive_point",
    ),
    "E7a": wrong("a box of no width", lambda shop: shop.prompt_of(box=box(0.5, 0, 0.5, 1)), BOX),
    "E7b": wrong("a box of no height", lambda shop: shop.prompt_of(box=box(0, 0.5, 1, 0.5)), BOX),
    "E7c": wrong("a box turned round", lambda shop: shop.prompt_of(box=box(0.9, 0, 0.1, 1)), BOX),
    "E7d": wrong("a box of three sides", lambda shop: shop.prompt_of(box={"left": 0, "top": 0, "right": 1}), f"{BOX}/bottom"),
    "E8a": wrong("a point in pixels", lambda shop: shop.point_of(x=120, y=80), X, Y),
    "E8b": wrong(
        "a box in pixels", lambda shop: shop.prompt_of(box=box(0, 0, 640, 480)), f"{BOX}/right", f"{BOX}/bottom"
    ),
    "E9a": missing("an image that is not there", lambda shop: shop.api.post(f"/datasets/{shop.dataset}/images/{MISSING}/segment", {"prompt": PROMPT})),
    "E9b": missing("an image of another tenant", lambda shop: shop.api.post(f"/datasets/{shop.dataset}/images/{shop.foreign_image}/segment", {"prompt": PROMPT})),
    "E9c": missing("an image of another dataset", lambda shop: shop.api.post(f"/datasets/{shop.elsewhere}/images/{shop.image}/segment", {"prompt": PROMPT})),
    "E9d": images("a job over an image that is not there", [MISSING], "/image_ids/0"),
    "E9e": wrong("a job over another tenant's image", lambda shop: shop.job_of(body={"image_ids": [shop.foreign_image]}), "/image_ids/0"),
    "E9f": wrong("a template after another tenant's image", lambda shop: shop.template_of(reference_image_id=shop.foreign_image), "/reference_image_id"),
    "E9g": Bad("a prompt on an image that has not arrived", lambda shop: shop.api.post(f"/datasets/{shop.dataset}/images/{shop.unseen}/segment", {"prompt": PROMPT}), 409, "conflict"),
    "E10a": edit("an unknown edit", {"sharpness": 1}, "/sharpness"),
    "E10b": edit("beyond its range", {"hue": 181}, "/hue"),
    "E10c": edit("below its range", {"hue": -181}, "/hue"),
    "E10d": edit("a word", {"hue": "30"}, "/hue"),
    "E10e": edit("a huge number", {"brightness": 1e9}, "/brightness"),
    "E10f": edit("no side", {"thumbnail": {"long_side": 0}}, "/thumbnail/long_side"),
    "E10g": edit("a negative side", {"thumbnail": {"long_side": -1}}, "/thumbnail/long_side"),
    "E10h": edit("a fraction of a pixel", {"thumbnail": {"long_side": 100.5}}, "/thumbnail/long_side"),
    "E10i": edit("a huge radius", {"blur": {"radius": 1e9}}, "/blur/radius"),
    "E10j": edit("two edits wrong", {"hue": 999, "noise": -1}, "/hue", "/noise"),
    "E10k": draw("a draw beyond its range", {"hue": {"uniform": [0, 9999]}}, LAYER, "invalid_recipe"),
    "E10l": draw("a draw the wrong way round", {"hue": {"uniform": [10, 0]}}, f"{LAYER}/vary/hue", "invalid_recipe"),
    "E10m": draw("a draw of nothing", {"hue": {"choice": []}}, f"{LAYER}/vary/hue/choice"),
    "E10n": draw("a draw in two ways", {"hue": {"uniform": [0, 1], "choice": [1]}}, f"{LAYER}/vary/hue", "invalid_recipe"),
    "E10o": draw("a spread below nothing", {"hue": {"normal": [0, -1]}}, f"{LAYER}/vary/hue/normal/1"),
    "E10p": draw("a draw of what does not vary", {"colour": {"choice": [1]}}, f"{LAYER}/vary/colour"),
    "E10q": region("an unknown way to combine", {"op": "xor", "of": ["t"]}, f"{LAYER}/region", f"{LAYER}/region/op"),
    "E10r": region("the rest of two", {"op": "invert", "of": ["t", "u"]}, *[f"{LAYER}/region"] * 2, code="invalid_recipe"),
    "E10s": region("nested too deep", nested(9), *[f"{LAYER}/region"] * 2, code="invalid_recipe"),
    "E10t": region("a region that is no template", "nobody", "/recipe", code="invalid_recipe"),
    "E10u": region("a region of 200,000 characters", "x" * 200_000, "/recipe", code="invalid_recipe"),
    "E10v": wrong("a template named twice", lambda shop: shop.job_of(templates=[shop.template] * 2), "/recipe", code="invalid_recipe"),
    "E10w": unfit("a template that is not there", "/recipe/templates/0", templates=[MISSING], layers=[]),
    "E10x": wrong("a template of another dataset", lambda shop: in_dataset(shop, shop.dataset, shop.template_elsewhere), "/recipe/templates/0", code="invalid_recipe"),
    "E10y": wrong("no templates", lambda shop: shop.job_of(templates=[], layers=[]), "/recipe/templates"),
    "E10z": wrong("a mask that does not fill its size", lambda shop: shop.prompt_of(previous=previous("5")), "/prompt/previous/counts"),
    "E10za": wrong("a mask of no run lengths", lambda shop: shop.prompt_of(previous=previous("<svg>")), "/prompt/previous/counts"),
    "E10zb": wrong("a mask of no size", lambda shop: shop.prompt_of(previous=previous("0", {"height_px": 0, "width_px": 4})), "/prompt/previous/size/height_px"),
    "E10zc": wrong("a mask of another picture", lambda shop: shop.segment_of(previous=previous("<", {"height_px": 3, "width_px": 4})), "/prompt/previous/size"),
    "E10zd": wrong("a given mask without a mask", lambda shop: shop.template_of(placement="mask"), ""),
    "E10ze": wrong("a placement that is not there yet", lambda shop: shop.template_of(placement="match"), "", code="not_implemented"),
    "E10zf": wrong("a mask of more pixels than there are numbers", lambda shop: shop.prompt_of(previous=previous("0", {"height_px": 10**18, "width_px": 10**18})), "/prompt/previous/counts"),
    "E11a": edit("a picture of 20,000 pixels", {"thumbnail": {"long_side": 20_000}}, "/thumbnail/long_side"),
    "E11b": unfit("more variants of an image than may be", layers=[{"region": "t"}] * 16, templates=["t"], samples_per_image=50),
    "E11c": wrong("51 samples", lambda shop: shop.job_of(samples_per_image=51), "/recipe/samples_per_image"),
    "E11d": edit("a margin of a thousand pictures", {"cutout": {"crop": True, "margin": 1000}}, "/cutout/margin"),
    "E12a": edit("no colour", {"paint": {"colour": "#ggg"}}, "/paint/colour"),
    "E12b": edit("an address as a colour", {"paint": {"colour": "url(javascript:1)"}}, "/paint/colour"),
    "E12c": edit("10,000 characters of colour", {"paint": {"colour": "#" + "f" * 10_000}}, "/paint/colour"),
    "E12d": edit("a colour with a line break", {"paint": {"colour": "#ffffff\n"}}, "/paint/colour"),
    "E12e": wrong("a template's colour", lambda shop: shop.template_of(colour="red"), "/colour"),
    "E12f": edit("a short colour", {"cutout": {"background": "colour", "colour": "#fff"}}, "/cutout/colour"),
    "E13a": output("no quality", "/quality", quality=0),
    "E13b": output("more than the best", "/quality", quality=101),
    "E13c": output("an unknown format", "/format", format="exe"),
    "E13d": output("half a quality", "/quality", quality=88.5),
    "E13e": wrong("an unknown export", lambda shop: shop.job_of(exports=["exe"]), "/recipe/exports/0"),
    "E13f": unfit("an export twice", exports=["coco", "coco"]),
    "E13g": edit("an unknown background", {"cutout": {"background": "url"}}, "/cutout/background"),
    "E14a": wrong("another tenant's background", lambda shop: background(shop, shop.foreign_image), IN_BACKGROUND, code="invalid_recipe"),
    "E14b": wrong("a background that is not there", lambda shop: background(shop, MISSING), IN_BACKGROUND, code="invalid_recipe"),
    "E14c": wrong("a background that has not arrived", lambda shop: background(shop, shop.unseen), IN_BACKGROUND, code="invalid_recipe"),
    "E14d": wrong("no background", lambda shop: background(shop, None), IN_BACKGROUND, code="invalid_recipe"),
    "E14e": wrong("an address as a background", lambda shop: background(shop, "https://a.example/x.png"), IN_BACKGROUND, code="invalid_recipe"),
    "E15a": wrong(
        "cut out before the end of a stack",
        lambda shop: shop.job_of(
            composition="stacked",
            layers=[{"region": shop.template, "edits": {"cutout": {"crop": True}}}, {"region": shop.template}],
        ),
        "/recipe",
        code="invalid_recipe",
    ),
    "E15b": wrong(
        "shrunk before the end of a stack",
        lambda shop: shop.job_of(
            composition="stacked",
            layers=[{"region": shop.template, "edits": {"thumbnail": {"long_side": 64}}}, {"region": shop.template}],
        ),
        "/recipe",
        code="invalid_recipe",
    ),
    "E16a": wrong("a dataset without images", lambda shop: in_dataset(shop, shop.elsewhere, shop.template_elsewhere), code="no_images"),
    "E16b": wrong("no images", lambda shop: shop.job_of(body={"image_ids": []}), code="no_images"),
    "E16c": images("1,001 images", [MISSING] * 1_001, "/image_ids"),
    "E16d": wrong("an image that has not arrived", lambda shop: shop.job_of(body={"image_ids": [shop.unseen]}), code="no_images"),
    "E16e": images("an image of a name too long", ["x" * 41], "/image_ids/0"),
    "E16f": wrong("no files", lambda shop: shop.api.post(f"/datasets/{shop.dataset}/uploads", {"files": []}), "/files"),
    "E16g": wrong("101 files", lambda shop: shop.api.post(f"/datasets/{shop.dataset}/uploads", {"files": [{"name": "a", "size_bytes": 1, "sha256": "0" * 64}] * 101}), "/files"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_a_prompt_or_a_recipe_that_can_never_work_is_refused(shop: Shop, row: str) -> None:
    check(shop, BAD[row])


# What looks odd and is right --------------------------------------------------------------------------------------


def test_e3f_the_edges_of_a_picture_belong_to_it(shop: Shop) -> None:
    assert shop.prompt_of(points=[{"x": 1.0, "y": 0.0}, {"x": 1, "y": 0}]).status == 201


def test_e7e_a_box_smaller_than_a_pixel_is_the_pixel_under_it(shop: Shop, lane: Any) -> None:
    assert shop.segment_of(box=box(0.5, 0.5, 0.5000001, 0.5000001)).status == 200
    assert lane.calls


def test_e16h_an_image_named_a_hundred_times_is_one(shop: Shop) -> None:
    answer = shop.job_of(body={"image_ids": [shop.image] * 100})
    assert answer.status == 202, answer.text
    row = shop.api.ports.table.get(rows.job_key(shop.api.tenant, answer.json["job_id"]))
    assert rows.job_of(row).job.image_ids == (shop.image,)
