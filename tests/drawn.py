"""Small photographs that are drawn and not fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw(path: Path, *, seed: int) -> None:
    """A red ball and a blue box on grainy grey, 120 rows by 160 columns, slightly elsewhere for each seed."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(150, 6, (120, 160, 3))
    rows, columns = np.mgrid[:120, :160]
    ball = (rows - 60 - seed) ** 2 + (columns - 48 + seed) ** 2 < 24**2
    box = (abs(rows - 55) < 22) & (abs(columns - 115 - seed) < 18)
    pixels[ball] = np.array([190, 40, 40]) + rng.normal(0, 5, (int(ball.sum()), 3))
    pixels[box] = np.array([40, 60, 180]) + rng.normal(0, 5, (int(box.sum()), 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=95)
