"""Takes the old background's colour out of an object's edge; it knows no new background.

The colour of the outermost pixels is drawn from the object's own inside, as the foreground term of blur fusion does
(Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP 2021): a mean weighted by how surely a pixel is
object. Its second term needs a matte with true partial coverage, which a segmenter's mask is not.
"""

from __future__ import annotations

import numpy as np

from maskmill.core.geometry import PixelBox
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.gaussian import convolved, kernel_radius
from maskmill.imaging.picture import Bools, Bytes, Floats
from maskmill.imaging.regions import Alpha

BAND_PX = 2  # how deep an edge is mistrusted
_SIGMA_PX = 2.0
_STRIP_PIXELS = 1 << 17
_SUPPORT_MIN = np.float32(1e-3)  # a part too thin to have an inside keeps its colours


def defringed(rgb: Bytes, alpha: Alpha) -> Bytes:
    """uint8 (H, W, 3) with the colours of the region's outermost BAND_PX pixels drawn from its inside.

    Pixels outside the region (alpha 0) and deeper inside are left as they are.
    """
    if alpha.is_empty:
        return rgb
    box = alpha.box.grown(1, alpha.size)
    trust = _trust(alpha, box)
    result = rgb.copy()
    reach = kernel_radius(_SIGMA_PX)
    step = max(_STRIP_PIXELS // box.width, 4 * reach)
    padded = np.pad(trust, reach)
    for top in range(0, box.height, step):
        bottom = min(box.height, top + step)
        strip = trust[top:bottom]
        touched = (strip < 1) & (alpha.window(range(box.top + top, box.top + bottom), range(box.left, box.right)) > 0)
        if touched.any():
            around = padded[top : bottom + 2 * reach]
            _recolour(rgb, result, around, touched, PixelBox(box.top + top, box.left, box.top + bottom, box.right))
    return result


def _trust(alpha: Alpha, box: PixelBox) -> Floats:
    """How surely each pixel of the box is object: 0 outside and on the outermost pixel, 1 from BAND_PX + 1 inwards."""
    outside = alpha.window(range(box.top, box.bottom), range(box.left, box.right)) == 0
    depths = np.sqrt(squared_distances(outside, cap_px=BAND_PX + 1).astype(np.float32))
    trust: Floats = np.clip((depths - np.float32(1)) / np.float32(BAND_PX), np.float32(0), np.float32(1))
    return trust


def _recolour(rgb: Bytes, result: Bytes, around: Floats, touched: Bools, box: PixelBox) -> None:
    reach = kernel_radius(_SIGMA_PX)
    support = convolved(around, _SIGMA_PX)
    chosen = touched & (support > _SUPPORT_MIN)
    safe = np.where(chosen, support, np.float32(1))
    share = around[reach:-reach, reach:-reach]
    rows = np.clip(np.arange(box.top - reach, box.bottom + reach), 0, rgb.shape[0] - 1)
    columns = np.clip(np.arange(box.left - reach, box.right + reach), 0, rgb.shape[1] - 1)
    for channel in range(3):
        wide = rgb[rows[:, None], columns[None, :], channel].astype(np.float32)
        inside = convolved(wide * around, _SIGMA_PX) / safe
        mixed = inside + (wide[reach:-reach, reach:-reach] - inside) * share
        rounded = (np.minimum(np.maximum(mixed, np.float32(0)), np.float32(255)) + np.float32(0.5)).astype(np.uint8)
        window = result[box.top : box.bottom, box.left : box.right, channel]
        window[chosen] = rounded[chosen]
