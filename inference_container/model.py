"""The model as a state: loading, ready, or failed with a reason; it knows no HTTP.

A model that cannot be loaded does not end the process: a crash loop would hide the reason that `/ping` can tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from inference_container.segmenter import Segmenter
from maskmill.core.errors import Code, MaskmillError, Unavailable

_LOG = logging.getLogger(__name__)


class Model:
    """Loads a segmenter in the background, once, and hands it out when it is ready."""

    def __init__(self, build: Callable[[], Segmenter[Any]]) -> None:
        """`build` makes the segmenter; it runs in the background too, because it may import torch."""
        self._build = build
        self._segmenter: Segmenter[Any] | None = None
        self._problem: MaskmillError = Unavailable(
            Code.MODEL_UNAVAILABLE, message="The segmenter is still loading. Try again in a moment."
        )
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

    def _load(self) -> None:
        started = time.monotonic()
        try:
            segmenter = self._build()
            segmenter.setup()
        except MaskmillError as error:
            _LOG.error("the segmenter is not available: %s", error)
            self._problem = Unavailable(Code.MODEL_UNAVAILABLE, message=error.message, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: a failure becomes a state
            _LOG.exception("the segmenter could not be loaded")
            message = f"The segmenter could not be loaded ({type(error).__name__}). The server's log has the reason."
            self._problem = Unavailable(Code.MODEL_UNAVAILABLE, message=message)
        else:
            self._segmenter = segmenter
            _LOG.info("segmenter %s is ready after %.1f s", segmenter.version, time.monotonic() - started)
        finally:
            self._ended.set()
