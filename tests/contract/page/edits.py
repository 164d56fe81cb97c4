"""Vectors of the edits inside a region: each alone at several values, and together."""

from __future__ import annotations

from typing import Any

from maskmill.core.edit import Blur, Edits, Paint
from maskmill.imaging.edits import apply_edits
from maskmill.imaging.regions import region_alpha
from tests.contract.page.files import drawn, packed
from tests.contract.page.scenes import parts, picture

SEED = 0xFEDCBA9876543210
_VALUES: dict[str, tuple[float, ...]] = {
    "brightness": (-1.0, -0.31, 0.07, 0.4, 1.0),
    "contrast": (-1.0, -0.35, 0.2, 1.0),
    "gamma": (-0.9, -0.33, 0.15, 0.8, 2.0),
    "hue": (-180.0, -77.3, 12.5, 120.0, 180.0),
    "saturation": (-1.0, -0.42, 0.33, 3.0),
    "sharpen": (0.2, 0.85, 2.0),
    "noise": (0.01, 0.07, 0.2),
}
_RADII = (0.3, 0.7, 1.5, 3.2, 5.99, 6.0, 8.5, 13.0, 26.0, 50.0)
_PAINTS = [
    Paint(colour=colour, strength=strength, keep_shading=keep)
    for colour, strength in (("#ff8000", 0.35), ("#0040c0", 1.0), ("#FFFFFF", 0.8), ("#000000", 0.5))
    for keep in (True, False)
]
_TOGETHER = [
    Edits(brightness=0.1, contrast=0.2, gamma=-0.3, hue=-40.0, saturation=0.4, opacity=0.8),
    Edits(brightness=-0.2, paint=_PAINTS[0], blur=Blur(radius=1.2), sharpen=1.5),
    Edits(hue=90.0, saturation=-0.5, sharpen=0.5, noise=0.05, opacity=0.35),
    Edits(gamma=0.5, paint=_PAINTS[3], blur=Blur(radius=7.0), sharpen=2.0, noise=0.2, opacity=0.9),
]
_NEUTRAL = [Edits(), Edits(brightness=0.5, opacity=0.0), Edits(paint=Paint(colour="#ff0000", strength=0.0))]


def vectors() -> dict[str, Any]:
    return {
        "about": "Bytes of red, green and blue are base64; masks are rows of text. `out` is what the edits make of a region.",
        "seed": f"{SEED:016x}",
        "pictures": {kind: packed(picture(kind).rgb) for kind in ("colour", "grey")},
        "parts": {name: {"mask": drawn(part.mask), "feather_px": part.feather_px} for name, part in parts().items()},
        "cases": [_case(*case) for case in _cases()],
    }


def _cases() -> list[tuple[str, str, Edits]]:
    alone = [Edits.model_validate({name: value}) for name, values in _VALUES.items() for value in values]
    painted = [Edits(paint=paint) for paint in _PAINTS]
    blurred = [Edits(blur=Blur(radius=radius)) for radius in _RADII]
    faded = [Edits(brightness=0.4, opacity=opacity) for opacity in (0.1, 0.5, 0.9)]
    one_region = [("colour", "soft", edits) for edits in [*alone, *painted, *blurred, *faded, *_NEUTRAL]]
    grey_edits = [*alone[::3], painted[0], painted[3], blurred[2], *_TOGETHER]
    grey = [("grey", "soft", edits) for edits in grey_edits]
    regions = [("colour", region, edits) for edits in _TOGETHER for region in parts()]
    return [*one_region, *grey, *regions]


def _case(kind: str, region: str, edits: Edits) -> dict[str, Any]:
    source = picture(kind)
    result = apply_edits(source, region_alpha(region, parts()), edits, seed=SEED)
    return {
        "picture": kind,
        "region": region,
        "edits": edits.model_dump(mode="json", exclude_defaults=True),
        "is_grey": result.is_grey,
        "out": packed(result.rgb),
    }
