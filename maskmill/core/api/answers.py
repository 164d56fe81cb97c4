"""The shapes that all answers share: pages of lists, and problems; it knows no resource."""

from __future__ import annotations

from typing import Generic, TypeVar

from maskmill.core.errors import Where
from maskmill.core.model import Model

Item = TypeVar("Item")


class Page(Model, Generic[Item]):
    """One page of a list."""

    items: tuple[Item, ...]
    next_cursor: str | None = None


class Problem(Model):
    """RFC 9457 problem details with a stable `code`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: tuple[ProblemField, ...] = ()


class ProblemField(Model):
    """One invalid field: a JSON pointer into a part of the request, and what is wrong there.

    Of the query and of the headers, the pointer is a slash and the name.
    """

    pointer: str
    detail: str
    where: Where = Where.BODY
