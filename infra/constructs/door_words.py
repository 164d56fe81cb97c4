"""The words by which the API knows that a call came through the distribution; it knows no call.

A word is drawn at the deployment and lies in the distribution's configuration alone, which adds it to what it sends to
the API. The API knows the word's hash. Words have names in the stage: the first is sent, all are taken, so that one
takes another's place without a moment at which nobody is let in (docs/decisions/0030-the-edge.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.shapes import MAKE_KEY

REPLY_GRACE_S = 30


class DoorWords(Construct):
    """`sent` is the word that goes with every call (None: none does), `digests` are those of all that are taken."""

    def __init__(self, scope: cdk.Stack, name: str, *, names: Sequence[str], made_by: lambda_.IFunction) -> None:
        super().__init__(scope, name)
        made = [self._word(name, made_by) for name in names]
        self.sent = made[0].get_att_string("Word") if made else None
        self.digests = [word.get_att_string("Digest") for word in made]
        for digest in self.digests:
            # Named for others even while nobody asks, as with keys: the API lets go of an old one after it has the new.
            scope.export_value(digest)

    def _word(self, name: str, made_by: lambda_.IFunction) -> cdk.CustomResource:
        return cdk.CustomResource(
            self,
            f"Made{name}",
            resource_type="Custom::MaskmillDoorWord",
            service_token=made_by.function_arn,
            service_timeout=cdk.Duration.seconds(MAKE_KEY.timeout_s + REPLY_GRACE_S),
            properties={"Name": name, "Kind": "word"},
        )
