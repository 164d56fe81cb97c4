"""The model as a state: loading, ready, or failed with a reason; it knows no HTTP.

A model that cannot be loaded does not end the process: a crash loop would hide the reason that `/ping` can tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from inference_container.segmenter import Segmenter
from maskmill.core.errors import Code, MaskmillError, Unavailable

_LOG = logging.getLogger(__name__)


class State(StrEnum):
    """How far the model is."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@runtime_checkable
class Noted(Protocol):
    """A segmenter that can tell how it runs."""

    def notes(self) -> Mapping[str, str | int | float]:
        """Runtime, precision, device and what went differently than planned, such as batches that were shrunk."""


class Model:
    """Loads a segmenter in the background, once, and hands it out when it is ready."""

    def __init__(self, build: Callable[[], Segmenter[Any]]) -> None:
        """`build` makes the segmenter; it runs in the background too, because it may import torch."""
        self._build = build
        self._segmenter: Segmenter[Any] | None = None
        self._problem: MaskmillError = Unavailable(
            Code.MODEL_UNAVAILABLE, message="The segmenter is still loading. Try again in a moment."
        )
        self._state = State.LOADING
        self._loading_s = 0.0
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to load; returns at once."""
        threading.Thread(target=self._load, name="load-model", daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Whether loading has ended, well or badly, within `timeout_s`."""
        return self._ended.wait(timeout_s)

    def segmenter(self) -> Segmenter[Any]:
        """The segmenter; raises Unavailable with the reason while there is none."""
        if self._segmenter is None:
            raise self._problem
        return self._segmenter

    def facts(self) -> dict[str, Any]:
        """The state, how long loading took, and the segmenter's own notes."""
        notes: dict[str, str | int | float] = {}
        if isinstance(self._segmenter, Noted):
            notes.update(self._segmenter.notes())
        return {"state": self._state, "loading_s": round(self._loading_s, 3), "notes": notes}

    def _load(self) -> None:
        started = time.monotonic()
        try:
            segmenter = self._build()
            segmenter.setup()
        except MaskmillError as error:
            _LOG.error("the segmenter is not available: %s", error)
            self._problem = Unavailable(Code.MODEL_UNAVAILABLE, message=error.message, detail=error.detail)
            self._state = State.FAILED
        except Exception as error:  # noqa: BLE001 - the edge of the thread: a failure becomes a state
            _LOG.exception("the segmenter could not be loaded")
            message = f"The segmenter could not be loaded ({type(error).__name__}). The server's log has the reason."
            self._problem = Unavailable(Code.MODEL_UNAVAILABLE, message=message)
            self._state = State.FAILED
        else:
            self._segmenter = segmenter
            self._state = State.READY
            self._loading_s = time.monotonic() - started
            _LOG.info("segmenter %s is ready after %.1f s", segmenter.version, self._loading_s)
        finally:
            self._ended.set()
