"""The platform behind the endpoint: a queue of requests, a model that works on them, and the callbacks of its answers.

What the model says of a picture is given to it; what may go wrong on the way is decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from maskmill.core.errors import Code, Unavailable
from maskmill.core.messages import QueueName
from maskmill.core.shard import ShardAnswer, ShardRequest
from tests.simulation.cloud import MemoryObjects
from tests.simulation.invariants import Invariants
from tests.simulation.post import CollectBody
from tests.simulation.world import World

REQUEST_LIFE_S = 1800.0  # that a request waits in the endpoint's queue at most
LATE_S = 3 * 3600.0  # that a callback may be late: longer than the lease of its request


@dataclass(slots=True)
class Platform:
    """Works on each request within `cold_s` and tells of it by `deliver`."""

    world: World
    work: MemoryObjects
    invariants: Invariants
    answer: Callable[[ShardRequest], ShardAnswer]
    deliver: Callable[[QueueName, CollectBody], None]
    cold_s: float
    write: Callable[[str], str] = str  # how an answer is written down

    def accept(self, request_key: str, promise: str) -> None:
        """Take a request, whose answer will be at the promised address."""
        if self.world.strikes("not_in_service", request_key):
            raise Unavailable(Code.MODEL_UNAVAILABLE, detail="the endpoint is being updated")
        if self.world.strikes("request_lost", request_key):
            return
        if self.world.strikes("request_expired", request_key):
            self.world.at(REQUEST_LIFE_S, partial(self._expire, request_key, promise))
            return
        copies = 2 if self.world.strikes("model_twice", request_key) else 1
        for _ in range(copies):
            wait_s = 5 + self.cold_s * self.world.chance("cold", request_key)
            self.world.at(wait_s, partial(self.run, request_key, promise))

    def _expire(self, request_key: str, promise: str) -> None:
        """No instance came to be in time: the platform says so, and writes nothing down."""
        self.invariants.failed_requests.add(_id_of(request_key))
        self._tell(("failed", request_key, promise.replace("/async/", "/async-failed/")))

    def run(self, request_key: str, promise: str) -> None:
        """The model works on a request; an instance that dies on the way leaves it to another one."""
        down_s = self.world.down_for_s("endpoint.") or self.world.down_for_s("work.")
        if down_s:
            self.world.at(down_s + 60.0, partial(self.run, request_key, promise))
            return
        data = self.work.objects.get(request_key)
        request = None if data is None else ShardRequest.model_validate_json(data)
        if request is not None:
            self.invariants.inferred(_id_of(request_key), request)
        if self.world.strikes("model_killed", request_key):
            self.world.at(60.0, partial(self.run, request_key, promise))
        elif request is None or self.world.strikes("model_error", request_key):  # without a request: it was removed
            self.invariants.failed_requests.add(_id_of(request_key))
            failure = promise.replace("/async/", "/async-failed/")
            self.work.objects[failure.removeprefix("s3://work/")] = b"out of memory"
            self._tell(("failed", request_key, failure))
        else:
            self._answer(request, request_key, promise)

    def _answer(self, request: ShardRequest, request_key: str, promise: str) -> None:
        given = self.answer(request)
        is_garbage = self.world.strikes("garbage", request_key)
        if is_garbage or any(image.error is not None for image in given.images):
            self.invariants.failed_requests.add(_id_of(request_key))
        answer = b"<html>" if is_garbage else self.write(given.model_dump_json()).encode()
        self.work.objects[promise.removeprefix("s3://work/")] = answer
        self._tell(("ok", request_key, promise))

    def _tell(self, body: CollectBody) -> None:
        request_key = body[1]
        if self.world.strikes("callback_lost", request_key):
            return
        if self.world.strikes("callback_late", request_key):
            late_s = LATE_S * self.world.chance("callback lateness", request_key)
            self.world.at(late_s, partial(self.deliver, QueueName.COLLECT, body))
            return
        for _ in range(2 if self.world.strikes("callback_twice", request_key) else 1):
            self.deliver(QueueName.COLLECT, body)


def _id_of(request_key: str) -> str:
    return request_key.rsplit("/", 1)[1].removesuffix(".json")
