"""The operations stack: who may turn the switch, and what a spent budget does."""

from __future__ import annotations

from typing import Any

import pytest

from infra.config import STAGES
from infra.context import BadConfiguration, chosen
from infra.plans import BudgetPlan
from maskmill.core.usage import Quota
from tests.unit.infra.cloud import Cloud


def notices(cloud: Cloud) -> dict[int, list[dict[str, Any]]]:
    """Whom the budget tells, by percent of what was really spent."""
    budget = cloud.only("Budgets::Budget").properties
    found = {}
    for one in budget["NotificationsWithSubscribers"]:
        assert one["Notification"]["NotificationType"] == "ACTUAL"
        assert one["Notification"]["ComparisonOperator"] == "GREATER_THAN"
        found[one["Notification"]["Threshold"]] = one["Subscribers"]
    return found


def test_a_spent_budget_turns_the_switch(prod: Cloud) -> None:
    budget = prod.only("Budgets::Budget")
    assert budget.properties["Budget"]["TimeUnit"] == "MONTHLY"
    assert budget.properties["Budget"]["BudgetLimit"] == {"Amount": 1000, "Unit": "USD"}
    ((subscriber,),) = notices(prod).values()
    assert (subscriber["SubscriptionType"], prod.text(budget.stack, subscriber["Address"])) == ("SNS", "<Spent>")
    assert list(notices(prod)) == [100]
    (told,) = [one for one in prod.resources("SNS::Subscription") if one.properties["Protocol"] == "lambda"]
    assert prod.text(told.stack, told.properties["TopicArn"]) == "<Spent>"
    assert prod.text(told.stack, told.properties["Endpoint"]) == "<SwitchSpending/Function.Arn>"


def test_nobody_but_this_accounts_budgets_may_say_that_it_is_spent(prod: Cloud) -> None:
    (policy,) = [one for one in prod.resources("SNS::TopicPolicy") if one.name.startswith("Spent")]
    allowed = [one for one in policy.properties["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    (publish,) = allowed
    assert publish["Principal"] == {"Service": "budgets.amazonaws.com"}
    assert publish["Action"] == "sns:Publish"
    condition = publish["Condition"]
    assert prod.text(policy.stack, condition["StringEquals"]["aws:SourceAccount"]) == "<AWS::AccountId>"
    assert prod.text(policy.stack, condition["ArnLike"]["aws:SourceArn"]).endswith(":budgets::<AWS::AccountId>:*")


def test_nothing_that_costs_by_the_hour_or_the_call_is_without_a_bound(cloud: Cloud) -> None:
    """Instances, functions that read queues or streams, requests at the door, and what a tenant may take of each."""
    stage = STAGES[cloud.stage]
    assert (
        cloud.only("ApplicationAutoScaling::ScalableTarget").properties["MaxCapacity"] == stage.endpoint.instances_max
    )
    for mapping in cloud.resources("Lambda::EventSourceMapping"):
        queue = mapping.properties.get("ScalingConfig", {}).get("MaximumConcurrency")
        stream = mapping.properties.get("ParallelizationFactor")
        assert (queue or stream or 0) > 0, mapping.name
        assert stream is None or mapping.properties["MaximumRetryAttempts"] > 0
    for function in cloud.resources("Lambda::Function"):
        assert 0 < function.properties["Timeout"] <= 900, function.name
    for door in cloud.resources("ApiGatewayV2::Stage"):
        assert 0 < door.properties["DefaultRouteSettings"]["ThrottlingRateLimit"] <= stage.api_rate
        assert 0 < door.properties["DefaultRouteSettings"]["ThrottlingBurstLimit"] <= stage.api_burst
    told = cloud.named("ServeApi/Function").properties["Environment"]["Variables"]
    assert all(int(told[f"QUOTA_{quota.name}"]) > 0 for quota in Quota)
    assert int(told["REQUESTS_PER_MINUTE"]) > 0
    assert all(group.properties["RetentionInDays"] for group in cloud.resources("Logs::LogGroup"))


def test_the_laptop_has_a_switch_and_no_budget(local: Cloud) -> None:
    assert not local.resources("Budgets::Budget")
    assert local.outputs()["SwitchName"]


def test_the_budget_and_who_is_told_are_chosen_at_deployment() -> None:
    told = chosen({"stage": "prod", "budget_dollars": "200", "budget_emails": "a@example.com,b@example.com"}).budget
    assert told == BudgetPlan(dollars=200, emails=("a@example.com", "b@example.com"))
    assert chosen({"stage": "prod", "budget_dollars": "0"}).budget is None
    assert chosen({"stage": "prod"}).budget == STAGES["prod"].budget
    with pytest.raises(BadConfiguration):
        chosen({"budget_dollars": "much"})


def test_somebody_is_told_before_all_of_it_is_gone() -> None:
    """At 80 %, by mail; at 100 %, by mail and by the switch."""
    import aws_cdk as cdk
    from aws_cdk.assertions import Template

    from infra.stacks.data import DataStack
    from infra.stacks.operations import OperationsStack

    app = cdk.App(context={"aws:cdk:bundling-stacks": []})
    stage = chosen({"stage": "dev", "budget_emails": "a@example.com"})
    stack = OperationsStack(app, "operations", stage, data=DataStack(app, "data", stage))
    ((_, budget),) = Template.from_stack(stack).find_resources("AWS::Budgets::Budget").items()
    found = {
        one["Notification"]["Threshold"]: [subscriber["SubscriptionType"] for subscriber in one["Subscribers"]]
        for one in budget["Properties"]["NotificationsWithSubscribers"]
    }
    assert found == {80: ["EMAIL"], 100: ["SNS", "EMAIL"]}
