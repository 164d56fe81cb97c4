"""The app of the pipeline inside AWS (`make pipeline`), with the stages' app inside; it knows no resource."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk

from infra.config import DEV, PROD
from infra.context import NAMES, BadConfiguration, chosen
from infra.stacks.promotion import PromotionStack, Source

NAME = "maskmill-promotion"


def build(app: cdk.App, context: Mapping[str, str | None]) -> PromotionStack:
    """`repository` as OWNER/NAME, `connection` as the ARN of a confirmed connection, `branch`; raises BadConfiguration.

    What else the context says, both stages are told as by `infra.context`.
    """
    repository, connection = context.get("repository"), context.get("connection")
    if not repository or not connection:
        raise BadConfiguration("a pipeline needs -c repository=OWNER/NAME -c connection=arn:aws:codeconnections:…")
    source = Source(repository, context.get("branch") or "main", connection)
    told = {name: context.get(name) for name in NAMES}
    first, last = (chosen({**told, "stage": one.name}) for one in (DEV, PROD))
    return PromotionStack(app, NAME, source=source, first=first, last=last)


def main() -> None:
    app = cdk.App(analytics_reporting=False)
    build(app, {name: app.node.try_get_context(name) for name in (*NAMES, "repository", "branch", "connection")})
    app.synth()


if __name__ == "__main__":
    main()
