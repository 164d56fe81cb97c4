"""Checkpoint files into models, with a clear reason when that fails; it knows no prompt and no image.

A checkpoint is a dictionary of tensors, as safetensors or as a `.pth` of torch 1.6 or newer. A `.pth` is a pickle,
which can run code, and is read as tensors and nothing else (`weights_only`). Both are mapped into memory, not copied:
a model is ready before its weights are read, and they count once however many processes share them.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch.overrides import TorchFunctionMode

from inference_container.checkpoints import Checkpoint, find_checkpoint, unusable, verify
from maskmill.core.engines import Engine

_SAFETENSORS_HEADER_BYTES_MAX = 100_000_000
_FILLERS = frozenset({torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.fill_, torch.Tensor.zero_})


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of a checkpoint by their names in the model, and the version that masks made with them carry.

    `folder` is that of the package that they came in, which may hold further files; None for a single file.
    """

    name: str
    version: str
    tensors: Mapping[str, torch.Tensor]
    folder: Path | None = None


def open_weights(engine: Engine, place: Path | Checkpoint, *, sha256: str | None = None) -> Weights:
    """Map a checkpoint; raises Unavailable when it is missing, damaged or not the one with this `sha256`.

    `place` is a file, a folder (see find_checkpoint) or a checkpoint that was found before. A package, and what was
    found before, is taken at its word for what its bytes are: whoever serves from it hashes them (checkpoints.verify).
    """
    if isinstance(place, Checkpoint):
        checkpoint = place
    else:
        checkpoint = find_checkpoint(engine, place)
        _expect(checkpoint, sha256)
        if checkpoint.manifest is None:
            verify(checkpoint)
    tensors = _tensors_of(checkpoint)
    if checkpoint.manifest is None and not checkpoint.is_published:
        _refuse_infinite(checkpoint.path.name, tensors)
    folder = checkpoint.path.parent if checkpoint.manifest else None
    return Weights(checkpoint.path.name, checkpoint.version, tensors, folder)


def fill(model: torch.nn.Module, weights: Weights, *, as_stored: bool = False) -> None:
    """Give a model its weights; raises Unavailable for a checkpoint of another architecture.

    The tensors become the model's own without a copy, so the model must have been built to be given all of them. They
    keep the type of number in which they are stored if `as_stored`, else they are converted to that of the model.
    """
    wanted = model.state_dict()
    tensors = dict(weights.tensors)
    if not as_stored:
        tensors = {
            name: tensor.to(wanted[name].dtype) if name in wanted else tensor for name, tensor in tensors.items()
        }
    try:
        model.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        message = f"The checkpoint {weights.name} belongs to another architecture than the configured segmenter."
        raise unusable(message, error) from error


@contextmanager
def build_quickly() -> Iterator[None]:
    """Models that are built here get memory as it was found instead of first weights, because `fill` replaces them.

    Drawing random numbers is most of the time that building a large model takes, and touching its memory is half of
    the memory. The `meta` device would spare both, but its import alone takes longer than all of this.
    """
    with _Uninitialised():
        yield


class _Uninitialised(TorchFunctionMode):
    """Leaves out what writes first values into a tensor; it holds for this thread only."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FILLERS:
            return args[0]
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        if func is torch.zeros:
            func = torch.empty
        return func(*args, **(kwargs or {}))


def _expect(checkpoint: Checkpoint, sha256: str | None) -> None:
    if sha256 is not None and checkpoint.source_sha256 != sha256:
        message = f"The checkpoint {checkpoint.path.name} is not the expected one."
        raise unusable(message, f"{checkpoint.source_sha256}, not {sha256}")


def _tensors_of(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    path = checkpoint.path
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise unusable(f"The checkpoint {path.name} cannot be read.", error) from error
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") < _SAFETENSORS_HEADER_BYTES_MAX:
        return _from_safetensors(checkpoint)
    if start[:1] not in (b"P", b"\x80", b""):
        message = f"The file {path.name} is neither a .pth nor a .safetensors checkpoint. Download it again."
        raise unusable(message, f"it begins with {start!r}")
    return _from_pth(path)


def _from_safetensors(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    path = checkpoint.path
    try:
        with safe_open(path, framework="pt") as file:
            marks = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if checkpoint.manifest is not None and marks.get("version") != checkpoint.version:
        message = f"The weights in the model folder are not those of its manifest ({checkpoint.version})."
        raise unusable(f"{message} Package the model again.", f"the file says {marks.get('version')}")
    return tensors


def _from_pth(path: Path) -> dict[str, torch.Tensor]:
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _damaged(path, error) from error
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise unusable(f"The checkpoint {path.name} holds no weights.", type(state).__name__)
    return state


def _refuse_infinite(name: str, tensors: Mapping[str, torch.Tensor]) -> None:
    """A sum is not finite when one of its terms is not, and takes one look at each."""
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor.sum(dtype=torch.float32)):
            message = f"The checkpoint {name} holds numbers that are not finite: the file or its training went wrong."
            raise unusable(message, key)


def _damaged(path: Path, error: Exception) -> Exception:
    return unusable(f"The checkpoint {path.name} is damaged or incomplete. Copy it again.", error)
