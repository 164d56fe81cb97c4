"""Vectors of masks: refined, feathered, and joined to regions."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from maskmill.core.prompt import Refinement
from maskmill.core.recipe import Region
from maskmill.imaging.components import largest_part
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.refine import refine
from maskmill.imaging.regions import feather, region_alpha
from tests.contract.page.files import drawn, packed
from tests.contract.page.scenes import masks, parts

_REFINEMENTS = [
    Refinement(),
    *(Refinement(island_area_min=share) for share in (0.003, 0.01, 0.05, 0.9)),
    *(Refinement(hole_area_min=share) for share in (0.003, 0.01, 0.05, 0.9)),
    *(Refinement(grow_px=radius) for radius in (-100, -3, -1, 1, 2, 5, 100)),
    Refinement(island_area_min=0.008, hole_area_min=0.008, grow_px=2),
    Refinement(island_area_min=0.02, hole_area_min=0.3, grow_px=-2),
]
_FEATHERS = (0.0, 0.5, 0.75, 1.0, 2.4, 6.0, 100.0)
_REGIONS: list[Any] = [
    "hard",
    "soft",
    "nothing",
    {"op": "union", "of": ["soft", "box"]},
    {"op": "intersect", "of": ["soft", "box", "everything"]},
    {"op": "subtract", "of": ["everything", "soft", "comb"]},
    {"op": "subtract", "of": ["hard", "hard"]},
    {"op": "invert", "of": ["ring"]},
    {"op": "invert", "of": [{"op": "union", "of": ["soft", {"op": "invert", "of": ["box"]}]}]},
    {"op": "union", "of": [{"op": "subtract", "of": ["soft", "ring"]}, {"op": "intersect", "of": ["comb", "box"]}]},
    {"op": "subtract", "of": ["box", {"op": "subtract", "of": ["soft", "comb"]}]},
]


def vectors() -> dict[str, Any]:
    return {
        "about": "Masks are rows of text; alpha is base64 of 32-bit numbers, distances of 16-bit ones.",
        "masks": {name: drawn(mask) for name, mask in masks().items()},
        "parts": {name: {"mask": drawn(part.mask), "feather_px": part.feather_px} for name, part in parts().items()},
        "refined": [_refined(name, refinement) for name in masks() for refinement in _REFINEMENTS],
        "largest": [_largest(name, diagonal) for name in masks() for diagonal in (True, False)],
        "distances": [_distances(name, cap) for name in ("comb", "disc", "nothing") for cap in (0, 1, 4, 100)],
        "feathered": [_feathered(name, width) for name in ("disc", "box", "everything") for width in _FEATHERS],
        "regions": [_region(region) for region in _REGIONS],
    }


def _refined(name: str, refinement: Refinement) -> dict[str, Any]:
    sent = refinement.model_dump(mode="json")
    return {"mask": name, "refinement": sent, "out": drawn(refine(masks()[name], refinement))}


def _largest(name: str, diagonal: bool) -> dict[str, Any]:
    return {"mask": name, "diagonal": diagonal, "out": drawn(largest_part(masks()[name], diagonal=diagonal))}


def _distances(name: str, cap_px: int) -> dict[str, Any]:
    return {"mask": name, "cap_px": cap_px, "out": packed(squared_distances(masks()[name], cap_px=cap_px))}


def _feathered(name: str, feather_px: float) -> dict[str, Any]:
    return {"mask": name, "feather_px": feather_px, "out": packed(feather(masks()[name], feather_px))}


def _region(sent: Any) -> dict[str, Any]:
    region: Region = TypeAdapter(Region).validate_python(sent)
    return {"region": sent, "out": packed(region_alpha(region, parts()).whole())}
