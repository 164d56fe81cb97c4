"""What a route is: a request's parts in, an answer out, and what the API's description says of it; no resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel

from lambdas.serve_api import cursors, once, tags
from lambdas.serve_api.media import MediaCookie
from lambdas.serve_api.ports import Ports
from maskmill.core.errors import Code, FieldFault, InvalidInput, NotFound, Where
from maskmill.core.limits import PAGE_ITEMS_MAX

PREFIX = "/api/v1"
POLL_AFTER_S = 2

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request: `ids` are those of its path, each of a valid shape; header names are lower-case."""

    ports: Ports
    tenant: str
    ids: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Callable[[], bytes]

    @property
    def dataset(self) -> str:
        return self.ids["dataset"]

    @property
    def image(self) -> str:
        return self.ids["image"]

    @property
    def template(self) -> str:
        return self.ids["template"]

    @property
    def job(self) -> str:
        return self.ids["job"]

    @property
    def cursor(self) -> str | None:
        return self.query.get("cursor")

    def limit(self) -> int:
        return cursors.limit_of(self.query.get("limit"))

    def tagged(self, view: BaseModel) -> Reply:
        """A body with its tag, or only the tag to those who have the body."""
        tag = {"ETag": tags.tag_of(view)}
        is_known = tags.names(self.headers.get("if-none-match"), tag["ETag"])
        return Reply(304, None, tag) if is_known else Reply(200, view, tag)

    def named(self, name: str, choices: type[Choice]) -> Choice:
        """A part of the path that is one of a few words; raises NotFound for any other."""
        text = self.ids[name]
        if text not in [choice.value for choice in choices]:
            raise NotFound(detail=f"no such {name}")
        return choices(text)

    def choice(self, name: str, choices: type[Choice]) -> Choice | None:
        text = self.query.get(name)
        if text is None:
            return None
        known = [choice.value for choice in choices]
        if text not in known:
            fault = FieldFault(pointer=f"/{name}", detail=f"one of {', '.join(known)}", where=Where.QUERY)
            raise InvalidInput(faults=(fault,))
        return choices(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a body, or content of the media type that its route names; without either it is empty."""

    status: int
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    cookies: tuple[MediaCookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Param:
    """A query parameter: free text, a number from `least` to `most`, or one of `choices`."""

    name: str
    about: str
    most: int | None = None
    least: int = 1
    choices: type[StrEnum] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A header that changes what a route does."""

    name: str
    about: str


IDEMPOTENCY_KEY = Header(
    once.HEADER, "a name for this call, chosen by the caller: sent again under it, the call makes nothing twice"
)
IF_MATCH = Header("If-Match", "an ETag: do it only while the thing is in this state")
IF_NONE_MATCH = Header("If-None-Match", "an ETag: answer 304 while the thing is in this state")
CURSOR = Param("cursor", "`next_cursor` of the page before")
LIMIT = Param("limit", "how many items a page holds", most=PAGE_ITEMS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path pattern below the prefix, and what it promises.

    `answers` holds the body of each status that is no refusal (None: without a body), `codes` the refusals beyond
    those that every route knows. `names` are the parts of the path that are no ids but one of a few words. `is_public`
    routes need no token; their calls name no tenant. `is_creating` routes take an Idempotency-Key; where
    `is_made_again`, a repetition runs, with the same ids, since its answer ages. Answers that make or begin something
    name its address in Location, where it `locates`. Those that are `is_spending` begin what costs money, and are
    refused while that is stopped; `is_for_admins` are those that turn the service itself.
    `content` is the media type of a body that is no model.
    """

    method: str
    path: str
    run: Callable[[Call], Reply]
    about: str
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    query: tuple[Param, ...] = ()
    names: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()
    codes: tuple[Code, ...] = ()
    is_public: bool = False
    is_creating: bool = False
    is_made_again: bool = False
    is_spending: bool = False
    is_for_admins: bool = False
    locates: bool = False
    content: str | None = None

    @property
    def name(self) -> str:
        """The one name of the route among all, for programs that are made of the API's description."""
        return f"{self.resource}_{self.run.__name__.strip('_')}"

    @property
    def resource(self) -> str:
        return self.run.__module__.rpartition(".")[2]
