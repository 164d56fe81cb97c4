"""The endpoint port: a request is taken under the names that the pipeline chose before, or it is not taken at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lambdas.aws import clients
from lambdas.aws.endpoint import SageMakerEndpoint
from local.emulator.environment import EmulatorSettings
from local.endpoint.cloud import EmulatorCloud
from maskmill.core import keys
from maskmill.core.errors import Code, Unavailable
from maskmill.core.ports import Endpoint, Invoked
from tests.contract.clouds import Cloud
from tests.contract.emulated import ENDPOINT, endpoint_stand_in
from tests.simulation.cloud import MemoryEndpoint

TENANT, JOB = "t" * 64, "j" * 40  # the longest that keys may have
REQUEST = "0123456789abcdef01234567"
KEY = keys.request(TENANT, JOB, REQUEST)


@dataclass(frozen=True, slots=True)
class Door:
    """An endpoint that is in service, one that is not, and what the first has taken."""

    endpoint: Endpoint
    absent: Endpoint
    taken: Callable[[], list[str]]


def adapter(name: str) -> SageMakerEndpoint:
    client = clients.sagemaker_runtime()
    return SageMakerEndpoint(client, name=name, work_bucket="work", queue_life_s=600, invocation_timeout_s=300)


@pytest.fixture
def door(
    cloud: Cloud, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Door]:
    if cloud.name == "memory":
        endpoint = MemoryEndpoint()
        yield Door(endpoint, MemoryEndpoint(is_in_service=False), lambda: endpoint.invocations)
    elif cloud.name == "moto":
        asked: list[str] = []
        client, event = clients.sagemaker_runtime(), "provide-client-params.sagemaker-runtime.InvokeEndpointAsync"
        client.meta.events.register(event, lambda params, **_: asked.append(params["InputLocation"]))
        yield Door(adapter(ENDPOINT), adapter("absent"), lambda: [one.removeprefix("s3://work/") for one in asked])
    else:
        settings: EmulatorSettings = request.getfixturevalue("emulator")
        with endpoint_stand_in(tmp_path, EmulatorCloud(settings.url)) as (url, host):
            monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
            clients.sagemaker_runtime.cache_clear()

            def taken() -> list[str]:
                backlog = host.endpoint(ENDPOINT).backlog
                waiting = list(iter(backlog.take, None))
                return [str(one.request.input_location).removeprefix("s3://work/") for one in waiting]

            yield Door(adapter(ENDPOINT), adapter("absent"), taken)
            clients.sagemaker_runtime().close()


def invoke(endpoint: Endpoint) -> Invoked:
    return endpoint.invoke(
        request_key=KEY,
        request_id=REQUEST,
        answer_folder=keys.answer_folder(TENANT, JOB),
        answer_file=keys.answer_file(REQUEST),
    )


def test_the_answer_is_promised_under_the_name_that_was_asked_for(door: Door) -> None:
    promise = f"s3://work/async/{keys.answer_folder(TENANT, JOB)}/{keys.answer_file(REQUEST)}"
    assert invoke(door.endpoint).answer == promise


def test_a_failure_is_promised_beside_it(door: Door) -> None:
    assert str(invoke(door.endpoint).failure).startswith("s3://work/async-failed/")


def test_the_same_request_twice_is_taken_twice(door: Door) -> None:
    """Its id is a label: nothing says that the endpoint would know it again."""
    invoke(door.endpoint)
    invoke(door.endpoint)
    assert door.taken() == [KEY, KEY]


def test_an_endpoint_that_is_not_there_may_be_there_later(door: Door) -> None:
    with pytest.raises(Unavailable) as caught:
        invoke(door.absent)
    assert caught.value.code is Code.MODEL_UNAVAILABLE
