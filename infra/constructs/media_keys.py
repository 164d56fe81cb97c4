"""The keys that media sessions are signed with: drawn by a function, trusted by the distribution; it knows no session.

Each key has a name of its own in the stage. The first signs, all are trusted: so a key takes another's place without
ending a session (docs/deploy.md). The private halves are in no template and no settings.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs.access import lock_away
from infra.constructs.function import Function
from maskmill.core.rsa import PRIVATE
from maskmill.core.settings import MakeKeySettings

REPLY_GRACE_S = 30


class MediaKeys(Construct):
    """The group of a stage's keys, and which of them signs; `maker` is the function that draws them."""

    def __init__(self, scope: cdk.Stack, name: str, stage: Stage) -> None:
        super().__init__(scope, name)
        folder = f"/{stage.prefix}/media-key"
        self._make = Function(
            scope,
            shapes.MAKE_KEY,
            stage,
            settings=MakeKeySettings(key_folder=folder),
            may=lock_away(scope, folder),
        )
        self.maker = self._make.function
        keys = {name: self._key(name) for name in stage.media_keys}
        self.group = cloudfront.KeyGroup(self, "Group", comment=stage.prefix, items=list(keys.values()))
        self.signing_id = keys[stage.media_keys[0]].public_key_id
        self.signing_name = f"{folder}/{stage.media_keys[0]}/{PRIVATE}"
        for key in keys.values():
            # Named for others even while nobody asks: a key that signs no longer must not vanish before its followers
            # of another stack have taken up the next one.
            scope.export_value(key.public_key_id)

    def _key(self, name: str) -> cloudfront.PublicKey:
        made = cdk.CustomResource(
            self,
            f"Made{name}",
            resource_type="Custom::MaskmillMediaKey",
            service_token=self._make.function.function_arn,
            service_timeout=cdk.Duration.seconds(shapes.MAKE_KEY.timeout_s + REPLY_GRACE_S),
            properties={"Name": name},
        )
        comment = f"{cdk.Stack.of(self).stack_name} {name}"
        return cloudfront.PublicKey(self, f"Key{name}", encoded_key=made.get_att_string("PublicKey"), comment=comment)
