"""Vectors of recipes: ranges, defaults, which are refused, how much they make, and what their samples draw."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from pydantic import ValidationError

from maskmill.core import limits
from maskmill.core.edit import RANGES, Blur, Cutout, Edits, Paint, Thumbnail
from maskmill.core.recipe import Distribution, Output, Recipe, draw, images_max, pictures_per_image, variants_per_image

_PARTS = {"paint": Paint, "blur": Blur, "cutout": Cutout, "thumbnail": Thumbnail, "output": Output}


def vectors() -> dict[str, Any]:
    return {
        "ranges": {
            name: {"low": low, "high": high, "neutral": Edits.model_fields[name].default}
            for name, (low, high) in RANGES.items()
        },
        "part_ranges": _part_ranges(),
        "bounds": _bounds(),
        "defaults": {
            "edits": Edits().model_dump(mode="json"),
            "paint": Paint(colour="#000000").model_dump(mode="json", exclude={"colour"}),
            "cutout": Cutout().model_dump(mode="json"),
            "recipe": Recipe(templates=("t1",)).model_dump(mode="json"),
        },
        "acting": [{"edits": _sparse(edits), "acts": edits.changes_pixels} for edits in _ACTING],
        "taken": [_taken(sent) for sent in _TAKEN],
        "refused": [_refused(sent) for sent in _REFUSED],
        "draws": _draws(),
    }


def _part_ranges() -> dict[str, Any]:
    found = {}
    for part, model in _PARTS.items():
        for name, field in model.model_json_schema()["properties"].items():
            if "minimum" in field:
                found[f"{part}.{name}"] = {"low": field["minimum"], "high": field["maximum"]}
    return found


def _bounds() -> dict[str, int]:
    choices = Distribution.model_json_schema()["properties"]["choice"]["anyOf"][0]["maxItems"]
    return {
        "templates": limits.TEMPLATES_PER_RECIPE_MAX,
        "layers": limits.LAYERS_PER_RECIPE_MAX,
        "samples": limits.SAMPLES_PER_IMAGE_MAX,
        "choices": choices,
        "region_depth": limits.REGION_DEPTH_MAX,
        "region_masks": limits.REGION_MASKS_MAX,
        "variants_per_image": limits.VARIANTS_PER_IMAGE_MAX,
        "pictures_per_image": limits.PICTURES_PER_IMAGE_MAX,
        "variants_per_job": limits.VARIANTS_PER_JOB_MAX,
        "images_per_job": limits.IMAGES_PER_JOB_MAX,
        "recipe_bytes": limits.RECIPE_BYTES_MAX,
    }


_ACTING = [
    Edits(),
    Edits(opacity=0.5),
    Edits(brightness=0.2, opacity=0.0),
    Edits(hue=-3.0),
    Edits(paint=Paint(colour="#ff0000", strength=0.0)),
    Edits(paint=Paint(colour="#ff0000", strength=0.1)),
    Edits(blur=Blur(radius=0.0)),
    Edits(blur=Blur(radius=0.1)),
    Edits(cutout=Cutout()),
    Edits(thumbnail=Thumbnail(long_side=16)),
    Edits(noise=0.01),
]


def _sparse(edits: Edits) -> dict[str, Any]:
    return edits.model_dump(mode="json", exclude_defaults=True)


def _nested(depth: int) -> Any:
    return "t1" if depth == 0 else {"op": "union", "of": [_nested(depth - 1)]}


def _with_layers(count: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "templates": ["t1", "t2"],
        "layers": [{"region": "t1", "edits": {"hue": 10 + n}} for n in range(count)],
        **more,
    }


def _region(region: Any) -> dict[str, Any]:
    return {"templates": ["t1", "t2"], "layers": [{"region": region}]}


def _edits(**edits: Any) -> dict[str, Any]:
    return {"templates": ["t1"], "layers": [{"region": "t1", "edits": edits}]}


def _vary(**vary: Any) -> dict[str, Any]:
    return {"templates": ["t1"], "layers": [{"region": "t1", "vary": vary}]}


_TAKEN: list[dict[str, Any]] = [
    {"templates": ["t1"]},
    _with_layers(2),
    _with_layers(3, composition="stacked", samples_per_image=7, seed=12, sources=False),
    _with_layers(4, samples_per_image=50),
    _with_layers(output={"format": "jpeg", "quality": 1}, exports=["coco", "masks"]),
    _with_layers(output={"format": "avif", "effort": "small"}),
    _with_layers(splits={"train": 0.7, "val": 0.2, "test": 0.1, "seed": 3, "variants_in": ["train", "val"]}),
    _region({"op": "subtract", "of": ["t1", {"op": "invert", "of": ["t2"]}]}),
    _region(_nested(8)),
    _region({"op": "union", "of": ["t1"] * 16}),
    _edits(paint={"colour": "#A0b0C0"}, blur={"radius": 50}, sharpen=2, noise=0.2, gamma=-0.9),
    _edits(cutout={"background": "image", "image_id": "i1", "crop": True, "margin": 1, "defringe": False}),
    _edits(cutout={"background": "blur", "radius": 100}, thumbnail={"long_side": 4096}),
    _vary(brightness={"uniform": [-1, 1]}, hue={"normal": [0, 400]}, opacity={"choice": [0.5, 1]}),
    _vary(noise={"uniform": [0.1, 0.1]}, sharpen={"choice": [1.0] * 64}),
    {
        "templates": ["t1"],
        "composition": "stacked",
        "layers": [{"region": "t1", "edits": {"hue": 5}}, {"region": "t1", "edits": {"cutout": {}}}],
    },
    {
        "templates": [f"t{n}" for n in range(1, 17)],
        "layers": [{"region": "t1", "edits": {"cutout": {}}}],
        "samples_per_image": 50,
    },
]
_REFUSED: list[dict[str, Any]] = [
    {"templates": []},
    {"templates": ["t1", "t1"]},
    {"templates": [f"t{n}" for n in range(17)]},
    _with_layers(17),
    _with_layers(5, samples_per_image=50),
    _with_layers(samples_per_image=0),
    _with_layers(samples_per_image=51),
    _with_layers(seed=-1),
    _with_layers(output={"quality": 0}),
    _with_layers(output={"quality": 101}),
    _with_layers(splits={"train": 0.7, "val": 0.2}),
    _with_layers(splits={"train": 1.2, "val": -0.2}),
    _region("t3"),
    _region({"op": "union", "of": ["t1", "t3"]}),
    _region({"op": "union", "of": []}),
    _region({"op": "invert", "of": ["t1", "t2"]}),
    _region(_nested(9)),
    _region({"op": "union", "of": [{"op": "union", "of": ["t1"] * 13}] * 5}),
    *(_edits(**{name: bound - 0.001}) for name, (bound, _) in RANGES.items()),
    *(_edits(**{name: bound + 0.001}) for name, (_, bound) in RANGES.items()),
    _edits(paint={"colour": "red"}),
    _edits(paint={"colour": "#ff0000", "strength": 1.5}),
    _edits(blur={"radius": 50.5}),
    _edits(cutout={"colour": "#ff00001"}),
    _edits(cutout={"radius": -1}),
    _edits(cutout={"margin": 1.5}),
    _edits(thumbnail={"long_side": 15}),
    _edits(thumbnail={"long_side": 100.5}),
    _vary(brightness={"uniform": [-1, 1.5]}),
    _vary(brightness={"uniform": [0.5, -0.5]}),
    _vary(opacity={"normal": [1.5, 1]}),
    _vary(opacity={"normal": [0.5, -1]}),
    _vary(hue={"choice": []}),
    _vary(hue={"choice": [1] * 65}),
    _vary(hue={"choice": [0, 181]}),
    {
        "templates": ["t1"],
        "composition": "stacked",
        "layers": [{"region": "t1", "edits": {"thumbnail": {"long_side": 64}}}, {"region": "t1"}],
    },
    {
        "templates": [f"t{n}" for n in range(1, 17)],
        "layers": [{"region": "t1", "edits": {"cutout": {}}}] * 2,
        "samples_per_image": 50,
    },
]


def _taken(sent: dict[str, Any]) -> dict[str, Any]:
    recipe = Recipe.model_validate_json(json.dumps(sent))
    return {
        "sent": sent,
        "full": recipe.model_dump(mode="json"),
        "variants_per_image": variants_per_image(recipe),
        "pictures_per_image": pictures_per_image(recipe),
        "images_max": images_max(recipe),
    }


def _refused(sent: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(ValidationError):
        Recipe.model_validate_json(json.dumps(sent))
    return sent


_EVERYTHING = {
    "brightness": {"uniform": [-0.3, 0.4]},
    "contrast": {"normal": [0.1, 0.2]},
    "gamma": {"normal": [-0.9, 0.5]},
    "hue": {"uniform": [-180, 180]},
    "saturation": {"normal": [0.0, 1.5]},
    "sharpen": {"choice": [0.25, 0.5, 1.0]},
    "noise": {"uniform": [0.0, 0.0078125]},
    "opacity": {"choice": [1.0]},
}
_VARIED = {
    "templates": ["t1"],
    "layers": [
        {"region": "t1", "edits": {"hue": 5.0}, "vary": _EVERYTHING},
        {"region": "t1", "vary": {"hue": {"normal": [0.0, 60.0]}}},
    ],
    "samples_per_image": 25,
    "seed": 7,
}
_HALVES = [0.0078125, -0.0234375, 0.5, 0.1234565, 0.1234575, -0.0000005]  # the first two round half to even
_ROUNDED = {
    "templates": ["t1"],
    "layers": [{"region": "t1", "vary": {"brightness": {"uniform": [value, value]}}} for value in _HALVES],
}


def _draws() -> list[dict[str, Any]]:
    sources = [hashlib.sha256(name).hexdigest() for name in (b"one", b"two", b"three")]
    largest_seed = {**_VARIED, "seed": 2**53 - 1, "composition": "stacked"}
    return [
        {"recipe": _VARIED, "drawn": [_drawn(_VARIED, source, sample) for source in sources for sample in range(20)]},
        {"recipe": largest_seed, "drawn": [_drawn(largest_seed, sources[0], sample) for sample in range(5)]},
        {"recipe": _ROUNDED, "drawn": [_drawn(_ROUNDED, sources[0], 0)]},
    ]


def _drawn(sent: dict[str, Any], source: str, sample: int) -> dict[str, Any]:
    recipe = Recipe.model_validate_json(json.dumps(sent))
    pairs = zip(draw(recipe, source=source, sample=sample), recipe.layers, strict=True)
    values = [{name: getattr(layer.edits, name) for name in given.vary} for layer, given in pairs]
    return {"source": source, "sample": sample, "values": values}
