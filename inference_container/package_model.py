"""`make package-model`: a published checkpoint into a folder for the model server. It knows no tensor and no bucket.

python -m inference_container.package_model --engine sam-vit-b --checkpoint sam_vit_b_01ec64.pth --out package
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from inference_container.engines import build_segmenter, engine_class
from inference_container.model import Model
from inference_container.settings import Settings
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine
from maskmill.core.errors import MaskmillError

MODELS = Path("models")  # where `maskmill models fetch` puts what it fetches
_LOAD_S_MAX = 600.0


def main(arguments: Sequence[str]) -> int:
    """Package and prove the package; 0 when it can be served."""
    parser = argparse.ArgumentParser(prog="python -m inference_container.package_model", description=__doc__)
    engines = [engine for engine in Engine if engine.needs_checkpoint]
    parser.add_argument("--engine", type=Engine, required=True, choices=engines)
    parser.add_argument("--checkpoint", type=Path, help="the published file; else the one that was fetched")
    parser.add_argument("--out", type=Path, help="the folder to write; else models/<engine>")
    parser.add_argument("--dtype", choices=("bf16", "fp32"), default="bf16", help="of the image encoder's matrices")
    parser.add_argument("--sha256", help="what the checkpoint must be; else what the catalogue says, where it knows it")
    given = parser.parse_args(arguments)
    try:
        print(_packaged(given.engine, given.checkpoint, given.out or MODELS / given.engine, given.dtype, given.sha256))
    except MaskmillError as error:
        print(f"{given.engine} could not be packaged: {error.message}", file=sys.stderr)
        return 1
    return 0


def _packaged(engine: Engine, source: Path | None, out: Path, dtype: str, sha256: str | None) -> str:
    """Words about the package that was made."""
    kind = engine_class(engine)  # says which libraries are missing, if any, before torch is imported below
    from inference_container.segmenters.packaging import package

    published = PUBLISHED.get(engine)
    source = source or MODELS / (published.file if published else f"{engine}.safetensors")
    spare = tuple(getattr(kind, "spare_weights", ()))
    manifest = package(engine, source, out, dtype=dtype, sha256=sha256, spare=spare, prove=partial(_load, engine))
    lines = [f"{file.size_bytes:>14,} bytes  {out / file.name}" for file in manifest.files]
    if published is not None and published.sha256 not in (None, manifest.source_sha256):
        lines.append(f"This is not the published checkpoint of {engine} but another one: it has its own version.")
    return "\n".join([*lines, f"{manifest.version} is ready to be served from {out}."])


def _load(engine: Engine, folder: Path) -> None:
    """As a model server would; raises Unavailable."""
    model = Model(lambda: build_segmenter(Settings(engine, str(folder), s3_endpoint_url=None, device="cpu")))
    model.start()
    model.wait(_LOAD_S_MAX)
    model.proven_segmenter(_LOAD_S_MAX)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
