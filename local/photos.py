"""The demo's photographs: hand-held frames of one picture that scikit-image ships inside its package.

The package is unpacked for its picture and never imported. The picture of the cup is by Rachel Michetti and in the
public domain (see scikit-image's data/README.txt). It knows no service.
"""

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from local.emulator.environment import REPOSITORY

PICTURE = Path("skimage", "data", "coffee.png")
FRAMES = (  # right and down in pixels, exposure
    (0, 0, 1.0), (6, 4, 1.06), (12, 2, 0.94), (4, 10, 1.02), (9, 7, 0.97), (2, 3, 1.04),
    (14, 12, 1.0), (7, 13, 0.95), (1, 8, 1.03), (11, 5, 0.98), (5, 1, 1.05), (13, 9, 0.96),
)  # fmt: skip
MARGIN_PX = 16


class PhotosMissing(RuntimeError):
    """The package with the picture could not be unpacked."""


def demo_photos(folder: Path, count: int = 4) -> Path:
    """A folder with up to twelve JPEG frames of the cup, as a camera in a hand would take them one after the other."""
    shelf = folder / "package"
    if not (shelf / PICTURE).exists():
        _unpack(shelf)
    frames = folder / "coffee"
    frames.mkdir(parents=True, exist_ok=True)
    with Image.open(shelf / PICTURE) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    height, width = pixels.shape[0] - MARGIN_PX, pixels.shape[1] - MARGIN_PX
    for number, (right, down, exposure) in enumerate(FRAMES[:count], start=1):
        frame = frames / f"coffee-{number}.jpg"
        if not frame.exists():
            window = pixels[down : down + height, right : right + width].astype(np.float32)
            Image.fromarray(_grainy(window * exposure, seed=number)).save(frame, quality=92)
    return frames


def _grainy(window: np.ndarray, *, seed: int) -> np.ndarray:
    """A little sensor noise: no two photographs are equal."""
    noise = np.random.default_rng(zlib.crc32(bytes([seed]))).normal(0, 2.0, window.shape)
    return np.clip(window + noise, 0, 255).round().astype(np.uint8)


def _unpack(shelf: Path) -> None:
    command = [
        sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
        "--target", str(shelf), "--requirement", str(REPOSITORY / "requirements" / "photos.txt"),
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0 or not (shelf / PICTURE).exists():
        raise PhotosMissing(f"{' '.join(command)} failed:\n{answer.stderr.strip()[-2000:]}")
