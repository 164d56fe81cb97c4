"""What an operator stops the service with, and the budget that does it alone; it knows no work that is stopped."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs.access import rows
from infra.constructs.function import Function
from infra.plans import BudgetPlan
from infra.stacks.data import DataStack
from maskmill.core.settings import SwitchSpendingSettings

SPENT_PERCENT = 100


class OperationsStack(cdk.Stack):
    """The function that turns the switch, and the month's budget, which may turn it off and never on."""

    def __init__(self, scope: Construct, name: str, stage: Stage, *, data: DataStack) -> None:
        super().__init__(scope, name, description="Maskmill: the switch and the budget")
        self._stage = stage
        switch = Function(
            self,
            shapes.SWITCH_SPENDING,
            stage,
            settings=SwitchSpendingSettings(table_name=data.table.table_name),
            may=[rows(data.table, "GetItem", "PutItem", "UpdateItem")],
        )
        if stage.budget is not None:
            self._budget(stage.budget, self._spent(switch))
        cdk.CfnOutput(self, "SwitchName", value=switch.function.function_name)

    def _spent(self, switch: Function) -> sns.Topic:
        """Where the budget says that it is spent: nobody else may say so, and the switch alone hears it."""
        topic = sns.Topic(self, "Spent", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnLike": {"aws:SourceArn": f"arn:{self.partition}:budgets::{self.account}:*"},
                },
            )
        )
        topic.add_subscription(subscriptions.LambdaSubscription(switch.function))
        return topic

    def _budget(self, plan: BudgetPlan, spent: sns.Topic) -> None:
        kinds = budgets.CfnBudget
        told = [kinds.SubscriberProperty(address=email, subscription_type="EMAIL") for email in plan.emails]
        halted = [kinds.SubscriberProperty(address=spent.topic_arn, subscription_type="SNS"), *told]
        warnings = [_notice(plan.warn_percent, told)] if told else []
        budget = kinds(
            self,
            "Budget",
            budget=kinds.BudgetDataProperty(
                budget_name=f"{self._stage.prefix}-month",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=kinds.SpendProperty(amount=plan.dollars, unit="USD"),
            ),
            notifications_with_subscribers=[*warnings, _notice(SPENT_PERCENT, halted)],
        )
        budget.node.add_dependency(spent)  # with its policy: the budget tries whether it may publish


def _notice(
    percent: int, told: list[budgets.CfnBudget.SubscriberProperty]
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    """A notice at so many percent of what was really spent."""
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            notification_type="ACTUAL",
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=told,
    )
