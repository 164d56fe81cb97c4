"""`python -m local.picture RESULTS PICTURE`: one picture of a run, for the README. It renders nothing anew.

From left to right: the first photo, its labels with their masks, and each of its variants.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from maskmill.imaging.masks import read_mask_png
from maskmill.imaging.normal import pillow_image, read_normal
from maskmill.imaging.overlay import overlay

COLOURS = ("#ffd23f", "#3fa7ff", "#ff5aa0", "#6bd96b")
PANEL_WIDTH_PX = 400
GAP_PX = 6


def main(results: Path, picture: Path) -> None:
    source = sorted((results / "sources").iterdir())[0]
    original = read_normal(source.read_bytes())
    masks = sorted((results / "masks" / source.stem).iterdir())
    labelled = overlay(
        original, [(read_mask_png(path.read_bytes()), colour) for path, colour in zip(masks, COLOURS, strict=False)]
    )
    variants = [read_normal(path.read_bytes()) for path in sorted((results / "variants").glob(f"{source.stem}__*"))]
    panels = [_panel(pillow_image(one)) for one in (original, labelled, *variants)]
    width = sum(panel.width for panel in panels) + GAP_PX * (len(panels) - 1)
    sheet = Image.fromarray(np.full((panels[0].height, width, 3), 255, np.uint8))
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, 0))
        left += panel.width + GAP_PX
    sheet.save(picture, quality=82)


def _panel(image: Image.Image) -> Image.Image:
    height = round(image.height * PANEL_WIDTH_PX / image.width)
    return image.convert("RGB").resize((PANEL_WIDTH_PX, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
