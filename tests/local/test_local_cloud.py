"""The whole local cloud at work: the real CDK command line, IAM, and every service that Maskmill's stacks use."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import cdk
from local.aws import Credentials, client, recent_logs
from local.emulator.environment import REPOSITORY, EmulatorSettings, api_url
from local.endpoint.deployed import read_endpoints
from local.endpoint.launch import EndpointSettings, endpoint_command, endpoint_environment, model_environment
from local.node import find_node, install_cdk
from local.processes import DIRECT, Command, Process, Processes, free_port

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

HERE = Path(__file__).parent
ORIGIN = "http://localhost:5173"


@dataclass(frozen=True, slots=True)
class Deployed:
    """The deployed scratch stack: its outputs and where things listen."""

    outputs: dict[str, str]
    emulator: EmulatorSettings
    settings: EndpointSettings
    endpoint: Process
    model: Process
    sick: Path

    @property
    def endpoint_url(self) -> str:
        return self.settings.url

    def client(self, service: str) -> Any:
        return client(service, self.emulator.url)

    def call(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any, dict[str, str]]:
        """A call of the HTTP API: status, body, headers."""
        url = api_url(self.emulator.url, self.outputs["ApiId"]) + path
        return send(urllib.request.Request(url, method=method, headers=headers or {}))

    def endpoint_state(self) -> dict[str, Any]:
        _, state, _ = send(urllib.request.Request(f"{self.endpoint_url}/_local/state"))
        return dict(state[self.outputs["EndpointName"]])

    def dispatch(self, name: str = "DispatchName", **arguments: Any) -> dict[str, Any]:
        """What the function that calls the endpoint returns, or its error."""
        payload = json.dumps(arguments).encode()
        answer = self.client("lambda").invoke(FunctionName=self.outputs[name], Payload=payload)
        return dict(json.load(answer["Payload"]))

    def ask(self, wish: str, **arguments: Any) -> dict[str, Any]:
        """Put a shard with the wish, call the endpoint, give the call's answer."""
        key = f"shards/{uuid.uuid4()}"
        self.client("s3").put_object(Bucket=self.outputs["MediaName"], Key=key, Body=wish.encode())
        return self.dispatch(InputLocation=f"s3://{self.outputs['MediaName']}/{key}", **arguments)

    def message_of(self, inference_id: str) -> dict[str, Any]:
        """The message about one inference, out of the collect queue."""
        return dict(eventually(lambda: self._messages().get(inference_id)))

    def _messages(self) -> dict[str, dict[str, Any]]:
        queue = self.client("sqs").receive_message(QueueUrl=self.outputs["CollectUrl"], MaxNumberOfMessages=10)
        bodies = [json.loads(message["Body"]) for message in queue.get("Messages", [])]
        return {body.get("inferenceId", body["eventName"]): body for body in bodies}


def send(request: urllib.request.Request) -> tuple[int, Any, dict[str, str]]:
    try:
        with DIRECT.open(request, timeout=20) as response:
            status, body, headers = response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        status, body, headers = error.code, error.read(), dict(error.headers)
    is_json = body[:1] in (b"{", b"[")
    return (
        status,
        json.loads(body) if is_json else body.decode(),
        {name.lower(): value for name, value in headers.items()},
    )


def eventually(look: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def deployed(emulator: EmulatorSettings, processes: Processes, endpoint_port: int, state: Path) -> Deployed:
    node = find_node()
    command_line = cdk.Cdk(
        node=node,
        script=install_cdk(REPOSITORY / "build" / "node", node, log=state / "logs" / "npm.log"),
        app=f"{sys.executable} {HERE / 'scratch_app' / 'app.py'}",
        folder=REPOSITORY,
        state=state,
        emulator_url=emulator.url,
    )
    cdk.bootstrap(command_line)
    outputs = cdk.deploy(command_line)["Scratch"]
    sick, model_port = state / "sick", free_port(18080)
    model_arguments = [sys.executable, str(HERE / "model_server.py"), str(model_port), str(sick)]
    model = processes.start(Command("model", model_arguments, {"PATH": os.environ["PATH"]}, REPOSITORY))
    settings = EndpointSettings(
        state=state, python=Path(sys.executable), emulator_url=emulator.url, port=endpoint_port,
        model_url=f"http://127.0.0.1:{model_port}",
    )  # fmt: skip
    endpoint = processes.start(
        Command("endpoint", endpoint_command(settings), endpoint_environment(settings), REPOSITORY)
    )
    endpoint.wait_until_healthy(settings.health_url)
    model.wait_until_healthy(f"http://127.0.0.1:{model_port}/ping")
    return Deployed(outputs, emulator, settings, endpoint, model, sick)


@pytest.fixture(scope="module")
def token(deployed: Deployed) -> str:
    """The access token of a person, made as an administrator makes one."""
    people, pool = deployed.client("cognito-idp"), deployed.outputs["PoolId"]
    people.admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")
    people.admin_set_user_password(UserPoolId=pool, Username="ada", Password="Long-enough-1", Permanent=True)
    answer = people.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=deployed.outputs["ClientId"],
        AuthParameters={"USERNAME": "ada", "PASSWORD": "Long-enough-1"},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def test_the_api_accepts_an_access_token_and_shows_its_claims(deployed: Deployed, token: str) -> None:
    status, body, _ = deployed.call("GET", "/api/v1/jobs", {"Authorization": f"Bearer {token}"})
    assert status == 200, body
    claims = body["claims"]
    assert claims["client_id"] == deployed.outputs["ClientId"]
    assert claims["token_use"] == "access"
    assert claims["sub"]


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense"])
def test_the_api_refuses_without_a_good_token(deployed: Deployed, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    assert deployed.call("GET", "/api/v1/jobs", headers)[0] == 401


def test_the_api_refuses_a_changed_token(deployed: Deployed, token: str) -> None:
    head, payload, signature = token.split(".")
    changed = f"{head}.{payload[:-4]}{'AAAA' if payload[-4:] != 'AAAA' else 'BBBB'}.{signature}"
    assert deployed.call("GET", "/api/v1/jobs", {"Authorization": f"Bearer {changed}"})[0] == 401


def test_the_api_answers_the_browsers_preflight(deployed: Deployed) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    status, _, answered = deployed.call("OPTIONS", "/api/v1/jobs", headers)
    assert (status // 100, answered["access-control-allow-origin"]) == (2, ORIGIN)


def upload(form: dict[str, Any], content: bytes, **changed: str) -> int:
    """Post a presigned form as a browser does; give the status."""
    boundary = uuid.uuid4().hex
    fields = {**form["fields"], **changed}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
    body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return send(urllib.request.Request(form["url"], data=body, method="POST", headers=headers))[0]


def test_an_upload_travels_to_the_table_and_its_bounds_hold(deployed: Deployed, token: str) -> None:
    form = deployed.call("POST", "/api/v1/uploads", {"Authorization": f"Bearer {token}"})[1]["form"]
    assert upload(form, b"x" * 1001) == 400
    assert upload(form, b"pixels", key="uploads/other.jpg") == 403
    assert upload(form, b"pixels") == 204
    table = deployed.client("dynamodb")
    key = {"pk": {"S": "uploads/photo.jpg"}}
    eventually(lambda: "Item" in table.get_item(TableName=deployed.outputs["TableName"], Key=key))
    name = deployed.outputs["IngestName"]
    eventually(lambda: "ingested uploads/photo.jpg" in recent_logs(deployed.emulator.url, name))


def test_only_the_failed_record_of_a_batch_is_retried_and_dies(deployed: Deployed) -> None:
    s3, sqs, table = deployed.client("s3"), deployed.client("sqs"), deployed.client("dynamodb")
    for name in ("good", "bad"):
        s3.put_object(Bucket=deployed.outputs["MediaName"], Key=f"uploads/{name}", Body=b"x")
    key = {"pk": {"S": "uploads/good"}}
    eventually(lambda: "Item" in table.get_item(TableName=deployed.outputs["TableName"], Key=key))
    dead = eventually(
        lambda: sqs.receive_message(QueueUrl=deployed.outputs["DeadQueueUrl"]).get("Messages"), timeout_s=30
    )
    assert "uploads/bad" in dead[0]["Body"]


def test_a_function_without_the_grant_may_not_call_the_endpoint(deployed: Deployed) -> None:
    answer = deployed.dispatch("StrangerName", InputLocation="s3://any/thing")
    assert "AccessDeniedException" in json.dumps(answer)
    assert "sagemaker:InvokeEndpointAsync" in json.dumps(answer)


def test_a_request_becomes_an_object_and_a_message(deployed: Deployed) -> None:
    answer = deployed.ask(
        "shard", InferenceId=f"job-{uuid.uuid4()}", CustomAttributes="attempt=1", ContentType="text/plain"
    )
    message = deployed.message_of(answer["InferenceId"])
    assert message["invocationStatus"] == "Completed"
    assert message["requestParameters"]["customAttributes"] == "attempt=1"
    assert message["responseParameters"]["outputLocation"] == answer["OutputLocation"]
    bucket, _, key = answer["OutputLocation"].removeprefix("s3://").partition("/")
    assert deployed.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"masks of shard"


def test_the_contract_is_enforced_with_modelled_errors(deployed: Deployed) -> None:
    runtime = client("sagemaker-runtime", deployed.endpoint_url)
    with pytest.raises(runtime.exceptions.ValidationError, match="inputLocation"):
        runtime.invoke_endpoint_async(EndpointName=deployed.outputs["EndpointName"], InputLocation="http://x/y")
    with pytest.raises(runtime.exceptions.ValidationError, match="not found"):
        runtime.invoke_endpoint_async(EndpointName="nobody", InputLocation="s3://x/y")


def test_a_changed_signature_is_refused(deployed: Deployed) -> None:
    _, keys, _ = send(urllib.request.Request(f"{deployed.endpoint_url}/credentials"))
    stranger = Credentials(keys["AccessKeyId"], "wrong", keys["Token"])
    runtime = client("sagemaker-runtime", deployed.endpoint_url, stranger)
    with pytest.raises(runtime.exceptions.ClientError, match=r"SignatureDoesNotMatch|InvalidSignature"):
        runtime.invoke_endpoint_async(EndpointName=deployed.outputs["EndpointName"], InputLocation="s3://x/y")


def test_a_failure_of_the_model_is_told_with_its_place(deployed: Deployed) -> None:
    answer = deployed.ask("status 400")
    message = deployed.message_of(answer["InferenceId"])
    assert "Received client error (400) from model" in message["failureReason"]
    assert message["responseParameters"]["failureLocation"] == answer["FailureLocation"]


def test_a_request_that_takes_too_long_fails(deployed: Deployed) -> None:
    message = deployed.message_of(deployed.ask("sleep 3", InvocationTimeoutSeconds=1)["InferenceId"])
    assert "Received server error (0) from model" in message["failureReason"]


def test_a_chunked_answer_fails(deployed: Deployed) -> None:
    message = deployed.message_of(deployed.ask("chunked")["InferenceId"])
    assert "could not get a response" in message["failureReason"]


def test_no_more_than_the_deployed_number_runs_at_once(deployed: Deployed) -> None:
    deployed.sick.touch()
    time.sleep(0.6)
    answers = [deployed.ask("sleep 1") for _ in range(4)]
    deployed.sick.unlink()
    seen = []
    while deployed.endpoint_state()["backlog"]:
        seen.append(deployed.endpoint_state()["running"])
        time.sleep(0.05)
    assert max(seen) == 2
    assert len({answer["OutputLocation"] for answer in answers}) == 4


def test_requests_wait_while_the_container_is_sick_or_the_stand_in_restarts(deployed: Deployed) -> None:
    deployed.sick.touch()
    time.sleep(0.6)
    answer = deployed.ask("patient")
    time.sleep(0.5)
    assert deployed.endpoint_state()["running"] == 0
    deployed.endpoint.kill()
    deployed.endpoint.start()
    deployed.endpoint.wait_until_healthy(f"{deployed.endpoint_url}/ping")
    deployed.sick.unlink()
    assert deployed.message_of(answer["InferenceId"])["invocationStatus"] == "Completed"


def test_a_container_that_dies_fails_its_request_and_the_next_waits_for_it(deployed: Deployed) -> None:
    answer = deployed.ask("die")
    message = deployed.message_of(answer["InferenceId"])
    assert "Received server error (0) from model" in message["failureReason"]
    time.sleep(0.6)
    waiting = deployed.ask("after")
    time.sleep(0.5)
    assert deployed.endpoint_state()["backlog"] == 1
    deployed.model.restart()
    assert deployed.message_of(waiting["InferenceId"])["invocationStatus"] == "Completed"


def test_the_model_server_is_bound_by_the_endpoints_role(deployed: Deployed) -> None:
    _, keys, _ = send(urllib.request.Request(f"{deployed.endpoint_url}/credentials"))
    s3 = client("s3", deployed.emulator.url, Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"]))
    s3.put_object(Bucket=deployed.outputs["MediaName"], Key="masks/mine", Body=b"x")
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket=deployed.outputs["MediaName"], Key="uploads/not-mine", Body=b"x")


def test_the_sdk_finds_the_role_through_the_credentials_address(deployed: Deployed) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    endpoint = read_endpoints(deployed.emulator.deployed_file)[deployed.outputs["EndpointName"]]
    environment = model_environment(endpoint, deployed.settings, path=os.environ["PATH"])
    assert environment["MASKMILL_ENGINE"] == "classic"
    assert environment["GLIBC_TUNABLES"] in (REPOSITORY / "inference_container" / "Dockerfile").read_text()
    process = Process(Command("sdk", [sys.executable, "-c", code], environment, REPOSITORY), deployed.sick.parent)
    process.start()
    eventually(lambda: not process.is_running)
    assert "assumed-role/Scratch-EndpointRole" in process.log.read_text()


@pytest.mark.slow
def test_the_schedule_fires(deployed: Deployed) -> None:
    table, key = deployed.client("dynamodb"), {"pk": {"S": "swept"}}
    eventually(lambda: "Item" in table.get_item(TableName=deployed.outputs["TableName"], Key=key), timeout_s=90)
