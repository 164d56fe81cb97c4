"""One test per correction of the emulator: what a deployed template or a client sees of it."""

import io
import json
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import ROOT, Credentials, client
from local.emulator.environment import ACCOUNT, REGION, EmulatorSettings
from local.emulator.patches.recorded_types import RECORDED_TYPES
from local.emulator.patches.role_sessions import trusts
from local.endpoint.cloud import CloudError, EmulatorCloud
from local.processes import DIRECT

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

HANDLER = """
import logging, os, time
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    time.sleep(event.get("sleep_s", 0))
    if event.get("log"):
        logging.getLogger("library").info("said %s", event["log"])
    return {"file": os.path.realpath(__file__), "pid": os.getpid()}
"""


def deploy(emulator: EmulatorSettings, name: str, resources: dict[str, Any]) -> dict[str, str]:
    """Create a stack and give the physical ids by logical id."""
    cloudformation = client("cloudformation", emulator.url)
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    found = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policies = [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": policies if statements else [],
        },
    }


def function(code: str = HANDLER, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": code},
            **properties,
        },
    }


def post(url: str, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, data=json.dumps(content).encode(), method="POST")
    try:
        with DIRECT.open(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def session_of(emulator: EmulatorSettings, role_name: str, service: str) -> tuple[int, dict[str, Any]]:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role_name}"
    return post(f"{emulator.url}/_local/role-session", {"role": arn, "service": service})


@pytest.fixture(scope="module")
def stack(emulator: EmulatorSettings) -> dict[str, str]:
    """A function with a reserved concurrency, a table with a TTL, an API with CORS, an alarm with metric math."""
    logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    return deploy(emulator, "patches", {
        "Role": role("lambda.amazonaws.com", logs),
        "Function": function(ReservedConcurrentExecutions=3),
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True}}},
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {
            "Name": "api", "ProtocolType": "HTTP",
            "CorsConfiguration": {"AllowOrigins": ["http://page.test"], "AllowMethods": ["GET"]}}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {
            "ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
            "AlarmName": "ratio", "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Metrics": [{"Id": "ratio", "Expression": "1 / 2", "ReturnData": True}]}},
    })  # fmt: skip


def test_loopback_requests_count_as_tls(emulator: EmulatorSettings) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::tls-only/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    names = deploy(emulator, "tls", {
        "Role": role("sagemaker.amazonaws.com", allow),
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "tls-only"}},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {
            "Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [deny]}}},
    })  # fmt: skip
    _, keys = session_of(emulator, names["Role"], "sagemaker.amazonaws.com")
    s3 = client("s3", emulator.url, Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"]))
    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")


def test_reserved_concurrency_of_the_template_is_applied(emulator: EmulatorSettings, stack: dict[str, str]) -> None:
    found = client("lambda", emulator.url).get_function_concurrency(FunctionName=stack["Function"])
    assert found["ReservedConcurrentExecutions"] == 3


def test_time_to_live_of_the_template_is_applied(emulator: EmulatorSettings, stack: dict[str, str]) -> None:
    found = client("dynamodb", emulator.url).describe_time_to_live(TableName=stack["Table"])
    assert found["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_cors_of_the_template_answers_a_preflight(emulator: EmulatorSettings, stack: dict[str, str]) -> None:
    headers = {"Origin": "http://page.test", "Access-Control-Request-Method": "GET"}
    url = f"{emulator.url}/_aws/execute-api/{stack['Api']}/$default/anything"
    with DIRECT.open(urllib.request.Request(url, method="OPTIONS", headers=headers), timeout=10) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "http://page.test"


def test_an_alarm_with_metric_math_is_recorded(stack: dict[str, str]) -> None:
    assert stack["Alarm"] == "ratio"


def test_recorded_types_deploy(emulator: EmulatorSettings) -> None:
    resources = {f"R{index}": {"Type": kind, "Properties": {}} for index, kind in enumerate(sorted(RECORDED_TYPES))}
    assert len(deploy(emulator, "recorded", resources)) == len(RECORDED_TYPES)


def test_a_type_that_is_not_listed_still_fails(emulator: EmulatorSettings) -> None:
    with pytest.raises(Exception, match="Unrecognized resource types"):
        deploy(emulator, "unlisted", {"X": {"Type": "AWS::Greengrass::Group", "Properties": {"Name": "x"}}})


def test_a_stack_is_done_when_its_creation_is_answered(emulator: EmulatorSettings) -> None:
    cloudformation = client("cloudformation", emulator.url)
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    cloudformation.create_stack(StackName="prompt", TemplateBody=json.dumps(template))
    assert cloudformation.describe_stacks(StackName="prompt")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_sagemaker_resources_are_written_down_and_removed(emulator: EmulatorSettings) -> None:
    names = deploy(emulator, "model", {
        "Role": role("sagemaker.amazonaws.com"),
        "Model": {"Type": "AWS::SageMaker::Model", "Properties": {
            "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "PrimaryContainer": {"Image": "image", "Environment": {"ENGINE": "classic"}}}},
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {
            "ProductionVariants": [{"VariantName": "main", "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}}]}},
        "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": {
            "EndpointName": "Written", "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}}},
        "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "DependsOn": "Endpoint", "Properties": {
            "ResourceId": "endpoint/Written/variant/main", "MinCapacity": 0, "MaxCapacity": 2,
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount", "ServiceNamespace": "sagemaker"}},
    })  # fmt: skip
    assert names["Endpoint"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/written"
    written = json.loads(emulator.deployed_file.read_text())
    config = written["endpoint_configs"][written["endpoints"]["Written"]["EndpointConfigName"]]
    model = written["models"][config["ProductionVariants"][0]["ModelName"]]
    assert model["PrimaryContainer"]["Environment"] == {"ENGINE": "classic"}
    assert model["ExecutionRoleArn"].endswith(names["Role"])
    assert written["scalable_targets"]["endpoint/Written/variant/main"]["MinCapacity"] == 0
    client("cloudformation", emulator.url).delete_stack(StackName="model")
    wait_for(lambda: "Written" not in json.loads(emulator.deployed_file.read_text())["endpoints"])


def test_a_function_that_prints_nothing_answers_at_once(emulator: EmulatorSettings, stack: dict[str, str]) -> None:
    functions = client("lambda", emulator.url)
    functions.invoke(FunctionName=stack["Function"], Payload=b"{}")
    seconds = []
    for _ in range(5):
        started = time.monotonic()
        functions.invoke(FunctionName=stack["Function"], Payload=b"{}")
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.045


def test_info_lines_of_the_root_logger_are_kept(emulator: EmulatorSettings, stack: dict[str, str]) -> None:
    client("lambda", emulator.url).invoke(FunctionName=stack["Function"], Payload=b'{"log": "hello"}')
    logs = client("logs", emulator.url)

    def is_there() -> bool:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{stack['Function']}")["events"]
        return any("said hello" in event["message"] for event in events)

    wait_for(is_there)


def test_workers_of_one_package_share_its_code(emulator: EmulatorSettings) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", HANDLER)
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    iam, functions = client("iam", emulator.url), client("lambda", emulator.url)
    arn = iam.create_role(RoleName="shared", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    answers = []
    for name in ("one", "two"):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=arn,
            Handler="index.handler",
            Code={"ZipFile": package.getvalue()},
        )
        answers.append(json.load(functions.invoke(FunctionName=name, Payload=b"{}")["Payload"]))
    assert answers[0]["pid"] != answers[1]["pid"]
    assert answers[0]["file"] == answers[1]["file"]


def test_a_role_session_is_given_to_the_trusted_service_alone(emulator: EmulatorSettings) -> None:
    names = deploy(emulator, "trust", {"Role": role("sagemaker.amazonaws.com")})
    status, keys = session_of(emulator, names["Role"], "sagemaker.amazonaws.com")
    assert status == 200
    who = client("sts", emulator.url, Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"]))
    assert f"assumed-role/{names['Role']}/" in who.get_caller_identity()["Arn"]
    assert session_of(emulator, names["Role"], "lambda.amazonaws.com")[0] == 403


def test_trust_reads_lists_and_single_values() -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": ["a", "b"]}, "Action": ["sts:AssumeRole"]}
    assert trusts({"Statement": statement}, "b")
    assert not trusts({"Statement": {**statement, "Effect": "Deny"}}, "b")
    assert not trusts({"Statement": {**statement, "Principal": "*"}}, "b")


def test_an_unsigned_question_is_not_authorized(emulator: EmulatorSettings) -> None:
    question = {
        "action": "sagemaker:InvokeEndpointAsync",
        "resource": "*",
        "method": "POST",
        "path": "/",
        "headers": {},
    }
    status, answer = post(f"{emulator.url}/_local/authorize", question)
    assert (status, answer["allowed"], answer["code"]) == (200, False, "MissingAuthenticationToken")


def test_the_root_keys_are_those_of_the_clients() -> None:
    assert Credentials("test", "test", None) == ROOT


def wait_for(is_true: Any, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_whoever_may_send_a_message_may_send_a_batch(emulator: EmulatorSettings) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "batches"}}
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:batches"
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    made = deploy(emulator, "batches", {"Queue": queue, "Role": role("lambda.amazonaws.com", allow)})
    status, session = session_of(emulator, made["Role"], "lambda.amazonaws.com")
    assert status == 200
    keys = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["Token"])
    answer = client("sqs", emulator.url, keys).send_message_batch(
        QueueUrl=made["Queue"], Entries=[{"Id": "1", "MessageBody": "hello"}]
    )
    assert len(answer["Successful"]) == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        client("sqs", emulator.url, keys).delete_message_batch(
            QueueUrl=made["Queue"], Entries=[{"Id": "1", "ReceiptHandle": "x"}]
        )


def test_it_is_noted_which_right_let_a_call_pass(emulator: EmulatorSettings) -> None:
    arns = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("noted", "no*", "other")]
    allow = {"Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Resource": arns}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "noted"}}
    made = deploy(emulator, "noted", {"Queue": queue, "Role": role("lambda.amazonaws.com", allow)})
    post(f"{emulator.url}/_local/decisions", {"reset": True})
    for session in ("anything", "probe"):
        question = {"role": f"arn:aws:iam::{ACCOUNT}:role/{made['Role']}", "service": "lambda.amazonaws.com"}
        _, found = post(f"{emulator.url}/_local/role-session", {**question, "session": session})
        keys = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
        client("sqs", emulator.url, keys).get_queue_url(QueueName="noted")
        with pytest.raises(ClientError, match="AccessDenied"):
            client("sqs", emulator.url, keys).purge_queue(QueueUrl=made["Queue"])
    _, noted = post(f"{emulator.url}/_local/decisions", {})
    assert [entry for entry in noted["passed"] if entry[0] == made["Role"]] == [
        [made["Role"], "sqs:GetQueueUrl", [arns[1], arns[0]], 1]
    ]
    assert [entry for entry in noted["denied"] if entry[0] == made["Role"]] == [
        [made["Role"], "sqs:PurgeQueue", arns[0], 1]
    ]


def test_a_queue_is_read_with_the_rights_of_the_function_alone(emulator: EmulatorSettings) -> None:
    name, actions = "read", ["sqs:ReceiveMessage", "sqs:GetQueueAttributes", "sqs:DeleteMessage"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    statement = {"Effect": "Allow", "Action": actions[:2], "Resource": arn}
    made = deploy(emulator, name, {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}},
        "Role": role("lambda.amazonaws.com", statement),
        "Function": function(),
        "Source": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": arn, "FunctionName": {"Ref": "Function"}},
            "DependsOn": ["Queue"],
        },
    })  # fmt: skip
    sqs, url = client("sqs", emulator.url), made["Queue"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")

    def waiting() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, counts.values()))

    time.sleep(1.5)
    assert waiting() == 1
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Action": actions}]}
    client("iam", emulator.url).put_role_policy(
        RoleName=made["Role"], PolicyName="own", PolicyDocument=json.dumps(policy)
    )
    wait_for(lambda: waiting() == 0)


def test_a_log_is_written_with_the_rights_of_the_function_alone(emulator: EmulatorSettings) -> None:
    names = deploy(emulator, "unlogged", {"Role": role("lambda.amazonaws.com"), "Function": function()})
    client("lambda", emulator.url).invoke(FunctionName=names["Function"], Payload=b'{"log": "hello"}')
    groups = client("logs", emulator.url).describe_log_groups()["logGroups"]
    assert f"/aws/lambda/{names['Function']}" not in {group["logGroupName"] for group in groups}


@contextmanager
def listening(port: int, *, status: int, delay_s: float = 0.0) -> Iterator[list[tuple[str, Any]]]:
    """A model server that answers every call with its body; gives the calls."""
    calls: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append((self.path, json.loads(body)))
            time.sleep(delay_s)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield calls
        finally:
            server.shutdown()
            thread.join()


def test_a_function_that_is_an_image_is_a_call_of_the_model_server(emulator: EmulatorSettings, model_port: int) -> None:
    image = {"PackageType": "Image", "Code": {"ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/model:1"}}
    properties = {**image, "Timeout": 1, "Role": {"Fn::GetAtt": ["Role", "Arn"]}}
    names = deploy(emulator, "image", {
        "Role": role("lambda.amazonaws.com"),
        "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
    })  # fmt: skip

    def invoke() -> tuple[str | None, Any]:
        payload = json.dumps({"images": ["ä"]}, ensure_ascii=False).encode()
        answer = client("lambda", emulator.url).invoke(FunctionName=names["Function"], Payload=payload)
        return answer.get("FunctionError"), json.load(answer["Payload"])

    for status in (200, 503):  # a refusal is an answer, too
        with listening(model_port, status=status) as calls:
            assert invoke() == (None, {"images": ["ä"]})
            assert calls == [("/invocations", {"images": ["ä"]})]
    with listening(model_port, status=200, delay_s=1.3):
        assert invoke()[1]["errorType"] == "Sandbox.Timedout"
    failed, problem = invoke()
    assert (failed, problem["errorType"]) == ("Unhandled", "Runtime.ExitError")


def drained(emulator: EmulatorSettings, url: str) -> str:
    """The bodies of all messages, received and deleted one by one."""
    sqs, bodies = client("sqs", emulator.url), ""
    while True:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=0).get("Messages", [])
        if not found:
            return bodies
        bodies += found[0]["Body"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])


def test_a_standard_queue_serves_its_groups_in_turn(emulator: EmulatorSettings) -> None:
    sqs = client("sqs", emulator.url)
    url = sqs.create_queue(QueueName="fair")["QueueUrl"]
    for group in "aaaaaabbc":
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group)
    assert drained(emulator, url) == "abcabaaaa"


def test_a_group_that_is_being_worked_on_lets_others_go_first(emulator: EmulatorSettings) -> None:
    sqs = client("sqs", emulator.url)
    url = sqs.create_queue(QueueName="busy")["QueueUrl"]
    for group in "aaaa":
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)
    sqs.send_message(QueueUrl=url, MessageBody="b", MessageGroupId="b")
    assert drained(emulator, url) == "baa"


def test_a_queue_without_groups_keeps_its_order(emulator: EmulatorSettings) -> None:
    sqs = client("sqs", emulator.url)
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    for body in "abcd":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert drained(emulator, url) == "abcd"


def test_a_function_may_die_in_the_middle_of_its_work(emulator: EmulatorSettings, stack: dict[str, str]) -> None:
    functions, name = client("lambda", emulator.url), stack["Function"]
    first = json.load(functions.invoke(FunctionName=name, Payload=b"{}")["Payload"])
    post(f"{emulator.url}/_local/workers", {"kill_after_s": {name: [0.1]}})
    died = functions.invoke(FunctionName=name, Payload=b'{"sleep_s": 5}')
    assert died["FunctionError"] == "Unhandled"
    again = json.load(functions.invoke(FunctionName=name, Payload=b"{}")["Payload"])
    assert again["pid"] != first["pid"]
    assert post(f"{emulator.url}/_local/workers", {})[1] == {"killed": {name: 1}, "busy": 0}


def test_a_service_may_be_slow_or_busy_for_a_while(emulator: EmulatorSettings) -> None:
    sqs = client("sqs", emulator.url)
    url = sqs.create_queue(QueueName="troubled")["QueueUrl"]
    troubles = {"delay_s": {"sqs": 0.2}, "refuse": {"sqs SendMessage": 3, "s3 ListObjectsV2": 3}}
    post(f"{emulator.url}/_local/troubles", troubles)
    began = time.monotonic()
    with pytest.raises(ClientError, match="RequestThrottled"):
        sqs.send_message(QueueUrl=url, MessageBody="x")  # the client tries three times
    assert time.monotonic() - began > 0.6
    with pytest.raises(ClientError, match="SlowDown"):
        client("s3", emulator.url).list_objects_v2(Bucket="absent")
    _, answer = post(f"{emulator.url}/_local/troubles", {})
    assert answer["met"] == {"sqs SendMessage": 3, "s3 ListObjectsV2": 3}
    sqs.send_message(QueueUrl=url, MessageBody="x")


def test_a_role_that_may_write_to_a_log_writes_to_its_streams_and_to_no_other_log(emulator: EmulatorSettings) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/drill/own:*"
    may = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": arn}
    names = deploy(emulator, "log-streams", {"Role": role("sagemaker.amazonaws.com", may)})
    logs = client("logs", emulator.url)
    for group in ("/drill/own", "/drill/other"):
        logs.create_log_group(logGroupName=group)
    cloud, writer = EmulatorCloud(emulator.url), f"arn:aws:iam::{ACCOUNT}:role/{names['Role']}"
    lines = [(int(time.time() * 1000), "a line")]
    for _ in range(2):
        cloud.write_log(writer, "/drill/own", "s", lines)
    found = logs.get_log_events(logGroupName="/drill/own", logStreamName="s")["events"]
    assert [event["message"] for event in found] == ["a line", "a line"]
    with pytest.raises(CloudError, match="AccessDenied"):
        cloud.write_log(writer, "/drill/other", "s", lines)
