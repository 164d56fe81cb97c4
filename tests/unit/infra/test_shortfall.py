"""The laptop's deployment says what its emulator does not hold, and forgets nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local.emulator.patches.recorded_types import RECORDED_TYPES
from local.shortfall import LEFT_OUT, NOT_DONE, STOOD_IN_FOR, of_assembly, shortfall
from tests.unit.infra.cloud import Cloud
from tests.unit.infra.test_synth import NATIVE


def test_every_type_is_held_or_spoken_of(local: Cloud) -> None:
    """Where the emulator holds a type itself, nothing stands in for it; what it does not hold is in the list."""
    types = {resource.type for resource in local.resources()}
    spoken_of = {line.split(" (")[0] for line in of_assembly(local.folder)}
    assert types - NATIVE <= spoken_of
    assert not NATIVE & STOOD_IN_FOR.keys()


def test_what_the_laptop_leaves_out_is_said(local: Cloud, cloud_of: Callable[[str], Cloud]) -> None:
    here = {resource.type for resource in local.resources()}
    for stage in ("dev", "prod"):
        assert {resource.type for resource in cloud_of(stage).resources()} - here <= LEFT_OUT.keys()
    assert not here & LEFT_OUT.keys()
    assert any(line.startswith("AWS::Budgets::Budget: left out") for line in of_assembly(local.folder))


def test_what_is_held_and_not_done_is_said_where_a_template_has_it(tmp_path: Path) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {}}}
    alarm = {"Type": "AWS::CloudWatch::CompositeAlarm"}
    lines = shortfall([{"Resources": {"A": bucket, "B": bucket, "C": {"Type": "AWS::S3::Bucket"}, "D": alarm}}])
    assert lines[:2] == [
        "AWS::CloudWatch::CompositeAlarm (1): recorded: it does nothing here",
        "AWS::S3::Bucket.LifecycleConfiguration (2): objects do not expire",
    ]
    assert len(lines) == 2 + len(LEFT_OUT)
    assert of_assembly(tmp_path) == lines[2:]


def test_the_laptops_own_templates_have_most_of_it(local: Cloud) -> None:
    said = " ".join(of_assembly(local.folder))
    for kind, name in (("ApiGatewayV2::Stage", "DefaultRouteSettings"), ("S3::Bucket", "LifecycleConfiguration")):
        assert f"AWS::{kind}.{name}" in said
    assert "AWS::SageMaker::Endpoint (1)" in said
    assert not {kind for kind, _ in NOT_DONE} & RECORDED_TYPES.keys()
