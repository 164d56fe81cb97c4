"""What a process per file costs ingest, in CPU time, beside decoding in the process itself; it knows no cloud.

Run it with `python -m benchmarks.decoding`.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from benchmarks.rounds import spent_s
from lambdas.ingest_image.decoder import Decoder
from maskmill.imaging.normal import normalise

FILES = (("40 x 24 px", (24, 40), 200), ("1 megapixel", (866, 1154), 20), ("12 megapixels", (3000, 4000), 4))


def photo(height_px: int, width_px: int) -> bytes:
    """A JPEG whose detail is that of a photograph."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (height_px // 10, width_px // 10, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((width_px, height_px)).save(out, "JPEG", quality=90)
    return out.getvalue()


def confined(data: bytes, count: int) -> None:
    """A nursery's own start is in this as well; `main` takes it off."""
    decoder = Decoder()
    for _ in range(count):
        decoder.normalise(data)
    decoder.stop()


def plain(data: bytes, count: int) -> None:
    for _ in range(count):
        normalise(data)


def cost_s(work: Callable[[bytes, int], None], data: bytes, count: int) -> float:
    """CPU time of one file: that of `count` files more, so that whatever happens once is not counted."""
    before = spent_s()
    work(data, 1)
    once = spent_s()
    work(data, 1 + count)
    return ((spent_s() - once) - (once - before)) / count


def main() -> None:
    start = time.perf_counter()
    confined(photo(24, 40), 1)
    print(f"the first file of a nursery: {(time.perf_counter() - start) * 1000:.0f} ms on {os.cpu_count()} processors")
    for name, (height_px, width_px), count in FILES:
        data = photo(height_px, width_px)
        inside, apart = cost_s(plain, data, count), cost_s(confined, data, count)
        more_ms = (apart - inside) * 1000
        line = f"{name}: {inside * 1000:.1f} ms in the process, {apart * 1000:.1f} ms in one of its own"
        print(f"{line}, {more_ms:+.1f} ms ({more_ms / inside / 10:+.1f} %)")


if __name__ == "__main__":
    main()
