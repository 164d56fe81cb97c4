"""A published checkpoint into the folder that a model server loads fastest; it knows no server and no address.

    model.safetensors   the weights that images need, mapped as they are
    decoder.onnx        SAM's decoder for the page, where the engine has one (sam_onnx.py)
    manifest.json       the checkpoint that they came from, and the size and SHA-256 of each file

With `bf16` the matrices and convolutions of the image encoder are rounded as the server would round them itself, and
everything else stays fp32: half of what a cold start reads. With `fp32` nothing is rounded, which is right for
processors without bf16 units. The same checkpoint gives the same bytes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file

from inference_container.checkpoints import find_checkpoint, sha256_of, unusable, verify
from inference_container.segmenters.architectures import ARCHITECTURES, build_sam
from inference_container.segmenters.checkpoint import Weights, build_quickly, fill, open_weights
from maskmill.core.engines import Engine, Family
from maskmill.core.errors import Conflict
from maskmill.core.package import DECODER, MANIFEST, WEIGHTS, Manifest, PackagedFile

DTYPES = ("bf16", "fp32")
_NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
_READABLE = 0o644
_ENCODERS = ("image_encoder.", "vision_encoder.")


def package(
    engine: Engine,
    source: Path,
    folder: Path,
    *,
    dtype: str = "bf16",
    sha256: str | None = None,
    spare: tuple[str, ...] = (),
    with_decoder: bool = True,
    prove: Callable[[Path], None] = lambda _: None,
) -> Manifest:
    """Package the checkpoint at `source`, which must have this `sha256` when one is given.

    Weights whose names begin with one of `spare` are left out. `prove` looks at the finished package and raises when it
    is not good; then, as after any other error, the folder is as it was. Raises Unavailable for a checkpoint that
    cannot be used, and Conflict when something else than a package is in the way.
    """
    checkpoint = find_checkpoint(engine, source, sha256=sha256)
    verify(checkpoint)
    weights = open_weights(engine, checkpoint)
    tensors = {
        name: _rounded(name, tensor, dtype).contiguous()
        for name, tensor in weights.tensors.items()
        if not name.startswith(spare)
    }
    with _replaced(folder) as building:
        save_file(tensors, building / WEIGHTS, metadata={"version": weights.version})  # one mark: their order varies
        (building / WEIGHTS).chmod(_READABLE)  # the library lets nobody else read it
        if with_decoder and engine.family is Family.SAM:
            _write_decoder(engine, weights, building / DECODER)
        manifest = Manifest(
            engine=engine,
            version=weights.version,
            source_sha256=checkpoint.source_sha256,
            dtype=_NAMES[max(tensors.values(), key=torch.Tensor.numel).dtype],
            files=tuple(_described(path) for path in sorted(building.iterdir())),
        )
        (building / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")
        verify(find_checkpoint(engine, building))
        prove(building)
    return manifest


def _write_decoder(engine: Engine, weights: Weights, path: Path) -> None:
    try:
        from inference_container.segmenters.sam_onnx import export_decoder_onnx
    except ModuleNotFoundError as error:
        raise unusable("The page's decoder needs libraries to be made (requirements/onnx.txt).", error) from error
    with build_quickly():
        model = build_sam(ARCHITECTURES[engine])
    fill(model, weights)
    export_decoder_onnx(model, path)


def _rounded(name: str, tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    is_matrix = tensor.dim() > 1 and name.endswith(".weight") and name.startswith(_ENCODERS)
    return tensor.bfloat16() if dtype == "bf16" and is_matrix and tensor.dtype is torch.float32 else tensor


def _described(path: Path) -> PackagedFile:
    return PackagedFile(name=path.name, size_bytes=path.stat().st_size, sha256=sha256_of(path))


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when the block ends well."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        message = f"{folder} holds something else than a packaged model. Name another folder or empty it."
        raise Conflict(message=message, detail=str(folder))
    building = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    former = folder.with_name(f".{folder.name}.{os.getpid()}.former")
    building.mkdir(parents=True)
    try:
        yield building
        if folder.exists():
            folder.rename(former)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)
