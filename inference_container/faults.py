"""A model server with faults that are ordered by pictures, for tests of everything around it; off unless FAULTS=1.

A picture orders a fault by its upper left corner: a square of MARK_PX × MARK_PX pixels in the colour of that fault
(`marked` paints it). Upload it as a PNG: the normal image then has the very same pixels, while a JPEG blurs them. The
fault happens where the network would see it, around an otherwise honest server, whatever the segmenter is.

    crash       the process ends at once, without an answer
    hang        no answer, ever; /ping goes on answering
    slow        the honest answer, SLOW_S later
    garbage     an answer that is no JSON
    short       a JSON answer that is cut off in the middle
    wrong_keys  masks under keys that nobody asked for
    missing     an answer without the image
    foreign     masks of another size than the image's
    error       a refusal of the whole request, as of a server that failed (500)
    refused     an answer in which the image has failed, and only it (model_failed)

The first marked image of a request decides about a fault of the whole request.
"""

from __future__ import annotations

import io
import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import numpy as np
from PIL import Image
from pydantic import ValidationError

from inference_container.app import Environ, StartResponse, Wsgi
from inference_container.images import ImageSource
from inference_container.segmenter import Pixels
from maskmill.core.errors import Code, MaskmillError, message_of
from maskmill.core.limits import UPLOAD_BYTES_MAX
from maskmill.core.shard import ServerProblem, ShardRequest

_LOG = logging.getLogger(__name__)
MARK_PX = 16
SLOW_S = 3.0
_CRASH_CODE = 70
_RED_GREEN = (227, 19)
_BLUE_STEP = 20


class Fault(StrEnum):
    """What can be ordered."""

    CRASH = "crash"
    HANG = "hang"
    SLOW = "slow"
    GARBAGE = "garbage"
    SHORT = "short"
    WRONG_KEYS = "wrong_keys"
    MISSING = "missing"
    FOREIGN = "foreign"
    ERROR = "error"
    REFUSED = "refused"

    @property
    def colour(self) -> tuple[int, int, int]:
        """The colour of its mark, red, green, blue."""
        return (*_RED_GREEN, (list(Fault).index(self) + 1) * _BLUE_STEP)


def marked(image: Pixels, fault: Fault) -> Pixels:
    """A copy of an image, uint8 (height, width, 3), that orders a fault; both sides are MARK_PX or longer."""
    copy = image.copy()
    copy[:MARK_PX, :MARK_PX] = fault.colour
    return copy


def fault_of(image: Pixels) -> Fault | None:
    """The fault that an image (height, width, 3) orders."""
    corner = image[:MARK_PX, :MARK_PX].reshape(-1, 3)
    if len(corner) != MARK_PX * MARK_PX or (corner != corner[0]).any():
        return None
    found = tuple(int(value) for value in corner[0])
    return next((fault for fault in Fault if fault.colour == found), None)


class FaultyServer:
    """A WSGI application around the model server's own."""

    def __init__(self, app: Wsgi, source: ImageSource, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._app = app
        self._source = source
        self._sleep = sleep

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/invocations" or environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        ordered = self._ordered(body)
        if not ordered:
            return self._app(environ, start_response)
        first = next(iter(ordered.values()))
        _LOG.warning("a picture orders the fault %s", first)
        if first is Fault.CRASH:
            os._exit(_CRASH_CODE)
        while first is Fault.HANG:
            self._sleep(SLOW_S)
        if first is Fault.SLOW:
            self._sleep(SLOW_S)
        if first is Fault.ERROR:
            problem = ServerProblem(code=Code.INTERNAL, message=message_of(Code.INTERNAL))
            return _sent(start_response, "500 Internal Server Error", problem.model_dump_json().encode())
        return self._spoilt(environ, start_response, ordered)

    def _ordered(self, body: bytes) -> dict[str, Fault]:
        """The faults that a request's images order, by their keys."""
        try:
            tasks = ShardRequest.model_validate_json(body).images
        except ValidationError:
            return {}
        found = {task.image_key: self._fault_at(task.address) for task in tasks}
        return {key: fault for key, fault in found.items() if fault is not None}

    def _fault_at(self, address: str) -> Fault | None:
        try:
            data = self._source.read(address, bytes_max=4 * UPLOAD_BYTES_MAX)
            with Image.open(io.BytesIO(data)) as image:
                return fault_of(np.asarray(image.convert("RGB")))
        except (MaskmillError, OSError, ValueError):
            return None  # the server itself says what is wrong with it

    def _spoilt(self, environ: Environ, start_response: StartResponse, ordered: dict[str, Fault]) -> Iterable[bytes]:
        """The honest answer, changed as ordered."""
        kept: list[str] = []
        body = b"".join(self._app(environ, lambda status, headers: kept.append(status)))
        if not kept[0].startswith("200"):
            return _sent(start_response, kept[0], body)
        if Fault.GARBAGE in ordered.values():
            return _sent(start_response, kept[0], b"<html>\xff this is no JSON")
        if Fault.SHORT in ordered.values():
            return _sent(start_response, kept[0], body[: len(body) // 2])
        answer = json.loads(body)
        answer["images"] = [
            _changed(image, ordered.get(image["image_key"]))
            for image in answer["images"]
            if ordered.get(image["image_key"]) is not Fault.MISSING
        ]
        return _sent(start_response, kept[0], json.dumps(answer).encode())


def _changed(image: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    if fault is Fault.REFUSED:
        error = {"code": Code.MODEL_FAILED, "message": message_of(Code.MODEL_FAILED)}
        return {**image, "masks": [], "found": [], "error": error}
    for mask in image["masks"]:
        if fault is Fault.WRONG_KEYS:
            mask["mask_key"] = f"foreign-{mask['mask_key']}"
        if fault is Fault.FOREIGN:
            mask["mask"]["rle"] = {"size": {"height_px": 8, "width_px": 8}, "counts": "P2"}
    return image


def _sent(start_response: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
