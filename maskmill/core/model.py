"""The base of every value that crosses a boundary; it knows nothing of the domain.

Values are frozen and refuse unknown fields, so that a value that exists is valid. Numbers are strict: `true`, `"1"`,
NaN and infinities are refused rather than converted.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0)]


class Model(BaseModel):
    """A frozen value with a closed set of fields; its faults do not repeat what was given.

    A model's validator is built when it is first needed: no process needs all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    @classmethod
    def stored(cls, text: str | bytes) -> Self:
        """A value from JSON that another version of the program may have written: what it does not know is left out.

        Not for what pictures are made of: left out of a recipe, an edit would be missing from them without a word.
        """
        return cls.model_validate_json(text, extra="ignore")


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII; raises ValueError for NaN and infinities.

    A whole float is written as an integer, so that `1` and `1.0`, which are the same request, have the same text.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
