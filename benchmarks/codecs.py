"""Time, size and error of each format at each effort, beside the settings that were not chosen.

    python -m benchmarks.codecs

It measures on the demo's photographs and a part of the drawn one; a figure is the median of the pictures.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.machine import facts
from benchmarks.photo import photo, photo_jpeg
from benchmarks.report import keep, table
from benchmarks.rounds import interleaved
from local.photos import demo_photos
from maskmill.core.recipe import Effort, Output, OutputFormat
from maskmill.imaging import fast_png
from maskmill.imaging.codecs import encoded
from maskmill.imaging.decode import decode
from maskmill.imaging.picture import Bytes

_ROUNDS = 3
_PEERS: dict[OutputFormat, tuple[dict[str, float], ...]] = {
    OutputFormat.WEBP: tuple({"quality": 88, "method": method} for method in (0, 2, 6)),
    OutputFormat.PNG: ({"compress_level": 1}, {"compress_level": 6}),
    OutputFormat.JPEG: ({"quality": 88, "optimize": 1},),
    OutputFormat.AVIF: ({"quality": 88, "speed": 6, "max_threads": 1},),
}


def main() -> int:
    pictures = [decode(path.read_bytes())[0].rgb for path in sorted(demo_photos(Path("build/photos")).iterdir())]
    pictures.append(np.ascontiguousarray(photo()[:1000, :1200]))
    rows, ours = [], {}
    for kind in OutputFormat:
        ways: dict[str, Callable[[Bytes], bytes]] = {
            f"`{effort.value}`": partial(_ours, Output(format=kind, effort=effort)) for effort in Effort
        }
        ways |= {_words(options): partial(_pillow, kind, options) for options in _PEERS[kind]}
        told = _measured(ways, pictures)
        rows += [[kind.value, way, *figures] for way, figures in told.items()]
        ours[kind] = told["`fast`"]
    reading = interleaved(_readers(), rounds=_ROUNDS)
    figures: dict[str, float] = {f"{kind.value}_bytes_per_megapixel": told[1] for kind, told in ours.items()}
    figures |= {
        "png_write_vs_pillow": round(reading.ratio("write a PNG by Pillow", "write a PNG").median, 1),
        "png_read_vs_pillow": round(reading.ratio("read a PNG by Pillow", "read a PNG").median, 1),
        "jpeg_read_vs_simplejpeg": round(reading.ratio("read a JPEG by simplejpeg", "read a JPEG").median, 2),
    }
    head = ["format", "setting", "ms for each megapixel", "bytes for each megapixel", "PSNR in dB"]
    times = [[name, round(1000 * reading.seconds(name).median)] for name in reading.cpu_s]
    text = f"{table(head, rows)}\n\n{table(['12 megapixels, drawn', 'ms'], times)}"
    guarded = [name for name in figures if name.endswith("_bytes_per_megapixel")]
    packages = ("pillow", "deflate", "simplejpeg", "numpy")
    keep("codecs", figures, text=text, machine=facts(*packages), guarded=guarded, details={"table": rows})
    return 0


def _measured(
    ways: Mapping[str, Callable[[Bytes], bytes]], pictures: list[Bytes]
) -> dict[str, tuple[float, int, float | str]]:
    """By way: milliseconds and bytes for each megapixel, and the error in dB."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for picture in pictures:
        megapixels = picture.shape[0] * picture.shape[1] / 1e6
        rounds = interleaved({name: partial(way, picture) for name, way in ways.items()}, rounds=_ROUNDS)
        for name, way in ways.items():
            data = way(picture)
            spent = 1000 * rounds.seconds(name).least
            found[name].append((spent / megapixels, len(data) / megapixels, _psnr(picture, data)))
    told: dict[str, tuple[float, int, float | str]] = {}
    for name, values in found.items():
        ms, size, error = (median(column) for column in zip(*values, strict=True))
        told[name] = (round(ms, 1), round(size), round(error, 2) if np.isfinite(error) else "exact")
    return told


def _readers() -> dict[str, Callable[[], object]]:
    pixels, jpeg = photo(), photo_jpeg()
    png = fast_png.written(pixels)
    others = _pillow(OutputFormat.PNG, {"compress_level": 1}, pixels)
    return {
        "write a PNG": partial(fast_png.written, pixels),
        "write a PNG by Pillow": partial(_pillow, OutputFormat.PNG, {"compress_level": 1}, pixels),
        "read a PNG": partial(fast_png.read, png),
        "read a PNG by Pillow": partial(_read, others),
        "read a JPEG": partial(_read, jpeg),
        "read a JPEG by simplejpeg": partial(simplejpeg.decode_jpeg, jpeg, "RGB"),
    }


def _ours(output: Output, pixels: Bytes) -> bytes:
    return encoded(pixels, output)


def _pillow(kind: OutputFormat, options: Mapping[str, float], pixels: Bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind.value.upper(), **options)
    return out.getvalue()


def _read(data: bytes) -> Bytes:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def _psnr(pixels: Bytes, data: bytes) -> float:
    error = float(np.mean((pixels.astype(np.float64) - _read(data)) ** 2))
    return 10 * float(np.log10(255**2 / error)) if error else float("inf")


def _words(options: Mapping[str, float]) -> str:
    named = ", ".join(f"{name} {value}" for name, value in options.items() if name not in ("quality", "max_threads"))
    return f"Pillow, {named}"


if __name__ == "__main__":
    sys.exit(main())
