"""The stage's own key, where it has one: what it opens, and for whom; it knows nothing that is encrypted.

Its policy is that of AWS's own keys with this account in their place. People and functions use it through the services
alone, and whoever may read a thing may have it decrypted: what is read and by whom is said in one place, by the roles.
What is won over AWS's keys is a switch (a key that is off closes everything), a record of each use, and a policy that
can be made narrower. Services that act by themselves are named one by one, for this account alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.config import Stage

USES = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"]
HANDS_ON = ["kms:Decrypt", "kms:GenerateDataKey*"]
KEEPERS = ("dynamodb", "s3", "sns", "sqs")
SENDERS = ("budgets", "cloudwatch", "s3", "sns")  # to queues and topics
WAIT_DAYS = 30


class KeyStack(cdk.Stack):
    """A key that is renewed every year. It outlives its stack by thirty days, in which it can be called back."""

    def __init__(self, scope: Construct, name: str, stage: Stage) -> None:
        super().__init__(scope, name, description="Maskmill: the key of what is kept")
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{stage.prefix}",
            description=f"What {stage.prefix} keeps",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(WAIT_DAYS),
            removal_policy=cdk.RemovalPolicy.DESTROY if stage.is_disposable else cdk.RemovalPolicy.RETAIN,
        )
        self._admit_the_account()
        for sender in SENDERS:
            self._admit(f"{sender}.amazonaws.com", HANDS_ON, {"StringEquals": {"aws:SourceAccount": self.account}})
        distributions = self.format_arn(service="cloudfront", region="", resource="distribution", resource_name="*")
        self._admit("cloudfront.amazonaws.com", ["kms:Decrypt"], {"ArnLike": {"aws:SourceArn": distributions}})
        log = f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:*"
        logs_only = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log}}
        self._admit(f"logs.{self.region}.amazonaws.com", USES, logs_only)
        cdk.CfnOutput(self, "KeyArn", value=self.key.key_arn)

    def _admit_the_account(self) -> None:
        services = [f"{service}.{self.region}.amazonaws.com" for service in KEEPERS]
        of_account = {"kms:CallerAccount": self.account, "kms:ViaService": services}
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.AnyPrincipal()],
                actions=USES,
                resources=["*"],
                conditions={"StringEquals": of_account},
            )
        )

    def _admit(self, service: str, actions: list[str], conditions: Mapping[str, Mapping[str, str]]) -> None:
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=actions,
                resources=["*"],
                conditions=dict(conditions),
            )
        )
