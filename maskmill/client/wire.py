"""Bodies of the REST API over calls: values of `core.api` in and out, pages to their end; it knows no single route.

Calls that may be repeated without harm are repeated when the service is busy or unreachable: reads, and writes under an
idempotency key. An answer may hold fields that this version does not know; they are ignored.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from maskmill.client.calls import STORAGE_TIMEOUT, Call, Caller, Token, open_http
from maskmill.client.media import SPARE_S, MediaPass, Opened, cookie_header
from maskmill.client.problems import RefusedAnswer
from maskmill.client.retry import Backoff
from maskmill.core.api import MediaSession, Page
from maskmill.core.errors import Code, InvalidInput, Unavailable

Value = TypeVar("Value", bound=BaseModel)

PAGES_MAX = 100_000


class Wire:
    """A service's address with its user's token; close it, or use it in a `with` block.

    `storage` posts to and reads from addresses that the service gave: it never carries the token. Every method raises
    the errors of core.errors; `problems.request_id_of` names the request they came from.
    """

    def __init__(
        self,
        api_url: str,
        token: Token | None = None,
        *,
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self.backoff = backoff or Backoff()
        self._caller = Caller(api_url, token, backoff=self.backoff, transport=transport, timeout_s=timeout_s)
        self.api_url = self._caller.api_url
        self._media = MediaPass(self._opened_media)
        self.storage = open_http(STORAGE_TIMEOUT, transport=transport, auth=self._media)

    def open_media(self) -> MediaSession:
        """A session for the tenant's own pictures; reads through `storage` ask for theirs themselves."""
        return self._asked_media()[0]

    def close_media(self) -> None:
        """Show the session's cookies no more."""
        self._media.forget()
        self._delete("/media-session")

    def _opened_media(self) -> Opened:
        session, cookie = self._asked_media()
        return Opened(session.url, cookie, time.monotonic() + session.expires_in_s - SPARE_S)

    def _asked_media(self) -> tuple[MediaSession, str]:
        answer = self._caller.send(Call("POST", "/media-session", may_repeat=True))
        return self._parsed(MediaSession, answer), cookie_header(answer)

    def close(self) -> None:
        """Give back all connections."""
        self._caller.close()
        self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _public(self, model: type[Value], path: str) -> Value:
        """A read for which no token is needed."""
        return self._parsed(model, self._caller.send(Call("GET", path, may_repeat=True, is_public=True)))

    def _all(self, model: type[Page[Value]], path: str, **params: str | None) -> Iterator[Value]:
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = self._read(model, path, cursor=cursor, **params)
            yield from page.items
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def _read(self, model: type[Value], path: str, **params: str | None) -> Value:
        given = {name: value for name, value in params.items() if value is not None}
        return self._parsed(model, self._caller.send(Call("GET", path, params=given, may_repeat=True)))

    def _create(self, model: type[Value], path: str, body: BaseModel | None = None, *, key: str | None = None) -> Value:
        """A POST that makes something: the same key with the same body names the same thing, however often it is sent.

        Without a key each call has one of its own, so that its repetitions make one thing.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        call = Call("POST", path, content=_content(body), headers=headers, may_repeat=True)
        return self._parsed(model, self._caller.send(call))

    def _ask(self, model: type[Value], path: str, body: BaseModel | None = None, *, is_sparse: bool = False) -> Value:
        """A POST that makes nothing, or nothing new when it comes twice; a sparse body leaves unset fields out."""
        call = Call("POST", path, content=_content(body, is_sparse=is_sparse), may_repeat=True)
        return self._parsed(model, self._caller.send(call))

    def _post_once(self, model: type[Value], path: str) -> Value:
        """A POST that does something each time it comes, so that it is not repeated."""
        return self._parsed(model, self._caller.send(Call("POST", path)))

    def _change(self, model: type[Value], path: str, body: BaseModel) -> Value:
        """A PATCH: only what the body sets is changed."""
        call = Call("PATCH", path, content=_content(body, is_sparse=True), may_repeat=True)
        return self._parsed(model, self._caller.send(call))

    def _delete(self, path: str) -> None:
        self._caller.send(Call("DELETE", path, may_repeat=True))

    def _parsed(self, model: type[Value], answer: httpx.Response) -> Value:
        try:
            return model.model_validate_json(answer.content, extra="ignore")
        except ValidationError as exc:
            message = "The service's answer is not understood. Check the API address and the version of this client."
            raise Unavailable(Code.INTERNAL, message=message, detail=str(exc)) from RefusedAnswer(
                status=answer.status_code, code=Code.INTERNAL, request_id=answer.headers.get("x-request-id")
            )


def path_of(*parts: str) -> str:
    """A route's path; what comes from outside cannot leave its part."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def valid(model: type[Value], values: Mapping[str, object]) -> Value:
    """A body of these values; raises InvalidInput with the first thing that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidInput(message=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc


def _content(body: BaseModel | None, *, is_sparse: bool = False) -> bytes | None:
    return None if body is None else body.model_dump_json(exclude_unset=is_sparse).encode()
