"""What people are woken by: every alarm looks at a metric that somebody publishes, and has its part of the runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.bundle import ROOT
from infra.config import STAGES
from infra.context import chosen
from maskmill.core.messages import QueueName
from tests.unit.infra.cloud import Cloud, Resource

PAGE = ROOT / "docs" / "operations.md"
QUEUES = [queue.value for queue in QueueName]
RUNBOOK = {"a-queue-is-old", "dead-letters", "many-items-fail", "the-api-fails", "the-sweep-fails"} | {
    "no-instance-comes",
    "work-is-halted",
    "the-bill-grows",
}


def alarms(cloud: Cloud) -> dict[str, Resource]:
    """The alarms that wake people, by their names within the stage; those that scale are others."""
    found = [one for one in cloud.resources("CloudWatch::Alarm") if one.name.startswith("Alarms/")]
    return {one.properties["AlarmName"].removeprefix(f"maskmill-{cloud.stage}-"): one for one in found}


def metrics(alarm: Resource) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at, each with `Namespace`, `MetricName` and `Dimensions`."""
    if "Metrics" not in alarm.properties:
        return [alarm.properties]
    parts = [part["MetricStat"] for part in alarm.properties["Metrics"] if "MetricStat" in part]
    return [part["Metric"] for part in parts]


def looked_at(cloud: Cloud, alarm: Resource) -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
    return {
        (
            metric["Namespace"],
            metric["MetricName"],
            tuple((one["Name"], cloud.text(alarm.stack, one["Value"])) for one in metric["Dimensions"]),
        )
        for metric in metrics(alarm)
    }


def test_every_alarm_looks_at_a_metric_with_the_dimensions_that_its_publisher_gives(cloud: Cloud) -> None:
    stage = f"maskmill-{cloud.stage}"
    own = f"Maskmill/{cloud.stage}"
    counted = ("service", "finish_job")
    expected = {
        **{
            f"{queue}-queue-age": {
                (
                    "AWS/SQS",
                    "ApproximateAgeOfOldestMessage",
                    (("QueueName", f"<{queue.capitalize()}Queue/Queue.QueueName>"),),
                )
            }
            for queue in QUEUES
        },
        **{
            f"{queue}-letters": {
                (
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    (("QueueName", f"<{queue.capitalize()}Queue/Letters.QueueName>"),),
                )
            }
            for queue in QUEUES
        },
        "progress-letters": {
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", "<ProgressLetters.QueueName>"),))
        },
        "items-failed": {(own, "items_done", (counted,)), (own, "items_failed", (counted,))},
        "api-faults": {("AWS/ApiGateway", "5xx", (("ApiId", "<Door/Api>"),))},
        "sweep-errors": {("AWS/Lambda", "Errors", (("FunctionName", f"{stage}-sweep"),))},
        "no-capacity": {("AWS/SageMaker", "HasBacklogWithoutCapacity", (("EndpointName", stage),))},
        "halted": {(own, "stopped", (("service", "switch_spending"),))},
        "cost": {("AWS/Billing", "EstimatedCharges", (("Currency", "USD"),))},
    }
    if STAGES[cloud.stage].budget is None:
        del expected["cost"]
    assert {name: looked_at(cloud, alarm) for name, alarm in alarms(cloud).items()} == expected


def test_what_alarms_count_is_what_functions_publish(cloud: Cloud) -> None:
    """Namespace, service and names are the functions' own."""
    published = (ROOT / "lambdas" / "finish_job" / "handler.py").read_text()
    published += (ROOT / "lambdas" / "switch_spending" / "handler.py").read_text()
    for alarm in alarms(cloud).values():
        for namespace, name, dimensions in looked_at(cloud, alarm):
            if namespace.startswith("Maskmill/"):
                assert f'"{name}"' in published
                verb = dict(dimensions)["service"]
                assert (ROOT / "lambdas" / verb).is_dir()
                told = cloud.named(f"{''.join(map(str.capitalize, verb.split('_')))}/Function").properties
                variables = told["Environment"]["Variables"]
                assert (variables["POWERTOOLS_METRICS_NAMESPACE"], variables["POWERTOOLS_SERVICE_NAME"]) == (
                    namespace,
                    verb,
                )


@pytest.mark.parametrize(
    ("name", "threshold", "minutes", "gaps"),
    [
        ("render-queue-age", 1800, 15, "notBreaching"),
        ("render-letters", 1, 15, "notBreaching"),
        ("items-failed", 20, 60, "notBreaching"),
        ("no-capacity", 1, 20, "notBreaching"),
        ("halted", 1, 1, "ignore"),
        ("cost", 800, 360, "notBreaching"),
    ],
)
def test_how_much_for_how_long_is_too_much(prod: Cloud, name: str, threshold: int, minutes: int, gaps: str) -> None:
    alarm = alarms(prod)[name].properties
    period_s = alarm.get("Period") or max(
        part["MetricStat"]["Period"] for part in alarm["Metrics"] if "MetricStat" in part
    )
    assert (alarm["Threshold"], alarm["EvaluationPeriods"] * period_s / 60) == (threshold, minutes)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold", "a metric of 0 and 1 is never above 1"
    assert alarm["TreatMissingData"] == gaps


def test_a_failed_share_of_few_items_wakes_nobody(prod: Cloud) -> None:
    (ratio,) = [part for part in alarms(prod)["items-failed"].properties["Metrics"] if "Expression" in part]
    assert ratio["Expression"] == "IF(done + failed >= 20, 100 * failed / (done + failed), 0)"


def headings() -> dict[str, str]:
    """The parts of the page that tell what to do about an alarm, by their anchors."""
    text = PAGE.read_text().split("\n## Alarms\n", 1)[1].split("\n## ", 1)[0]
    found = re.split(r"^### (.+)$", text, flags=re.M)
    return {
        re.sub(r"[^a-z0-9-]", "", title.lower().replace(" ", "-")): body
        for title, body in zip(found[1::2], found[2::2], strict=True)
    }


def test_every_alarm_has_its_part_of_the_runbook_and_every_part_its_alarm(prod: Cloud) -> None:
    pointed = {}
    for name, alarm in alarms(prod).items():
        words, _, anchor = alarm.properties["AlarmDescription"].partition(" What to do: docs/operations.md#")
        assert words.endswith("."), name
        pointed[name] = anchor
    assert set(pointed.values()) == set(headings()) == RUNBOOK
    for anchor, body in headings().items():
        kinds = {
            re.sub(rf"^({'|'.join((*QUEUES, 'progress'))})-(?=queue-age|letters)", "*-", name)
            for name, one in pointed.items()
            if one == anchor
        }
        assert all(f"`{kind}`" in body for kind in kinds), (anchor, kinds)


def test_alarms_speak_on_one_topic_on_which_nobody_else_may(cloud: Cloud) -> None:
    for name, alarm in alarms(cloud).items():
        for actions in ("AlarmActions", "OKActions"):
            assert cloud.texts(alarm.stack, alarm.properties[actions]) == ["<Alarms/Topic>"], name
    (policy,) = [one for one in cloud.resources("SNS::TopicPolicy") if one.name.startswith("Alarms/")]
    allowed = [one for one in policy.properties["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    assert [one["Principal"] for one in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert cloud.text(policy.stack, allowed[0]["Condition"]["StringEquals"]["aws:SourceAccount"]) == "<AWS::AccountId>"


def test_who_is_told_is_chosen_at_deployment() -> None:
    assert chosen({"alarm_emails": "a@example.com,b@example.com"}).alarm_emails == ("a@example.com", "b@example.com")
    assert chosen({}).alarm_emails == ()


def test_the_dashboard_shows_all_alarms_first_and_a_person_reads_it_at_a_glance(prod: Cloud) -> None:
    board = prod.only("CloudWatch::Dashboard")
    assert board.properties["DashboardName"] == "maskmill-prod"
    text = prod.text(board.stack, board.properties["DashboardBody"])
    widgets = json.loads(text)["widgets"]
    first, *others = sorted(widgets, key=lambda one: (one["y"], one["x"]))
    assert first["type"] == "alarm"
    assert len(first["properties"]["alarms"]) == len(alarms(prod))
    assert [one["properties"]["view"] for one in others] == ["singleValue"] * 4 + ["timeSeries"] * 6
    assert all(one["properties"]["title"] for one in others)
    assert len({(one["x"], one["y"]) for one in widgets}) == len(widgets)


def test_a_stage_that_nobody_is_woken_for_has_neither(cloud_of: Callable[[str], Cloud]) -> None:
    assert not STAGES["dev"].is_watched
    assert not cloud_of("dev").resources("CloudWatch::Dashboard")
    assert not alarms(cloud_of("dev"))


def test_functions_are_traced_where_the_stage_says_so_and_nowhere_else(cloud: Cloud) -> None:
    modes = {
        one.properties.get("TracingConfig", {}).get("Mode")
        for one in cloud.resources("Lambda::Function")
        if one.name != "Lane/Function"
    }
    assert modes == ({"Active"} if STAGES[cloud.stage].has_traces else {None})
