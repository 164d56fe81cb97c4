"""Bodies: strict JSON into a model, or every fault named by its JSON pointer; it knows no route.

Python's own parser takes NaN, repeated keys, a byte order mark and half characters; a body with one of them means
different things to different readers, so all of them are refused here.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from maskmill.core.errors import Code, FieldFault, InvalidInput, Where, message_of
from maskmill.core.limits import BODY_BYTES_MAX

DEPTH_MAX = 32
INTEGER_CHARS_MAX = 20
FAULTS_MAX = 50
POINTER_PART_CHARS_MAX = 100  # of a key that the caller chose
WORDS_CHARS_MAX = 300  # of what is wrong with a field, which may name what the caller chose

_JSON = re.compile(r'application/json(\s*;\s*charset\s*=\s*"?utf-?8"?)?\s*;?', re.IGNORECASE)
_PLAIN = "identity"
_CODES = frozenset(code.value for code in Code)

Body = TypeVar("Body", bound=BaseModel)
Coder = Callable[[ErrorDetails], Code | None]


def bytes_of(event: Mapping[str, Any]) -> bytes:
    """The body as it was sent; raises body_too_large before it decodes more than it may."""
    text = event.get("body") or ""
    if len(text) > 2 * BODY_BYTES_MAX:
        raise InvalidInput(Code.BODY_TOO_LARGE)
    try:
        if event.get("isBase64Encoded"):
            data = base64.b64decode(text, validate=True)
        else:
            data = text.encode("utf-8")
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _malformed("the body is not text in UTF-8") from error
    if len(data) > BODY_BYTES_MAX:
        raise InvalidInput(Code.BODY_TOO_LARGE)
    return data


def read(data: bytes, model: type[Body], code_for: Coder | None = None) -> Body:
    """A valid body; raises malformed_json, or the code of its first fault with all faults.

    `code_for` may give a fault of this body a code of its own.
    """
    values = _object(data)
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise _invalid(details, values, code_for) from error


def check_media_type(headers: Mapping[str, str]) -> None:
    """Raises unsupported_media_type for a body that is said to be something else than plain JSON in UTF-8."""
    content_type, encoding = headers.get("content-type"), headers.get("content-encoding", _PLAIN)
    faults = []
    if content_type is not None and not _JSON.fullmatch(content_type.strip()):
        faults.append(FieldFault(pointer="/Content-Type", detail="application/json", where=Where.HEADER))
    if encoding.strip().lower() != _PLAIN:
        faults.append(FieldFault(pointer="/Content-Encoding", detail=_PLAIN, where=Where.HEADER))
    if faults:
        raise InvalidInput(Code.UNSUPPORTED_MEDIA_TYPE, faults=tuple(faults))


def meaning_of(data: bytes) -> Any:
    """What a body says, the same however it is spaced and ordered; of a body that is refused, the bytes."""
    try:
        return _object(data)
    except InvalidInput:
        return data.hex()


def merged(whole: Body, part: BaseModel) -> Body:
    """`whole` with the fields that `part` names; raises as `read` does when they do not go together."""
    values = {**dict(whole), **{name: getattr(part, name) for name in part.model_fields_set}}
    try:
        return type(whole).model_validate(values)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False, include_input=False), values, None) from error


def check_size(value: BaseModel, bytes_max: int, *, what: str, pointer: str, code: Code | None = None) -> None:
    """Refuse a value that is larger as JSON than what it will be stored in."""
    size_bytes = len(value.model_dump_json().encode())
    if size_bytes > bytes_max:
        detail = f"the {what} has {size_bytes} bytes as JSON; allowed are {bytes_max}"
        raise InvalidInput(code, faults=(FieldFault(pointer=pointer, detail=detail),))


def _malformed(why: str) -> InvalidInput:
    return InvalidInput(Code.MALFORMED_JSON, message=f"{message_of(Code.MALFORMED_JSON)} Here {why}.")


def _object(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except InvalidInput:
        raise
    except RecursionError as error:
        raise _malformed(f"values nest more than {DEPTH_MAX} deep") from error
    except ValueError as error:
        raise _malformed("it could not be read to its end") from error
    if not isinstance(values, dict):
        raise _malformed("it is not an object")
    _check_tree(values)
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _malformed("a key is repeated")
    return values


def _refuse_constant(name: str) -> float:
    raise _malformed(f"a number is {name}")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _malformed("a number is too large")
    return value


def _bounded(text: str) -> int:
    if len(text) > INTEGER_CHARS_MAX:
        raise _malformed("a number is too large")
    return int(text)


def _check_tree(root: dict[str, Any]) -> None:
    """Depth and characters, without recursion."""
    level: list[Any] = [root]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, list):
                below += value
        if not below:
            return
        level = below
    if any(isinstance(value, dict | list) for value in level):
        raise _malformed(f"values nest more than {DEPTH_MAX} deep")


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _malformed("a text holds half a character") from error


# Faults ----------------------------------------------------------------------------------------------------------


def _invalid(details: list[ErrorDetails], values: dict[str, Any], code_for: Coder | None) -> InvalidInput:
    code: Code | None = None
    faults: dict[FieldFault, None] = {}
    for detail in filter(lambda detail: not _follows(detail, details), details[:FAULTS_MAX]):
        stated, words = _stated(detail)
        chosen = stated or (code_for(detail) if code_for else None)
        code = code or chosen
        faults[FieldFault(pointer=_pointer(detail, values), detail=_short(words, WORDS_CHARS_MAX))] = None
    return InvalidInput(code, faults=tuple(faults))


def _follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list is too short only because what is wrong in it is not counted."""
    where = detail["loc"]
    deeper = (other["loc"] for other in details if len(other["loc"]) > len(where))
    return detail["type"] == "too_short" and any(loc[: len(where)] == where for loc in deeper)


def _stated(detail: ErrorDetails) -> tuple[Code | None, str]:
    """The code with which a rule of the core begins its words, if it does, and the words."""
    cause = detail.get("ctx", {}).get("error")
    if not isinstance(cause, ValueError):
        return None, detail["msg"]
    head, _, words = str(cause).partition(": ")
    if head in _CODES:
        return Code(head), words
    return None, str(cause)


def _pointer(detail: ErrorDetails, values: Any) -> str:
    """The JSON pointer of a fault: the parts of its location that are names in the body, not kinds in a union."""
    parts: list[str] = []
    here = values
    for position, part in enumerate(detail["loc"]):
        is_last = position == len(detail["loc"]) - 1
        if isinstance(here, dict) and part in here:
            here = here[str(part)]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (is_last and detail["type"] == "missing"):
            continue
        parts.append(str(part))
    short = (_short(part, POINTER_PART_CHARS_MAX) for part in parts)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in short)


def _short(text: str, chars_max: int) -> str:
    """A refusal does not repeat what was sent, however long a key or a name is."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
