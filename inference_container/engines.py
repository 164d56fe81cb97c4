"""Engines by name, imported only when asked for, so that `classic` runs without torch. It knows no HTTP."""

from __future__ import annotations

from typing import Any

from inference_container.segmenter import Segmenter
from inference_container.settings import Settings
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, Unavailable


def build_segmenter(settings: Settings) -> Segmenter[Any]:
    """The segmenter that the settings name, not yet set up; raises Unavailable when its libraries are missing."""
    if settings.engine is Engine.CLASSIC:
        from inference_container.segmenters.classic import ClassicSegmenter

        return ClassicSegmenter()
    try:
        from inference_container.segmenters.sam import SamSegmenter
    except ModuleNotFoundError as error:
        message = f"The engine {settings.engine} needs libraries that are not installed (requirements/sam.txt)."
        raise Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(error)) from error
    if settings.checkpoint is None:
        raise Unavailable(Code.MODEL_UNAVAILABLE, message=f"The engine {settings.engine} needs a checkpoint.")
    return SamSegmenter(settings.engine, settings.checkpoint, device=settings.device, threads=settings.threads)
