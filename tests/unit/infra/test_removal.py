"""What is left of a stage when its stacks have gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.config import STAGES
from tests.unit.infra.cloud import Cloud

# What people brought, and who they are. Under another id in its template, a deployment would make a new and empty one.
KEPT = {
    "Table": "TableCD117FA1",
    "Uploads": "Uploads4F6EB0FD",
    "Media": "MediaA721A567",
    "Work": "WorkBF636A8B",
    "People/Pool": "PeoplePoolC64A4D1E",
}


def kept(cloud: Cloud) -> set[str]:
    """The names of what outlives its stack."""
    return {one.name for one in cloud.resources() if one.body.get("DeletionPolicy", "Delete") != "Delete"}


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_nothing_is_left_of_a_disposable_stage(stage: str, cloud_of: Callable[[str], Cloud]) -> None:
    assert STAGES[stage].is_disposable
    cloud = cloud_of(stage)
    assert kept(cloud) == set()
    assert not [one.name for one in cloud.resources() if one.body.get("UpdateReplacePolicy", "Delete") != "Delete"]


def test_production_keeps_what_people_brought(prod: Cloud) -> None:
    assert kept(prod) == KEPT.keys()


def test_no_deployment_replaces_what_people_brought(prod: Cloud) -> None:
    ids = {
        prod.name(stack, logical_id): logical_id
        for stack in prod.stacks
        for logical_id, body in prod.template(stack)["Resources"].items()
        if body.get("DeletionPolicy") == "Retain"
    }
    assert ids == KEPT


def test_no_log_is_made_that_a_stack_does_not_remove(cloud: Cloud) -> None:
    """A function, an endpoint or a door without a group of ours would make one that outlives it."""
    groups = cloud.resources("Logs::LogGroup")
    assert all(group.body["DeletionPolicy"] == "Delete" for group in groups)
    names = {cloud.text(group.stack, group.properties["LogGroupName"]) for group in groups}
    own = {f"<{group.name}>" for group in groups}
    for function in cloud.resources("Lambda::Function"):
        assert cloud.text(function.stack, function.properties["LoggingConfig"]["LogGroup"]) in own, function.name
    assert f"/aws/sagemaker/Endpoints/{STAGES[cloud.stage].endpoint_name}" in names


def test_nothing_may_make_a_log_anew(cloud: Cloud) -> None:
    allowed = {
        action
        for policy in cloud.resources("IAM::Policy")
        for entry in policy.properties["PolicyDocument"]["Statement"]
        for action in cloud.texts(policy.stack, entry["Action"])
    }
    assert "logs:CreateLogGroup" not in allowed
