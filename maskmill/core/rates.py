"""How fast the parts of Maskmill are, and how large what they make is: values with their sources; it knows no price.

Figures of segmenters are for the instance that a stage gives them. What was not measured says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from maskmill.core.engines import Engine
from maskmill.core.recipe import Effort, OutputFormat

MEGAPIXEL = 1e6
GB = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds that a segmenter takes for an image, once, and for each prompt on it."""

    image_s: float
    mask_s: float
    source: str
    is_measured: bool = False


_GPU = "estimated for ml.g5.xlarge from published figures of an A100"
_SAM_B = Pace(image_s=0.08, mask_s=0.02, source=_GPU)
_SAM_L = Pace(image_s=0.2, mask_s=0.02, source=_GPU)
_SAM_H = Pace(image_s=0.35, mask_s=0.02, source=_GPU)
_CLASSIC = "benchmarks/results/classic.json, two processors"

PACES: dict[Engine, Pace] = {
    Engine.CLASSIC: Pace(image_s=0.08, mask_s=0.86, source=_CLASSIC, is_measured=True),
    Engine.SAM_VIT_B: _SAM_B,
    Engine.SAM_VIT_L: _SAM_L,
    Engine.SAM_VIT_H: _SAM_H,
    Engine.SAM_HQ_VIT_B: _SAM_B,
    Engine.SAM_HQ_VIT_L: _SAM_L,
    Engine.SAM_HQ_VIT_H: _SAM_H,
    Engine.SAM2_TINY: Pace(image_s=0.05, mask_s=0.02, source=_GPU),
    Engine.SAM2_SMALL: Pace(image_s=0.06, mask_s=0.02, source=_GPU),
    Engine.SAM2_BASE_PLUS: Pace(image_s=0.08, mask_s=0.02, source=_GPU),
    Engine.SAM2_LARGE: Pace(image_s=0.12, mask_s=0.02, source=_GPU),
    Engine.SAM_TEST: Pace(image_s=0.08, mask_s=0.02, source="that of sam-vit-b: it is a test model"),
}


def pace_of(segmenter: str) -> Pace:
    """The pace of a segmenter by its version; an unknown one counts as the slowest on a GPU."""
    for engine, pace in PACES.items():
        if segmenter.startswith(f"{engine}-"):
            return pace
    return _SAM_H


# The endpoint's instance. AWS's own figures are 134 to 258 s with a cached image, those of users 346 to 947 s.
WAKING_S = 360.0

# Rendering on one processor, for each megapixel: benchmarks/rates.py, results/rates.json.
DECODE_S = 0.0094
LABEL_S = 0.02
EDIT_S = 0.0196
THUMBNAIL_S = 0.0016  # of a variant


@dataclass(frozen=True, slots=True)
class FormatRate:
    """Seconds and bytes of encoding one megapixel of a photo at the usual quality."""

    seconds: float
    size_bytes: int


FORMATS: dict[OutputFormat, dict[Effort, FormatRate]] = {
    OutputFormat.WEBP: {Effort.FAST: FormatRate(0.043, 264_894), Effort.SMALL: FormatRate(0.0999, 243_976)},
    OutputFormat.PNG: {Effort.FAST: FormatRate(0.0198, 1_857_353), Effort.SMALL: FormatRate(0.0469, 1_779_107)},
    OutputFormat.JPEG: {Effort.FAST: FormatRate(0.0035, 308_814), Effort.SMALL: FormatRate(0.0202, 286_588)},
    OutputFormat.AVIF: {Effort.FAST: FormatRate(0.0874, 310_638), Effort.SMALL: FormatRate(0.337, 295_426)},
}
LABEL_BYTES = 8_000  # a mask's PNG and its record
RECORD_BYTES = 12_000  # what is kept beside a variant: its thumbnail and its record

# What a function takes besides its own work: calls of other services, in seconds.
PLAN_S = 0.5
CHUNK_S = 0.6  # dispatching and collecting one chunk
ITEM_S = 0.3
FINISH_S = 1.0
LINE_S = 0.001  # listing one picture or mask
OBJECT_WAIT_S = 0.03  # for an answer of the store; assumed for one region, as is the next
OTHER_WAIT_S = 0.01  # for one of the table, a queue or a topic

# Memory of the functions in GB, as infra/shapes.py has it.
CONTROL_GB = 1.0
IMAGING_GB = 3008 / 1024
