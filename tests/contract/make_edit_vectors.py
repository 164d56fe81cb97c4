"""Writes edit_vectors.json: what each edit makes of chosen pixels. Run it only when the contract itself changes.

python -m tests.contract.make_edit_vectors
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from maskmill.core.edit import Blur, Edits, Paint
from maskmill.imaging.edits import apply_edits
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import boxed

FILE = Path(__file__).with_name("edit_vectors.json")

PIXELS = [
    [0, 0, 0], [255, 255, 255], [128, 128, 128], [1, 1, 1], [254, 254, 254], [255, 0, 0], [0, 255, 0], [0, 0, 255],
    [255, 255, 0], [0, 255, 255], [255, 0, 255], [200, 100, 50], [50, 100, 200], [13, 250, 77], [77, 13, 250],
    [250, 77, 13], [64, 65, 63], [90, 90, 120], [224, 172, 140], [33, 47, 21],
]  # fmt: skip
POINT_EDITS = [
    *(Edits(brightness=value) for value in (-1.0, -0.25, 0.1, 1.0)),
    *(Edits(contrast=value) for value in (-1.0, -0.5, 0.3, 1.0)),
    *(Edits(gamma=value) for value in (-0.9, -0.4, 0.5, 2.0)),
    *(Edits(hue=value) for value in (-180.0, -60.0, 33.0, 120.0, 180.0)),
    *(Edits(saturation=value) for value in (-1.0, -0.4, 0.5, 3.0)),
    *(Edits(brightness=0.4, opacity=value) for value in (0.25, 0.5)),
    *(
        Edits(paint=Paint(colour=colour, strength=strength, keep_shading=keep))
        for colour in ("#ff8000", "#0040c0", "#ffffff", "#000000")
        for strength in (0.4, 1.0)
        for keep in (True, False)
    ),
    Edits(brightness=0.1, contrast=0.2, gamma=-0.3, hue=-40.0, saturation=0.4, opacity=0.8),
]
PICTURE_EDITS = [
    Edits(sharpen=1.0),
    Edits(blur=Blur(radius=1.5)),
    Edits(blur=Blur(radius=8.0)),
    Edits(noise=0.1),
    Edits(brightness=-0.1, saturation=0.5, blur=Blur(radius=0.7), sharpen=1.5, noise=0.03, opacity=0.9),
]
SEED = 0x0123456789ABCDEF


def vectors() -> dict[str, object]:
    """Every vector, computed now."""
    return {
        "about": "Edits on sRGB bytes. points: each pixel alone. pictures: rows of [r, g, b]; alpha per pixel in 1/4.",
        "points": [_point_vector(edits) for edits in POINT_EDITS],
        "pictures": [_picture_vector(edits) for edits in PICTURE_EDITS],
    }


def _named(edits: Edits) -> dict[str, object]:
    return edits.model_dump(mode="json", exclude_defaults=True)


def _point_vector(edits: Edits) -> dict[str, object]:
    picture = Picture(np.array([PIXELS], np.uint8), None, is_grey=False)
    result = apply_edits(picture, boxed(np.ones((1, len(PIXELS)), np.float32)), edits, seed=0)
    return {"edits": _named(edits), "in": PIXELS, "out": result.rgb[0].tolist()}


def _picture_vector(edits: Edits) -> dict[str, object]:
    rows, columns = np.mgrid[0:9, 0:11]
    rgb = np.stack((rows * 31, columns * 25, (rows * columns * 7) % 256), axis=-1).astype(np.uint8)
    rgb[2:4, 2:5] = (255, 255, 255)
    quarters = np.minimum(np.minimum(rows, columns), 4)
    alpha = boxed((quarters / 4).astype(np.float32))
    result = apply_edits(Picture(rgb, None, is_grey=False), alpha, edits, seed=SEED)
    return {
        "edits": _named(edits),
        "seed": f"{SEED:016x}",
        "alpha_quarters": quarters.tolist(),
        "in": rgb.tolist(),
        "out": result.rgb.tolist(),
    }


def text() -> str:
    """The file: one vector a line."""
    made = vectors()
    lists = [
        f'"{name}": [\n' + ",\n".join(json.dumps(vector) for vector in made[name]) + "\n]"  # type: ignore[attr-defined]
        for name in ("points", "pictures")
    ]
    return "{\n" + ",\n".join([f'"about": {json.dumps(made["about"])}', *lists]) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
