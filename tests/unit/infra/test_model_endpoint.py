"""What a change of the plan changes: names that follow from content, instances that stand in, and what must stay."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra import shapes
from infra.constructs.model_endpoint import ModelEndpoint
from infra.constructs.queue import WorkQueue
from infra.constructs.topics import AnswerTopics
from infra.context import BadConfiguration, chosen
from infra.plans import SEGMENTERS, EndpointPlan, Segmenter, realtime
from maskmill.core.engines import Engine
from maskmill.core.messages import QueueName

PACKAGE = "ab" * 32
SAM = replace(SEGMENTERS["sam-vit-b"], weights=f"s3://models/sam-vit-b/{PACKAGE}/")
NAME = "maskmill-prod"


@cache
def deployed(plan: EndpointPlan, image: str = "an-image") -> dict[str, tuple[str, dict[str, Any]]]:
    """The logical id and the properties of each resource of SageMaker, by its kind."""
    stack = cdk.Stack(cdk.App(analytics_reporting=False), "Stack")
    queue = WorkQueue(stack, QueueName.COLLECT, read_by=shapes.COLLECT_MASKS)
    ModelEndpoint(
        stack,
        "Segmenter",
        name=NAME,
        plan=plan,
        image_uri=image,
        role=iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")),
        work=s3.Bucket(stack, "Work"),
        topics=AnswerTopics(stack, "Answers", to=queue),
    )
    resources: dict[str, Any] = cdk.App.of(stack).synth().get_stack_by_name("Stack").template["Resources"]
    return {
        body["Type"].rpartition("::")[2]: (logical_id, body["Properties"])
        for logical_id, body in resources.items()
        if body["Type"].startswith("AWS::SageMaker::")
    }


def names(plan: EndpointPlan, image: str = "an-image") -> tuple[str, str, str]:
    """Those of the endpoint, its configuration and its model."""
    found = deployed(plan, image)
    named = {"Endpoint": "EndpointName", "EndpointConfig": "EndpointConfigName", "Model": "ModelName"}
    endpoint, config, model = (found[kind][1][name] for kind, name in named.items())
    return endpoint, config, model


BASE = EndpointPlan(segmenter=SAM)
CHANGES = {
    "other weights": replace(BASE, segmenter=replace(SAM, weights=f"s3://models/sam-vit-b/{'cd' * 32}/")),
    "another engine": replace(BASE, segmenter=replace(SEGMENTERS["sam-vit-h"], weights=SAM.weights)),
    "another deadline": replace(BASE, invocation_timeout_s=600),
}


@pytest.mark.parametrize("plan", CHANGES.values(), ids=CHANGES)
def test_a_changed_model_has_a_new_name_and_so_has_its_configuration_while_the_endpoint_keeps_its_own(
    plan: EndpointPlan,
) -> None:
    before, after = names(BASE), names(plan)
    assert before[0] == after[0] == NAME
    assert before[1] != after[1]
    assert before[2] != after[2]


def test_another_image_is_another_model() -> None:
    assert names(BASE, "an-image")[1:] != names(BASE, "another-image")[1:]


def test_another_instance_type_is_another_configuration_of_the_same_model() -> None:
    before, after = names(BASE), names(replace(BASE, segmenter=replace(SAM, instance_types=("ml.g6.xlarge",))))
    assert before[1] != after[1]
    assert before[2] == after[2]


def test_what_the_endpoint_does_not_hold_changes_no_name() -> None:
    later = replace(BASE, instances_max=4, idle_min=9, shard_items=3, queue_life_s=600)
    assert names(BASE) == names(EndpointPlan(segmenter=SAM)) == names(later)


def test_the_endpoint_is_updated_in_place_and_the_old_model_goes_after_it() -> None:
    """The resources keep their ids: what takes over is made first, then the endpoint follows, then the old one goes."""
    before, after = deployed(BASE), deployed(CHANGES["other weights"])
    assert {kind: found[0] for kind, found in before.items()} == {kind: found[0] for kind, found in after.items()}
    config_id = before["EndpointConfig"][0]
    reference = before["Endpoint"][1]["EndpointConfigName"]
    assert reference == {"Fn::GetAtt": [config_id, "EndpointConfigName"]}


@pytest.mark.parametrize("engine", Engine)
def test_names_are_what_the_service_takes(engine: Engine) -> None:
    many = ("ml.g6e.48xlarge", "ml.p4de.24xlarge", "ml.g5.12xlarge", "ml.g4dn.12xlarge")
    segmenter = replace(SEGMENTERS[engine], sha256="0" * 64, instance_types=many)
    plan = EndpointPlan(segmenter=segmenter)
    (variant,) = deployed(plan)["EndpointConfig"][1]["ProductionVariants"]
    for name in (*names(plan), variant["VariantName"]):
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name), name


def variant_of(*types: str) -> dict[str, Any]:
    plan = replace(BASE, segmenter=replace(SAM, instance_types=types))
    (variant,) = deployed(plan)["EndpointConfig"][1]["ProductionVariants"]
    found: dict[str, Any] = variant
    return found


def test_several_types_are_pools_in_their_order() -> None:
    variant = variant_of("ml.g6.xlarge", "ml.g5.xlarge")
    assert "InstanceType" not in variant
    assert variant["InstancePools"] == [
        {"InstanceType": "ml.g6.xlarge", "Priority": 1},
        {"InstanceType": "ml.g5.xlarge", "Priority": 2},
    ]
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert 300 <= variant["VariantInstanceProvisionTimeoutInSeconds"] <= 3600
    assert variant["VariantName"] == "ml-g6-xlarge-g5-xlarge"


def test_one_type_is_no_pool() -> None:
    variant = variant_of("ml.g5.xlarge")
    assert variant["InstanceType"] == "ml.g5.xlarge"
    assert "InstancePools" not in variant


def test_a_gpu_has_a_driver_for_the_images_libraries_and_the_server_insists_on_it() -> None:
    """torch's CUDA 13 needs a driver of 580 or newer; with an older one it would quietly use the processor."""
    found = deployed(BASE)
    assert found["EndpointConfig"][1]["ProductionVariants"][0]["InferenceAmiVersion"].endswith("gpu-4-1")
    assert found["Model"][1]["PrimaryContainer"]["Environment"]["DEVICE"] == "cuda"
    classic = deployed(EndpointPlan())
    assert "InferenceAmiVersion" not in classic["EndpointConfig"][1]["ProductionVariants"][0]
    assert "DEVICE" not in classic["Model"][1]["PrimaryContainer"]["Environment"]


def test_weights_are_plain_files_and_the_server_knows_the_package_that_they_must_be() -> None:
    container = deployed(BASE)["Model"][1]["PrimaryContainer"]
    source = container["ModelDataSource"]["S3DataSource"]
    assert source == {"S3Uri": SAM.weights, "S3DataType": "S3Prefix", "CompressionType": "None"}
    assert container["Environment"]["PACKAGE_SHA256"] == PACKAGE
    assert container["Environment"]["SEGMENTER_SHA256"] == SAM.sha256


def test_weights_without_a_digest_in_their_prefix_are_taken_by_the_publishers_alone() -> None:
    assert "PACKAGE_SHA256" not in replace(SAM, weights="s3://models/mine/").to_env()


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ((), "one to 4"),
        (("ml.g5.xlarge", "ml.g5.xlarge"), "different"),
        (tuple(f"ml.g{n}.xlarge" for n in "45678"), "one to 4"),
        (("g5.xlarge",), "reads like"),
        (("ml.g5.xlarge", "ml.c6i.xlarge"), "different images"),
    ],
)
def test_types_that_cannot_stand_in_for_each_other_are_refused(types: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Segmenter(engine=Engine.CLASSIC, instance_types=types)


def test_the_context_names_instances_and_the_kind_of_endpoint() -> None:
    plan = chosen({"instance_types": "ml.c6i.2xlarge,ml.c6i.xlarge", "endpoint": "realtime"}).endpoint
    assert plan.segmenter.instance_types == ("ml.c6i.2xlarge", "ml.c6i.xlarge")
    assert plan == realtime(replace(EndpointPlan(), segmenter=plan.segmenter))
    assert chosen({"endpoint": "async"}) == chosen({})


@pytest.mark.parametrize("context", [{"endpoint": "serverless"}, {"instance_types": "c6i.xlarge"}])
def test_what_cannot_be_is_refused_with_words(context: dict[str, str]) -> None:
    with pytest.raises(BadConfiguration):
        chosen(context)
