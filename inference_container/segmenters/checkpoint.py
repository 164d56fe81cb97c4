"""Checkpoint files into models, with a clear reason when that fails; it knows no prompt and no image.

A checkpoint is a `.pth` file with a dictionary of tensors and is read as nothing else (`weights_only`), because a
pickle can otherwise run code.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import torch

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


def load_weights(model: torch.nn.Module, path: Path) -> None:
    """Fill a model from a checkpoint; raises Unavailable for a damaged file or one of another architecture."""
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _unusable(f"The checkpoint {path.name} is damaged or incomplete. Copy it again.", error) from error
    if not isinstance(state, dict):
        raise _unusable(f"The checkpoint {path.name} holds no weights.", TypeError(type(state).__name__))
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        message = f"The checkpoint {path.name} belongs to another architecture than the configured segmenter."
        raise _unusable(message, error) from error


def _unusable(message: str, error: Exception) -> Unavailable:
    return Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(error)[:2000])
