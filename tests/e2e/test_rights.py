"""What every role was allowed and refused while all other tests on the deployed stacks ran.

The emulator notes which right let each call of a function pass. Every right must have let pass a call that no other
right of its role would have let pass, or stand in UNPLAYED with the reason why no such call comes about here; the calls
of tests that play a role do not count. Without the right such a call is refused: the canaries show that the emulator
refuses. That a refused call is missed is shown in process, where rights are taken away one at a time.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.config import LOCAL
from local.aws import client
from local.cloud import Laptop
from tests.e2e.wire import send

pytestmark = [pytest.mark.integration, pytest.mark.last]

Right = tuple[str, str, str]  # a role by its construct, an action, a resource

# The tests whose calls are looked at: without one of them some right would seem surplus.
NEEDS = {
    "test_doors.py",
    "test_exports.py",
    "test_lane.py",
    "test_live.py",
    "test_main_job.py",
    "test_removal.py",
    "test_roles.py",
    "test_webhooks.py",
}
AFTER_FAULTS = "comes after a fault or a race; tests/simulation/test_rights.py takes it away"
IN_PROCESS = "tests/contract/api/test_api_rights.py takes it away"
NOTHING_THERE = "only says that an object is missing and not forbidden; the tests in process take it away"
SILENT = "a function that says nothing writes no log"
NOT_HERE = "the emulator has no such service, or plays it with other keys"
LONG = "only of what is too long for a row; tests/unit/lambdas/test_studio_rights.py and the simulation have it"
UNPLAYED = {  # a role, an action and a resource as one text
    "Sweep *": AFTER_FAULTS,
    "BuryLetters *": AFTER_FAULTS,
    "CollectMasks s3:GetObject */async-failed/*": AFTER_FAULTS,
    "CollectMasks sqs:SendMessage *DispatchQueue*": AFTER_FAULTS,
    "CollectMasks sqs:SendMessage *FinishQueue*": AFTER_FAULTS,
    "CollectMasks s3:PutObject */masks/*": LONG,
    "RenderItem s3:GetObject */masks/*": LONG,
    "RenderItem s3:GetObject */labels/*": LONG,
    "RenderItem s3:GetObject */variants/*": LONG,
    "DispatchShard sqs:SendMessage *": AFTER_FAULTS,
    "ExportDataset sqs:SendMessage *ExportQueue*": AFTER_FAULTS,
    "PlanJob sqs:SendMessage *PlanQueue*": "only a job of more chunks than one run plans; the simulation's has them",
    "RemoveDataset sqs:SendMessage *RemoveQueue*": AFTER_FAULTS,
    "RemoveDataset s3:DeleteObject */async-failed/*": AFTER_FAULTS,
    "FinishJob s3:GetObject */chunks/*": AFTER_FAULTS,
    "FinishJob s3:GetObject */labels/*": LONG,
    "FinishJob s3:GetObject */variants/*": LONG,
    "ExportDataset s3:GetObject */chunks/*": "only of a picture behind cut-outs; tests/unit/lambdas packs one",
    "* s3:AbortMultipartUpload *": AFTER_FAULTS,
    "PushProgress dynamodb:DeleteItem *": "only of a socket that has gone without a word; the simulation's do",
    "PushProgress sqs:SendMessage *ProgressLetters*": AFTER_FAULTS,
    "HoldConnection execute-api:ManageConnections */DELETE/*": "only of a socket too many; tests/unit/lambdas has them",
    "ServeApi s3:GetObject *": IN_PROCESS,
    "ServeApi sqs:SendMessage *ExportQueue*": IN_PROCESS,
    "* s3:ListBucket *": NOTHING_THERE,
    "* logs:*": SILENT,
    "PublishPage s3:DeleteObject *": "only when a page has been published before; tests/unit/lambdas has one",
    "SwitchSpending *": "only when a budget is spent; tests/unit/lambdas has one",
    "MakeKey ssm:*": "only when the stack goes; tests/unit/lambdas makes it go",
    "Lane *": NOT_HERE,
    "Endpoint cloudwatch:*": NOT_HERE,
    "Endpoint ecr:*": NOT_HERE,
    "Endpoint s3:* */embeddings/*": "only of a segmenter with weights; tests/container has one",
    "Endpoint s3:PutObject */async-failed/*": AFTER_FAULTS,
}


def asked(cloud: Laptop) -> dict[str, list[Any]]:
    answer: dict[str, list[Any]] = send(f"{cloud.emulator_url}/_local/decisions", "POST", body=b"{}").values
    return answer


def granted(cloud: Laptop) -> Iterator[Right]:
    """Every right of the deployed roles, an action and a resource each."""
    iam = client("iam", cloud.emulator_url)
    for page in iam.get_paginator("list_roles").paginate():
        for role in (one["RoleName"] for one in page["Roles"] if one["RoleName"].startswith(LOCAL.prefix)):
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                for statement in document["Statement"]:
                    assert statement["Effect"] == "Allow"
                    for action in listed(statement["Action"]):
                        yield from ((named(role), action, resource) for resource in listed(statement["Resource"]))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def named(role: str) -> str:
    """A role by the name of its construct; the endpoint's has none but Role."""
    return re.sub(rf"^{LOCAL.prefix}-[a-z]+-(\w*?)Role[0-9A-F].*$", r"\1", role) or "Endpoint"


def is_unplayed(right: Right) -> bool:
    return any(fnmatch.fnmatchcase(" ".join(right), pattern) for pattern in UNPLAYED)


def test_every_right_let_a_call_pass_that_no_other_would_have(cloud: Laptop, request: pytest.FixtureRequest) -> None:
    ran = {Path(item.path).name for item in request.session.items}
    if not ran >= NEEDS:
        pytest.skip(f"only after {sorted(NEEDS - ran)}")
    noted = asked(cloud)["passed"]
    alone = {(named(role), action, resources[0]) for role, action, resources, _ in noted if len(resources) == 1}
    rights = set(granted(cloud))
    assert [right for right in sorted(rights - alone) if not is_unplayed(right)] == []
    texts = [" ".join(right) for right in rights]
    assert [pattern for pattern in UNPLAYED if not fnmatch.filter(texts, pattern)] == [], "of no right any more"


def test_nothing_that_a_function_asked_for_was_refused(cloud: Laptop) -> None:
    assert asked(cloud)["denied"] == []
