"""How much faster a JPEG becomes what an encoder looks at, and how alike it stays. It knows no server and no model.

    python -m benchmarks.sam_decode

The reference decodes the whole picture with Pillow and reduces it with Pillow's antialiased bilinear filter to a longer
side of 1024. Both run in turn, several times; the ratio is the median of the ratios of their CPU seconds. The picture
has 12 megapixels; it is drawn here, with as many bytes per pixel as a photograph has. Where photos lie beside the
repository, the picture made of them is measured, too.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from PIL import Image

from inference_container.images import decode_picture
from inference_container.segmenter import Pixels
from inference_container.segmenters.framing import Framing
from maskmill.core.geometry import Size

SIZE = Size(height_px=3000, width_px=4000)
FRAME = Framing(side_px=1024, low_px=256)
PHOTOS = Path(__file__).resolve().parents[1] / "../shared/photos"
_ROUNDS = 11
_QUALITY = 90
_FALL = 0.35  # how fast detail fades with its fineness; gives 0.2 bytes per pixel at this quality


def photo_like(size: Size, seed: int = 0) -> Pixels:
    """A picture whose detail fades with its fineness as in photographs, mostly in brightness, uint8 RGB."""
    rng = np.random.default_rng(seed)
    height, width = size.height_px, size.width_px
    canvas = np.zeros((height, width, 3), np.float32)
    cells = 2
    while cells <= max(height, width):
        shape = (max(2, cells * height // max(height, width)), max(2, cells * width // max(height, width)))
        detail = (rng.normal(0, 1, (*shape, 1)) + rng.normal(0, 0.35, (*shape, 3))).astype(np.float32)
        canvas += cv2.resize(detail, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(cells**-_FALL)
        cells *= 2
    canvas = 128 + 48 * (canvas - canvas.mean()) / canvas.std()
    return np.asarray(np.clip(canvas, 0, 255), np.uint8)


def jpeg_of(pixels: Pixels) -> bytes:
    """A picture as a camera would store it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def decode_ratio(pixels: Pixels | None = None) -> dict[str, float]:
    """The measurement of one picture: `ratio`, `psnr_db`, `reference_ms`, `ours_ms` and `bytes_per_pixel`."""
    pixels = photo_like(SIZE) if pixels is None else pixels
    size = Size(height_px=pixels.shape[0], width_px=pixels.shape[1])
    data, inner = jpeg_of(pixels), FRAME.inner(size)

    def reference() -> Pixels:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB").resize((inner.width_px, inner.height_px), Image.Resampling.BILINEAR))

    def ours() -> Pixels:
        return FRAME.pixels(decode_picture(data, size, reduce_to=inner))

    likeness = psnr(ours(), reference())
    times = [(_cpu_ms(reference), _cpu_ms(ours)) for _ in range(_ROUNDS)]
    return {
        "ratio": round(median(theirs / mine for theirs, mine in times), 2),
        "psnr_db": round(likeness, 1),
        "reference_ms": round(median(theirs for theirs, _ in times), 1),
        "ours_ms": round(median(mine for _, mine in times), 1),
        "bytes_per_pixel": round(len(data) / size.pixels, 3),
    }


def psnr(one: Pixels, other: Pixels) -> float:
    """How alike two pictures are, in decibels; at most 138."""
    error = np.square(one.astype(np.float64) - other).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def photo_wall(photos: Sequence[Path], size: Size = SIZE) -> Pixels:
    """Real photos side by side at their own sizes, repeated until a picture of `size` is full."""
    wall = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    tiles = [np.asarray(Image.open(path).convert("RGB")) for path in photos]
    height, width = (min(tile.shape[axis] for tile in tiles) for axis in (0, 1))
    across = -(-size.width_px // width)
    for index in range(across * -(-size.height_px // height)):
        top, left = index // across * height, index % across * width
        part = wall[top : top + height, left : left + width]
        part[:] = tiles[index % len(tiles)][: part.shape[0], : part.shape[1]]
    return wall


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def main() -> None:
    """Measure and print."""
    drawn = decode_ratio()
    print("drawn:", drawn)
    photos = sorted(PHOTOS.glob("scene/*.jpg"))
    if photos:
        print("photos:", decode_ratio(photo_wall(photos)))
    print(f"bench-sam-decode decode_ratio={drawn['ratio']} psnr_db={drawn['psnr_db']}")


if __name__ == "__main__":
    main()
