"""Who may deploy, by which repository and environment, and what stands before production."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra import promotion, trust
from infra.context import BadConfiguration
from infra.stacks.promotion import CLI
from local.node import HERE

REPOSITORY = "acme/maskmill"
CONNECTION = "arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000"
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"


def trusted(**context: str) -> dict[str, Any]:
    import aws_cdk as cdk

    made: dict[str, Any] = Template.from_stack(trust.build(cdk.App(), {"repository": REPOSITORY, **context})).to_json()
    return made["Resources"]


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one["Properties"] for one in resources.values() if one["Type"] == f"AWS::{kind}"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_role_trusts_one_environment_of_one_repository(stage: str) -> None:
    (role,) = of_type(trusted(stage=stage), "IAM::Role")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:{REPOSITORY}:environment:{stage}",
        }
    }


def test_the_role_can_do_nothing_but_take_on_the_roles_of_the_cdk() -> None:
    (policy,) = of_type(trusted(), "IAM::Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    names = {json.dumps(one).split(":role/")[1].split('-role-"')[0] for one in statement["Resource"]}
    assert {name.split("-role-")[0] for name in names} == {
        f"cdk-hnb659fds-{step}" for step in ("deploy", "file-publishing", "image-publishing", "lookup")
    }
    assert "*" not in json.dumps(statement)


def test_an_account_with_a_provider_gets_no_second_one() -> None:
    assert len(of_type(trusted(), "IAM::OIDCProvider")) == 1
    resources = trusted(provider=PROVIDER)
    assert not of_type(resources, "IAM::OIDCProvider")
    (role,) = of_type(resources, "IAM::Role")
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Federated": PROVIDER}


@pytest.mark.parametrize("repository", ["", "maskmill", "acme/*", "acme/maskmill:ref"])
def test_a_repository_is_named_in_full(repository: str) -> None:
    import aws_cdk as cdk

    with pytest.raises(BadConfiguration, match="OWNER/NAME"):
        trust.build(cdk.App(), {"repository": repository})


@pytest.fixture(scope="module")
def assembly(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import aws_cdk as cdk

    folder = tmp_path_factory.mktemp("promotion")
    app = cdk.App(outdir=str(folder), context={"aws:cdk:bundling-stacks": []}, analytics_reporting=False)
    promotion.build(app, {"repository": REPOSITORY, "connection": CONNECTION, "page": str(page)})
    app.synth()
    return folder


def test_production_waits_for_dev_and_for_a_person(assembly: Path) -> None:
    template = json.loads((assembly / "maskmill-promotion.template.json").read_text())["Resources"]
    (pipeline,) = of_type(template, "CodePipeline::Pipeline")
    steps = {stage["Name"]: [one["Name"] for one in stage["Actions"]] for stage in pipeline["Stages"]}
    assert list(steps) == ["Source", "Build", "UpdatePipeline", "Assets", "maskmill-dev", "maskmill-prod"]
    assert (steps["maskmill-dev"][0], steps["maskmill-dev"][-1]) == ("Test", "Answers-dev")
    assert (steps["maskmill-prod"][0], steps["maskmill-prod"][-1]) == ("Approve", "Answers-prod")
    (source,) = pipeline["Stages"][0]["Actions"]
    assert source["Configuration"]["ConnectionArn"] == CONNECTION
    assert (source["Configuration"]["FullRepositoryId"], source["Configuration"]["BranchName"]) == (REPOSITORY, "main")


def test_no_step_of_the_pipeline_runs_whatever_is_newest(assembly: Path) -> None:
    text = (assembly / "maskmill-promotion.template.json").read_text()
    assert f"aws-cdk@{CLI}" in text
    assert json.loads((HERE / "package.json").read_text())["dependencies"]["aws-cdk"] == CLI


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_pipeline_deploys_the_same_stacks_under_the_same_names(
    assembly: Path, stage: str, cloud_of: Callable[[str], Any]
) -> None:
    (folder,) = assembly.glob(f"assembly-*-{stage}")
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"].values()
    stacks = [one["properties"] for one in artifacts if one["type"] == "aws:cloudformation:stack"]
    cloud = cloud_of(stage)
    assert {one["stackName"] for one in stacks} == cloud.stacks
    for one in stacks:
        made = json.loads((folder / one["templateFile"]).read_text())["Resources"]
        alone = json.loads((cloud.folder / f"{one['stackName']}.template.json").read_text())["Resources"]
        assert Counter(body["Type"] for body in made.values()) == Counter(body["Type"] for body in alone.values())
