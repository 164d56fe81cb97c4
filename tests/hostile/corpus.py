"""The corpus of bad requests: a row is a kind of input, and each of its cases a request with the refusal that it gets.

Rows have a letter and a number, cases one more letter: `J4b` is the second case of repeated keys. Images (rows I) have
a corpus of their own, since they come as files.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from lambdas.aws import clients
from maskmill.core import rows
from tests.hostile.judge import check_refusal
from tests.unit.lambdas.gateway import PROMPT, SHA256, Answer, Api, recipe

POINT = {"x": 0.5, "y": 0.5}
Kind = TypeVar("Kind")
READING = ("Get", "Query", "Head", "List")


@dataclass
class Shop:
    """Two tenants. The first has two datasets with a template each, and in the first of these a ready image."""

    api: Api
    other: Api
    dataset: str
    template: str
    image: str
    unseen: str  # an image that was announced and has not arrived
    elsewhere: str
    template_elsewhere: str
    foreign_image: str  # of the other tenant

    def make(self, body: Any, **headers: str) -> Answer:
        """A new dataset, of this body."""
        return self.api.call("POST", "/datasets", body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def make_of(self, data: bytes) -> Answer:
        return self.api.post_bytes("/datasets", data)

    def template_of(self, **more: Any) -> Answer:
        return self.api.post(f"/datasets/{self.dataset}/templates", {"name": "x", "prompt": PROMPT, **more})

    def prompt_of(self, **prompt: Any) -> Answer:
        return self.template_of(prompt=prompt)

    def point_of(self, **more: Any) -> Answer:
        return self.prompt_of(points=[{**POINT, **more}])

    def segment_of(self, **prompt: Any) -> Answer:
        return self.ask("segment", {"prompt": prompt})

    def ask(self, verb: str, body: Any) -> Answer:
        return self.api.post(f"/datasets/{self.dataset}/images/{self.image}/{verb}", body)

    def job_of(self, edits: Any = None, *, vary: Any = None, body: Any = None, **more: Any) -> Answer:
        """A job of one layer with these edits; `more` goes into its recipe and `body` beside it."""
        layers = [{"region": self.template, "edits": edits or {}, "vary": vary or {}}]
        wanted = recipe(self.template, **{"layers": layers, **more})
        return self.api.post(f"/datasets/{self.dataset}/jobs", {"recipe": wanted, **(body or {})})

    def upload_of(self, **more: Any) -> Answer:
        file = {"name": "a.jpg", "size_bytes": 10, "sha256": SHA256, **more}
        return self.api.post(f"/datasets/{self.dataset}/uploads", {"files": [file]})

    def webhook_of(self, url: Any, **more: Any) -> Answer:
        return self.api.post("/webhooks", {"url": url, **more})

    def images(self, **query: str) -> Answer:
        return self.api.get(f"/datasets/{self.dataset}/images", **query)


def opened(api: Api, other: Api) -> Shop:
    dataset, template, (image,) = api.ready_dataset()
    (unseen,) = api.announce(dataset, "unseen.jpg")
    elsewhere = api.dataset("elsewhere")
    _, _, (foreign_image,) = other.ready_dataset()
    other.dataset("a second page")
    api.get("/datasets", limit="1")  # whoever hands out the first cursor draws a signing key
    return Shop(api, other, dataset, template, image, unseen, elsewhere, api.template(elsewhere), foreign_image)


@dataclass(frozen=True)
class Bad:
    """What is wrong, a request that is wrong in this way, and its refusal with the places that it names."""

    what: str
    send: Callable[[Shop], Answer]
    status: int
    code: str
    pointers: tuple[str, ...] = ()


def wrong(what: str, send: Callable[[Shop], Answer], *pointers: str, code: str = "invalid_request") -> Bad:
    """Well-formed, and nothing that could be done."""
    return Bad(what, send, 422, code, pointers)


def malformed(what: str, data: bytes) -> Bad:
    """No plain JSON object."""
    return Bad(what, lambda shop: shop.make_of(data), 400, "malformed_json")


def missing(what: str, send: Callable[[Shop], Answer]) -> Bad:
    """Nothing that this tenant has."""
    return Bad(what, send, 404, "not_found")


def check(shop: Shop, bad: Bad) -> None:
    """The request gets its refusal, and nothing is written, not even for a moment."""
    with watched() as writes:
        answer = bad.send(shop)
    check_refusal(answer, bad.status, bad.code, *bad.pointers)
    assert writes == [], "a refused request leaves nothing behind"


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is asked of the stores and the queues beyond reading, but for the count of requests."""
    found: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        row = params.get("Key") or params.get("Item") or {}
        is_count = isinstance(row, dict) and row.get("sk") == {"S": rows.rate_key("t").sk}
        if not is_count and not model.name.startswith(READING):
            found.append(f"{model.name} {row}")

    doors = [client.meta.events for client in (clients.dynamodb(), clients.s3(), clients.sqs(), clients.functions())]
    for events in doors:
        events.register("before-parameter-build", note)
    try:
        yield found
    finally:
        for events in doors:
            events.unregister("before-parameter-build", note)


def base64url(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def lettered(row: str, kinds: Iterable[Kind]) -> dict[str, Kind]:
    """The cases of one row by their ids, for a row of many kinds: `W1a` … `W1z`, `W1za` …"""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return {f"{row}{'z' * (at // 26)}{letters[at % 26]}": kind for at, kind in enumerate(kinds)}
