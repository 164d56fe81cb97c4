"""The version of a segmenter, by which masks are keyed; it knows no model and loads nothing.

The rule: an engine without weights is versioned by hand (`classic-1`); an engine with weights is its name and the first
twelve hexadecimal digits of the SHA-256 of its checkpoint file (`sam-vit-b-ec2df6273261`). Whoever
names a checkpoint can therefore name the version without reading the file, and other weights can never answer under
the same key.
"""

from __future__ import annotations

from enum import StrEnum

CLASSIC_REVISION = 1
CHECKPOINT_DIGITS = 12


class Engine(StrEnum):
    """The engines that this server can load, by the name that a stage's configuration uses."""

    CLASSIC = "classic"
    SAM_VIT_B = "sam-vit-b"
    SAM_VIT_L = "sam-vit-l"
    SAM_VIT_H = "sam-vit-h"

    @property
    def needs_checkpoint(self) -> bool:
        return self is not Engine.CLASSIC


def segmenter_version(engine: Engine, checkpoint_sha256: str | None = None) -> str:
    """The version string of an engine; raises ValueError when weights are needed and not named.

    `checkpoint_sha256` is the 64-digit SHA-256 of the checkpoint file, ignored by engines without weights.
    """
    if not engine.needs_checkpoint:
        return f"{engine}-{CLASSIC_REVISION}"
    if checkpoint_sha256 is None or len(checkpoint_sha256) != 64:
        raise ValueError(f"{engine} needs the SHA-256 of its checkpoint (64 hexadecimal digits)")
    return f"{engine}-{checkpoint_sha256[:CHECKPOINT_DIGITS].lower()}"
