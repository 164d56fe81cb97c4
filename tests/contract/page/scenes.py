"""The small pictures and masks that the page's vectors are made of; it knows no edit."""

from __future__ import annotations

import numpy as np

from maskmill.imaging.picture import Bools, Picture
from maskmill.imaging.regions import SoftMask

HEIGHT, WIDTH = 16, 24


def picture(kind: str) -> Picture:
    """A picture of gradients, flat parts and edges: `colour`, `grey`, or `see-through` with an opacity of its own."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    red, green, blue = rows * 17, columns * 11, (rows * columns * 5) % 256
    rgb = np.stack((red, green, blue), axis=-1).astype(np.uint8)
    rgb[3:7, 5:11] = (255, 255, 255)
    rgb[8:12, 12:20] = (200, 40, 90)
    rgb[9:11, 14:17] = (0, 0, 0)
    if kind == "grey":
        plane = ((red + green + blue) % 256).astype(np.uint8)
        return Picture(np.repeat(plane[:, :, None], 3, axis=2), None, is_grey=True)
    alpha = np.minimum(255, 40 + columns * 10).astype(np.uint8) if kind == "see-through" else None
    return Picture(rgb, alpha, is_grey=False)


def masks() -> dict[str, Bools]:
    """Masks by name: a disc, a box at the border, a ring, thin and scattered parts, nothing and everything."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot(rows - 7.5, columns - 11.0)
    scattered = (rows * 7 + columns * 13) % 5 == 0
    box = np.zeros((HEIGHT, WIDTH), np.bool_)
    box[9:16, 14:24] = True
    comb = (columns % 6 == 2) | ((rows == 4) & (columns > 2))
    return {
        "disc": distance < 6.5,
        "box": box,
        "ring": (distance < 7.2) & (distance > 3.1),
        "scattered": scattered & (columns > 3),
        "comb": comb,
        "spotted": (distance < 7.2) ^ (scattered & ((rows + columns) % 3 == 0)),
        "nothing": np.zeros((HEIGHT, WIDTH), np.bool_),
        "everything": np.ones((HEIGHT, WIDTH), np.bool_),
    }


def parts() -> dict[str, SoftMask]:
    """Templates' masks as layers name them: hard and soft."""
    drawn = masks()
    return {
        "hard": SoftMask(drawn["disc"]),
        "soft": SoftMask(drawn["disc"], 4.0),
        "box": SoftMask(drawn["box"], 2.5),
        "ring": SoftMask(drawn["ring"], 1.5),
        "comb": SoftMask(drawn["comb"], 0.75),
        "everything": SoftMask(drawn["everything"], 3.0),
        "nothing": SoftMask(drawn["nothing"]),
    }
