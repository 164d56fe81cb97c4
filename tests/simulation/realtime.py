"""A world whose endpoint is a realtime one: who asks it waits, writes the answer down and tells of it.

The adapter is the product's own. Before it stands a service that may refuse or fail a request, behind it the queue of
callbacks; the process that waits may die between any two of its steps.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws.events import AnswerReady, callbacks_in
from lambdas.aws.realtime_endpoint import RealtimeEndpoint
from maskmill.core.errors import Code, Unavailable
from maskmill.core.messages import QueueName
from maskmill.core.ports import Invoked
from maskmill.core.shard import ShardRequest
from tests.simulation.cloud import MemoryEndpoint
from tests.simulation.pipeline import Pipeline


class Realtime(Pipeline):
    """A pipeline that asks a model which answers while it waits."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.endpoint = Asked(self)
        self.ledger.endpoint = self.endpoint


@dataclass(slots=True, init=False)
class Asked(MemoryEndpoint):
    """The product's adapter, which notes what it is asked."""

    adapter: RealtimeEndpoint

    def __init__(self, pipeline: Pipeline) -> None:
        MemoryEndpoint.__init__(self)
        service = _Service(pipeline)
        self.adapter = RealtimeEndpoint(
            service, service, name="now", work=pipeline.work, work_bucket="work", collect_queue_url="collect"
        )

    def invoke(self, *, request_key: str, request_id: str, answer_folder: str, answer_file: str) -> Invoked:
        self.invocations.append(request_key)
        return self.adapter.invoke(
            request_key=request_key, request_id=request_id, answer_folder=answer_folder, answer_file=answer_file
        )


@dataclass(slots=True)
class _Service:
    """What the adapter sees of the endpoint and of the queue, both by the SDK's names."""

    pipeline: Pipeline

    def invoke_endpoint(self, *, Body: bytes, InferenceId: str, **_more: str) -> dict[str, Any]:  # noqa: N803
        call = self.pipeline.world.call
        return call("endpoint.invoke", InferenceId, lambda: self._answer(ShardRequest.stored(Body), InferenceId))

    def _answer(self, request: ShardRequest, request_id: str) -> dict[str, Any]:
        world, invariants = self.pipeline.world, self.pipeline.invariants
        if world.strikes("not_in_service", request_id):
            raise Unavailable(Code.MODEL_UNAVAILABLE, detail="the endpoint is being updated")
        invariants.inferred(request_id, request)
        if world.strikes("model_error", request_id):
            invariants.failed_requests.add(request_id)
            error = {"Error": {"Code": "ModelError", "Message": "Received server error (500) from model"}}
            raise ClientError({**error, "OriginalMessage": "out of memory"}, "InvokeEndpoint")
        given = self.pipeline.hands.answer(request)
        if any(image.error is not None for image in given.images):
            invariants.failed_requests.add(request_id)
        return {"Body": io.BytesIO(given.model_dump_json().encode())}

    def send_message(self, *, MessageBody: str, **_more: str) -> None:  # noqa: N803
        (told,) = callbacks_in(MessageBody)
        if isinstance(told, AnswerReady):
            body = ("ok", told.request_key, told.answer)
        else:
            body = ("failed", told.request_key, told.failure)
        self.pipeline.world.call("queues.send", body[1], lambda: self.pipeline._deliver(QueueName.COLLECT, body))
