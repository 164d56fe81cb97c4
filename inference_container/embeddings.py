"""Embeddings that are kept: in memory, and in a store at the address that the caller names. It knows no engine.

An embedding is here what `Segmenter.pack` made of it, bytes. Its name is its address together with the segmenter's
version. Keeping is a favour: no failure to read or to write one ever fails the image that it belongs to.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, Protocol

from inference_container.images import ImageSource
from inference_container.telemetry import Count, Telemetry
from maskmill.core.errors import Code, MaskmillError, ModelFailure, NotFound

_LOG = logging.getLogger(__name__)
EMBEDDING_BYTES_MAX = 64 * 1024 * 1024  # those of SAM take 2 MB, those of SAM 2 with their fine levels 8 MB


class ObjectStore(ImageSource, Protocol):
    """Where embeddings outlive the process, by address."""

    def put(self, address: str, data: bytes) -> None:
        """Write an object whole, over what is there; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Name:
    """Which embedding: where it is kept, and the version of the segmenter that made it."""

    address: str
    version: str


@dataclass(frozen=True, slots=True)
class Made:
    """An embedding packed, or where packing is not worth it (`packed` is None) as the segmenter itself uses it."""

    embedding: Any
    packed: bytes | None


@dataclass(slots=True)
class _Kept:
    data: bytes
    is_stored: bool


class Embeddings:
    """The embeddings of one server; safe to use from several threads."""

    def __init__(self, store: ObjectStore, telemetry: Telemetry, *, bytes_max: int) -> None:
        """Up to `bytes_max` stay in memory, those that were used last."""
        self._store = store
        self._telemetry = telemetry
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Name, _Kept] = OrderedDict()
        self._flights: dict[Name, Future[Made]] = {}

    @property
    def bytes_kept(self) -> int:
        return self._bytes

    def find(self, name: Name) -> bytes | None:
        """The packed embedding from memory or else from the store; None when it has to be made."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None:
                self._kept.move_to_end(name)
        if kept is not None:
            self._telemetry.add(Count.HITS_MEMORY)
            return kept.data
        try:
            data = self._store.read(name.address, bytes_max=EMBEDDING_BYTES_MAX)
        except NotFound:
            return None
        except MaskmillError as error:
            _LOG.warning("an embedding cannot be read and is made again: %s", error)
            return None
        self._telemetry.add(Count.HITS_STORE)
        self._keep(name, data, is_stored=True)
        return data

    def forget(self, name: Name) -> None:
        """Drop what `find` returned because it is not usable; the next one is written over it."""
        self._telemetry.add(Count.UNUSABLE)
        with self._lock:
            self._drop(name)

    def make_once(self, name: Name, make: Callable[[], Made], *, timeout_s: float) -> Made:
        """What is in memory by now, or what `make` returns; of all that ask at the same moment one makes it.

        Raises what `make` raises, and ModelFailure when waiting took longer than `timeout_s`.
        """
        with self._lock:
            if name in self._kept:
                return Made(None, self._kept[name].data)
            flight = self._flights.get(name)
            is_mine = flight is None
            if flight is None:
                flight = self._flights[name] = Future()
        if not is_mine:
            try:
                return flight.result(max(0.0, timeout_s))
            except FutureTimeout as error:
                raise ModelFailure(Code.MODEL_TIMEOUT) from error
        try:
            made = make()
            if made.packed is not None:
                self._keep(name, made.packed, is_stored=False)  # before the flight ends: whoever comes later finds it
            flight.set_result(made)
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flights[name]
        return made

    def save(self, name: Name, data: bytes) -> None:
        """Write an embedding to the store unless it is known to be there; a failure is counted and logged only."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and kept.is_stored:
                return
        try:
            self._store.put(name.address, data)
        except MaskmillError as error:
            self._telemetry.add(Count.UNSTORED)
            _LOG.warning("an embedding was not kept: %s", error)
            return
        self._telemetry.add(Count.STORED)
        with self._lock:
            if name in self._kept:
                self._kept[name].is_stored = True

    def _keep(self, name: Name, data: bytes, *, is_stored: bool) -> None:
        if len(data) > self._bytes_max:
            return
        with self._lock:
            self._drop(name)
            self._kept[name] = _Kept(data, is_stored)
            self._bytes += len(data)
            while self._bytes > self._bytes_max:
                self._drop(next(iter(self._kept)))

    def _drop(self, name: Name) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._bytes -= len(kept.data)
