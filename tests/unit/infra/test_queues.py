from __future__ import annotations

from typing import Any

from maskmill.core.messages import QueueName
from tests.unit.infra.cloud import Cloud, Resource

WORK = {f"{queue.value.capitalize()}Queue/Queue" for queue in QueueName}
LETTERS = {f"{queue.value.capitalize()}Queue/Letters" for queue in QueueName}
UNREAD = {"ProgressLetters"}  # what lies there is for people
READERS = {
    "IngestQueue/Queue": "IngestImage",
    "PlanQueue/Queue": "PlanJob",
    "DispatchQueue/Queue": "DispatchShard",
    "CollectQueue/Queue": "CollectMasks",
    "RenderQueue/Queue": "RenderItem",
    "FinishQueue/Queue": "FinishJob",
    "WebhookQueue/Queue": "DeliverWebhook",
    "ExportQueue/Queue": "ExportDataset",
    "RemoveQueue/Queue": "RemoveDataset",
    **dict.fromkeys(LETTERS, "BuryLetters"),
}


def sources(cloud: Cloud) -> list[tuple[str, Resource, dict[str, Any]]]:
    """Every queue that is an event source: the queue's name, the function, the properties of the mapping."""
    found = []
    queues = {f"<{queue.name}.Arn>" for queue in cloud.resources("SQS::Queue")}
    for mapping in cloud.resources("Lambda::EventSourceMapping"):
        source = cloud.text(mapping.stack, mapping.properties["EventSourceArn"])
        if source not in queues:
            continue
        queue = source.removeprefix("<").removesuffix(".Arn>")
        function = cloud.text(mapping.stack, mapping.properties["FunctionName"]).strip("<>")
        found.append((queue, cloud.named(function, "Lambda::Function"), mapping.properties))
    return found


def test_every_queue_has_a_queue_for_its_dead_letters(cloud: Cloud) -> None:
    queues = {queue.name: queue for queue in cloud.resources("SQS::Queue")}
    assert set(queues) == WORK | LETTERS | UNREAD
    for name in WORK:
        redrive = queues[name].properties["RedrivePolicy"]
        letters = name.replace("/Queue", "/Letters")
        assert cloud.text(queues[name].stack, redrive["deadLetterTargetArn"]) == f"<{letters}.Arn>"
        receives, hidden_s = redrive["maxReceiveCount"], queues[name].properties["VisibilityTimeout"]
        assert 5 <= receives <= 15
        assert receives * hidden_s >= 45 * 60, "another service's outage of half an hour must not make dead letters"
        assert queues[letters].properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_queues_are_encrypted_and_reached_over_tls_alone(cloud: Cloud) -> None:
    assert all(queue.properties["SqsManagedSseEnabled"] for queue in cloud.resources("SQS::Queue"))
    guarded = set()
    for policy in cloud.resources("SQS::QueuePolicy"):
        refused = [entry for entry in policy.properties["PolicyDocument"]["Statement"] if entry["Effect"] == "Deny"]
        assert [entry["Condition"] for entry in refused] == [{"Bool": {"aws:SecureTransport": "false"}}]
        guarded |= {text.strip("<>") for text in cloud.texts(policy.stack, policy.properties["Queues"])}
    assert guarded == WORK | LETTERS | UNREAD


def test_each_queue_is_read_by_its_function(cloud: Cloud) -> None:
    read = {queue: function.name.removesuffix("/Function") for queue, function, _ in sources(cloud)}
    assert read == READERS
    assert len(sources(cloud)) == len(READERS)


def test_a_message_stays_hidden_for_six_times_its_functions_patience(cloud: Cloud) -> None:
    for queue, function, _ in sources(cloud):
        visibility_s = cloud.named(queue, "SQS::Queue").properties["VisibilityTimeout"]
        assert visibility_s >= 6 * function.properties["Timeout"], queue


def test_messages_fail_one_by_one_and_concurrency_is_bounded(cloud: Cloud) -> None:
    for queue, _, mapping in sources(cloud):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], queue
        assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 1000, queue
        assert 1 <= mapping["BatchSize"] <= 10, queue


def test_both_topics_reach_the_collect_queue_as_plain_bodies(cloud: Cloud) -> None:
    subscriptions = [found for found in cloud.resources("SNS::Subscription") if found.properties["Protocol"] == "sqs"]
    topics = {cloud.text(found.stack, found.properties["TopicArn"]) for found in subscriptions}
    assert topics == {"<Answers/Success>", "<Answers/Error>"}
    for found in subscriptions:
        assert found.properties["RawMessageDelivery"] is True
        assert cloud.text(found.stack, found.properties["Endpoint"]) == "<CollectQueue/Queue.Arn>"
        undelivered = found.properties["RedrivePolicy"]["deadLetterTargetArn"]
        assert cloud.text(found.stack, undelivered) == "<CollectQueue/Letters.Arn>"


def test_services_may_send_only_from_our_own_sources(cloud: Cloud) -> None:
    senders = {}
    for policy in cloud.resources("SQS::QueuePolicy"):
        for entry in policy.properties["PolicyDocument"]["Statement"]:
            if entry["Effect"] == "Allow":
                assert entry["Action"] == "sqs:SendMessage"
                ((_, condition),) = [part for part in entry["Condition"].items() if "aws:SourceArn" in part[1]]
                source = cloud.text(policy.stack, condition["aws:SourceArn"])
                senders[source] = (entry["Principal"]["Service"], policy.name.removesuffix("/Policy"))
    arrivals = f"arn:<AWS::Partition>:s3:::maskmill-{cloud.stage}-data-uploads*"
    assert senders[arrivals] == ("s3.amazonaws.com", "IngestQueue/Queue")
    assert set(senders) == {arrivals, "<Answers/Success>", "<Answers/Error>"}


def test_the_sweep_runs_every_minute_and_is_not_repeated(cloud: Cloud) -> None:
    rule = cloud.only("Events::Rule")
    (target,) = rule.properties["Targets"]
    assert rule.properties["ScheduleExpression"] == "rate(1 minute)"
    assert cloud.text(rule.stack, target["Arn"]) == "<Sweep/Function.Arn>"
    assert cloud.only("Lambda::EventInvokeConfig").properties["MaximumRetryAttempts"] == 0
    assert cloud.named("Sweep/Function").properties["Timeout"] < 60
