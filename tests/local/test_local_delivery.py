"""How a stage leaves an account: on the emulator, with the calls that would reach AWS; and what is asked before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.idle import QUEUE_READER, idle, told
from local.delivery import __main__ as delivery
from local.delivery.__main__ import Asked
from local.delivery.account import Account, stacks_of
from local.delivery.removal import remaining, remove
from local.emulator.environment import EmulatorSettings
from maskmill.core.prices import Upkeep
from tests.emulator import account_of

PREFIX = "maskmill-dev"
TAGS = [{"Key": "application", "Value": "maskmill"}, {"Key": "stage", "Value": "dev"}]


@pytest.fixture
def account(emulator: EmulatorSettings) -> Account:
    return account_of(emulator.url)


def bucket(name: str, policy: str) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy, "Properties": {"BucketName": name}}


@pytest.fixture
def stacks(account: Account) -> Iterator[Account]:
    """Two stacks of a stage, one of another, and files in every bucket."""
    cloudformation, s3 = account.client("cloudformation"), account.client("s3")
    wanted = {
        "maskmill-dev-data": {"Media": bucket("d-media", "Delete"), "Kept": bucket("d-kept", "Retain")},
        "maskmill-dev-web": {"Site": bucket("d-site", "Delete")},
        "maskmill-development-data": {"Media": bucket("d-other", "Delete")},
    }
    for name, resources in wanted.items():
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    for name in ("d-media", "d-kept", "d-site", "d-other"):
        s3.put_object(Bucket=name, Key="t/a/picture", Body=b"x")
    s3.put_bucket_tagging(Bucket="d-kept", Tagging={"TagSet": TAGS})  # the emulator drops those of a template
    yield account
    for name in stacks_of(account, "maskmill"):
        cloudformation.delete_stack(StackName=name)


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_stage_goes_with_what_may_go_and_nothing_of_another(stacks: Account) -> None:
    lines: list[str] = []
    assert stacks_of(stacks, PREFIX) == ["maskmill-dev-web", "maskmill-dev-data"]
    remove(stacks, PREFIX, tell=lines.append)
    assert lines == [
        "maskmill-dev-web: emptied d-site of 1 objects",
        "maskmill-dev-web: removed",
        "maskmill-dev-data: emptied d-media of 1 objects",
        "maskmill-dev-data: removed",
    ]
    s3 = stacks.client("s3")
    names = {one["Name"] for one in s3.list_buckets()["Buckets"]}
    assert {"d-kept", "d-other"} <= names
    assert not names & {"d-media", "d-site"}
    assert s3.list_objects_v2(Bucket="d-kept")["KeyCount"] == 1
    assert stacks_of(stacks, "maskmill") == ["maskmill-development-data"]
    assert remaining(stacks, PREFIX, "dev") == ["arn:aws:s3:::d-kept"]
    remove(stacks, PREFIX, tell=lines.append)
    assert len(lines) == 4  # there was nothing left to do


def asked(*answers: str, stage: str = "dev", yes: bool = False) -> tuple[Asked, list[str]]:
    questions: list[str] = []
    left = list(answers)

    def answer(question: str) -> str:
        questions.append(question)
        if not left:
            raise EOFError
        return left.pop(0)

    return Asked(Account("123456789012", "eu-west-1", None), stage, answer, yes), questions


def test_nothing_goes_before_somebody_types_the_stages_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone: list[str] = []
    monkeypatch.setattr(delivery, "stacks_of", lambda account, prefix: [f"{prefix}-data"])
    monkeypatch.setattr(delivery, "remove", lambda account, prefix: gone.append(prefix))
    monkeypatch.setattr(delivery, "remaining", lambda account, prefix, stage: ["table X"])
    monkeypatch.setattr(delivery, "shared", lambda account: ["bucket Y"])
    for answers in (("yes",), ("prod",), ()):
        assert delivery.destroy(asked(*answers)[0]) == 1
    assert not gone
    wanted, questions = asked("prod", stage="prod")
    assert delivery.destroy(wanted) == 0
    assert gone == ["maskmill-prod"]
    assert "stay" in questions[0]
    said = capsys.readouterr().out
    assert "maskmill-prod in account 123456789012, region eu-west-1" in said
    assert "table X" in said and "bucket Y" in said


class Deployment:
    """A command line that records what it was asked."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def synth(self) -> list[dict[str, Any]]:
        self.did.append("synth")
        return [{"Resources": {"A": {"Type": "AWS::CloudWatch::Alarm"}}}]

    def deploy(self, *, asks: bool) -> dict[str, str]:
        self.did.append(f"deploy, asking: {asks}")
        return {"ApiUrl": "u", "PageUrl": "p", "UserPoolClientId": "c", "SignInUrl": "s"}


def test_the_first_deployment_says_where_and_for_how_much_and_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there: list[str] = []
    waited: list[str] = []
    monkeypatch.setattr(delivery, "stacks_of", lambda account, prefix: there)
    monkeypatch.setattr(delivery, "_wait_for", waited.append)
    made: Any = Deployment()
    assert delivery.deploy(asked("no")[0], made) == 1
    assert made.did == ["synth"]
    assert delivery.deploy(asked("dev")[0], made) == 0
    assert made.did[1:] == ["synth", "deploy, asking: True"]
    said = capsys.readouterr().out
    assert "maskmill-dev in account 123456789012, region eu-west-1" in said
    assert "$  0.10  a month while nobody works" in said
    assert "maskmill login --api u --client-id c --sign-in s" in said
    assert waited == ["u/health"]
    there.append("maskmill-dev-data")
    wanted, questions = asked()
    assert delivery.deploy(wanted, made) == 0  # it is not the first one
    assert not questions
    there.clear()
    assert delivery.deploy(replace(wanted, yes=True), made) == 0
    assert made.did[-1] == "deploy, asking: False"


def test_nobody_is_trusted_before_somebody_types_the_stages_name(capsys: pytest.CaptureFixture[str]) -> None:
    made: Any = Deployment()
    assert delivery.open_road(asked("y")[0], made) == 1
    assert made.did == ["synth"]
    assert delivery.open_road(asked("dev")[0], made) == 0
    assert "ApiUrl: u" in capsys.readouterr().out


def test_what_is_paid_for_by_being_there_is_counted() -> None:
    kinds: dict[str, dict[str, Any]] = {
        "Alarm": {"Type": "AWS::CloudWatch::Alarm"},
        "Share": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"Metrics": [{"Expression": "a / b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
        },
        "Wall": {"Type": "AWS::WAFv2::WebACL", "Properties": {"Rules": [{}, {}]}},
        "Reader": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {}},
        "Changes": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"StartingPosition": "LATEST"}},
        "Door": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Interface"}},
        "Gate": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}},
        "Function": {"Type": "AWS::Lambda::Function"},
        "Asleep": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"AsyncInferenceConfig": {}}},
        "Awake": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [{"InstanceType": "ml.c6i.xlarge", "InitialInstanceCount": 1}]},
        },
    }
    lines = idle([{"Resources": kinds}, {}])
    assert {line.what: (line.count, round(line.dollars, 2)) for line in lines} == {
        "an instance ml.c6i.xlarge, always awake": (1, 148.92),
        Upkeep.NETWORK_DOOR: (2, 14.60),
        Upkeep.FIREWALL: (1, 5.0),
        Upkeep.FIREWALL_RULE: (2, 2.0),
        Upkeep.ALARM: (3, 0.3),  # an alarm on an expression is paid for by its metrics
        QUEUE_READER: (1, 0.26),
    }
    assert told(lines)[-1] == "  $171.08  a month while nobody works"
    assert {line.what: round(line.dollars_forgiven, 2) for line in lines if line.free} == {
        Upkeep.ALARM: 0.3,
        QUEUE_READER: 0.26,
    }
