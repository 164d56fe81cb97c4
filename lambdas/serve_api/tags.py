"""Entity tags: a name for a state of a thing, so that nobody reads twice or overwrites unseen; it knows no thing."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel

from maskmill.core.errors import Code, Conflict

_CHARS = 32


def tag_of(view: BaseModel) -> str:
    """The strong tag of a body."""
    return f'"{hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:_CHARS]}"'


def names(header: str | None, tag: str) -> bool:
    """Whether an If-None-Match or If-Match header names the tag; none names nothing."""
    named = {part.strip().removeprefix("W/") for part in (header or "").split(",")}
    return bool(named & {tag, "*"})


def check(if_match: str | None, tag: str) -> None:
    """Raises precondition_failed for a header that names another state."""
    if if_match is not None and not names(if_match, tag):
        raise Conflict(Code.PRECONDITION_FAILED)
