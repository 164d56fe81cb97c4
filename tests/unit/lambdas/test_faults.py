"""The SDK's faults as the product's errors: what may pass is Unavailable, all else internal with its cause."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from lambdas.aws.endpoint import SageMakerEndpoint
from lambdas.aws.faults import translated
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues
from lambdas.aws.table import DynamoTable
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable
from maskmill.core.messages import PlanJob, QueueName
from maskmill.core.ports import Invoked
from maskmill.core.table import Index, Key, Put, Query, Update


def fault(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")


BUSY = [
    fault("ThrottlingException"),
    fault("ProvisionedThroughputExceededException"),
    fault("RequestLimitExceeded"),
    fault("SlowDown", 503),
    fault("InternalServerError", 500),
    fault("ServiceUnavailable", 503),
    fault("SomethingNew", 502),
    fault("SomethingNew", 429),
    fault("ExpiredTokenException"),
    ConnectTimeoutError(endpoint_url="x"),
    ReadTimeoutError(endpoint_url="x"),
    EndpointConnectionError(endpoint_url="x"),
]
BROKEN = [
    fault("AccessDeniedException", 403),
    fault("ValidationException"),
    fault("ResourceNotFoundException"),
    ParamValidationError(report="x"),
    NoCredentialsError(),
]


class Faulty:
    """A client of any service whose every call raises one fault."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def call(*_arguments: Any, **_named: Any) -> Any:
            raise self.error

        return call


def calls(client: Any) -> list[Any]:
    table, objects = DynamoTable(client, "t"), S3Objects(client, "b")
    queues = SqsQueues(client, {QueueName.PLAN: "url"})
    endpoint = SageMakerEndpoint(client, name="e", work_bucket="w", queue_life_s=60, invocation_timeout_s=60)
    key = Key("p", "s")
    return [
        lambda: table.get(key),
        lambda: table.query(Query(pk="p")),
        lambda: table.write(Put(key, {})),
        lambda: table.write(Update(key, set={("a",): 1})),
        lambda: objects.get("k"),
        lambda: objects.head("k"),
        lambda: objects.put("k", b"", media_type="x"),
        lambda: objects.put_first("k", b"", media_type="x"),
        lambda: queues.send([PlanJob(tenant="a", job_id="j")]),
        lambda: endpoint.invoke(request_key="k", request_id="r", answer_folder="f", answer_file="a.json"),
    ]


@pytest.mark.parametrize("error", BUSY, ids=repr)
def test_every_call_says_unavailable_when_the_service_is_busy(error: Exception) -> None:
    for call in calls(Faulty(error)):
        with pytest.raises(Unavailable) as raised:
            call()
        assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", BROKEN, ids=repr)
def test_every_call_says_internal_when_trying_again_would_not_help(error: Exception) -> None:
    for call in calls(Faulty(error)):
        with pytest.raises(MaskmillError) as raised:
            call()
        assert raised.value.code is Code.INTERNAL
        assert not isinstance(raised.value, Unavailable)
        assert raised.value.__cause__ is error


def test_our_own_errors_pass_through_untouched() -> None:
    error = InvalidInput(Code.FILE_TOO_LARGE)
    with pytest.raises(InvalidInput) as raised, translated("call"):
        raise error
    assert raised.value is error


def test_a_programming_error_is_not_dressed_up() -> None:
    with pytest.raises(KeyError), translated("call"):
        raise KeyError("bug")


@pytest.mark.parametrize("code", ["ValidationError", "ServiceUnavailable", "InternalFailure", "ThrottlingException"])
def test_an_endpoint_that_cannot_take_a_request_is_unavailable(code: str) -> None:
    endpoint = SageMakerEndpoint(
        Faulty(fault(code)), name="e", work_bucket="w", queue_life_s=60, invocation_timeout_s=60
    )
    with pytest.raises(Unavailable):
        endpoint.invoke(request_key="k", request_id="r", answer_folder="f", answer_file="a.json")


class Recording:
    """An endpoint client that takes everything."""

    def __init__(self, answer: dict[str, str]) -> None:
        self.answer = answer
        self.calls: list[dict[str, Any]] = []

    def invoke_endpoint_async(self, **arguments: Any) -> dict[str, str]:
        self.calls.append(arguments)
        return self.answer


@pytest.mark.parametrize(
    ("answer", "invoked"),
    [
        (
            {"InferenceId": "r", "OutputLocation": "s3://w/a", "FailureLocation": "s3://w/f"},
            Invoked("s3://w/a", "s3://w/f"),
        ),
        ({"InferenceId": "r", "OutputLocation": "s3://w/a"}, Invoked("s3://w/a", None)),
        ({"InferenceId": "r", "OutputLocation": "s3://w/a", "FailureLocation": ""}, Invoked("s3://w/a", None)),
    ],
)
def test_an_invocation_names_its_request_and_where_its_answer_goes(answer: dict[str, str], invoked: Invoked) -> None:
    client = Recording(answer)
    endpoint = SageMakerEndpoint(client, name="e", work_bucket="w", queue_life_s=3600, invocation_timeout_s=900)
    assert endpoint.invoke(request_key="k.json", request_id="r", answer_folder="f", answer_file="a.json") == invoked
    assert client.calls == [
        {
            "EndpointName": "e",
            "InputLocation": "s3://w/k.json",
            "ContentType": "application/json",
            "InferenceId": "r",
            "S3OutputPathExtension": "f",
            "Filename": "a.json",
            "RequestTTLSeconds": 3600,
            "InvocationTimeoutSeconds": 900,
        }
    ]


@pytest.mark.parametrize(
    "query",
    [
        Query(pk="p", prefix="IMAGE#", after="JOB#1"),
        Query(pk="p", index=Index.DUE, after="not json"),
        Query(pk="p", index=Index.DUE, after="5"),
        Query(pk="p", index=Index.DUE, after='["text","p","s"]'),
        Query(pk="p", index=Index.DUE, after='[true,"p","s"]'),
        Query(pk="p", index=Index.RECENT, after='[5,"p","s"]'),
        Query(pk="p", index=Index.RECENT, after='["text","p"]'),
        Query(pk="p", index=Index.RECENT, after='["text",5,"s"]'),
        Query(pk="p", index=Index.RECENT, after='{"text":1,"p":2,"s":3}'),
        Query(pk="p", index=Index.RECENT, after='"tps"'),
        Query(pk="p", index=Index.RECENT, after=r'["text","\ud800","s"]'),
        Query(pk="p", after="refused by the service"),
    ],
)
def test_a_forged_position_is_an_invalid_cursor(query: Query) -> None:
    table = DynamoTable(Faulty(fault("ValidationException")), "t")
    with pytest.raises(InvalidInput) as raised:
        table.query(query)
    assert raised.value.code is Code.INVALID_CURSOR
