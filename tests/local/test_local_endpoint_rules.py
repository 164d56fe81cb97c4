"""The endpoint stand-in without network: the call's contract, names, queue, scaling, messages and failures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.endpoint import messages
from local.endpoint.backlog import Backlog, Waiting, accept
from local.endpoint.cloud import CloudError, Permission, bucket_and_key
from local.endpoint.container import Answer, MalformedAnswer, NoAnswer, check_headers, forwarded_headers
from local.endpoint.container_log import ContainerLog
from local.endpoint.deployed import DeployedEndpoint, read_endpoints
from local.endpoint.instance import Instance, Phase, Scaling
from local.endpoint.invocation import DELAY_S, Runner
from local.endpoint.request import AsyncRequest, ValidationError, parse

ENDPOINT = DeployedEndpoint(
    name="Masks",
    account="000000000000",
    region="us-east-1",
    role="arn:aws:iam::000000000000:role/endpoint",
    output_path="s3://media/masks",
    failure_path="s3://media/failed",
    success_topic="ok",
    error_topic="failed",
)
INPUT = {"x-amzn-sagemaker-inputlocation": "s3://media/shards/1.json"}
REQUEST = AsyncRequest(endpoint="Masks", input_location="s3://media/shards/1.json", custom_attributes="job=1")


class FakeContainer:
    """Answers what it is told to."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.bodies: list[bytes] = []

    def invoke(self, waiting: Waiting, body: bytes) -> Answer:
        self.bodies.append(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FakeCloud:
    """Objects and published messages in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {"s3://media/shards/1.json": b"shard"}
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.logged: list[tuple[str, str]] = []

    def download(self, role: str, location: str) -> bytes:
        if location not in self.objects:
            raise CloudError("NoSuchKey")
        return self.objects[location]

    def upload(self, role: str, location: str, body: bytes, content_type: str) -> None:
        self.objects[location] = body

    def write_log(self, role: str, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
        self.logged += [(group, text) for _, text in lines]

    def publish(self, role: str, topic: str, message: str) -> None:
        self.published.append((topic, json.loads(message)))

    def credentials(self, role: str) -> dict[str, str]:
        return {}

    def authorize(self, question: dict[str, Any]) -> Permission:
        return Permission(True)


OK = Answer(200, "application/json", "answered", b"masks")


def run(
    answer: Answer | Exception, request: AsyncRequest = REQUEST, **faults: int
) -> tuple[Runner, FakeCloud, Waiting]:
    cloud = FakeCloud()
    runner = Runner(ENDPOINT, FakeContainer(answer), cloud, clock=lambda: 12.5, log=lambda line: None)
    runner.faults.update(faults)
    waiting = accept(ENDPOINT, request, now=10.0)
    runner.run(waiting)
    return runner, cloud, waiting


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        (INPUT, b"body as well"),
        ({}, b"x" * 128_001),
        ({"x-amzn-sagemaker-inputlocation": "http://media/a"}, b""),
        ({**INPUT, "x-amzn-sagemaker-filename": "a.b.c"}, b""),
        ({**INPUT, "x-amzn-sagemaker-filename": "x" * 33}, b""),
        ({**INPUT, "x-amzn-sagemaker-s3outputpathextension": "s3:out"}, b""),
        ({**INPUT, "x-amzn-sagemaker-inference-id": " leading"}, b""),
        ({**INPUT, "x-amzn-sagemaker-inference-id": "x" * 65}, b""),
        ({**INPUT, "x-amzn-sagemaker-custom-attributes": "x" * 1025}, b""),
        ({**INPUT, "x-amzn-sagemaker-requestttlseconds": "59"}, b""),
        ({**INPUT, "x-amzn-sagemaker-invocationtimeoutseconds": "3601"}, b""),
        ({**INPUT, "x-amzn-sagemaker-invocationtimeoutseconds": "soon"}, b""),
    ],
)
def test_a_call_that_breaks_the_contract_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(ValidationError):
        parse("masks", headers, body)


def test_an_endpoint_name_has_a_pattern() -> None:
    with pytest.raises(ValidationError):
        parse("masks_", INPUT, b"")


def test_a_call_has_the_documented_defaults() -> None:
    request = parse("masks", INPUT, b"")
    assert (request.ttl_s, request.timeout_s, request.body) == (21_600, 900, None)
    assert parse("masks", {}, b"x" * 128_000).body == b"x" * 128_000


def test_results_are_named_by_a_fresh_id_and_not_by_the_inference_id() -> None:
    waiting = accept(ENDPOINT, parse("Masks", {**INPUT, "x-amzn-sagemaker-inference-id": "mine"}, b""), now=1.0)
    assert waiting.inference_id == "mine"
    assert "mine" not in waiting.output_location
    assert waiting.output_location.startswith("s3://media/masks/")
    assert waiting.output_location.endswith(".out")
    assert waiting.failure_location is not None
    assert waiting.failure_location.endswith("-error.out")


def test_filename_and_extension_name_the_output() -> None:
    headers = {**INPUT, "x-amzn-sagemaker-filename": "1.json", "x-amzn-sagemaker-s3outputpathextension": "/t/a/"}
    assert accept(ENDPOINT, parse("Masks", headers, b""), now=1.0).output_location == "s3://media/masks/t/a/1.json"


def test_a_restart_loses_no_request(tmp_path: Path) -> None:
    before = Backlog(tmp_path)
    first = accept(ENDPOINT, AsyncRequest(endpoint="Masks", body=b"\x00\xff"), now=1.0)
    second, third = accept(ENDPOINT, REQUEST, now=2.0), accept(ENDPOINT, REQUEST, now=3.0)
    for waiting in (first, second, third):
        before.add(waiting)
    assert before.take() == first
    before.take()
    before.finish(second)
    after = Backlog(tmp_path)
    assert [after.take(), after.take(), after.take()] == [first, third, None]


def test_the_backlog_counts_queued_and_running(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path)
    for now in (1.0, 2.0):
        backlog.add(accept(ENDPOINT, REQUEST, now=now))
    backlog.take()
    assert (len(backlog), backlog.running) == (2, 1)


def test_only_requests_past_their_time_expire(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path)
    short = accept(ENDPOINT, AsyncRequest(endpoint="Masks", body=b"a", ttl_s=60), now=0.0)
    backlog.add(short)
    backlog.add(accept(ENDPOINT, REQUEST, now=0.0))
    assert backlog.take_expired(59.9) == []
    assert backlog.take_expired(60.0) == [short]


def test_an_instance_wakes_after_its_delay_and_sleeps_when_idle() -> None:
    instance = Instance(Scaling(starts_awake=False, wake_delay_s=5.0, idle_s=10.0), now=0.0)
    assert instance.observe(backlog=0, now=1.0) is Phase.ASLEEP
    assert instance.observe(backlog=1, now=2.0) is Phase.WAKING
    assert instance.observe(backlog=1, now=6.9) is Phase.WAKING
    assert (instance.observe(backlog=1, now=7.0), instance.count) == (Phase.AWAKE, 1)
    assert instance.observe(backlog=0, now=16.9) is Phase.AWAKE
    assert (instance.observe(backlog=0, now=17.0), instance.count) == (Phase.ASLEEP, 0)


def test_a_success_writes_the_output_and_tells_the_topic() -> None:
    runner, cloud, waiting = run(OK)
    assert cloud.objects[waiting.output_location] == b"masks"
    [(topic, message)] = cloud.published
    assert topic == "ok"
    assert message == {
        "awsRegion": "us-east-1",
        "eventTime": "1970-01-01T00:00:12.500Z",
        "receivedTime": "1970-01-01T00:00:10.000Z",
        "invocationStatus": "Completed",
        "requestParameters": {
            "customAttributes": "job=1", "endpointName": "Masks", "inputLocation": "s3://media/shards/1.json",
        },
        "responseParameters": {
            "contentType": "application/json", "outputLocation": waiting.output_location, "customAttributes": "answered",
        },
        "inferenceId": waiting.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }  # fmt: skip
    assert (runner.counts["completed"], runner.counts["invocations"]) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "reason", "body"),
    [
        (Answer(400, "application/json", None, b"bad shard"), "Received client error (400) from model", b"bad shard"),
        (
            Answer(500, "application/json", None, b"boom"),
            "ClientError: Received server error (500) from model",
            b"boom",
        ),
        (NoAnswer("reset"), "Received server error (0) from model", b"could not get a response"),
        (MalformedAnswer("chunked"), "could not get a response from the Masks endpoint", b"could not get a response"),
    ],
)
def test_a_failure_is_recorded_and_told_in_sagemakers_words(
    answer: Answer | Exception, reason: str, body: bytes
) -> None:
    runner, cloud, waiting = run(answer)
    [(topic, message)] = cloud.published
    assert (topic, message["invocationStatus"]) == ("failed", "Failed")
    assert reason in message["failureReason"]
    assert message["responseParameters"] == {"failureLocation": waiting.failure_location}
    assert body in cloud.objects[str(waiting.failure_location)]
    assert waiting.output_location not in cloud.objects
    assert (runner.counts["failed"], runner.counts["invocations"]) == (1, 1)


def test_a_missing_input_surfaces_later_and_calls_no_model() -> None:
    runner, cloud, _ = run(OK, AsyncRequest(endpoint="Masks", input_location="s3://media/none"))
    assert "NoSuchKey" in cloud.published[0][1]["failureReason"]
    assert (runner.counts["invocations"], runner.counts["download_failures"]) == (0, 1)


def test_an_inline_body_reaches_the_model() -> None:
    runner, _, _ = run(OK, AsyncRequest(endpoint="Masks", body=b"inline"))
    assert isinstance(runner.container, FakeContainer)
    assert runner.container.bodies == [b"inline"]


def test_faults_drop_duplicate_and_fail() -> None:
    assert run(OK, drop_notifications=1)[1].published == []
    assert len(run(OK, duplicate_notifications=1)[1].published) == 2
    runner, cloud, _ = run(OK, fail_uploads=1)
    assert (runner.counts["upload_failures"], cloud.published[0][0]) == (1, "failed")


def test_a_notification_that_is_held_back_comes_later() -> None:
    cloud = FakeCloud()
    held: list[tuple[float, Callable[[], None]]] = []
    runner = Runner(
        ENDPOINT, FakeContainer(OK), cloud, lambda: 12.5, lambda line: None, later=lambda *one: held.append(one)
    )
    runner.faults["delay_notifications"] = 1
    for _ in range(2):
        runner.run(accept(ENDPOINT, REQUEST, now=10.0))
    assert len(cloud.published) == 1
    ((delay_s, send),) = held
    send()
    assert (delay_s, len(cloud.published)) == (DELAY_S, 2)


def test_an_expired_request_fails_without_an_invocation() -> None:
    cloud = FakeCloud()
    runner = Runner(ENDPOINT, FakeContainer(OK), cloud, clock=lambda: 100.0, log=lambda line: None)
    runner.expire(accept(ENDPOINT, REQUEST, now=0.0))
    assert cloud.published[0][0] == "failed"
    assert (runner.counts["expired"], runner.counts["failed"], runner.counts["invocations"]) == (1, 1, 0)


def test_a_new_endpoint_announces_itself_on_both_topics() -> None:
    cloud = FakeCloud()
    Runner(ENDPOINT, FakeContainer(OK), cloud, clock=lambda: 0.0, log=lambda line: None).announce()
    assert [topic for topic, _ in cloud.published] == ["failed", "ok"]
    assert cloud.published[0][1] == json.loads(messages.test_notification())


def test_only_sagemakers_headers_reach_the_container() -> None:
    waiting = accept(ENDPOINT, AsyncRequest(endpoint="Masks", body=b"x", content_type="application/json"), now=0.0)
    assert forwarded_headers(waiting) == {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-Inference-Id": waiting.inference_id,
    }


def test_an_answer_needs_a_length_and_short_headers() -> None:
    check_headers([("Content-Length", "5")])
    with pytest.raises(MalformedAnswer, match="Content-Length"):
        check_headers([("Transfer-Encoding", "chunked")])
    with pytest.raises(MalformedAnswer, match="4096"):
        check_headers([("Content-Length", "5"), ("X-Large", "x" * 4096)])


def test_locations_give_bucket_and_key() -> None:
    assert bucket_and_key("s3://media/a/b c.json") == ("media", "a/b c.json")
    assert bucket_and_key("https://media.s3.us-east-1.amazonaws.com/a/b%20c.json") == ("media", "a/b c.json")


def test_the_deployed_template_is_read(tmp_path: Path) -> None:
    deployed = tmp_path / "sagemaker.json"
    assert read_endpoints(deployed) == {}
    output = {"S3OutputPath": "s3://m/out", "NotificationConfig": {"SuccessTopic": "ok", "ErrorTopic": "no"}}
    deployed.write_text(json.dumps({
        "account": "1", "region": "us-east-1",
        "models": {"model": {"ExecutionRoleArn": "role", "PrimaryContainer": {"Environment": {"ENGINE": "classic"}}}},
        "endpoint_configs": {"config": {
            "ProductionVariants": [{"VariantName": "main", "ModelName": "model"}],
            "AsyncInferenceConfig": {
                "OutputConfig": output, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": "2"}}}},
        "endpoints": {"Masks": {"EndpointConfigName": "config"}},
        "scalable_targets": {"endpoint/Masks/variant/main": {"MinCapacity": 0}},
    }))  # fmt: skip
    assert read_endpoints(deployed)["Masks"] == DeployedEndpoint(
        name="Masks", account="1", region="us-east-1", role="role", output_path="s3://m/out", success_topic="ok",
        error_topic="no", concurrency=2, instances_min=0, environment={"ENGINE": "classic"},
    )  # fmt: skip


def test_whole_lines_of_the_model_server_reach_the_endpoints_log_once(tmp_path: Path) -> None:
    file, cloud = tmp_path / "model.log", FakeCloud()
    file.write_text("of an earlier run\n")
    log = ContainerLog(file, cloud, lambda: [ENDPOINT])
    with file.open("ab") as writing:
        writing.write(b'{"message":"a"}\n\n{"mess')
        writing.flush()
        assert log.carry() == 1
        writing.write('age":"\xfc"}\n'.encode())
        writing.flush()
        assert (log.carry(), log.carry()) == (1, 0)
    group = "/aws/sagemaker/Endpoints/Masks"
    assert cloud.logged == [(group, '{"message":"a"}'), (group, '{"message":"\xfc"}')]
