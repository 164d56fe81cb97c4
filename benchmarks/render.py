"""How fast a photograph of 12 megapixels becomes a WebP variant, beside a script of Pillow and numpy.

    python -m benchmarks.render

Ours is all that ingest and rendering do, on objects in memory; the script reads, edits, blends and saves. It knows no
segmenter: the mask is given.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from functools import partial

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.machine import facts
from benchmarks.photo import SHARE, blob, photo_jpeg
from benchmarks.report import keep, table
from benchmarks.rounds import interleaved
from lambdas.render_item.pictures import look, paint
from maskmill.core import keys, rows
from maskmill.core.edit import Edits
from maskmill.core.job import Job
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.prompt import Placement, Prompt, Template
from maskmill.core.recipe import Layer, Output, Recipe, resolve
from maskmill.core.rows import job_of
from maskmill.imaging.codecs import WEBP_METHODS
from maskmill.imaging.edits import apply_edits
from maskmill.imaging.encode import encode
from maskmill.imaging.masks import rle_of
from maskmill.imaging.normal import Normalised, normalise
from maskmill.imaging.picture import Bools
from maskmill.imaging.regions import alpha_of
from tests.simulation.cloud import MemoryObjects, MemoryTable

EDITS = Edits(brightness=0.08, contrast=0.15, gamma=0.2, hue=25.0, saturation=0.3, sharpen=0.8, opacity=0.85)
TENANT = "t"
_ROUNDS = 5
_USUAL_METHOD = 4
_MORE = 3


def script(mask: Bools, *, method: int) -> bytes:
    """What one would write: Pillow reads, turns hues, sharpens and saves; numpy does the arithmetic."""
    source = np.asarray(Image.open(io.BytesIO(photo_jpeg())).convert("RGB")).astype(np.float32) / 255
    x = (source + EDITS.brightness - 0.5) * (1 + EDITS.contrast) + 0.5
    x = np.clip(x, 0, 1) ** (1 / (1 + EDITS.gamma))
    hsv = np.array(Image.fromarray((x * 255).astype(np.uint8)).convert("HSV"))
    hsv[..., 0] += round(EDITS.hue * 256 / 360)
    hsv[..., 1] = np.clip(hsv[..., 1] * (1 + EDITS.saturation), 0, 255)
    image = Image.fromarray(hsv, "HSV").convert("RGB")
    image = image.filter(ImageFilter.UnsharpMask(radius=1, percent=round(100 * EDITS.sharpen), threshold=0))
    edited = np.asarray(image).astype(np.float32) / 255
    mixed = source + (edited - source) * (mask[..., None] * EDITS.opacity)
    out = io.BytesIO()
    Image.fromarray((mixed * 255).round().astype(np.uint8)).save(out, "WEBP", quality=Output().quality, method=method)
    return out.getvalue()


def rendered(mask: Bools, made: Normalised, *, variants: int) -> MemoryObjects:
    """A finished item of that many variants, which differ in their hue."""
    table, media = MemoryTable(), MemoryObjects("media")
    media.put(keys.normal(TENANT, made.normal.pixels_sha256), made.png, media_type="image/png")
    template = Template(name="blob", placement=Placement.MASK, prompt=Prompt(previous=rle_of(mask)))
    layers = tuple(Layer(region="a", edits=EDITS.model_copy(update={"hue": 25.0 + n})) for n in range(variants))
    recipe = resolve(Recipe(templates=("a",), layers=layers), {"a": template})
    job = Job(job_id="j1", dataset_id="d", recipe=recipe, segmenter="none", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    item = PlannedItem(index=0, image_id="i", name="photo.jpg", normal=made.normal)
    state = job_of(rows.put_job(TENANT, job, body_hash="b", now_s=0, due_at_s=0).row)
    chunk = Chunk(number=0, items=(item,))
    known = look(table, media, state, chunk, [item])
    done = paint(media, known, state, chunk, item)
    known.keep()
    if len(done.result.variants) != variants:
        raise ValueError(f"{len(done.result.variants)} variants")
    return media


def main() -> int:
    mask, made = blob(), normalise(photo_jpeg())
    alpha = alpha_of(mask)
    own_method = next(iter(WEBP_METHODS.values()))

    def edit_and_encode() -> bytes:
        return encode(apply_edits(made.picture, alpha, EDITS, seed=1), Output())

    rounds = interleaved(
        {
            "ours": lambda: rendered(mask, normalise(photo_jpeg()), variants=1),
            "ingest": lambda: normalise(photo_jpeg()),
            "one": partial(rendered, mask, made, variants=1),
            "more": partial(rendered, mask, made, variants=1 + _MORE),
            "edit and encode": edit_and_encode,
            "encode": lambda: encode(made.picture, Output()),
            "script": partial(script, mask, method=_USUAL_METHOD),
            "script, our method": partial(script, mask, method=own_method),
        },
        rounds=_ROUNDS,
    )
    ms = {name: 1000 * rounds.seconds(name).median for name in rounds.cpu_s}
    further = float(
        np.median([(m - o) / _MORE for m, o in zip(rounds.cpu_s["more"], rounds.cpu_s["one"], strict=True)])
    )
    figures = {
        "vs_script": round(rounds.ratio("script", "ours").median, 2),
        "further_variant": round(1000 * further / ms["edit and encode"], 2),
        "vs_script_same_method": round(rounds.ratio("script, our method", "ours").median, 2),
        "vs_script_rendering": round(rounds.ratio("script", "one").median, 2),
        "vs_script_further": round(ms["script"] / (1000 * further), 2),
        "further_ms": round(1000 * further),
        "encode_ms": round(ms["encode"]),
    }
    lines = [
        ["the script, WebP's method 4 as Pillow has it", round(ms["script"]), figures["vs_script"]],
        ["the script with our method 1", round(ms["script, our method"]), figures["vs_script_same_method"]],
        ["ours, from the photo to the variant", round(ms["ours"]), 1],
        ["of that, ingest: once for each photo", round(ms["ingest"]), ""],
        ["of that, rendering the first variant with its label", round(ms["one"]), ""],
        ["a further variant", figures["further_ms"], ""],
        ["editing and encoding alone", round(ms["edit and encode"]), ""],
        ["encoding alone: the limit", figures["encode_ms"], ""],
    ]
    text = (
        f"{table(['what', 'ms of processor time', 'ours = 1'], lines)}\n\nThe mask covers {SHARE:.0%} of the picture."
    )
    keep("render", figures, text=text, machine=facts("numpy", "pillow", "deflate"), details=rounds.told())
    return 0


if __name__ == "__main__":
    sys.exit(main())
