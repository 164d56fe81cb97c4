"""A judge in front of the simulated cloud: which right of its role lets each call of a function pass. It plays nothing.

The rights are those of the deployed roles, as the tests of the stacks list them. A right can be taken away: the calls
that it alone let pass are then refused, as AWS refuses them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import greenlet
import pytest

from maskmill.core.errors import Code, MaskmillError
from maskmill.core.messages import QUEUE_OF, QueueName
from maskmill.core.ports import ObjectMissing
from maskmill.core.table import Query, Write
from tests.simulation.cloud import MemoryTable
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import World
from tests.unit.infra.test_access import sockets

Right = tuple[str, str]  # an action and a resource, as the templates name it
Held = tuple[str, str, str]  # the same with the role in front

READERS = {
    QueueName.INGEST: "IngestImage",
    QueueName.PLAN: "PlanJob",
    QueueName.DISPATCH: "DispatchShard",
    QueueName.COLLECT: "CollectMasks",
    QueueName.RENDER: "RenderItem",
    QueueName.FINISH: "FinishJob",
    QueueName.EXPORT: "ExportDataset",
    QueueName.WEBHOOK: "DeliverWebhook",
    QueueName.REMOVE: "RemoveDataset",
}
OBJECTS = {"get": "s3:GetObject", "head": "s3:GetObject", "put": "s3:PutObject", "delete": "s3:DeleteObject"}
DOORS = {"upload": ("s3:PutObject", "<Uploads.Arn>"), "download": ("s3:GetObject", "<Media.Arn>")}
THE_ONE = "the one"  # endpoint, lane or key that there is
WRITES = {"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem"}
BATCHES = {
    "get_all": "dynamodb:BatchGetItem",
    "create_all": "dynamodb:PutItem",  # a transaction asks for the rights of what it does
}
(SOCKET,) = (resource for _, resource in sockets("POST"))
QUEUES = {kind.model_fields["kind"].default: queue for kind, queue in QUEUE_OF.items()}


class Noticed(Exception):
    """Something went wrong after a call was refused: the world need not be played to its end."""


@dataclass(slots=True)
class Judge:
    """`alone` are the rights that let a call pass which no other would have; `missing` is taken away."""

    rights: dict[str, set[Right]]
    missing: Held | None = None
    alone: set[Held] = field(default_factory=set)
    refused: int = 0

    def weigh(self, service: str, label: Hashable) -> None:
        """Refuse a call of a function that it has no right to; raises what the adapters raise then."""
        self._weigh(role_of(service), needs(service, label))

    def weigh_absence(self, service: str) -> None:
        """Whoever may not list a bucket is refused instead of being told that an object is missing."""
        bucket = service.partition(".")[0].capitalize()
        self._weigh(role_of(service), [("s3:ListBucket", f"<{bucket}.Arn>")])

    def telling(self, service: str, effect: Callable[[], Any]) -> Any:
        """What a call finds, unless it is that nothing is there and the role may not be told so."""
        try:
            found = effect()
        except ObjectMissing:
            self.weigh_absence(service)
            raise
        if found is None and service.endswith(".head"):
            self.weigh_absence(service)
        return found

    def _weigh(self, role: str | None, asked: Iterable[Right]) -> None:
        if role is None:
            return
        for need in asked:
            held = {right for right in self.rights[role] if covers(right, need)}
            if len(held) == 1:
                self.alone.add((role, *next(iter(held))))
            if all((role, *right) == self.missing for right in held):
                self.refused += 1
                raise MaskmillError(Code.INTERNAL, detail=f"{role} may not {need}")


def role_of(service: str) -> str | None:
    """Which function makes a call; None for the calls of the world itself and of people."""
    if service.startswith("live."):
        return "PushProgress"
    found: str | None = getattr(greenlet.getcurrent(), "role", None)
    return None if found == "ServeApi" and service.startswith("uploads.") else found  # a person's own upload


def needs(service: str, label: Any) -> Iterator[Right]:
    """What a call asks for; objects are labelled by their keys, messages by their values."""
    port, _, verb = service.removeprefix("live.").rpartition(".")
    if port == "table":
        what = getattr(greenlet.getcurrent(), "asked", "")
        if verb == "get":
            yield "dynamodb:GetItem", "<Table.Arn>"
        elif verb in BATCHES:
            yield BATCHES[verb], "<Table.Arn>"
        elif verb == "query":
            yield "dynamodb:Query", f"<Table.Arn>/index/{what}" if what else "<Table.Arn>"
        else:
            yield WRITES[what], "<Table.Arn>"
    elif port in {"media", "uploads", "work"}:
        arn = f"<{port.capitalize()}.Arn>"
        if verb == "delete" and label.endswith("/"):
            yield "s3:ListBucket", arn
            yield OBJECTS[verb], f"{arn}/{label}any"
        else:
            yield OBJECTS[verb], f"{arn}/{label}"
    elif port == "queue":
        kind = next(value for value in label if value in QUEUES)
        yield "sqs:SendMessage", f"<{QUEUES[kind].value.capitalize()}Queue/Queue.Arn>"
    elif port == "endpoint":
        yield "sagemaker:InvokeEndpointAsync", THE_ONE
    elif port == "lane":
        yield "lambda:InvokeFunction", THE_ONE
    elif port == "doors":  # what is signed opens no more than the role that signed it may do
        yield DOORS[verb][0], f"{DOORS[verb][1]}/{label}"
    elif port == "vault":
        yield "ssm:GetParameter", THE_ONE
    elif port == "socket":
        yield "execute-api:ManageConnections", SOCKET


def covers(right: Right, need: Right) -> bool:
    if right[0] != need[0]:
        return False
    if need[1] == THE_ONE:
        return True
    return fnmatch.fnmatchcase(need[1], right[1].replace("[", "[[]"))


@contextmanager
def acting(role: str | None) -> Iterator[None]:
    """What is called meanwhile is called by this role; by None, nobody's rights are asked."""
    before = getattr(greenlet.getcurrent(), "role", None)
    greenlet.getcurrent().role = role
    try:
        yield
    finally:
        greenlet.getcurrent().role = before


@contextmanager
def judged(judge: Judge) -> Iterator[None]:
    """Put a judge before every world that is played meanwhile."""
    call, write, query = World.call, MemoryTable.write, MemoryTable.query
    handle, bury, sweep, serve = Pipeline._handle, Pipeline._bury, Pipeline._sweep, Pipeline._serve

    def weighed(world: World, service: str, label: Hashable, effect: Callable[[], Any]) -> Any:
        judge.weigh(service, label)

        return call(world, service, label, lambda: judge.telling(service, effect))

    def written(table: MemoryTable, wanted: Write) -> Any:
        greenlet.getcurrent().asked = type(wanted).__name__
        return write(table, wanted)

    def queried(table: MemoryTable, wanted: Query) -> Any:
        greenlet.getcurrent().asked = "" if wanted.index is None else wanted.index.value
        return query(table, wanted)

    def played(role: str, own: Pipeline, run: Callable[[], Any]) -> Any:
        with acting(role):
            found = run()
        if judge.refused and [*own.invariants.violations, *own.live.violations, *own.hooks.violations]:
            raise Noticed
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "call", weighed)
        patch.setattr(MemoryTable, "write", written)
        patch.setattr(MemoryTable, "query", queried)
        patch.setattr(
            Pipeline, "_handle", lambda own, queue, body: played(READERS[queue], own, lambda: handle(own, queue, body))
        )
        patch.setattr(Pipeline, "_bury", lambda own, letter: played("BuryLetters", own, lambda: bury(own, letter)))
        patch.setattr(Pipeline, "_serve", lambda own, user: played("ServeApi", own, lambda: serve(own, user)))
        patch.setattr(Pipeline, "_sweep", lambda own: played("Sweep", own, lambda: sweep(own)))
        yield
