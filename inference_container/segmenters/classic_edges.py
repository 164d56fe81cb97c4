"""A mask found at a small size, drawn at the image's full size along the image's own edges; it knows no prompt.

The fast guided filter (He and Sun, 2015, arXiv:1505.00996): at the small size the mask is written, window by window, as
a linear function of the colours; the coefficients are enlarged and applied to the full image. The full image is
treated tile by tile, and only where the edge of the mask passes, so that memory does not grow with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inference_container.segmenter import Bitmap, Pixels
from maskmill.core.geometry import PixelBox, Size

Floats = npt.NDArray[np.float32]

_TILE_PX = 512
_RADIUS_PX = 4  # of the filter's windows, at the small size
_SMOOTHNESS = 1e-3  # the filter's epsilon for colours in [0, 1]: weaker edges than this variance are not followed
_REACH_PX = 2  # at the small size: as far as the filter may move an edge
_SURE = 0.02  # coverage this near to 0 or 1 is not an edge


@dataclass(frozen=True, slots=True)
class Guide:
    """What the filter knows of an image: colours (h, w, 3) in [0, 1], their means and inverse covariances."""

    colours: Floats
    means: Floats
    inverses: Floats


def guide_of(small: Pixels) -> Guide:
    """Prepare an image of the small size, uint8 (height, width, 3)."""
    colours = small.astype(np.float32) / np.float32(255)
    means = _mean(colours)
    products = np.einsum("hwi,hwj->hwij", colours, colours).reshape(*colours.shape[:2], 9)
    covariances = _mean_of_many(products).reshape(*colours.shape[:2], 3, 3) - means[..., :, None] * means[..., None, :]
    covariances += np.eye(3, dtype=np.float32) * _SMOOTHNESS
    return Guide(colours, means, np.linalg.inv(covariances).astype(np.float32))


def draw_at_full_size(mask: Bitmap, guide: Guide, image: Pixels) -> Bitmap:
    """A mask of the guide's size at the size of `image`, uint8 (height, width, 3); rows first, both."""
    height, width = image.shape[:2]
    coefficients = _coefficients(mask.astype(np.float32), guide)
    drawn = np.empty((height, width), np.bool_)
    reach = max(1, round(_REACH_PX * height / mask.shape[0]))
    for top in range(0, height, _TILE_PX):
        for left in range(0, width, _TILE_PX):
            inner = PixelBox(top, left, min(height, top + _TILE_PX), min(width, left + _TILE_PX))
            outer = inner.grown(reach, Size(height_px=height, width_px=width))
            tile = _tile(mask, coefficients, image, outer, reach)
            drawn[inner.top : inner.bottom, inner.left : inner.right] = tile[
                inner.top - outer.top : inner.bottom - outer.top, inner.left - outer.left : inner.right - outer.left
            ]
    return drawn


def _coefficients(mask: Floats, guide: Guide) -> Floats:
    """The linear function of each pixel: three weights of the colours and an offset, (h, w, 4)."""
    mean = _mean(mask)
    covariance = _mean(guide.colours * mask[..., None]) - guide.means * mean[..., None]
    weights = np.einsum("hwij,hwj->hwi", guide.inverses, covariance)
    offset = mean - (weights * guide.means).sum(axis=-1)
    return _mean(np.dstack([weights, offset]).astype(np.float32))


def _tile(mask: Bitmap, coefficients: Floats, image: Pixels, box: PixelBox, reach: int) -> Bitmap:
    """The drawn mask inside a box; the filter decides within `reach` pixels of the edge, the mask itself elsewhere."""
    coverage = _enlarged(mask.astype(np.float32), box, image)
    is_edge = (coverage > _SURE) & (coverage < 1 - _SURE)
    if not is_edge.any():
        return coverage > 0.5
    functions = _enlarged(coefficients, box, image)
    pixels = image[box.top : box.bottom, box.left : box.right]
    followed = (functions[..., :3] * pixels).sum(axis=-1) / np.float32(255) + functions[..., 3]
    near = cv2.dilate(is_edge.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    result: Bitmap = np.where(near > 0, followed, coverage) > 0.5
    return result


def _enlarged(values: Floats, box: PixelBox, image: Pixels) -> Floats:
    """The part inside `box` of `values` enlarged to the size of `image`; bilinear, pixel centres on pixel centres."""
    scale_y, scale_x = values.shape[0] / image.shape[0], values.shape[1] / image.shape[1]
    transform = np.array(
        [
            [scale_x, 0.0, (box.left + 0.5) * scale_x - 0.5],
            [0.0, scale_y, (box.top + 0.5) * scale_y - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shape = (box.width, box.height)
    return np.asarray(
        cv2.warpAffine(values, transform, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _mean(values: Floats) -> Floats:
    side = 2 * _RADIUS_PX + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _mean_of_many(values: Floats) -> Floats:
    """`_mean` for more than four channels, which OpenCV does not blur at once."""
    return np.dstack([_mean(np.ascontiguousarray(values[..., index])) for index in range(values.shape[-1])])
