"""Pictures, masks and edits for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from maskmill.core.edit import RANGES, Blur, Edits, Paint
from maskmill.imaging.picture import Picture
from maskmill.imaging.regions import Alpha, boxed

VALUES = {name: st.floats(low, high).map(lambda value: round(value, 3)) for name, (low, high) in RANGES.items()}
EXTREMES = {name: st.sampled_from([low, 0.0, high]) for name, (low, high) in RANGES.items()}
COLOURS = st.sampled_from(["#000000", "#ffffff", "#ff8000", "#123456", "#00ff00", "#808080"])
PAINTS = st.none() | st.builds(
    Paint, colour=COLOURS, strength=st.floats(0, 1).map(lambda v: round(v, 3)), keep_shading=st.booleans()
)
BLURS = st.none() | st.builds(Blur, radius=st.sampled_from([0.0, 0.4, 1.5, 5.9, 6.0, 13.0, 50.0]))


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    height, width = draw(st.integers(8, 40)), draw(st.integers(8, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "flat", "grey", "extreme"]))
    if kind == "grey":
        rgb = np.repeat(rng.integers(0, 256, (height, width, 1), np.uint8), 3, axis=2)
    elif kind == "flat":
        rgb = np.tile(rng.integers(0, 256, 3).astype(np.uint8), (height, width, 1))
    elif kind == "extreme":
        rgb = rng.choice(np.array([0, 255], np.uint8), (height, width, 3))
    else:
        rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
    alpha = rng.integers(0, 256, (height, width), np.uint8) if draw(st.booleans()) else None
    return Picture(np.ascontiguousarray(rgb), alpha, is_grey=kind == "grey")


@st.composite
def alphas(draw: st.DrawFn, picture: Picture) -> Alpha:
    """Soft, hard, scattered and empty regions that fit a picture."""
    height, width = picture.rgb.shape[:2]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.zeros((height, width), np.float32)
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    bottom, right = draw(st.integers(top, height)), draw(st.integers(left, width))
    inside = values[top:bottom, left:right]
    kind = draw(st.sampled_from(["hard", "soft", "scattered"]))
    inside[...] = 1 if kind == "hard" else rng.random(inside.shape)
    if kind == "scattered":
        inside[inside < 0.7] = 0
    return boxed(values)


def edits(values: dict[str, st.SearchStrategy[float]] = VALUES) -> st.SearchStrategy[Edits]:
    few = {name: st.just(1.0 if name == "opacity" else 0.0) | value for name, value in values.items()}
    return st.builds(Edits, **few, paint=PAINTS, blur=BLURS)
