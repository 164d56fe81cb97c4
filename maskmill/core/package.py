"""What a packaged model says of itself: the checkpoint that it was made from, and its own files; it reads none of them.

A package is a folder that holds `manifest.json` and the files that it names. Its version is that of the published
checkpoint, whatever type of number its own files hold.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from maskmill.core.engines import Engine, segmenter_version
from maskmill.core.model import Model

MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 64 * 1024
WEIGHTS = "model.safetensors"
DECODER = "decoder.onnx"  # for the page
PACKAGE_FILES_MAX = 16
PACKAGE_BYTES_MAX = 8 * 1024**3
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def decoder_of(version: str) -> str:
    """Where the site serves the decoder of a segmenter of this version: a path below its root."""
    return f"models/{version}/{DECODER}"


class PackagedFile(Model):
    """One file of a package."""

    name: Annotated[str, Field(pattern=_NAME)]
    size_bytes: Annotated[int, Field(strict=True, gt=0, le=PACKAGE_BYTES_MAX)]
    sha256: Sha256


class Manifest(Model):
    """`source_sha256` is that of the checkpoint as its publisher gives it away; `dtype` that of the large weights."""

    engine: Engine
    version: str
    source_sha256: Sha256
    dtype: Annotated[str, Field(pattern=r"^(fp32|bf16|fp16)$")]
    files: Annotated[tuple[PackagedFile, ...], Field(min_length=1, max_length=PACKAGE_FILES_MAX)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [file.name for file in self.files]
        if len(set(names)) != len(names) or MANIFEST in names:
            raise ValueError("a file is named twice")
        if WEIGHTS not in names:
            raise ValueError(f"{WEIGHTS} is missing")
        if self.version != segmenter_version(self.engine, self.source_sha256):
            raise ValueError(f"the version {self.version!r} is not that of the source")
        return self

    @property
    def weights(self) -> PackagedFile:
        return next(file for file in self.files if file.name == WEIGHTS)
