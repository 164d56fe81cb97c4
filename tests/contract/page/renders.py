"""Vectors of whole variants: cut-outs, thumbnails, stacks of layers; and of resizing, which they need."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np

from maskmill.core.edit import Background, Cutout
from maskmill.core.recipe import Layer
from maskmill.imaging.cutout import covering, cut_out
from maskmill.imaging.normal import resized
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import alpha_of, region_alpha
from maskmill.imaging.render import drawn_layers, render
from tests.contract.page.files import drawn, packed
from tests.contract.page.scenes import HEIGHT, WIDTH, parts, picture

SEED = 2**64 - 1  # a second layer's seed begins again at 0
_SIZES = ((8, 12), (16, 9), (5, 24), (31, 50), (1, 1), (16, 24))
_CUTOUTS = [
    *(Cutout(defringe=clean) for clean in (True, False)),
    Cutout(background=Background.COLOUR, colour="#20c0f0"),
    Cutout(background=Background.COLOUR, colour="#808080", defringe=False),
    *(Cutout(background=Background.BLUR, radius=radius) for radius in (0.0, 1.5, 7.0, 40.0)),
    Cutout(background=Background.IMAGE, image_id="tall"),
    Cutout(background=Background.IMAGE, image_id="small", defringe=False),
    Cutout(crop=True),
    Cutout(crop=True, margin=0.0, background=Background.COLOUR),
    Cutout(crop=True, margin=1.0, background=Background.BLUR, radius=3.0),
]
_STACKS: list[list[dict[str, Any]]] = [
    [{"region": "nothing", "edits": {"hue": 30}}],
    [{"region": "soft", "edits": {"hue": 40, "noise": 0.1}}, {"region": "box", "edits": {"noise": 0.1, "gamma": 0.4}}],
    [{"region": "nothing", "edits": {"noise": 0.1}}, {"region": "ring", "edits": {"noise": 0.1}}],
    [
        {"region": {"op": "subtract", "of": ["everything", "soft"]}, "edits": {"saturation": -1, "brightness": -0.2}},
        {"region": "soft", "edits": {"contrast": 0.3, "cutout": {"crop": True}, "thumbnail": {"long_side": 16}}},
    ],
    [{"region": "everything", "edits": {"thumbnail": {"long_side": 16}}}],
    [{"region": "hard", "edits": {"thumbnail": {"long_side": 64}}}],
]


def backgrounds() -> dict[str, Picture]:
    """Pictures behind cut-outs: one taller than the scene, and one smaller, grey and partly see-through."""
    rows, columns = np.mgrid[0:40, 0:20]
    tall = np.stack((rows * 6, 255 - columns * 12, (rows + columns) * 4 % 256), axis=-1).astype(np.uint8)
    grey = np.repeat((np.arange(54).reshape(6, 9, 1) * 4).astype(np.uint8), 3, axis=2)
    opacity = np.full((6, 9), 255, np.uint8)
    opacity[2:4, 3:8] = 77
    return {"tall": Picture(tall, None, is_grey=False), "small": Picture(grey, opacity, is_grey=True)}


def vectors() -> dict[str, Any]:
    return {
        "about": "Pictures are base64 of red, green and blue, and of opacity; masks are rows of text.",
        "seed": f"{SEED:016x}",
        "pictures": {kind: _packed(picture(kind)) for kind in ("colour", "grey", "see-through")},
        "backgrounds": {name: _packed(background) for name, background in backgrounds().items()},
        "parts": {name: {"mask": drawn(part.mask), "feather_px": part.feather_px} for name, part in parts().items()},
        "resized": [_resized(kind, *size) for kind in ("colour", "see-through") for size in _SIZES],
        "covering": [{"background": name, "out": _packed(_cover(name))} for name in backgrounds()],
        "cases": [_case(kind, layers) for kind, layers in _cases()],
        "large": _large(),
    }


def _cases() -> list[tuple[str, list[dict[str, Any]]]]:
    cut = [[{"region": "soft", "edits": {"cutout": cutout.model_dump(mode="json")}}] for cutout in _CUTOUTS]
    others = [
        [{"region": region, "edits": {"cutout": _CUTOUTS[at].model_dump(mode="json")}}]
        for region in ("hard", "comb", "everything")
        for at in (0, 5)
    ]
    return [
        *(("colour", layers) for layers in [*cut, *others, *_STACKS]),
        *(("see-through", layers) for layers in [*cut, *_STACKS[3:5]]),
        *(("grey", layers) for layers in [*cut[:5], *cut[8:10], _STACKS[1]]),
    ]


def _case(kind: str, sent: list[dict[str, Any]]) -> dict[str, Any]:
    layers = [Layer.model_validate_json(json.dumps(layer)) for layer in sent]
    on_picture = drawn_layers(layers, partial(region_alpha, parts=parts()))
    if not on_picture:
        return {"picture": kind, "layers": sent, "out": None}
    rendered = render(picture(kind), on_picture, seed=SEED, backgrounds=backgrounds())
    crop = rendered.geometry.crop
    box = {"top": crop.top, "left": crop.left, "bottom": crop.bottom, "right": crop.right}
    return {"picture": kind, "layers": sent, "crop": box, "out": _packed(rendered.picture)}


def _resized(kind: str, height_px: int, width_px: int) -> dict[str, Any]:
    return {"picture": kind, "out": _packed(resized(picture(kind), height_px=height_px, width_px=width_px))}


def _large() -> dict[str, Any]:
    """An edge that runs through several of the squares in which the page cleans it."""
    rows, columns = np.mgrid[0:44, 0:75]
    rgb = np.stack((rows * 5, columns * 3, (rows * columns) % 256), axis=-1).astype(np.uint8)
    mask = np.hypot(rows - 20.5, (columns - 37.0) / 1.6) < 21.0
    made = cut_out(Picture(rgb, None, is_grey=False), alpha_of(mask, feather_px=3.0), Cutout())
    return {
        "in": _packed(Picture(rgb, None, is_grey=False)),
        "mask": drawn(mask),
        "feather_px": 3.0,
        "out": _packed(made),
    }


def _cover(name: str) -> Picture:
    return covering(backgrounds()[name], height_px=HEIGHT, width_px=WIDTH)


def _packed(made: Picture) -> dict[str, Any]:
    size = {"height_px": made.size.height_px, "width_px": made.size.width_px}
    opacity = "" if made.alpha is None else packed(made.alpha)
    return {"size": size, "is_grey": made.is_grey, "rgb": packed(made.rgb), "opacity": opacity}
