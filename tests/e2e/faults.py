"""Faults on the running cloud, and time that passes: what the tests of faults do to it. It judges nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.config import LOCAL
from local.aws import client
from local.cloud import Laptop
from local.emulator.environment import DEPLOYED_FILE, REGION
from local.endpoint.deployed import read_endpoints
from tests.e2e.conftest import User, endpoint_state
from tests.e2e.jobs import TERMINAL
from tests.e2e.wire import send

IDLE_S = 0.4  # nothing runs and nothing waits for the endpoint: what is not done by then was lost, or waits for minutes
HOUR_S = 3600
TEMPLATES = "templates-of-a-redeployment"
PATIENCE_S = 120.0


def tenant_of(user: User) -> str:
    """Whose rows are the user's: the subject of the access token."""
    claims = json.loads(user.profile.read_text())["token"]["access_token"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"])


def function_of(verb: str) -> str:
    """The deployed name of a function."""
    return f"{LOCAL.prefix}-{verb.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Chaos:
    """The local switches of the emulator and of the endpoint stand-in."""

    cloud: Laptop

    def kill_workers(self, **after_s: list[float]) -> None:
        """Kill -9 what runs a function, so many seconds after its next invocations begin."""
        self._ask("workers", {"kill_after_s": {function_of(verb): moments for verb, moments in after_s.items()}})

    def killed(self) -> dict[str, int]:
        return dict(self._ask("workers", {})["killed"])

    def busy(self) -> int:
        return int(self._ask("workers", {})["busy"])

    @contextmanager
    def troubles(self, **kinds: dict[str, Any]) -> Iterator[None]:
        """Services that are slow or busy, for as long as the block runs."""
        self._ask("troubles", kinds)
        try:
            yield
        finally:
            self._ask("troubles", {})

    def met(self) -> dict[str, int]:
        """What the troubles have met; it ends them."""
        return dict(self._ask("troubles", {})["met"])

    def callbacks(self, **faults: int) -> None:
        """What is to happen to the next notifications of the endpoint."""
        (name,) = read_endpoints(self.cloud.state / DEPLOYED_FILE)
        url = f"{self.cloud.endpoint.url}/_local/faults/{name}"
        assert send(url, "PUT", body=json.dumps(faults).encode()).status == 200

    def sleeping_endpoint(self) -> None:
        """Begin with the endpoint at zero, so that requests wait in its queue for a while."""
        self.cloud.stand_in.restart(grace_s=1.0)
        self._wait_for_stand_in()

    def kill_endpoint(self, *, keeps_queue: bool) -> None:
        """A power cut of the endpoint; it comes back, with or without what waited in its queue."""
        self.cloud.stand_in.kill()
        if not keeps_queue:
            for request in (self.cloud.state / "endpoint").rglob("*.json"):
                request.unlink()
        self.cloud.stand_in.start()
        self._wait_for_stand_in()

    def redeploy(self) -> str:
        """A deployment in which every function has changed, as `cdk deploy` asks CloudFormation for it."""
        stacks, moment = client("cloudformation", self.cloud.emulator_url), str(time.time())
        for stack in stacks.describe_stacks()["Stacks"]:
            if not stack["StackName"].startswith(LOCAL.prefix):
                continue
            template = stacks.get_template(StackName=stack["StackName"])["TemplateBody"]
            template = json.loads(template) if isinstance(template, str) else template
            functions = [
                one["Properties"]
                for one in template["Resources"].values()
                if one["Type"] == "AWS::Lambda::Function" and "Environment" in one["Properties"]
            ]
            if not functions:
                continue
            for function in functions:
                function["Environment"]["Variables"]["DEPLOYED_AT"] = moment
            stacks.update_stack(
                StackName=stack["StackName"],
                TemplateURL=self._laid(f"{stack['StackName']}.json", json.dumps(template)),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": one["ParameterKey"], "UsePreviousValue": True}
                    for one in stack.get("Parameters", [])
                ],
            )
        return moment

    def environment_of(self, verb: str) -> dict[str, str]:
        functions = client("lambda", self.cloud.emulator_url)
        return dict(functions.get_function_configuration(FunctionName=function_of(verb))["Environment"]["Variables"])

    def _laid(self, name: str, template: str) -> str:
        """Where CloudFormation reads a template that is too long to be sent along."""
        objects = client("s3", self.cloud.emulator_url)
        objects.create_bucket(Bucket=TEMPLATES)
        objects.put_object(Bucket=TEMPLATES, Key=name, Body=template.encode())
        return f"https://s3.{REGION}.amazonaws.com/{TEMPLATES}/{name}"

    def sweep(self) -> dict[str, int]:
        """Run the deployed sweep now, and tell what it repaired."""
        functions = client("lambda", self.cloud.emulator_url)
        answer = json.load(functions.invoke(FunctionName=function_of("sweep"))["Payload"])
        return dict(answer["repairs"])

    def time_passes(self, user: User, seconds: int) -> None:
        """Everything that the rows of a tenant say of times was so many seconds earlier."""
        tenant = tenant_of(user)
        table, name = client("dynamodb", self.cloud.emulator_url), self.cloud.outputs["TableName"]
        pages = table.get_paginator("scan").paginate(TableName=name)
        for row in (row for page in pages for row in page["Items"]):
            if f"T#{tenant}" in row["pk"]["S"]:
                _age(row, seconds)
                table.put_item(TableName=name, Item=row)

    def _wait_for_stand_in(self) -> None:
        self.cloud.stand_in.wait_until_healthy(self.cloud.endpoint.health_url)

    def _ask(self, switch: str, question: dict[str, Any]) -> dict[str, Any]:
        answer = send(f"{self.cloud.emulator_url}/_local/{switch}", "POST", body=json.dumps(question).encode())
        assert answer.status == 200, answer.body
        return dict(answer.values)


def _age(row: dict[str, Any], seconds: int) -> None:
    for name in ("due_at", "finish_until_s", "created_at_s"):
        _earlier(row, name, seconds)
    for item in row.get("items", {}).get("M", {}).values():
        for name in ("t", "u"):
            _earlier(item["M"], name, seconds)


def _earlier(values: dict[str, Any], name: str, seconds: int) -> None:
    if name in values:
        values[name]["N"] = str(int(values[name]["N"]) - seconds)


def ended(user: User, job_id: str) -> bool:
    """Whether the API says so; it may be busy, and is then asked again."""
    status, job = user.get(f"/jobs/{job_id}")
    assert status in {200, 503}, job
    return status == 200 and job["status"] in TERMINAL


def brought_to_its_end(chaos: Chaos, user: User, is_done: Callable[[], bool]) -> dict[str, int]:
    """Let hours pass whenever nothing moves any more, until it is done; gives what the sweep had to repair."""
    repairs: dict[str, int] = {}
    end, idle_since = time.monotonic() + PATIENCE_S, time.monotonic()
    while True:
        assert time.monotonic() < end, f"it never came to that; repaired were {repairs}"
        if chaos.busy() or endpoint_state(chaos.cloud)["backlog"]:
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > IDLE_S:
            if is_done():
                break
            chaos.time_passes(user, HOUR_S)
            for kind, times in chaos.sweep().items():
                repairs[kind] = repairs.get(kind, 0) + times
            idle_since = time.monotonic()
        time.sleep(0.1)
    return repairs
