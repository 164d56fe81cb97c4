"""One real photo through the whole of imaging, where the sample photos are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskmill.core.edit import Background, Cutout, Edits
from maskmill.core.prompt import Refinement
from maskmill.core.recipe import Output
from maskmill.imaging.encode import encode
from maskmill.imaging.masks import mask_of, rle_of
from maskmill.imaging.normal import normalise, read_normal
from maskmill.imaging.refine import refine
from maskmill.imaging.regions import alpha_of
from maskmill.imaging.render import DrawnLayer, render

_PHOTO = Path(__file__).parents[4] / "shared" / "photos" / "cutouts" / "animal-1.jpg"


@pytest.mark.skipif(not _PHOTO.exists(), reason="the sample photos are not here")
def test_a_photo_is_edited_inside_its_mask_alone() -> None:
    source = read_normal(normalise(_PHOTO.read_bytes()).png)
    mask = np.asarray(Image.open(_PHOTO.with_suffix(".mask.png")).convert("L")) > 127
    mask = refine(mask_of(rle_of(mask), size=source.size), Refinement(island_area_min=0.001, grow_px=1))
    alpha = alpha_of(mask, feather_px=2.0)
    edits = Edits(hue=40.0, saturation=0.3, brightness=0.05, noise=0.01)
    rendered = render(source, [DrawnLayer(edits, alpha)], seed=4)
    assert np.array_equal(rendered.picture.rgb[~mask], source.rgb[~mask])
    assert (rendered.picture.rgb[mask] != source.rgb[mask]).mean() > 0.5
    assert encode(rendered.picture, Output()) == encode(
        render(source, [DrawnLayer(edits, alpha)], seed=4).picture, Output()
    )
    cut = render(source, [DrawnLayer(Edits(cutout=Cutout(background=Background.BLUR, crop=True)), alpha)], seed=4)
    assert cut.label(mask).sum() == mask.sum()
