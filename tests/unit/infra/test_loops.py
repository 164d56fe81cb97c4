"""Nothing wakes itself for ever: who wakes whom is read from the templates, and each way back is listed with its end.

A function wakes another by sending to a queue that the other reads, by writing objects that a bucket announces or rows
that the table's stream tells of, by asking the endpoint, or by dying, when its letters are read. Rights stand for
deeds: what a function may send to, it is taken to send to.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.stacks.live import ROWS_TOLD_OF
from maskmill.core import limits, rows
from maskmill.core.limits import MODEL_ATTEMPTS_MAX, REPAIRS_PER_CHUNK_MAX, REQUESTS_PER_CHUNK_MAX, WEBHOOK_ATTEMPTS_MAX
from tests.unit.infra.cloud import Cloud, grants
from tests.unit.infra.uses import source_of

Edges = set[tuple[str, str]]

# Each way back, and what ends it. Without these, nothing comes back to where it was.
ENDS = {
    ("PlanJob", "PlanJob"): "a plan is written in runs of CHUNKS_PER_RUN_MAX chunks, each after the last",
    ("DispatchShard", "DispatchShard"): "a chunk hands its place on to the next one of its line, which still waits",
    (
        "CollectMasks",
        "DispatchShard",
    ): "an item has MODEL_ATTEMPTS_MAX attempts, a chunk REQUESTS_PER_CHUNK_MAX requests",
    ("ExportDataset", "ExportDataset"): "an export is made part by part, and each run makes one more",
    ("DeliverWebhook", "DeliverWebhook"): "a delivery has WEBHOOK_ATTEMPTS_MAX attempts, counted when they begin",
    ("RemoveDataset", "RemoveDataset"): "each run removes some of what there is, or waits for a moment that comes",
    ("BuryLetters", "DispatchShard"): "a letter ends what it is about and hands on what did not die",
    (
        "BuryLetters",
        "RenderItem",
    ): "a letter of dispatch says what it had done and not said, one of several items each alone",
    ("BuryLetters", "FinishJob"): "the last item of a job ends once",
    ("BuryLetters", "ExportDataset"): "a job that ended names its exports once",
    ("PushProgress", "PushProgress"): "it writes rows that the stream's filter leaves out",
    ("DeliverWebhook", "PushProgress"): "it writes rows that the stream's filter leaves out",
    ("BuryLetters", "PushProgress"): "what a letter ends was open before, and ends once",
    ("HoldConnection", "HoldConnection"): "a socket ends once; who hears of its end closes nothing",
}


def name_of(text: str) -> str:
    """`DispatchShard` of `<DispatchShard/Function.Arn>`, `PlanQueue/Queue` of `<PlanQueue/Queue.Arn>`."""
    return text.strip("<>").partition(".")[0].removesuffix("/Function")


def readers(cloud: Cloud) -> dict[str, str]:
    """The function that reads each queue, or the table's stream."""
    found = {}
    for mapping in cloud.resources("Lambda::EventSourceMapping"):
        source = name_of(cloud.text(mapping.stack, mapping.properties["EventSourceArn"]))
        found[source] = name_of(cloud.text(mapping.stack, mapping.properties["FunctionName"]))
    return found


def told_of_objects(cloud: Cloud) -> dict[str, set[str]]:
    """The queues that each bucket announces its objects to."""
    found: dict[str, set[str]] = {}
    for bucket in cloud.resources("S3::Bucket"):
        notices = bucket.properties.get("NotificationConfiguration", {})
        assert set(notices) <= {"QueueConfigurations"}, (
            f"{bucket.name} wakes something that is no queue: follow it here"
        )
        for one in notices.get("QueueConfigurations", ()):
            found.setdefault(bucket.name, set()).add(name_of(cloud.text(bucket.stack, one["Queue"])))
    return found


def letters(cloud: Cloud) -> dict[str, str]:
    """Where the messages of each queue go that were tried too often."""
    return {
        queue.name: name_of(cloud.text(queue.stack, queue.properties["RedrivePolicy"]["deadLetterTargetArn"]))
        for queue in cloud.resources("SQS::Queue")
        if "RedrivePolicy" in queue.properties
    }


def answers(cloud: Cloud) -> set[str]:
    """The queues to which the endpoint's topics lead."""
    return {
        name_of(cloud.text(found.stack, found.properties["Endpoint"]))
        for found in cloud.resources("SNS::Subscription")
        if found.properties["Protocol"] == "sqs"
    }


def wakes(cloud: Cloud) -> Edges:
    """Which function may make another one run."""
    reads, objects, dead = readers(cloud), told_of_objects(cloud), letters(cloud)
    functions = [one.name.removesuffix("/Function") for one in cloud.resources("Lambda::Function")]

    def woken(function: str) -> Iterator[str]:
        for action, resource in grants(cloud, f"{function}/Role"):
            target = name_of(resource.partition("/file")[0].partition(">/")[0])
            if action == "sqs:SendMessage" and target in reads:
                yield reads[target]
            elif action == "s3:PutObject":
                yield from (reads[queue] for queue in objects.get(target, ()))
            elif action in ("dynamodb:PutItem", "dynamodb:UpdateItem") and target == "Table":
                yield reads["Table"]
            elif action == "sagemaker:InvokeEndpointAsync":
                yield from (reads[queue] for queue in answers(cloud))
            elif action == "execute-api:ManageConnections" and "DELETE" in resource:
                yield "HoldConnection"  # which hears of every socket's end
        for queue, reader in reads.items():
            if reader == function and queue in dead:
                yield reads[dead[queue]]

    return {(function, target) for function in functions for target in woken(function)}


def on_a_way_back(edges: Edges) -> Edges:
    """The edges that lie on some circle."""
    after: dict[str, set[str]] = {}
    for one, other in edges:
        after.setdefault(one, set()).add(other)

    def reaches(begin: str, end: str) -> bool:
        seen, todo = set[str](), [begin]
        while todo:
            here = todo.pop()
            if here == end:
                return True
            if here not in seen:
                seen.add(here)
                todo += after.get(here, ())
        return False

    return {(one, other) for one, other in edges if reaches(other, one)}


def test_whatever_comes_back_to_where_it_was_has_an_end(cloud: Cloud) -> None:
    left = on_a_way_back(wakes(cloud) - ENDS.keys())
    assert not left, f"a way back without an end: {sorted(left)}"


def test_every_end_that_is_listed_belongs_to_a_way_back(cloud: Cloud) -> None:
    assert ENDS.keys() <= on_a_way_back(wakes(cloud))


def test_a_circle_is_seen() -> None:
    assert on_a_way_back({("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")}) == {("a", "b"), ("b", "c"), ("c", "a")}


def test_the_roads_of_a_job_are_among_what_was_read(cloud: Cloud) -> None:
    """That the templates were understood: a reader that sees nothing finds no circle."""
    roads = {
        ("ServeApi", "PlanJob"),
        ("ServeApi", "IngestImage"),
        ("PlanJob", "DispatchShard"),
        ("DispatchShard", "CollectMasks"),
        ("CollectMasks", "RenderItem"),
        ("RenderItem", "FinishJob"),
        ("RenderItem", "PushProgress"),
        ("RenderItem", "BuryLetters"),
        ("FinishJob", "ExportDataset"),
        ("PushProgress", "DeliverWebhook"),
        ("Sweep", "RemoveDataset"),
    }
    assert roads <= wakes(cloud)


def test_no_function_writes_where_its_own_bucket_announces(cloud: Cloud) -> None:
    (bucket,) = told_of_objects(cloud)
    assert bucket == "Uploads"
    writers = {one for one, other in wakes(cloud) if other == "IngestImage"}
    assert writers == {"ServeApi", "Sweep"}  # the one signs for its callers, the other sends what was lost


@pytest.mark.parametrize("verb", ["push_progress", "deliver_webhook"])
def test_who_follows_the_stream_writes_no_row_that_the_stream_tells_of(verb: str) -> None:
    told_of = {
        "begin_attempt", "claim_delivery", "disable_webhook", "end_delivery", "forget_connection", "note_failure",
        "note_success", "postpone_delivery", "put_delivery", "put_event",
    }  # fmt: skip
    written = {name for name in source_of(verb).mentions("rows") if _is_write(name)}
    assert written <= told_of, f"look whether the stream tells of {written - told_of}"
    prefixes = (rows.EVENT_PREFIX, rows.DELIVERY_PREFIX, rows.WEBHOOK_PREFIX, rows.CONNECTION_PREFIX)
    assert not any(
        prefix.startswith(ROWS_TOLD_OF) or told.startswith(prefix) for prefix in prefixes for told in ROWS_TOLD_OF
    )


def _is_write(name: str) -> bool:
    kind = getattr(getattr(rows, name, None), "__annotations__", {}).get("return")
    return kind in ("Put", "Update", "Delete")


def test_the_bounds_that_end_them_are_bounds() -> None:
    assert 1 <= MODEL_ATTEMPTS_MAX < REQUESTS_PER_CHUNK_MAX < REPAIRS_PER_CHUNK_MAX
    assert WEBHOOK_ATTEMPTS_MAX < 20
    named = {word.strip(",.") for reason in ENDS.values() for word in reason.split() if word.isupper() and "_" in word}
    assert named
    assert all(hasattr(limits, name.strip(",")) for name in named)
