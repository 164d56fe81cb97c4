"""Takes the old background's colour out of an object's edge; it knows no new background.

The colour of the outermost pixels is drawn from the object's own inside, as the foreground term of blur fusion does
(Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP 2021): a mean weighted by how surely a pixel is
object. Its second term needs a matte with true partial coverage, which a segmenter's mask is not.
"""

from __future__ import annotations

import numpy as np

from maskmill.core.geometry import PixelBox
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.edits import window_of
from maskmill.imaging.gaussian import convolved, kernel_radius, wider
from maskmill.imaging.picture import Bytes, Floats
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
    result = rgb.copy()
    box = alpha.box
    step = max(_STRIP_PIXELS // box.width, 4 * kernel_radius(_SIGMA_PX))
    for top in range(box.top, box.bottom, step):
        strip = PixelBox(top, box.left, min(box.bottom, top + step), box.right)
        _recolour(rgb, result, alpha, strip)
    return result


def _recolour(rgb: Bytes, result: Bytes, alpha: Alpha, box: PixelBox) -> None:
    """Write the cleaned pixels of one strip into `result`."""
    reach = kernel_radius(_SIGMA_PX)
    rows, columns = wider(range(box.top, box.bottom), reach), wider(range(box.left, box.right), reach)
    trust = _trust(alpha, rows, columns)
    share = trust[reach:-reach, reach:-reach]
    support = convolved(trust, _SIGMA_PX)
    in_region = alpha.window(range(box.top, box.bottom), range(box.left, box.right)) > 0
    chosen = in_region & (share < 1) & (support > _SUPPORT_MIN)
    if not chosen.any():
        return
    safe = np.where(chosen, support, np.float32(1))
    window = window_of(rgb, rows, columns)
    for channel in range(3):
        wide = window[:, :, channel].astype(np.float32)
        inside = convolved(wide * trust, _SIGMA_PX) / safe
        mixed = inside + (wide[reach:-reach, reach:-reach] - inside) * share
        rounded = (np.minimum(np.maximum(mixed, np.float32(0)), np.float32(255)) + np.float32(0.5)).astype(np.uint8)
        result[box.top : box.bottom, box.left : box.right, channel][chosen] = rounded[chosen]


def _trust(alpha: Alpha, rows: range, columns: range) -> Floats:
    """How surely each pixel is object: 0 outside and on the outermost pixel, 1 from BAND_PX + 1 inwards.

    The border of the picture is no edge; beyond it there is nothing to trust.
    """
    size = alpha.size
    cap_px = BAND_PX + 1
    near_rows, near_columns = wider(rows, cap_px), wider(columns, cap_px)
    tall = range(max(0, near_rows.start), min(size.height_px, near_rows.stop))
    wide = range(max(0, near_columns.start), min(size.width_px, near_columns.stop))
    squares = squared_distances(alpha.window(tall, wide) == 0, cap_px=cap_px)
    table = (np.sqrt(np.arange((cap_px + 1) ** 2 + 1)) - 1) / BAND_PX
    known = np.clip(table, 0.0, 1.0).astype(np.float32).take(squares)
    trust = np.zeros((len(near_rows), len(near_columns)), np.float32)
    down, right = tall.start - near_rows.start, wide.start - near_columns.start
    trust[down : down + len(tall), right : right + len(wide)] = known
    return trust[cap_px:-cap_px, cap_px:-cap_px]
