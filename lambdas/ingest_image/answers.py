"""What a decoding process sends back: one line of JSON and two blobs, checked as anything foreign; it knows no process.

No pickle and no code: whoever has taken over a decoder can choose a picture and a refusal for the file that did it, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from maskmill.core.errors import Code, InvalidInput, MaskmillError
from maskmill.core.image import NormalImage
from maskmill.core.limits import NORMAL_PNG_BYTES_MAX, THUMBNAIL_BYTES_MAX
from maskmill.core.model import Model

HEAD_BYTES_MAX = 16 * 1024
_LENGTH_BYTES = 4
_DETAIL_CHARS_MAX = 500

Read = Callable[[int], bytes]  # exactly so many bytes, or UnreadableAnswer


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A normal image and its thumbnail, as they came back."""

    normal: NormalImage
    png: bytes
    thumbnail: bytes


class UnreadableAnswer(Exception):
    """The process ended before its answer did, or answered in a way that it never does."""


class _Refused(Model):
    code: Code
    message: Annotated[str, StringConstraints(max_length=_DETAIL_CHARS_MAX)]
    detail: Annotated[str, StringConstraints(max_length=_DETAIL_CHARS_MAX)]


class _Head(Model):
    """Either a refusal, or a picture's description with the lengths of its two files."""

    refused: _Refused | None = None
    normal: NormalImage | None = None
    png_bytes: Annotated[int, Field(ge=0, le=NORMAL_PNG_BYTES_MAX)] = 0
    thumbnail_bytes: Annotated[int, Field(ge=0, le=THUMBNAIL_BYTES_MAX)] = 0


def prepare() -> None:
    """Build what answers are made of, for a process that can open no module when it answers."""
    for model in (NormalImage, _Refused, _Head):
        model.model_rebuild()


def made(normal: NormalImage, *, png: bytes, thumbnail: bytes) -> Iterator[bytes]:
    """The answer about a good file, piece by piece."""
    yield from _framed(_Head(normal=normal, png_bytes=len(png), thumbnail_bytes=len(thumbnail)))
    yield png
    yield thumbnail


def refused(error: MaskmillError) -> Iterator[bytes]:
    """The answer about a file that is refused; a detail may quote what no text can hold."""
    detail = error.detail[:_DETAIL_CHARS_MAX].encode("ascii", "replace").decode()
    yield from _framed(_Head(refused=_Refused(code=error.code, message=error.message, detail=detail)))


def read_answer(read: Read) -> Made:
    """What a process answered; raises InvalidInput for a refusal, UnreadableAnswer."""
    length = int.from_bytes(read(_LENGTH_BYTES), "big")
    if length > HEAD_BYTES_MAX:
        raise UnreadableAnswer(f"a head of {length} bytes")
    try:
        head = _Head.model_validate_json(read(length))
    except ValueError as error:
        raise UnreadableAnswer(f"a head that does not parse: {error}") from error
    if head.refused is not None:
        raise InvalidInput(head.refused.code, message=head.refused.message, detail=head.refused.detail)
    if head.normal is None:
        raise UnreadableAnswer("a head without a picture")
    return Made(head.normal, read(head.png_bytes), read(head.thumbnail_bytes))


def _framed(head: _Head) -> Iterator[bytes]:
    data = head.model_dump_json().encode()
    yield len(data).to_bytes(_LENGTH_BYTES, "big")
    yield data
