"""Who may do what: the whole table, so that a wider right shows up as a changed line."""

from __future__ import annotations

import fnmatch
import re

import pytest

from infra.config import STAGES
from maskmill.core import keys
from tests.unit.infra.cloud import Cloud, grants, statements

ROW = {
    "get": "dynamodb:GetItem",
    "query": "dynamodb:Query",
    "put": "dynamodb:PutItem",
    "update": "dynamodb:UpdateItem",
    "delete": "dynamodb:DeleteItem",
    "get all": "dynamodb:BatchGetItem",
}
PX = "t/*/px/*"


def table(*verbs: str) -> set[tuple[str, str]]:
    return {(ROW[verb], "<Table.Arn>") for verb in verbs}


def get(bucket: str, *patterns: str) -> set[tuple[str, str]]:
    return {("s3:GetObject", f"<{bucket}.Arn>/{pattern}") for pattern in patterns}


def put(bucket: str, *patterns: str) -> set[tuple[str, str]]:
    return {("s3:PutObject", f"<{bucket}.Arn>/{pattern}") for pattern in patterns}


def delete(bucket: str, *patterns: str) -> set[tuple[str, str]]:
    return {("s3:DeleteObject", f"<{bucket}.Arn>/{pattern}") for pattern in patterns}


def miss(*buckets: str) -> set[tuple[str, str]]:
    return {("s3:ListBucket", f"<{bucket}.Arn>") for bucket in buckets}


def send(*queues: str) -> set[tuple[str, str]]:
    return {("sqs:SendMessage", f"<{queue}Queue/Queue.Arn>") for queue in queues}


def changes() -> set[tuple[str, str]]:
    """What an event source needs of the table's stream, and of the queue of what it gave up."""
    actions = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    read = {(f"dynamodb:{action}", "<Table.StreamArn>") for action in actions}
    return read | {("sqs:SendMessage", "<ProgressLetters.Arn>")}


def sockets(*methods: str) -> set[tuple[str, str]]:
    arn = "arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<Sockets/Api>/live"
    return {("execute-api:ManageConnections", f"{arn}/{method}/@connections/*") for method in methods}


def receive(*queues: str) -> set[tuple[str, str]]:
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    return {(action, f"<{queue}.Arn>") for queue in queues for action in actions}


ENDPOINT = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/maskmill-prod"
LANE = "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:maskmill-prod-lane"
ALL = ("Ingest", "Plan", "Dispatch", "Collect", "Render", "Finish", "Export", "Webhook", "Remove")
UPLOADS = "t/*/d/*/*"
CHUNKS = "t/*/jobs/*/chunks/*"
DATASETS = "t/*/jobs/*/dataset/*"
EXPORTS = "t/*/jobs/*/exports/*/*"
REQUESTS = "t/*/jobs/*/requests/*.json"
MASKS = f"{PX}/masks/*.json"
EMBEDDINGS = f"{PX}/embeddings/*.bin"
AUTOMASKS = f"{PX}/automasks/*.json"
LABELS = f"{PX}/labels/*"
VARIANTS = f"{PX}/variants/*"
RESULTS = f"{PX}/variants/*.json"
NORMAL = f"{PX}/normal.png"
THUMBNAIL = f"{PX}/thumbnail.webp"
PLAN = "t/*/jobs/*/plan.json"

# The zip of the page is named by its content.
BUILT = "arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/<sha256>.zip"

KEYS = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/maskmill-prod/media-key"
PRIVATE_KEY, PUBLIC_KEY = f"{KEYS}/1/private", f"{KEYS}/1/public"

RIGHTS = {
    "ServeApi": table("get", "get all", "query", "put", "update", "delete")
    | {("dynamodb:Query", "<Table.Arn>/index/recent")}
    | put("Uploads", UPLOADS)
    | get("Media", RESULTS, CHUNKS, DATASETS, EXPORTS)
    | get("Media", EMBEDDINGS, AUTOMASKS)
    | put("Media", AUTOMASKS)
    | miss("Media")
    | {("lambda:InvokeFunction", LANE), ("ssm:GetParameter", PRIVATE_KEY)}
    | send("Plan", "Export", "Webhook", "Remove"),
    "IngestImage": table("get", "put", "update")
    | get("Uploads", UPLOADS)
    | delete("Uploads", UPLOADS)
    | put("Media", NORMAL, THUMBNAIL)
    | miss("Uploads")
    | receive("IngestQueue/Queue"),
    "PlanJob": table("get", "query", "put", "update")
    | get("Media", PLAN)
    | put("Media", PLAN, CHUNKS)
    | miss("Media")
    | send("Plan", "Dispatch", "Finish")
    | receive("PlanQueue/Queue"),
    "SwitchSpending": table("get", "put", "update"),
    "DispatchShard": table("get", "get all", "update")
    | get("Media", CHUNKS)
    | put("Work", REQUESTS)
    | miss("Media")
    | {("sagemaker:InvokeEndpointAsync", ENDPOINT)}
    | send("Dispatch", "Render", "Finish")
    | receive("DispatchQueue/Queue"),
    "CollectMasks": table("get", "get all", "put", "update")
    | get("Work", REQUESTS, "async/*", "async-failed/*")
    | put("Media", MASKS)
    | miss("Work")
    | send("Dispatch", "Render", "Finish")
    | receive("CollectQueue/Queue"),
    "RenderItem": table("get all", "put", "update")
    | get("Media", NORMAL, MASKS, LABELS, VARIANTS, CHUNKS)
    | put("Media", LABELS, VARIANTS)
    | miss("Media")
    | send("Finish")
    | receive("RenderQueue/Queue"),
    "FinishJob": table("get", "get all", "query", "put", "update")
    | get("Media", LABELS, CHUNKS, RESULTS)
    | put("Media", DATASETS)
    | {("s3:AbortMultipartUpload", f"<Media.Arn>/{DATASETS}")}
    | miss("Media")
    | send("Export")
    | receive("FinishQueue/Queue"),
    "DeliverWebhook": table("get", "update") | send("Webhook") | receive("WebhookQueue/Queue"),
    "ExportDataset": table("get", "get all", "query", "update")
    | get("Media", NORMAL, LABELS, VARIANTS, CHUNKS)
    | put("Media", EXPORTS)
    | {("s3:AbortMultipartUpload", f"<Media.Arn>/{EXPORTS}")}
    | miss("Media")
    | send("Export")
    | receive("ExportQueue/Queue"),
    "RemoveDataset": table("get", "query", "put", "update", "delete")
    | delete("Uploads", UPLOADS)
    | delete("Media", f"{PX}/*", "t/*/jobs/*/*")
    | delete("Work", "t/*/jobs/*/*", "async/t/*/jobs/*/answers/*", "async-failed/t/*/jobs/*/answers/*")
    | miss("Uploads", "Media", "Work")
    | send("Plan", "Remove")
    | receive("RemoveQueue/Queue"),
    "Sweep": table("get", "query", "update")
    | {("dynamodb:Query", "<Table.Arn>/index/due")}
    | get("Uploads", UPLOADS)
    | get("Work", "async/*", "async-failed/*")
    | miss("Uploads", "Work")
    | send(*ALL),
    "BuryLetters": table("get", "query", "update")
    | send("Dispatch", "Render", "Finish", "Export")
    | receive(*(f"{queue}Queue/Letters" for queue in ALL)),
    "PushProgress": table("get", "get all", "query", "put", "delete") | changes() | send("Webhook") | sockets("POST"),
    "HoldConnection": table("get", "query", "put", "update", "delete") | sockets("POST", "DELETE"),
    "PublishPage": get("Site", "*") | put("Site", "*") | delete("Site", "*") | miss("Site") | {("s3:GetObject", BUILT)},
    "MakeKey": {(f"ssm:{action}", f"{KEYS}/*") for action in ("PutParameter", "DeleteParameter")}
    | {("ssm:GetParameter", f"{KEYS}/*/public")},
    "Lane": get("Media", NORMAL, EMBEDDINGS) | put("Media", EMBEDDINGS) | miss("Media"),
}


def log_of(function: str) -> set[tuple[str, str]]:
    return {(action, f"<{function}/Log.Arn>") for action in ("logs:CreateLogStream", "logs:PutLogEvents")}


def traces_of(function: str) -> set[tuple[str, str]]:
    """Segments have no resource. The lane is a part of its caller's."""
    return set() if function == "Lane" else TRACES


def unnamed(rights: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(action, re.sub(r"[0-9a-f]{64}", "<sha256>", resource)) for action, resource in rights}


@pytest.mark.parametrize("function", RIGHTS)
def test_a_function_may_do_this_and_nothing_else(prod: Cloud, function: str) -> None:
    assert unnamed(grants(prod, f"{function}/Role")) == RIGHTS[function] | log_of(function) | traces_of(function)


def test_every_function_is_in_the_table_and_has_a_role_of_its_own(cloud: Cloud) -> None:
    roles = {
        function.name: cloud.text(function.stack, function.properties["Role"])
        for function in cloud.resources("Lambda::Function")
    }
    assert roles == {f"{name}/Function": f"<{name}/Role.Arn>" for name in RIGHTS}


def test_who_removes_sees_only_below_the_folders_that_it_clears(prod: Cloud) -> None:
    lists = [one for one in statements(prod, "RemoveDataset/Role") if "s3:ListBucket" in one.actions]
    seen = {one.conditions for one in lists}
    assert len(lists) == 3
    assert seen == {
        '{"StringLike": {"s3:prefix": ["t/*/d/*/"]}}',
        '{"StringLike": {"s3:prefix": ["t/*/px/*/", "t/*/jobs/*/"]}}',
        '{"StringLike": {"s3:prefix": ["t/*/jobs/*/", "async/t/*/jobs/*/answers/", "async-failed/t/*/jobs/*/answers/"]}}',
    }


def test_the_key_of_media_is_read_by_the_api_alone_and_lies_in_no_template(cloud: Cloud) -> None:
    reads = {
        role.name
        for role in cloud.resources("IAM::Role")
        for action, resource in grants(cloud, role.name)
        if action.startswith("ssm:Get") and not resource.endswith("/public")
    }
    assert reads == {"ServeApi/Role"}
    for template in cloud.folder.glob("*.template.json"):
        assert "PRIVATE KEY" not in template.read_text()


def test_no_role_has_a_managed_policy_or_a_foreign_principal(cloud: Cloud) -> None:
    for role in cloud.resources("IAM::Role"):
        assert "ManagedPolicyArns" not in role.properties, role.name
        (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] in ({"Service": "lambda.amazonaws.com"}, {"Service": "sagemaker.amazonaws.com"})


TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
EVERYWHERE = {
    ("cloudwatch:PutMetricData", "*"),  # metrics have no resource
    ("ecr:GetAuthorizationToken", "*"),  # the token opens the registry, the layers are granted by repository
}


def test_no_action_has_a_wildcard_and_no_resource_is_everything(cloud: Cloud) -> None:
    allowed = {pair for role in cloud.resources("IAM::Role") for pair in grants(cloud, role.name)}
    assert {action for action, _ in allowed if "*" in action} == set()
    traced = TRACES if STAGES[cloud.stage].has_traces else set()
    assert {pair for pair in allowed if pair[1] == "*"} == EVERYWHERE | traced


def test_the_model_reads_requests_and_pictures_keeps_embeddings_and_writes_answers(cloud: Cloud) -> None:
    held = grants(cloud, "Role")
    objects = {pair for pair in held if pair[0].startswith(("s3:", "sns:"))}
    answers = {"<Work.Arn>/async/*", "<Work.Arn>/async-failed/*"}
    assert objects == (
        get("Work", REQUESTS)
        | get("Media", NORMAL, EMBEDDINGS)
        | put("Media", EMBEDDINGS)
        | {(action, where) for action in ("s3:PutObject", "s3:AbortMultipartUpload") for where in answers}
        | miss("Work", "Media")
        | {("sns:Publish", "<Answers/Success>"), ("sns:Publish", "<Answers/Error>")}
    )


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        (keys.upload("t1", "d1", "i1"), UPLOADS),
        (keys.normal("t1", "p"), NORMAL),
        (keys.thumbnail("t1", "p"), THUMBNAIL),
        (keys.mask("t1", "p", "m"), MASKS),
        (keys.embedding("t1", "p", "sam-vit-b-ec2df6273261"), EMBEDDINGS),
        (keys.automask("t1", "p", "s"), AUTOMASKS),
        (keys.label_png("t1", "p", "o"), LABELS),
        (keys.label_png("t1", "p", "o"), f"{PX}/labels/*.png"),
        (keys.label_rle("t1", "p", "o"), LABELS),
        (keys.variant("t1", "p", "v", "webp"), VARIANTS),
        (keys.variant_record("t1", "p", "r"), VARIANTS),
        (keys.variant_thumbnail("t1", "p", "v"), VARIANTS),
        (keys.plan("t1", "j"), PLAN),
        (keys.chunk("t1", "j", 3), CHUNKS),
        (keys.dataset_file("t1", "j", keys.MANIFEST), DATASETS),
        (keys.export_file("t1", "j", "yolo-seg", "receipt.json"), EXPORTS),
        (keys.request("t1", "j", "r"), REQUESTS),
        (keys.uploads_folder("t1", "d1"), "t/*/d/*/"),
        (keys.picture_folder("t1", "p"), f"{PX}/"),
        (keys.job_folder("t1", "j"), "t/*/jobs/*/"),
    ],
)
def test_the_patterns_match_the_keys(key: str, pattern: str) -> None:
    assert fnmatch.fnmatchcase(key, pattern)
