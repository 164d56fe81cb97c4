"""The simulated cloud can show every outcome that a service behind the adapters can: what it cannot show, no seed finds.

Each call of a port meets the faults of a network and of a busy service at the SDK's own door, before moto; its outcome
is what the caller sees and what became of the resource. The simulation must give the same outcome under one of its
faults. It may give more.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

from lambdas.aws import clients
from lambdas.aws.endpoint import SageMakerEndpoint
from lambdas.aws.sockets import GatewaySockets
from local.emulator.patches.troubles import refusal_of
from maskmill.core.errors import MaskmillError
from maskmill.core.messages import PlanJob
from maskmill.core.ports import Endpoint, Queues, Sockets, Table
from maskmill.core.table import Condition, Delete, Key, Op, Put, Query, RowConflict, Update
from tests.contract.clouds import AwsCloud, Bucket, Cloud
from tests.simulation.cloud import MemoryEndpoint, MemoryQueues, MemorySockets
from tests.simulation.shaky import ShakyObjects, ShakyTable
from tests.simulation.world import Faults, World

KEY, NEW, OTHER = (Key("T#a", f"ROW#{number}") for number in (1, 2, 3))
SERVICES = ("dynamodb", "s3", "sqs", "sagemaker-runtime", "apigatewaymanagementapi")
GATEWAY = "https://abcdefghij.execute-api.us-east-1.amazonaws.com/live"


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each kind, with a row, an object and a socket in them."""

    table: Table
    bucket: Bucket
    queues: Queues
    endpoint: Endpoint
    sockets: Sockets

    def __post_init__(self) -> None:
        self.table.write(Put(KEY, {"n": 1}))
        self.bucket.put("there", b"old", media_type="text/plain")


def _stream(ports: Ports) -> None:
    with ports.bucket.stream("new", media_type="text/plain") as sink:
        sink.write(b"data")


ONCE = (Condition(("n",), Op.EQUALS, 1),)
CALLS: dict[str, Callable[[Ports], object]] = {
    "table.get": lambda ports: ports.table.get(KEY),
    "table.query": lambda ports: len(ports.table.query(Query("T#a")).rows),
    "table.write of a new row": lambda ports: ports.table.write(Put(NEW, {"n": 1})),
    "table.write of a row that is there": lambda ports: ports.table.write(Put(KEY, {"n": 2})),
    "table.write under a condition": lambda ports: ports.table.write(Update(KEY, set={("n",): 2}, require=ONCE)),
    "table.write that adds": lambda ports: ports.table.write(Update(KEY, add={("n",): 1}, require=ONCE)),
    "table.write that removes": lambda ports: ports.table.write(Delete(KEY, must_exist=True)),
    "table.get_all": lambda ports: ports.table.get_all([KEY, NEW]),
    "table.create_all of new rows": lambda ports: ports.table.create_all([Put(NEW, {"n": 1}), Put(OTHER, {"n": 1})]),
    "table.create_all of one": lambda ports: ports.table.create_all([Put(NEW, {"n": 1})]),
    "table.create_all beside one that is there": lambda ports: ports.table.create_all(
        [Put(NEW, {"n": 1}), Put(KEY, {"n": 2})]
    ),
    "objects.get": lambda ports: ports.bucket.get("there"),
    "objects.get of an absent one": lambda ports: ports.bucket.get("absent"),
    "objects.head": lambda ports: ports.bucket.head("there"),
    "objects.put": lambda ports: ports.bucket.put("new", b"data", media_type="text/plain"),
    "objects.put_first": lambda ports: ports.bucket.put_first("new", b"data", media_type="text/plain"),
    "objects.put_first of one that is there": lambda ports: ports.bucket.put_first("there", b"x", media_type="x"),
    "objects.stream": _stream,
    "objects.delete": lambda ports: ports.bucket.delete("there"),
    "objects.delete_some": lambda ports: ports.bucket.delete_some("the"),
    "queues.send": lambda ports: ports.queues.send([PlanJob(tenant="a", job_id="j")]),
    "endpoint.invoke": lambda ports: bool(
        ports.endpoint.invoke(request_key="r.json", request_id="r", answer_folder="a", answer_file="r.json").answer
    ),
    "sockets.send": lambda ports: ports.sockets.send("c1", "x"),
    "sockets.close": lambda ports: ports.sockets.close("c1"),
}


def outcome(ports: Ports, call: Callable[[Ports], object], calm: Callable[[], Any]) -> str:
    """What the caller sees, and then, with all faults over, what there is."""
    try:
        seen = f"gave {call(ports)!r}"
    except (MaskmillError, RowConflict) as error:
        current = f" {sorted((error.current or {}).items())}" if isinstance(error, RowConflict) else ""
        seen = f"raised {type(error).__name__}{current}"
    except Exception as error:  # noqa: BLE001 - its name is the outcome
        seen = f"raised {type(error).__name__}"
    calm()
    rows = [sorted(row.items()) for row in ports.table.query(Query("T#a")).rows]
    objects = [name for name in ("there", "new") if ports.bucket.head(name) is not None]
    return f"{seen}; {rows}; {objects}"


# At the SDK's door: each takes a request and says what comes of it, None for what moto makes of it.


def throttled(service: str, _event: str, _request: Any, _number: int) -> AWSResponse:
    said = refusal_of(service)
    return AWSResponse("http://aws", said.status, {k.lower(): v for k, v in said.headers.items()}, Raw(said.body))


def broken(_service: str, _event: str, _request: Any, _number: int) -> AWSResponse:
    return AWSResponse("http://aws", 500, {}, Raw(b""))


def unreachable(_service: str, _event: str, _request: Any, _number: int) -> None:
    raise EndpointConnectionError(endpoint_url="http://aws")


def never_heard(_service: str, event: str, request: Any, _number: int) -> None:
    """The request comes through each time, its answer never."""
    botocore_stubber(event, request)
    raise ReadTimeoutError(endpoint_url="http://aws")


def heard_at_last(_service: str, event: str, request: Any, number: int) -> None:
    """The first answer is lost, and the SDK asks again."""
    if number == 0:
        botocore_stubber(event, request)
        raise ReadTimeoutError(endpoint_url="http://aws")


DOORS = {door.__name__: door for door in (throttled, broken, unreachable, never_heard, heard_at_last)}


class Raw(io.BytesIO):
    """A body as the SDK's connections give it."""

    def stream(self, **_more: Any) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def behind(door: Callable[..., Any]) -> Iterator[Callable[[], None]]:
    """Every request meets the door until the function that is given is called; nobody waits between attempts."""
    meeting: dict[str, int] = {}
    is_open = [True]

    def meet(service: str) -> Callable[..., Any]:
        def handler(request: Any, event_name: str, **_more: Any) -> Any:
            number = meeting.get(service, 0)
            meeting[service] = number + 1
            return door(service, event_name, request, number) if is_open[0] else None

        return handler

    made = {
        "dynamodb": clients.dynamodb(), "s3": clients.s3(), "sqs": clients.sqs(),
        "sagemaker-runtime": clients.sagemaker_runtime(), "apigatewaymanagementapi": clients.sockets(GATEWAY),
    }  # fmt: skip
    handlers = {service: meet(service) for service in SERVICES}
    for service, handler in handlers.items():
        made[service].meta.events.register_first(f"before-send.{service}", handler)
    try:
        with mock.patch("botocore.endpoint.time.sleep"):
            yield lambda: is_open.__setitem__(0, False)
    finally:
        for service, handler in handlers.items():
            made[service].meta.events.unregister(f"before-send.{service}", handler)


def ports_of(cloud: AwsCloud) -> Ports:
    endpoint = SageMakerEndpoint(
        clients.sagemaker_runtime(), name="e", work_bucket="work", queue_life_s=600, invocation_timeout_s=300
    )
    return Ports(
        cloud.table(), cloud.bucket(), cloud.queues(), endpoint, GatewaySockets(clients.sockets(GATEWAY))
    )  # fmt: skip


def simulated(call: Callable[[Ports], object]) -> set[str]:
    """The outcomes of a call in the simulated cloud: without faults, and under each that a call can meet."""
    seen = set()
    for faults in (Faults(), Faults(throttle=1.0), Faults(ambiguous=1.0), Faults(repeated=1.0),
                   Faults(repeated=1.0, ambiguous=1.0)):  # fmt: skip
        world = World(1, faults, now_s=faults.window_s + 1)  # there are none after the window
        sockets = MemorySockets(world.call)
        sockets.open("c1")
        ports = Ports(
            ShakyTable(world.call, world=world), ShakyObjects("media", world.call, world=world),
            MemoryQueues(world.call), MemoryEndpoint(world.call), sockets,
        )  # fmt: skip
        world.now_s = 0.0
        seen.add(outcome(ports, call, lambda world=world: setattr(world, "now_s", world.faults.window_s + 1)))
    return seen


@pytest.mark.parametrize("cloud", ["moto"], indirect=True)
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_simulation_shows_what_a_service_can(cloud: Cloud, call: Callable[[Ports], object], door: Any) -> None:
    assert isinstance(cloud, AwsCloud)
    ports = ports_of(cloud)
    with behind(door) as calm:
        seen = outcome(ports, call, calm)
    assert seen in simulated(call)
