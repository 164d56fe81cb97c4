"""The app of the role by which a repository's workflows deploy a stage (`make trust`); it knows no stack of a stage.

It is no part of the stages' own app: what a deployment may do must not change with a deployment.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk

from infra.config import DEV, STAGES
from infra.context import BadConfiguration
from infra.stacks.trust import TrustStack


def build(app: cdk.App, context: Mapping[str, str | None]) -> TrustStack:
    """`stage`, `repository` as OWNER/NAME, `provider` as the ARN of one that is there; raises BadConfiguration."""
    stage, repository = context.get("stage") or DEV.name, context.get("repository")
    if stage not in STAGES:
        raise BadConfiguration(f"there is no stage {stage!r}; there are {', '.join(STAGES)}")
    if not repository:
        raise BadConfiguration("which repository may deploy? -c repository=OWNER/NAME")
    name = f"maskmill-trust-{stage}"
    stack = TrustStack(app, name, repository=repository, environment=stage, provider_arn=context.get("provider"))
    cdk.Tags.of(stack).add("application", "maskmill")
    return stack


def main() -> None:
    app = cdk.App(analytics_reporting=False)
    build(app, {name: app.node.try_get_context(name) for name in ("stage", "repository", "provider")})
    app.synth()


if __name__ == "__main__":
    main()
