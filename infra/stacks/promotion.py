"""The same delivery inside AWS: a pipeline that tests a commit, deploys dev, waits for a person and deploys prod.

It is for those whose workflows are not GitHub's. It reads the repository by a connection that somebody has confirmed in
the console, changes itself with the sources, and deploys both stages into its own account and region.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_logs as logs
from aws_cdk import pipelines
from constructs import Construct

from infra.app import build
from infra.config import Stage
from infra.constructs.bucket import private_bucket
from infra.constructs.log import log_group

OUTPUT = "build/cdk.promotion"
CLI = "2.1148.1"  # as in local/node/package.json: the newest one of the registry may be older
PYTHON, NODE = "3.11", "22"
KEPT_DAYS = 30  # of what one step hands to the next
IMAGE = codebuild.LinuxBuildImage.STANDARD_7_0


@dataclass(frozen=True, slots=True)
class Source:
    """A branch of a repository, and the connection that reads it."""

    repository: str  # OWNER/NAME
    branch: str
    connection_arn: str

    def to_context(self) -> dict[str, str]:
        """What the pipeline tells the app that makes it anew."""
        return {"repository": self.repository, "branch": self.branch, "connection": self.connection_arn}


class PromotionStack(cdk.Stack):
    """Tests → dev → does it answer? → a person → prod → does it answer?"""

    def __init__(self, scope: Construct, name: str, *, source: Source, first: Stage, last: Stage) -> None:
        super().__init__(scope, name, description="Maskmill: from a commit to production")
        checkout = pipelines.CodePipelineSource.connection(
            source.repository, source.branch, connection_arn=source.connection_arn
        )
        pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            pipeline_name=name,
            pipeline_type=codepipeline.PipelineType.V2,
            artifact_bucket=private_bucket(self, "Artifacts", is_disposable=True, expire_days=KEPT_DAYS),
            cli_version=CLI,
            cross_account_keys=False,
            use_pipeline_role_for_actions=True,
            code_build_defaults=_builds(log_group(self, "Log", f"/aws/codebuild/{name}", days=KEPT_DAYS)),
            synth=pipelines.ShellStep(
                "Synth",
                input=checkout,
                env={"CDK_OUTDIR": OUTPUT, "CDK_CONTEXT_JSON": json.dumps(source.to_context())},
                commands=["make page", ".venv/bin/python -m infra.promotion"],
                primary_output_directory=OUTPUT,
            ),
        )
        tests = pipelines.ShellStep(
            "Test", input=checkout, commands=["make test"]
        )  # but those in a browser: it has none
        self._add(pipeline, first, before=tests)
        self._add(pipeline, last, before=pipelines.ManualApprovalStep("Approve", comment=f"{first.name} answers"))
        pipeline.build_pipeline()

    def _add(self, pipeline: pipelines.CodePipeline, stage: Stage, *, before: pipelines.Step) -> None:
        deployed = Deployed(self, stage)
        answers = pipelines.ShellStep(
            f"Answers-{stage.name}",
            env_from_cfn_outputs={"API_URL": deployed.api_url},
            commands=['curl --fail --silent --show-error --retry 10 --retry-all-errors "$API_URL/health"'],
        )
        pipeline.add_stage(deployed, pre=[before], post=[answers])


class Deployed(cdk.Stage):
    """All stacks of a stage, under the names that they have without a pipeline."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.prefix)
        build(self, stage, before="")

    @property
    def api_url(self) -> cdk.CfnOutput:
        (found,) = [one for one in self.node.find_all() if isinstance(one, cdk.CfnOutput) and one.node.id == "ApiUrl"]
        return found


def _builds(log: logs.ILogGroup) -> pipelines.CodeBuildOptions:
    versions = {"python": PYTHON, "nodejs": NODE}
    return pipelines.CodeBuildOptions(
        build_environment=codebuild.BuildEnvironment(build_image=IMAGE, compute_type=codebuild.ComputeType.MEDIUM),
        partial_build_spec=codebuild.BuildSpec.from_object({"phases": {"install": {"runtime-versions": versions}}}),
        logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log)),
        timeout=cdk.Duration.hours(1),
    )
