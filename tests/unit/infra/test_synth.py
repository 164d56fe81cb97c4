from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bundle import ROOT
from infra.config import STAGES
from infra.context import BadConfiguration, chosen
from tests.unit.infra.cloud import Cloud

# What the emulator of the laptop creates itself.
NATIVE = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudFront::CachePolicy",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::Cognito::UserPoolGroup",
    "AWS::Cognito::UserPoolResourceServer",
    "AWS::DynamoDB::GlobalTable",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "Custom::MaskmillMediaKey",
    "Custom::MaskmillPage",
}
# What the laptop's own additions to the emulator record.
RECORDED = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudFront::KeyGroup",
    "AWS::CloudFront::PublicKey",
    "AWS::Cognito::ManagedLoginBranding",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Model",
}
PARTS = ("data", "operations", "pipeline", "inference", "live", "web", "watch", "api", "page")
OUTPUTS = {
    "AlarmTopicArn",
    "PageUrl",
    "SiteBucket",
    "SwitchName",
    "ApiId",
    "ApiUrl",
    "EndpointName",
    "EndpointRoleArn",
    "ErrorTopicArn",
    "LaneName",
    "LiveUrl",
    "MediaBucket",
    "ProgressLettersUrl",
    "SegmenterVersion",
    "SignInUrl",
    "SuccessTopicArn",
    "TableName",
    "UploadsBucket",
    "UserPoolClientId",
    "UserPoolId",
    "WorkBucket",
} | {
    f"{queue}{what}Url"
    for queue in ("Ingest", "Plan", "Dispatch", "Collect", "Render", "Finish", "Export", "Webhook", "Remove")
    for what in ("Queue", "Letters")
}


def test_the_stacks_are_named_by_stage(cloud: Cloud) -> None:
    assert cloud.stacks == {f"maskmill-{cloud.stage}-{part}" for part in PARTS}


def test_the_outputs_that_people_and_scripts_rely_on_are_there(cloud: Cloud) -> None:
    outputs = cloud.outputs()
    machines = {"MachineClientIdLaptop"} if cloud.stage == "local" else set()
    assert set(outputs) == OUTPUTS | machines
    assert outputs["ApiUrl"].endswith("/api/v1")


def test_the_laptop_knows_every_type_of_resource(local: Cloud) -> None:
    assert {resource.type for resource in local.resources()} <= NATIVE | RECORDED


def test_the_laptop_builds_no_image(local: Cloud, prod: Cloud) -> None:
    image = local.only("SageMaker::Model").properties["PrimaryContainer"]["Image"]
    assert image == STAGES["local"].endpoint.image_uri
    assert "cdk-" in json.dumps(prod.only("SageMaker::Model").properties["PrimaryContainer"]["Image"])


def test_synthesis_needs_neither_credentials_nor_docker_nor_wheels(tmp_path: Path, page: Path) -> None:
    """The default stage in a process of its own, whose environment holds nothing but a path to Node.js and its cache."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not on the PATH")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "node").symlink_to(node)
    environment = {
        "PATH": str(tools),
        "HOME": str(Path.home()),
        "CDK_OUTDIR": str(tmp_path / "out"),
        "CDK_CONTEXT_JSON": json.dumps({"aws:cdk:bundling-stacks": [], "page": str(page)}),
    }
    command = [sys.executable, "-m", "infra.app"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    made = {path.name.removesuffix(".template.json") for path in (tmp_path / "out").glob("*.template.json")}
    assert made == {f"maskmill-dev-{part}" for part in PARTS if part != "watch"}


def test_no_code_asks_which_stage_it_is() -> None:
    others = [path for path in (ROOT / "infra").rglob("*.py") if path.name not in ("config.py", "context.py")]
    for path in others:
        assert not re.search(r"\bstage(\.name)?\s*(==|!=|in\b)", path.read_text()), path


def test_the_stage_is_dev_unless_another_is_named() -> None:
    assert chosen({}).name == "dev"
    assert chosen({"stage": "prod"}).name == "prod"
    with pytest.raises(BadConfiguration, match="local, dev, prod"):
        chosen({"stage": "staging"})


def test_a_segmenter_with_weights_needs_to_be_told_where_they_are() -> None:
    with pytest.raises(BadConfiguration, match="weights"):
        chosen({"segmenter": "sam-vit-b"})
    with pytest.raises(BadConfiguration, match="classic"):
        chosen({"segmenter": "magic"})
    stage = chosen({"segmenter": "sam-vit-b", "weights": "s3://bucket/sam"})
    assert stage.endpoint.segmenter.weights == "s3://bucket/sam/"
    assert stage.quality.version == "sam-vit-b-ec2df6273261"


def test_weights_that_the_catalogue_does_not_know_need_their_digest() -> None:
    wanted = {"segmenter": "sam-hq-vit-b", "weights": "s3://bucket/hq"}
    with pytest.raises(BadConfiguration, match="weights_sha256"):
        chosen(wanted)
    with pytest.raises(BadConfiguration, match="64 hexadecimal digits"):
        chosen({**wanted, "weights_sha256": "abc"})
    assert chosen({**wanted, "weights_sha256": "AB" * 32}).quality.version == "sam-hq-vit-b-abababababab"


def test_the_interactive_lane_has_an_engine_of_its_own() -> None:
    stage = chosen({"fast": "sam2.1-tiny", "fast_weights": "s3://bucket/tiny/"})
    assert (stage.fast.version, stage.quality.version) == ("sam2.1-tiny-48c14467e5cf", "classic-1")
    assert stage.fast.weights == "s3://bucket/tiny/"
    with pytest.raises(BadConfiguration, match="fast_weights"):
        chosen({"fast": "sam2.1-tiny", "weights": "s3://bucket/tiny/"})


def test_a_ready_image_spares_building_one() -> None:
    assert chosen({"stage": "prod"}).endpoint.image_uri is None
    assert (
        chosen({"stage": "prod", "image": "registry.example/model:1"}).endpoint.image_uri == "registry.example/model:1"
    )


def test_pages_of_other_origins_can_be_admitted_by_name() -> None:
    stage = chosen({"upload_origins": "https://a.example,https://b.example"})
    assert stage.upload_origins == ("https://a.example", "https://b.example")


def test_webhooks_reach_private_hosts_on_the_laptop_alone() -> None:
    allowed = {stage.name: stage.webhook_private_hosts for stage in STAGES.values()}
    assert allowed == {"local": ("127.0.0.1", "localhost"), "dev": (), "prod": ()}


def test_what_calls_users_addresses_is_in_no_network_of_ours(cloud: Cloud) -> None:
    assert "VpcConfig" not in cloud.named("DeliverWebhook/Function").properties
    variables = cloud.named("DeliverWebhook/Function").properties["Environment"]["Variables"]
    assert variables["WEBHOOK_PRIVATE_HOSTS"] == ",".join(STAGES[cloud.stage].webhook_private_hosts)
