"""The laptop's model as the package that a stage has under its prefix, from where the page gets its decoder.

It starts no server: a package is made by the command that everybody packages with.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import ClientError

from local.aws import client
from local.emulator.environment import REPOSITORY
from local.models import BUCKET, LocalModel
from maskmill.core.engines import Family
from maskmill.core.package import DECODER, MANIFEST, Manifest


def packaged(model: LocalModel, folder: Path, *, tell: Callable[[str], None] = print) -> LocalModel:
    """The model from a package below `folder`, made the first time; as it was where no page could use a package."""
    if model.engine.family is not Family.SAM or (model.place / MANIFEST).exists():
        return model
    place = folder / f"{model.engine}-{model.source_sha256[:12]}"
    if not (place / MANIFEST).exists():
        command = ["--engine", model.engine.value, "--checkpoint", str(model.place), "--out", str(place)]
        command += ["--sha256", model.source_sha256, "--dtype", "fp32"]
        done = subprocess.run(
            [sys.executable, "-m", "inference_container.package_model", *command],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            tell(f"The page gets no decoder: {done.stderr.strip() or done.returncode}")
            return model
    return replace(model, place=place)


def lay_out(model: LocalModel, emulator_url: str) -> None:
    """Put what the page needs of a package where the stacks are told that the weights lie; a file has nothing of it."""
    if not (model.place / MANIFEST).exists():
        return
    store = client("s3", emulator_url)
    try:
        store.create_bucket(Bucket=BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    manifest = Manifest.model_validate_json((model.place / MANIFEST).read_bytes())
    for name in (MANIFEST, DECODER):
        if name == MANIFEST or any(file.name == name for file in manifest.files):
            store.put_object(Bucket=BUCKET, Key=f"{model.engine}/{name}", Body=(model.place / name).read_bytes())
