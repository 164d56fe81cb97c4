"""Any variant can be made again from its line of the manifest and the dataset's own files, byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from maskmill.core.errors import Code, InvalidInput
from maskmill.exports.remake import remake
from tests.unit.lambdas.studio import BOX, Studio, picture

EVERY_EDIT = {
    "brightness": 0.1, "contrast": 0.3, "gamma": 0.2, "hue": 40, "saturation": 0.5, "sharpen": 0.8, "noise": 0.05,
    "opacity": 0.9, "paint": {"colour": "#20c060", "strength": 0.5}, "blur": {"radius": 1.5},
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "every edit, as PNG": {"layers": [{"region": "ball", "edits": EVERY_EDIT}], "output": {"format": "png"}},
    "as WebP": {"layers": [{"region": "ball", "edits": {"hue": 90}}], "output": {"format": "webp", "quality": 70}},
    "as JPEG": {"layers": [{"region": "ball", "edits": {"hue": 90}}], "output": {"format": "jpeg", "quality": 60}},
    "as AVIF": {"layers": [{"region": "box", "edits": {"hue": 90}}], "output": {"format": "avif", "quality": 50}},
    "drawn values": {
        "layers": [
            {
                "region": "ball",
                "vary": {
                    "hue": {"uniform": [-90, 90]},
                    "noise": {"normal": [0.05, 0.05]},
                    "gamma": {"choice": [-0.5, 0, 1]},
                },
            },
            {"region": "box", "vary": {"opacity": {"uniform": [0.2, 0.8]}}, "edits": {"brightness": 0.5}},
        ],
        "samples_per_image": 3,
        "seed": 7,
        "output": {"format": "png"},
    },
    "stacked": {
        "composition": "stacked",
        "layers": [
            {"region": "nothing", "edits": {"noise": 0.2}},
            {"region": "ball", "edits": {"noise": 0.1}},
            {"region": {"op": "invert", "of": ["box"]}, "edits": {"noise": 0.1, "blur": {"radius": 3}}},
            {"region": "ball", "edits": {"cutout": {"background": "blur", "crop": True, "margin": 0.2}}},
        ],
        "samples_per_image": 2,
    },
    "expressions": {
        "layers": [
            {"region": {"op": "union", "of": ["ball", "box"]}, "edits": {"hue": 50}},
            {"region": {"op": "intersect", "of": ["all", "box"]}, "edits": {"saturation": -1}},
            {"region": {"op": "subtract", "of": ["all", "ball", "nothing"]}, "edits": {"brightness": 0.3}},
        ]
    },
    "cut-outs": {
        "layers": [
            {"region": "ball", "edits": {"cutout": {"background": "transparent"}}},
            {"region": "ball", "edits": {"cutout": {"background": "colour", "colour": "#101820", "defringe": False}}},
            {"region": "box", "edits": {"cutout": {"background": "blur", "radius": 4}, "hue": 20}},
            {"region": "box", "edits": {"cutout": {"background": "image", "image_id": "behind.png"}}},
            {"region": "ball", "edits": {"cutout": {"crop": True}, "thumbnail": {"long_side": 16}}},
            {"region": "all", "edits": {"thumbnail": {"long_side": 32}}},
        ]
    },
}


def studio_with(**files: bytes) -> tuple[Studio, str, dict[str, str]]:
    """Templates with soft, grown and empty masks, and whole pictures; ids by name, those of images among them."""
    studio = Studio()
    dataset_id, ids = studio.dataset(**files)
    soft = {"island_area_min": 0.01, "hole_area_min": 0.01, "grow_px": 1, "feather_px": 2.5}
    ids["ball"] = studio.template(dataset_id, "ball", refinement=soft)
    ids["box"] = studio.template(dataset_id, "box", prompt={"points": [BOX]}, choice="0")
    ids["all"] = studio.template(dataset_id, "all", placement="whole")
    shrunk_away = {"grow_px": -100}
    ids["nothing"] = studio.template(dataset_id, "nothing", prompt={"points": [BOX]}, refinement=shrunk_away)
    return studio, dataset_id, ids


def recipe_of(ids: dict[str, str], recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe with the names of templates and images replaced by their ids."""
    text = json.dumps(recipe)
    for name, known in ids.items():
        text = text.replace(f'"{name}"', f'"{known}"')
    return {"templates": [ids[name] for name in ("ball", "box", "all", "nothing")], **json.loads(text)}


@pytest.mark.parametrize("name", RECIPES)
def test_every_variant_is_made_again_from_its_line_and_the_files_of_its_dataset(name: str) -> None:
    files = {"a.png": picture(1), "grey.png": picture(2, mode="L"), "soft.png": picture(3, mode="RGBA")}
    studio, dataset_id, ids = studio_with(**files, **{"behind.png": picture(9)})
    chosen = [ids[name] for name in files]  # the background is not among the job's own images
    job = studio.job(dataset_id, recipe_of(ids, RECIPES[name]), image_ids=chosen)
    assert (job.status, job.items.done) == ("succeeded", 3)
    dataset = studio.files(job.job_id)
    lines = [line for line in studio.lines(job.job_id) if json.loads(line)["kind"] == "variant"]
    assert lines
    for line in lines:
        assert remake(line, dataset.__getitem__) == dataset[json.loads(line)["file"]]


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a dataset and the line of a variant with a mask and a background."""
    studio, dataset_id, ids = studio_with(**{"a.png": picture(1), "b.png": picture(4)})
    cutout = {"cutout": {"background": "image", "image_id": "b.png"}}
    job = studio.job(dataset_id, recipe_of(ids, {"layers": [{"region": "ball", "edits": cutout}]}))
    dataset = studio.files(job.job_id)
    return dataset, json.loads(studio.lines(job.job_id)[1])


def test_a_line_lists_every_file_that_it_needs(made: tuple[dict[str, bytes], dict[str, Any]]) -> None:
    dataset, line = made
    opened: list[str] = []

    def open_file(name: str) -> bytes:
        opened.append(name)
        return dataset[name]

    remake(json.dumps(line), open_file)
    (region,), (background,) = line["regions"].values(), line["backgrounds"].values()
    assert opened == [line["source_file"], region["file"], background["file"]]
    assert region["feather_px"] == 2.5


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"kind": "source"}, Code.INVALID_REQUEST, "does not describe a variant"),
        ({"layers": None}, Code.INVALID_REQUEST, "layers"),
        ({"regions": {}}, Code.INVALID_REQUEST, "does not hold"),
        ({"source_file": "../a.png"}, Code.INVALID_REQUEST, "outside the dataset"),
        ({"source_file": "/etc/passwd"}, Code.INVALID_REQUEST, "outside the dataset"),
        ({"source_file": None}, Code.RENDER_FAILED, "without its sources"),
        ({"source_file": "sources/none.png"}, Code.RENDER_FAILED, "is missing"),
        ({"source_file": "sources/0002_b.png"}, Code.RENDER_FAILED, "is not the picture"),
        ({"noise_seed": "0" * 16, "output": {"format": "png"}}, Code.RENDER_FAILED, "was changed"),
        ({"sha256": "0" * 64, "renderer": "maskmill-render 0"}, Code.RENDER_FAILED, "'maskmill-render 0'"),
    ],
)
def test_what_cannot_be_made_again_says_why(
    made: tuple[dict[str, bytes], dict[str, Any]], change: dict[str, Any], code: Code, words: str
) -> None:
    dataset, line = made

    def open_file(name: str) -> bytes:
        if name not in dataset:
            raise FileNotFoundError(name)
        return dataset[name]

    with pytest.raises(InvalidInput) as refused:
        remake(json.dumps(line | change), open_file)
    assert refused.value.code is code
    assert words in refused.value.message


def test_a_mask_that_was_touched_is_noticed(made: tuple[dict[str, bytes], dict[str, Any]]) -> None:
    dataset, line = made
    (region,) = line["regions"].values()
    files = dataset | {region["file"]: dataset["masks/0001_a/all.png"]}
    with pytest.raises(InvalidInput, match="is not the mask"):
        remake(json.dumps(line), files.__getitem__)


def test_a_dataset_without_sources_says_that_it_cannot_be_made_again() -> None:
    studio, dataset_id, ids = studio_with(**{"a.png": picture(1)})
    job = studio.job(dataset_id, recipe_of(ids, {"layers": [{"region": "ball"}], "sources": False}))
    with pytest.raises(InvalidInput, match="without its sources"):
        remake(studio.lines(job.job_id)[0], studio.files(job.job_id).__getitem__)


def test_equal_pictures_under_other_names_keep_their_own_names_in_the_manifest() -> None:
    """Variants are shared by content: a line names the templates and the background of its own job all the same."""
    studio, dataset_id, ids = studio_with(**{"a.png": picture(1), "b.png": picture(4), "twin.png": picture(4)})
    layers = [
        {"region": "ball", "edits": {"cutout": {"background": "image", "image_id": name}}}
        for name in ("b.png", "twin.png")
    ]
    job = studio.job(dataset_id, recipe_of(ids, {"layers": layers}), image_ids=[ids["a.png"]])
    lines = [json.loads(line) for line in studio.lines(job.job_id)]
    assert [list(line["backgrounds"]) for line in lines[1:]] == [[ids["b.png"]], [ids["twin.png"]]]
    assert lines[1]["sha256"] == lines[2]["sha256"]
    assert sum(name.startswith("backgrounds/") for name in studio.files(job.job_id)) == 1
