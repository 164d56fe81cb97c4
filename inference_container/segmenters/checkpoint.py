"""Checkpoint files into models, with a clear reason when that fails; it knows no prompt and no image.

A checkpoint is a `.pth` file with a dictionary of tensors and is read as nothing else (`weights_only`), because a
pickle can otherwise run code.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from maskmill.core.engines import Engine, segmenter_version
from maskmill.core.errors import Code, Unavailable

_CHUNK_BYTES = 4 * 1024 * 1024


def sha256_of(path: Path) -> str:
    """The SHA-256 of a checkpoint, 64 hexadecimal digits; raises Unavailable when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError as error:
        raise _unusable(f"The checkpoint {path.name} is missing. Put it into the model folder.", error) from error
    except OSError as error:
        raise _unusable(f"The checkpoint {path.name} cannot be read.", error) from error
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of a checkpoint by their names in the model, and the version that masks made with them carry."""

    name: str
    version: str
    tensors: Mapping[str, torch.Tensor]


def open_weights(engine: Engine, path: Path, *, sha256: str | None = None) -> Weights:
    """Read a checkpoint; raises Unavailable when it is missing, damaged or not the one with this `sha256`."""
    digest = sha256_of(path)
    if sha256 is not None and digest != sha256:
        raise _unusable(f"The checkpoint {path.name} is not the expected one.", ValueError(f"{digest}, not {sha256}"))
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _unusable(f"The checkpoint {path.name} is damaged or incomplete. Copy it again.", error) from error
    if not isinstance(state, dict):
        raise _unusable(f"The checkpoint {path.name} holds no weights.", TypeError(type(state).__name__))
    return Weights(path.name, segmenter_version(engine, digest), state)


def fill(model: torch.nn.Module, weights: Weights) -> None:
    """Give a model its weights; raises Unavailable for a checkpoint of another architecture."""
    try:
        model.load_state_dict(dict(weights.tensors))
    except RuntimeError as error:
        message = f"The checkpoint {weights.name} belongs to another architecture than the configured segmenter."
        raise _unusable(message, error) from error


def _unusable(message: str, error: Exception) -> Unavailable:
    return Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(error)[:2000])
