"""Events that reach the wrong function: each is refused as what it is, writes nothing, and breaks nothing.

Queues, streams, gateways and deployments have events of their own. A function that gets another's was wired or called
by mistake; it says so, and the platform's own retries and dead letters do the rest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from lambdas.aws.events import ForeignEvent
from maskmill.core.errors import InvalidInput
from tests.contract import aws
from tests.contract.test_events import payload
from tests.hostile.corpus import watched
from tests.unit.lambdas.gateway import claims_of, gateway_event
from tests.unit.lambdas.sqs import failed, sqs_event
from tests.unit.lambdas.test_handlers import FUNCTIONS, MISSING, env_of, handler_of
from tests.unit.lambdas.test_hold_connection import socket_event

BEHIND_QUEUES = sorted(MISSING)
SNS = {
    "EventSource": "aws:sns",
    "EventVersion": "1.0",
    "Sns": {"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": "{}"},
}
ORDER = {
    "RequestType": "Delete",
    "ResponseURL": "https://deployment.example/",
    "StackId": "s",
    "RequestId": "r",
    "LogicalResourceId": "Page",
    "ResourceProperties": {},
}
NOBODYS: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a text": "ping",
    "a number": 1,
    "an empty object": {},
    "records that are null": {"Records": None},
    "records that are none": {"Records": [None, 1, "x", []]},
    "an empty record": {"Records": [{}]},
    "a message without a body": {"Records": [{"messageId": "m", "eventSource": "aws:sqs"}]},
    "a body that is no text": {"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": {"a": 1}}]},
    "a stream's record without its row": {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": None}]},
    "an event of the store": json.loads(payload("s3_created")),
    "an event of a topic": {"Records": [SNS]},
    "a schedule": {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []},
    "a callback of the endpoint": json.loads(payload("sagemaker_success")),
    "a request of an older gateway": {"httpMethod": "GET", "path": "/", "requestContext": {"requestId": "r"}},
    "a request of no shape": {"requestContext": {"http": None}, "rawPath": "/"},
    "half an order": {"RequestType": "Create", "ResponseURL": "https://a.example/"},
}
OF_QUEUES, OF_STREAMS = sqs_event("x"), json.loads(payload("table_stream"))
OF_GATEWAYS = gateway_event("GET", "/api/v1/datasets", claims=claims_of("a"))
FOREIGN: dict[str, dict[str, Any]] = {
    **{name: {**NOBODYS, "a stream": OF_STREAMS, "a request": OF_GATEWAYS} for name in BEHIND_QUEUES},
    "push_progress": {**NOBODYS, "a queue": OF_QUEUES, "a request": OF_GATEWAYS},
    "serve_api": {**NOBODYS, "a queue": OF_QUEUES, "a stream": OF_STREAMS, "a socket": socket_event("CONNECT")},
    "hold_connection": {**NOBODYS, "a queue": OF_QUEUES, "a stream": OF_STREAMS, "a request": OF_GATEWAYS},
    "publish_page": {**NOBODYS, "a queue": OF_QUEUES, "a request": OF_GATEWAYS},
    "make_key": {**NOBODYS, "a queue": OF_QUEUES, "a request": OF_GATEWAYS},
    "switch_spending": {**NOBODYS, "a queue": OF_QUEUES, "a stream": OF_STREAMS, "a request": OF_GATEWAYS},
}


del FOREIGN["switch_spending"]["an event of a topic"]  # which is what a budget sends


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with aws.cloud() as found:
        yield found


@pytest.fixture
def serve(urls: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Any]:
    function = request.param
    module = handler_of(function)
    with mock.patch.dict(os.environ, env_of(function, urls)):
        yield module.handler
    module.connect.cache_clear()


def cases() -> Iterator[Any]:
    for function, events in FOREIGN.items():
        for kind, event in events.items():
            yield pytest.param(function, event, id=f"{function}-{kind}")


@pytest.mark.parametrize(("serve", "event"), list(cases()), indirect=["serve"])
def test_an_event_of_another_source_is_refused_as_that(serve: Any, event: Any) -> None:
    with watched() as writes, pytest.raises(InvalidInput) as refusal:
        serve(event, None)
    assert isinstance(refusal.value, ForeignEvent) or refusal.value.detail.startswith("no order")
    assert writes == []


def test_every_function_meets_foreign_events_but_the_one_that_reads_none() -> None:
    assert set(FUNCTIONS) - set(FOREIGN) == {"sweep"}


@pytest.mark.parametrize("serve", ["sweep"], indirect=True)
@pytest.mark.parametrize("event", NOBODYS.values(), ids=NOBODYS)
def test_a_tick_is_a_tick_whatever_comes_with_it(serve: Any, event: Any) -> None:
    assert serve(event, None) == {"repairs": {}}


BODIES = {
    "null": "null",
    "a list": "[]",
    "a number": "1",
    "nothing": "",
    "no JSON": "{",
    "deep": "[" * 100_000,
    "an event of a topic": json.dumps({"Records": [SNS]}),
    "a stream": json.dumps(OF_STREAMS),
    "a request": json.dumps(OF_GATEWAYS),
    "a message of another queue": json.dumps({"kind": "nobodys", "v": 1}),
    "a message of tomorrow": json.dumps({"kind": "plan", "v": 99, "tenant": "a", "job_id": "j"}),
    "an order": json.dumps(ORDER),
}


@pytest.mark.parametrize("serve", [name for name in BEHIND_QUEUES if name != "bury_letters"], indirect=True)
def test_a_message_that_is_none_comes_again_until_it_is_a_dead_letter(serve: Any) -> None:
    with watched() as writes:
        answer = serve(sqs_event(*BODIES.values()), None)
    assert failed(answer) == [f"m{number}" for number in range(len(BODIES))]
    assert writes == []


@pytest.mark.parametrize("serve", ["bury_letters"], indirect=True)
def test_a_dead_letter_that_nobody_reads_is_told_of_and_let_go(serve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with watched() as writes:
        assert failed(serve(sqs_event(*BODIES.values()), None)) == []
    assert writes == []
