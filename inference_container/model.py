"""The model as a state: loading, ready, or failed with a reason; it knows no HTTP.

A model that cannot be loaded does not end the process: a crash loop would hide the reason that `/ping` can tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Unproven:
    """A segmenter from a file that is still being hashed: `prove` waits for that, and raises when it is another one."""

    segmenter: Segmenter[Any]
    prove: Callable[[], None]


Build = Callable[[], Segmenter[Any] | Unproven]


class Model:
    """Loads a segmenter in the background, once, and hands it out when it is ready.

    A segmenter is ready before it is proven, so that a server is up as soon as it can work; but nobody is answered by
    one that is not proven.
    """

    def __init__(self, build: Build) -> None:
        """`build` makes the segmenter; it runs in the background too, because it may import torch."""
        self._build = build
        self._segmenter: Segmenter[Any] | None = None
        self._problem: MaskmillError = Unavailable(
            Code.MODEL_UNAVAILABLE, message="The segmenter is still loading. Try again in a moment."
        )
        self._state = State.LOADING
        self._loading_s = 0.0
        self._ended = threading.Event()
        self._proven = threading.Event()

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

    def proven_segmenter(self, timeout_s: float) -> Segmenter[Any]:
        """The segmenter, to be answered by; raises Unavailable with the reason while there is none."""
        self.segmenter()
        self._proven.wait(timeout_s)
        segmenter = self.segmenter()
        if not self._proven.is_set():
            message = "The segmenter's weights are still being checked. Try again in a moment."
            raise Unavailable(Code.MODEL_UNAVAILABLE, message=message)
        return segmenter

    def facts(self) -> dict[str, Any]:
        """The state, how long loading took, and the segmenter's own notes."""
        notes: dict[str, str | int | float] = {}
        if isinstance(self._segmenter, Noted):
            notes.update(self._segmenter.notes())
        return {"state": self._state, "loading_s": round(self._loading_s, 3), "notes": notes}

    def _load(self) -> None:
        started = time.monotonic()
        try:
            built = self._build()
            prove = built.prove if isinstance(built, Unproven) else _nothing
            segmenter = built.segmenter if isinstance(built, Unproven) else built
            segmenter.setup()
            self._segmenter = segmenter
            self._state = State.READY
            self._loading_s = time.monotonic() - started
            _LOG.info("segmenter %s is ready after %.1f s", segmenter.version, self._loading_s)
            self._ended.set()
            prove()
        except MaskmillError as error:
            _LOG.error("the segmenter is not available: %s", error)
            self._fail(Unavailable(Code.MODEL_UNAVAILABLE, message=error.message, detail=error.detail))
        except Exception as error:  # noqa: BLE001 - the edge of the thread: a failure becomes a state
            _LOG.exception("the segmenter could not be loaded")
            message = f"The segmenter could not be loaded ({type(error).__name__}). The server's log has the reason."
            self._fail(Unavailable(Code.MODEL_UNAVAILABLE, message=message))
        finally:
            self._ended.set()
            self._proven.set()

    def _fail(self, problem: Unavailable) -> None:
        self._problem = problem
        self._segmenter = None
        self._state = State.FAILED


def _nothing() -> None:
    """There is nothing to prove."""
