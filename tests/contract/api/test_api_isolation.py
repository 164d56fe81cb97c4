"""Nobody reaches what is another's: every call of docs/openapi.json with every id it may name, of every kind.

A foreign id and a missing one differ in nothing: status, headers, body, and the calls that the API makes on the way.
None of these calls names a row or an object of another tenant, and what both tenants have stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest

from lambdas.serve_api import cursors
from lambdas.serve_api import handler as edge
from tests.contract.api.cases import GOOD, MISSING, Request, World
from tests.contract.api.memory import Asked, MemoryCloud, tenants_in
from tests.contract.api.operations import Operation, operations
from tests.unit.lambdas.gateway import PROMPT, Answer, Api, claims_of, recipe

MALFORMED = (
    "A" * 26,
    "x" * 41,
    "a b",
    "..",
    "%2e%2e",
    "a%2Fb",
    "ä",
    "a#b",
    "null",
    "٣",
)  # "null" has the shape of an id
OWN, FOREIGN, ABSENT, BROKEN = "own", "foreign", "missing", "malformed"
KINDS = (OWN, FOREIGN, ABSENT, BROKEN)
_AN_ID = re.compile(r"\b(?:[0-9a-z]{26}|j[0-9a-f]{24})\b")
CALLS = {operation.name: operation for operation in operations()}
Body = dict[str, Any]


def _in_layer(body: Body, region: Any, **edits: Any) -> Body:
    layers = [{"region": region, "edits": edits or {"hue": 30}}]
    return {**body, "recipe": {**body["recipe"], "layers": layers}}


# Every place of a body that may name a thing: of which kind, and how the id gets there.
NAMING: dict[str, tuple[str, Callable[[Body, str], Body]]] = {
    "/reference_image_id": ("image", lambda body, one: {**body, "reference_image_id": one}),
    "/overrides/{}": ("image", lambda body, one: {**body, "overrides": {one: PROMPT}}),
    "/image_ids/*": ("image", lambda body, one: {**body, "image_ids": [one]}),
    "/recipe/templates/*": ("template", lambda body, one: {**body, "recipe": recipe(one)}),
    "/recipe/layers/*/region": ("template", _in_layer),
    "/recipe/layers/*/region/of/*": ("template", lambda body, one: _in_layer(body, {"op": "invert", "of": [one]})),
    "/recipe/layers/*/edits/cutout/image_id": (
        "image",
        lambda body, one: _in_layer(
            body, body["recipe"]["templates"][0], cutout={"background": "image", "image_id": one}
        ),
    ),
}
QUERIES = {
    "dataset": "dataset",
    "template": "template",
}  # what of a query names a thing; cursors have a test of their own
PLAIN = {  # free text that names nothing of ours
    "/name",
    "/reason",
    "/colour",
    "/description",
    "/url",
    "/files/*/name",
    "/files/*/sha256",
    "/prompt/previous/counts",
    "/overrides/{}/previous/counts",
    "/recipe/layers/*/edits/cutout/colour",
    "/recipe/layers/*/edits/paint/colour",
}


@dataclass
class Scene:
    """Two tenants of one service, each with a good request of one call and one thing of every kind."""

    cloud: MemoryCloud
    operation: Operation
    mine: World
    theirs: World

    def __post_init__(self) -> None:
        self.request = GOOD[self.operation.name](self.mine)
        self.foreign = GOOD[self.operation.name](self.theirs)
        names_more = {*self.operation.places} & NAMING.keys() or {*self.operation.queries} & QUERIES.keys()
        worlds = {OWN: self.mine, FOREIGN: self.theirs} if names_more else {}
        self.ids = {kind: world.everything() for kind, world in worlds.items()}
        self.theirs_before = self.cloud.kept_of(self.theirs.api.tenant)
        self.mine_before = self.cloud.kept_of(self.mine.api.tenant)

    def id_of(self, kind: str, name: str, *, broken: str = MALFORMED[0]) -> str:
        """An id of one kind for a part of a path, a body or a query."""
        if kind in (OWN, FOREIGN):
            request = self.request if kind == OWN else self.foreign
            return request.ids.get(name) or self.ids[kind][name]
        return MISSING if kind == ABSENT else broken

    def ask(self, request: Request) -> Outcome:
        """The answer to an administrator of the service, who sees of others no more than anybody."""
        self.cloud.asked.clear()
        path = re.sub(r"\{(\w+)\}", lambda found: request.ids[found[1]], self.operation.path)
        claims = claims_of(self.mine.api.tenant, "admin")
        answer = self.mine.api.call(
            self.operation.method, path, request.body, headers=request.headers, query=request.query, claims=claims
        )
        return Outcome(answer, tuple(self.cloud.asked), str(self.mine_before))

    def with_ids(self, kinds: dict[str, str], *, broken: str = MALFORMED[0]) -> Request:
        found = {name: self.id_of(kind, name, broken=broken) for name, kind in kinds.items()}
        return replace(self.request, ids={**self.request.ids, **found})

    def assert_nothing_was_touched(self, outcome: Outcome) -> None:
        named = {tenant for _, label in outcome.asked for tenant in tenants_in(label)}
        assert named <= {self.mine.api.tenant}
        assert self.cloud.kept_of(self.theirs.api.tenant) == self.theirs_before


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer and the calls of ports behind it."""

    answer: Answer
    asked: tuple[Asked, ...]
    known: str  # all that the caller had before

    def shown(self, *named: str) -> tuple[int, dict[str, str], str]:
        """All that a caller sees, short of the ids that it sent itself and of what counts or names requests."""
        headers = {name: text for name, text in self.answer.headers.items() if not name.startswith("RateLimit")}
        text = re.sub(r'"(request_id|instance)":"[^"]*"', "", self.answer.text)
        return self.answer.status, headers, _without(text, named)

    def worked(self, *named: str) -> list[Asked]:
        """The calls of ports, short of the ids that the caller sent and of those that were drawn for it."""
        return [(service, self._without_new(_without(label, named))) for service, label in self.asked]

    def _without_new(self, label: str) -> str:
        return _AN_ID.sub(lambda found: found[0] if found[0] in self.known else "<new>", label)


def _without(text: str, named: tuple[str, ...]) -> str:
    for one in named:
        text = text.replace(one, "<id>")
    return text


@pytest.fixture
def scene_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Scene]:
    def make(name: str) -> Scene:
        cloud = MemoryCloud()
        monkeypatch.setattr(edge, "connect", lambda: cloud.ports)
        mine, theirs = (World(Api(), cloud.lane, monkeypatch) for _ in range(2))
        return Scene(cloud, CALLS[name], mine, theirs)

    return make


# The matrix -------------------------------------------------------------------------------------------------------


def combinations() -> Iterator[Any]:
    """Every call with ids in its path, with every kind of each id, short of all its own."""
    for operation in CALLS.values():
        for kinds in product(KINDS, repeat=len(operation.ids)):
            if set(kinds) - {OWN}:
                chosen = dict(zip(operation.ids, kinds, strict=True))
                label = "-".join(f"{kind}_{name}" for name, kind in chosen.items())
                yield pytest.param(operation.name, chosen, id=f"{operation.name}-{label}")


@pytest.mark.parametrize(("name", "kinds"), list(combinations()))
def test_what_is_not_ones_own_is_as_if_it_were_not_there(
    scene_of: Callable[[str], Scene], name: str, kinds: dict[str, str]
) -> None:
    scene = scene_of(name)
    as_missing = scene.with_ids({part: ABSENT if kind == FOREIGN else kind for part, kind in kinds.items()})
    missing = scene.ask(as_missing)
    assert (missing.answer.status, missing.answer.code) == (404, "not_found")
    for broken in MALFORMED if BROKEN in kinds.values() else MALFORMED[:1]:
        request = scene.with_ids(kinds, broken=broken)
        named = (*request.ids.values(), *as_missing.ids.values())
        outcome = scene.ask(request)
        assert outcome.shown(*named) == missing.shown(*named), broken
        if BROKEN not in kinds.values():
            assert outcome.worked(*named) == missing.worked(*named)
        scene.assert_nothing_was_touched(outcome)
    assert scene.cloud.kept_of(scene.mine.api.tenant) == scene.mine_before


@pytest.mark.parametrize("name", [name for name, operation in CALLS.items() if not operation.is_public])
def test_what_is_ones_own_is_answered_and_nothing_else_is_touched(scene_of: Callable[[str], Scene], name: str) -> None:
    """Otherwise the refusals above might have another reason."""
    scene = scene_of(name)
    outcome = scene.ask(scene.request)
    assert outcome.answer.status in {200, 201, 202, 204}, outcome.answer.text
    scene.assert_nothing_was_touched(outcome)


# Ids elsewhere ------------------------------------------------------------------------------------------------------


def named_elsewhere() -> Iterator[Any]:
    for operation in CALLS.values():
        for place in operation.places:
            if place in NAMING:
                yield pytest.param(operation.name, place, id=f"{operation.name}-{place}")


@pytest.mark.parametrize(("name", "place"), list(named_elsewhere()))
def test_a_foreign_id_in_a_body_is_as_unknown_as_a_missing_one(
    scene_of: Callable[[str], Scene], name: str, place: str
) -> None:
    scene = scene_of(name)
    thing, put = NAMING[place]

    def ask(kind: str) -> tuple[Outcome, str]:
        one = scene.id_of(kind, thing)
        return scene.ask(replace(scene.request, body=put(deepcopy(scene.request.body), one))), one

    (foreign, foreign_id), (missing, missing_id) = ask(FOREIGN), ask(ABSENT)
    if missing.answer.status < 400:  # kept as a name that means nothing: what is made has an id and a date of its own
        assert foreign.answer.status == missing.answer.status
    else:
        assert foreign.shown(foreign_id) == missing.shown(missing_id)
        assert foreign.worked(foreign_id) == missing.worked(missing_id)
    scene.assert_nothing_was_touched(foreign)
    own, _ = ask(OWN)
    assert own.answer.status in {200, 201, 202}, own.answer.text


@pytest.mark.parametrize(
    ("name", "query"),
    [(name, query) for name, operation in CALLS.items() for query in operation.queries if query in QUERIES],
)
def test_a_foreign_id_in_a_query_is_as_unknown_as_a_missing_one(
    scene_of: Callable[[str], Scene], name: str, query: str
) -> None:
    scene = scene_of(name)
    ids = {kind: scene.id_of(kind, QUERIES[query]) for kind in KINDS}
    seen = {kind: scene.ask(replace(scene.request, query={query: one})) for kind, one in ids.items()}
    assert seen[FOREIGN].shown(ids[FOREIGN]) == seen[ABSENT].shown(ids[ABSENT])
    assert seen[FOREIGN].worked(ids[FOREIGN]) == seen[ABSENT].worked(ids[ABSENT])
    assert seen[OWN].answer.status == 200
    for outcome in seen.values():
        scene.assert_nothing_was_touched(outcome)


@pytest.mark.parametrize("name", [name for name, operation in CALLS.items() if "cursor" in operation.queries])
def test_a_cursor_of_a_foreign_list_is_none(
    scene_of: Callable[[str], Scene], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(name)
    made: list[cursors.Listing] = []
    listing = cursors.listing
    monkeypatch.setattr(cursors, "listing", lambda *args: made.append(listing(*args)) or made[-1])
    assert scene.ask(scene.request).answer.status == 200
    (mine,) = made
    foreign = replace(mine, identity=(scene.theirs.api.tenant, *mine.identity[1:]))
    own = scene.ask(replace(scene.request, query={"cursor": str(mine.cursor("x"))}))
    assert own.answer.status == 200
    refused = scene.ask(replace(scene.request, query={"cursor": str(foreign.cursor("x"))}))
    garbage = scene.ask(replace(scene.request, query={"cursor": "A" * 24}))
    assert refused.answer.code == "invalid_cursor"
    assert refused.shown() == garbage.shown()


@pytest.mark.parametrize("name", [name for name, operation in CALLS.items() if operation.is_creating])
def test_anothers_idempotency_key_is_unused(scene_of: Callable[[str], Scene], name: str) -> None:
    scene = scene_of(name)
    under = {"Idempotency-Key": "same"}
    path = re.sub(r"\{(\w+)\}", lambda found: scene.foreign.ids[found[1]], scene.operation.path)
    theirs = scene.theirs.api.call(scene.operation.method, path, scene.foreign.body, headers=under)
    assert theirs.status in {201, 202}, theirs.text
    scene.theirs_before = scene.cloud.kept_of(scene.theirs.api.tenant)
    outcome = scene.ask(replace(scene.request, headers=under))
    assert outcome.answer.status == theirs.status
    assert "Idempotent-Replayed" not in outcome.answer.headers
    scene.assert_nothing_was_touched(outcome)


def test_every_part_of_a_request_that_may_name_a_thing_is_tried() -> None:
    """A new part of a path, a body or a query fails here until somebody has said what it names."""
    for operation in CALLS.values():
        assert {*operation.places} <= NAMING.keys() | PLAIN, operation.name
        assert {*operation.queries} <= QUERIES.keys() | {"cursor"}, operation.name
        assert operation.name in GOOD
    assert len(list(combinations())) >= 150
