"""A queue with the function that reads it in mind, and the queue of its dead letters; it knows no message."""

from __future__ import annotations

import math

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from infra.shapes import BURY_LETTERS, Shape
from maskmill.core.messages import QueueName

RECEIVES = 5  # of a message before it counts as dead …
OUTAGE_S = 45 * 60  # … or more, where these would be over before another service's outage of half an hour is
LETTER_DAYS = 14
PATIENCE = 6  # a message stays hidden for this many timeouts of its function, as Lambda asks


def letters_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """Where it is noted what a function was never able to do; somebody is told that something lies there."""
    return sqs.Queue(
        scope,
        construct_id,
        retention_period=cdk.Duration.days(LETTER_DAYS),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )


class WorkQueue(Construct):
    """A standard queue and its dead-letter queue, both encrypted and reached over TLS alone."""

    def __init__(self, scope: Construct, name: QueueName, *, read_by: Shape) -> None:
        super().__init__(scope, f"{name.value.capitalize()}Queue")
        self.name = name
        self.read_by = read_by
        self.letters = sqs.Queue(
            self,
            "Letters",
            visibility_timeout=cdk.Duration.seconds(PATIENCE * BURY_LETTERS.timeout_s),
            retention_period=cdk.Duration.days(LETTER_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        hidden_s = PATIENCE * read_by.timeout_s
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=cdk.Duration.seconds(hidden_s),
            retention_period=cdk.Duration.days(LETTER_DAYS),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.letters, max_receive_count=max(RECEIVES, math.ceil(OUTAGE_S / hidden_s))
            ),
        )

    @property
    def url(self) -> str:
        return self.queue.queue_url

    @property
    def policy(self) -> IConstruct:
        """What must be in place before another service may send to the queue."""
        return self.queue.node.find_child("Policy")

    def allow_sender(self, service: str, *, source_arn: str, account: str) -> None:
        """Lets a service send on behalf of one source in this account alone."""
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal(service)],
                resources=[self.queue.queue_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": source_arn},
                    "StringEquals": {"aws:SourceAccount": account},
                },
            )
        )

    def output(self) -> None:
        """Outputs of the stack: `<Name>QueueUrl` and `<Name>LettersUrl`."""
        name = self.name.value.capitalize()
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, f"{name}QueueUrl", value=self.queue.queue_url)
        cdk.CfnOutput(stack, f"{name}LettersUrl", value=self.letters.queue_url)
