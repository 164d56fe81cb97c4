"""Alarms that each say what is wrong and where to read what to do about it; they scale nothing.

The page is docs/operations.md: every alarm has a heading there, and every heading about an alarm has its alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

PAGE = "docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A value that is too much when it is seen in so many periods in a row."""

    at_least: float
    periods: int = 1
    gaps: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING


class Alarms(Construct):
    """The alarms of a stage, and the topic on which they tell people that something is wrong, or right again."""

    def __init__(self, scope: Construct, construct_id: str, *, prefix: str, emails: tuple[str, ...]) -> None:
        super().__init__(scope, construct_id)
        self._prefix = prefix
        self.all: list[cloudwatch.Alarm] = []
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": self._arn(f"{prefix}-*")},
                },
            )
        )
        for email in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

    def _arn(self, name: str) -> str:
        """Of an alarm of this account."""
        kind = cdk.ArnFormat.COLON_RESOURCE_NAME
        return cdk.Stack.of(self).format_arn(
            service="cloudwatch", resource="alarm", resource_name=name, arn_format=kind
        )

    def add(self, name: str, metric: cloudwatch.IMetric, limit: Limit, *, says: str, heading: str) -> None:
        """An alarm by its name within the stage; `heading` is the part of the page that it points to."""
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in name.split("-")),
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=f"{says} What to do: {PAGE}#{heading}",
            metric=metric,
            threshold=limit.at_least,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=limit.periods,
            treat_missing_data=limit.gaps,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.all.append(alarm)
