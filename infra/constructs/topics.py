"""The two topics on which the endpoint says that an answer or a failure lies in the store; it knows no message."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.constructs.queue import WorkQueue


class AnswerTopics(Construct):
    """Both topics end in one queue, as plain bodies; what cannot be delivered lands among the queue's dead letters."""

    def __init__(self, scope: Construct, name: str, *, to: WorkQueue) -> None:
        super().__init__(scope, name)
        self.success = self._topic("Success", to)
        self.error = self._topic("Error", to)

    def _topic(self, name: str, to: WorkQueue) -> sns.Topic:
        topic = sns.Topic(self, name, enforce_ssl=True)
        topic.add_subscription(
            subscriptions.SqsSubscription(to.queue, raw_message_delivery=True, dead_letter_queue=to.letters)
        )
        return topic

    def output(self) -> None:
        """Outputs of the stack: the topics' ARNs."""
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, "SuccessTopicArn", value=self.success.topic_arn)
        cdk.CfnOutput(stack, "ErrorTopicArn", value=self.error.topic_arn)
