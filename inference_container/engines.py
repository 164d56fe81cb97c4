"""Engines by name, imported only when asked for, so that `classic` runs without torch. It knows no HTTP.

The checkpoint is found and fetched, and its hashing begins, while the engine's libraries are imported: the one waits
for the disk and the other for Python. The first answer waits until it was hashed whole (model.py).
"""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inference_container.checkpoints import (
    Checkpoint,
    behind_others,
    fetch_checkpoint,
    find_checkpoint,
    unusable,
    verify,
)
from inference_container.model import Unproven
from inference_container.objects import S3Objects
from inference_container.segmenter import Segmenter
from inference_container.settings import Runtime, Settings
from maskmill.core.engines import Engine, Family

_S3 = "s3://"
_CLASSES = {  # each: module, class, the list that installs what it imports
    Family.SAM: ("sam", "SamSegmenter", "requirements/sam.txt"),
    Family.SAM_HQ: ("sam_hq", "SamHqSegmenter", "requirements/transformers.txt"),
    Family.SAM2: ("sam2", "Sam2Segmenter", "requirements/transformers.txt"),
}


def build_segmenter(settings: Settings) -> Segmenter[Any] | Unproven:
    """The segmenter that the settings name, not yet set up; raises Unavailable, with what to do, when it cannot be."""
    if settings.engine is Engine.CLASSIC:
        from inference_container.segmenters.classic import ClassicSegmenter

        return ClassicSegmenter()
    options = _options(settings)
    beside = ThreadPoolExecutor(1, thread_name_prefix="checkpoint", initializer=behind_others)
    found = beside.submit(_found, settings)
    proof = beside.submit(lambda: verify(found.result()))
    beside.shutdown(wait=False)
    kind = engine_class(settings.engine)
    return Unproven(kind(settings.engine, found.result(), **options), proof.result)


def _options(settings: Settings) -> dict[str, Any]:
    common = {"device": settings.device, "threads": settings.threads, "precision": settings.precision.value}
    if settings.engine.family is Family.SAM:
        return {**common, "runtime": settings.runtime.value, "compile": settings.compile}
    if settings.runtime is Runtime.OPENVINO or settings.compile:
        asked = "COMPILE=1" if settings.compile else f"RUNTIME={settings.runtime}"
        raise unusable(f"{settings.engine} runs on torch as it is: leave out {asked}.", settings.engine.family)
    return common


def engine_class(engine: Engine) -> Any:
    """The class of an engine with weights; raises Unavailable when its libraries are missing."""
    module, name, requirements = _CLASSES[engine.family]
    try:
        return getattr(importlib.import_module(f"inference_container.segmenters.{module}"), name)
    except ModuleNotFoundError as error:
        raise unusable(f"{engine} needs libraries that are not installed ({requirements}).", error) from error


def _found(settings: Settings) -> Checkpoint:
    engine, place = settings.engine, settings.checkpoint
    if place is None:
        raise unusable(f"{engine} needs a checkpoint (MODEL_DIR, SEGMENTER_CHECKPOINT).", "none is named")
    path = Path(place)
    if place.startswith(_S3):
        path = fetch_checkpoint(engine, place, settings.model_cache, S3Objects(settings.s3_endpoint_url))
    return find_checkpoint(engine, path, sha256=settings.checkpoint_sha256, package_sha256=settings.package_sha256)
