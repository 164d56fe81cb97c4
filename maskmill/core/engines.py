"""The segmenters by name, and the rule by which their versions, and so their masks, are named; it knows no model.

An engine without weights is versioned by hand (`classic-1`). An engine with weights is its name and the first twelve
hexadecimal digits of the SHA-256 of its checkpoint *as its publisher gives it away* (`sam-vit-b-ec2df6273261`),
whatever file, type of number or runtime it is then loaded from. Whoever names a checkpoint can therefore name the
version without reading the file, and other weights can never answer under the same key.
"""

from __future__ import annotations

from enum import StrEnum

CLASSIC_REVISION = 1
CHECKPOINT_DIGITS = 12
CLASSIC_SCORE_MIN = 0.55


class Family(StrEnum):
    """Engines that share one architecture and one library."""

    CLASSIC = "classic"  # GrabCut, without weights
    SAM = "sam"  # segment_anything
    SAM_HQ = "sam-hq"  # transformers
    SAM2 = "sam2.1"  # transformers


class Engine(StrEnum):
    """The engines that the model server can load, by the name that a stage's configuration uses."""

    CLASSIC = "classic"
    SAM_VIT_B = "sam-vit-b"
    SAM_VIT_L = "sam-vit-l"
    SAM_VIT_H = "sam-vit-h"
    SAM_HQ_VIT_B = "sam-hq-vit-b"
    SAM_HQ_VIT_L = "sam-hq-vit-l"
    SAM_HQ_VIT_H = "sam-hq-vit-h"
    SAM2_TINY = "sam2.1-tiny"
    SAM2_SMALL = "sam2.1-small"
    SAM2_BASE_PLUS = "sam2.1-base-plus"
    SAM2_LARGE = "sam2.1-large"
    SAM_TEST = "sam-test"  # a small SAM that the project trains on drawn scenes: for tests, it finds little in photos

    @property
    def family(self) -> Family:
        if self is Engine.CLASSIC:
            return Family.CLASSIC
        for family in (Family.SAM2, Family.SAM_HQ):
            if self.value.startswith(family.value):
                return family
        return Family.SAM

    @property
    def needs_checkpoint(self) -> bool:
        return self is not Engine.CLASSIC


def segmenter_version(engine: Engine, checkpoint_sha256: str | None = None) -> str:
    """The version string of an engine; raises ValueError when weights are needed and not named.

    `checkpoint_sha256` is the 64-digit SHA-256 of the published checkpoint, ignored by engines without weights.
    """
    if not engine.needs_checkpoint:
        return f"{engine}-{CLASSIC_REVISION}"
    if checkpoint_sha256 is None or len(checkpoint_sha256) != 64:
        raise ValueError(f"{engine} needs the SHA-256 of its checkpoint (64 hexadecimal digits)")
    return f"{engine}-{checkpoint_sha256[:CHECKPOINT_DIGITS].lower()}"


def engine_of(version: str) -> Engine | None:
    """The engine that a version names, where there is one of that name."""
    return next((engine for engine in Engine if version.startswith(f"{engine}-")), None)


def keeps_embeddings(version: str) -> bool:
    """Whether a segmenter of this version makes embeddings worth keeping: those with weights do."""
    engine = engine_of(version)
    return engine is not None and engine.needs_checkpoint


def frame_px_of(version: str) -> int | None:
    """The side of the square that a segmenter of this version looks at, where a browser can decode its embeddings.

    The picture lies in the square's upper left, shrunk or grown so that its longer side is the square's.
    """
    engine = engine_of(version)
    if engine is None or engine.family is not Family.SAM:
        return None
    return 256 if engine is Engine.SAM_TEST else 1024


def score_min_of(version: str) -> float | None:
    """The score, in [0, 1], from which an answer of this version counts as sure; None where it is SAM's own 0.88.

    `classic` scores contrast instead of predicting an IoU: of real photos, good masks begin near 0.55.
    """
    return CLASSIC_SCORE_MIN if version.startswith(f"{Engine.CLASSIC}-") else None
