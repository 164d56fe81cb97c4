"""What each role of the deployed stacks may do and what not: every role tries every call of one long list.

A call that is not named for a role must be denied. Calls that are allowed are made so that they change nothing: under
keys of nobody, on rows that do not exist, with messages about jobs that do not exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.config import LOCAL
from local.aws import Credentials, client
from local.cloud import Laptop
from maskmill.core.export import ExportFormat
from maskmill.core.messages import (
    CollectAnswer,
    DeliverWebhook,
    DispatchItems,
    ExportDataset,
    FinishJob,
    IngestUpload,
    PlanJob,
    QueueName,
    RemoveDataset,
    RenderItems,
)
from tests.e2e.roles import LAMBDA, SAGEMAKER, client_of, role_of, session_of

pytestmark = pytest.mark.integration

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "UnauthorizedOperation"}
HARMLESS = {  # what an allowed call may answer: that there is nothing to do it to
    "",
    "404",
    "NoSuchKey",
    "NoSuchUpload",
    "ConditionalCheckFailedException",
    "GoneException",
    "ReceiptHandleIsInvalid",
    "ResourceAlreadyExistsException",
    "ParameterAlreadyExists",
    "ParameterNotFound",
}
NOBODY = "nobody"
ASSETS = "cdk-hnb659fds-assets-000000000000-us-east-1"  # what deployments lay down their packages in
FORBIDDEN_MIN = 150  # calls that each role tries and is denied
PX = f"t/{NOBODY}/px/0"
KEYS = f"/{LOCAL.prefix}/media-key"
JOB = f"t/{NOBODY}/jobs/none"
OBJECTS = {
    "uploads": ("UploadsBucket", f"t/{NOBODY}/d/none/none"),
    "uploads elsewhere": ("UploadsBucket", "elsewhere"),
    "normal": ("MediaBucket", f"{PX}/normal.png"),
    "thumbnail": ("MediaBucket", f"{PX}/thumbnail.webp"),
    "masks": ("MediaBucket", f"{PX}/masks/0.json"),
    "embeddings": ("MediaBucket", f"{PX}/embeddings/0.bin"),
    "automasks": ("MediaBucket", f"{PX}/automasks/0.json"),
    "label pictures": ("MediaBucket", f"{PX}/labels/0.png"),
    "label runs": ("MediaBucket", f"{PX}/labels/0.json"),
    "variants": ("MediaBucket", f"{PX}/variants/0.webp"),
    "results": ("MediaBucket", f"{PX}/variants/0.json"),
    "plan": ("MediaBucket", f"{JOB}/plan.json"),
    "chunks": ("MediaBucket", f"{JOB}/chunks/0000.json"),
    "dataset": ("MediaBucket", f"{JOB}/dataset/manifest.jsonl"),
    "exports": ("MediaBucket", f"{JOB}/exports/coco/receipt.json"),
    "media elsewhere": ("MediaBucket", "elsewhere"),
    "requests": ("WorkBucket", f"{JOB}/requests/0.json"),
    "answers": ("WorkBucket", f"async/{JOB}/answers/0.json"),
    "failures": ("WorkBucket", f"async-failed/{JOB}/answers/0.json"),
    "work elsewhere": ("WorkBucket", "elsewhere"),
}
FOLDERS = {
    "uploads of a dataset": ("UploadsBucket", f"t/{NOBODY}/d/none/"),
    "uploads of a tenant": ("UploadsBucket", f"t/{NOBODY}/"),
    "objects of a picture": ("MediaBucket", f"{PX}/"),
    "objects of a job": ("MediaBucket", f"{JOB}/"),
    "objects of a tenant": ("MediaBucket", f"t/{NOBODY}/"),
    "requests of a job": ("WorkBucket", f"{JOB}/"),
    "answers of a job": ("WorkBucket", f"async/{JOB}/answers/"),
    "failures of a job": ("WorkBucket", f"async-failed/{JOB}/answers/"),
}
MESSAGES = {
    QueueName.INGEST: IngestUpload(tenant=NOBODY, dataset_id="none", image_id="none"),
    QueueName.PLAN: PlanJob(tenant=NOBODY, job_id="none"),
    QueueName.DISPATCH: DispatchItems(tenant=NOBODY, job_id="none", chunk=0),
    QueueName.COLLECT: CollectAnswer(tenant=NOBODY, job_id="none", request_id="0"),
    QueueName.RENDER: RenderItems(tenant=NOBODY, job_id="none", chunk=0, indices=(0,)),
    QueueName.FINISH: FinishJob(tenant=NOBODY, job_id="none"),
    QueueName.EXPORT: ExportDataset(tenant=NOBODY, job_id="none", format=ExportFormat.COCO),
    QueueName.WEBHOOK: DeliverWebhook(tenant=NOBODY, webhook_id="none", delivery_id="none"),
    QueueName.REMOVE: RemoveDataset(tenant=NOBODY, dataset_id="none"),
}


def each(verb: str, *names: str) -> set[str]:
    return {f"{verb} {name}" for name in names}


def receives(queue: str) -> set[str]:
    return each("receive", queue) | each("delete message", queue) | each("attributes", queue)


ROW_DELETES = each("row", "delete") | {"transact delete"}  # the emulator and AWS ask for the same right
LETTERS = tuple(f"{queue.value} letters" for queue in QueueName)
MAY: dict[str, set[str]] = {
    "serve-api": each("row", "get", "get all", "query", "query recent", "put", "update")
    | ROW_DELETES
    | each("put", "uploads")
    | each("get", "results", "chunks", "dataset", "embeddings", "automasks", "exports")
    | each("put", "automasks")
    | {"invoke lane", "read the private key"}
    | each("list", "MediaBucket")
    | each("send", "plan", "export", "webhook", "remove"),
    "ingest-image": each("row", "get", "put", "update")
    | each("get", "uploads")
    | each("delete", "uploads")
    | each("put", "normal", "thumbnail")
    | each("list", "UploadsBucket")
    | receives("ingest"),
    "plan-job": each("row", "get", "query", "put", "update")
    | each("get", "plan")
    | each("put", "plan", "chunks")
    | each("list", "MediaBucket")
    | each("send", "plan", "dispatch", "finish")
    | receives("plan"),
    "switch-spending": each("row", "get", "put", "update"),
    "dispatch-shard": each("row", "get", "get all", "update")
    | each("get", "chunks")
    | each("put", "requests")
    | each("list", "MediaBucket")
    | each("send", "dispatch", "render", "finish")
    | receives("dispatch"),
    "collect-masks": each("row", "get", "get all", "put", "update")
    | each("get", "requests", "answers", "failures")
    | each("put", "masks")
    | each("list", "WorkBucket")
    | each("send", "dispatch", "render", "finish")
    | receives("collect"),
    "render-item": each("row", "get all", "put", "update")
    | each("get", "normal", "masks", "label pictures", "label runs", "variants", "results", "chunks")
    | each("put", "label pictures", "label runs", "variants", "results")
    | each("list", "MediaBucket")
    | each("send", "finish")
    | receives("render"),
    "finish-job": each("row", "get", "get all", "query", "put", "update")
    | each("get", "label pictures", "label runs", "results", "chunks")
    | each("put", "dataset")
    | each("abort", "dataset")
    | each("list", "MediaBucket")
    | each("send", "export")
    | receives("finish"),
    "deliver-webhook": each("row", "get", "update") | each("send", "webhook") | receives("webhook"),
    "export-dataset": each("row", "get", "get all", "query", "update")
    | each("get", "normal", "label pictures", "label runs", "variants", "results", "chunks")
    | each("put", "exports")
    | each("abort", "exports")
    | each("list", "MediaBucket")
    | each("send", "export")
    | receives("export"),
    "remove-dataset": each("row", "get", "query", "put", "update")
    | ROW_DELETES
    | each("delete", *(name for name in OBJECTS if not name.endswith("elsewhere")))
    | each("see", "uploads of a dataset", "objects of a picture", "objects of a job", "requests of a job")
    | each("see", "answers of a job", "failures of a job")
    | each("send", "plan", "remove")
    | receives("remove"),
    "sweep": each("row", "get", "query", "query due", "update")
    | each("get", "uploads", "answers", "failures")
    | each("list", "UploadsBucket", "WorkBucket")
    | each("send", *QueueName),
    "bury-letters": each("row", "get", "query", "update")
    | each("send", "dispatch", "render", "finish", "export")
    | set().union(*(receives(letters) for letters in LETTERS)),
    "push-progress": each("row", "get", "get all", "query", "put")
    | ROW_DELETES
    | each("send", "progress letters", "webhook")
    | each("socket", "send"),
    "hold-connection": each("row", "get", "query", "put", "update") | ROW_DELETES | each("socket", "send", "close"),
    "make-key": {"lock a private key", "read a public key", "forget a key"},
    "lane": each("get", "normal", "embeddings") | each("put", "embeddings") | each("list", "MediaBucket"),
    "endpoint": each("get", "normal", "requests", "embeddings")
    | each("put", "answers", "failures", "embeddings")
    | each("abort", "answers", "failures")
    | each("list", "MediaBucket", "WorkBucket")
    | {"publish", "metrics", "registry"},
}

Calls = dict[str, Callable[[], object]]


def calls(cloud: Laptop, keys: Credentials) -> Calls:
    def aws(service: str) -> Any:
        return client_of(cloud, keys, service)

    return _far_calls(cloud, aws) | _socket_calls(cloud, keys) | _object_calls(cloud, aws("s3")) | _row_calls(cloud, aws("dynamodb")) | _queue_calls(cloud, aws("sqs")) | (
        _other_calls(cloud, aws)
    )  # fmt: skip


def _socket_calls(cloud: Laptop, keys: Credentials) -> Calls:
    gateway = client("apigatewaymanagementapi", cloud.outputs["LiveUrl"].replace("ws", "http", 1), keys)
    return {
        "socket send": lambda: gateway.post_to_connection(ConnectionId=NOBODY, Data=b"x"),
        "socket close": lambda: gateway.delete_connection(ConnectionId=NOBODY),
        "socket look": lambda: gateway.get_connection(ConnectionId=NOBODY),
    }


def _object_calls(cloud: Laptop, s3: Any) -> Calls:
    made: Calls = {}
    for name, (bucket, key) in OBJECTS.items():
        where = {"Bucket": cloud.outputs[bucket], "Key": key}
        made |= {
            f"get {name}": lambda where=where: s3.get_object(**where),
            f"put {name}": lambda where=where: s3.put_object(**where, Body=b"x"),
            f"delete {name}": lambda where=where: s3.delete_object(**where),
            f"abort {name}": lambda where=where: s3.abort_multipart_upload(**where, UploadId="none"),
            f"tag {name}": lambda where=where: s3.put_object_tagging(**where, Tagging={"TagSet": []}),
            f"publish object {name}": lambda where=where: s3.put_object_acl(**where, ACL="public-read"),
        }
    for name, (bucket, folder) in FOLDERS.items():
        where = {"Bucket": cloud.outputs[bucket], "Prefix": folder}
        made[f"see {name}"] = lambda where=where: s3.list_objects_v2(**where, MaxKeys=1)
    for output in ("UploadsBucket", "MediaBucket", "WorkBucket"):
        bucket = cloud.outputs[output]
        made |= {
            f"list {output}": lambda bucket=bucket: s3.list_objects_v2(Bucket=bucket, MaxKeys=1),
            f"policy of {output}": lambda bucket=bucket: s3.get_bucket_policy(Bucket=bucket),
            f"open {output}": lambda bucket=bucket: s3.delete_bucket_policy(Bucket=bucket),
            f"unblock {output}": lambda bucket=bucket: s3.delete_public_access_block(Bucket=bucket),
            f"empty {output}": lambda bucket=bucket: s3.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": "elsewhere"}]}
            ),
            f"remove {output}": lambda bucket=bucket: s3.delete_bucket(Bucket=bucket),
        }
    return made | {"buckets": s3.list_buckets, "new bucket": lambda: s3.create_bucket(Bucket="of-nobody")}


def _row_calls(cloud: Laptop, dynamodb: Any) -> Calls:
    table = cloud.outputs["TableName"]
    key = {"pk": {"S": NOBODY}, "sk": {"S": NOBODY}}
    absent = {"ConditionExpression": "attribute_exists(pk)"}

    def query(index: str) -> object:
        where = {"KeyConditionExpression": f"{index}_pk = :pk", "ExpressionAttributeValues": {":pk": {"S": NOBODY}}}
        return dynamodb.query(TableName=table, IndexName=index, **where)

    return {
        "row get": lambda: dynamodb.get_item(TableName=table, Key=key),
        "row query": lambda: dynamodb.query(
            TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": NOBODY}}
        ),
        "row query recent": lambda: query("recent"),
        "row query due": lambda: query("due"),
        "row put": lambda: dynamodb.put_item(TableName=table, Item=key, **absent),
        "row update": lambda: dynamodb.update_item(TableName=table, Key=key, **absent),
        "row delete": lambda: dynamodb.delete_item(TableName=table, Key=key),
        "scan": lambda: dynamodb.scan(TableName=table, Limit=1),
        "scan index": lambda: dynamodb.scan(TableName=table, IndexName="recent", Limit=1),
        "row put all": lambda: dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}}]}),
        "row get all": lambda: dynamodb.batch_get_item(RequestItems={table: {"Keys": [key]}}),
        "transact delete": lambda: dynamodb.transact_write_items(
            TransactItems=[{"Delete": {"TableName": table, "Key": key}}]
        ),
        "partiql": lambda: dynamodb.execute_statement(Statement=f'SELECT * FROM "{table}"'),
        "backup": lambda: dynamodb.create_backup(TableName=table, BackupName="stolen"),
        "time to live": lambda: dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "pk"}
        ),
        "drop table": lambda: dynamodb.delete_table(TableName=table),
        "tables": dynamodb.list_tables,
    }


def _queue_calls(cloud: Laptop, sqs: Any) -> Calls:
    unread = {"QueueUrl": cloud.outputs["ProgressLettersUrl"]}
    made: Calls = {
        "queues": sqs.list_queues,
        "send progress letters": lambda: sqs.send_message(**unread, MessageBody="{}"),
        "receive progress letters": lambda: sqs.receive_message(**unread, VisibilityTimeout=0),
    }
    for queue, message in MESSAGES.items():
        name, body = queue.value, message.model_dump_json()
        urls = {name: f"{name.capitalize()}QueueUrl", f"{name} letters": f"{name.capitalize()}LettersUrl"}
        for kind, output in urls.items():
            where = {"QueueUrl": cloud.outputs[output]}
            made |= {
                f"send {kind}": lambda where=where, body=body: sqs.send_message(**where, MessageBody=body),
                f"receive {kind}": lambda where=where: sqs.receive_message(**where, VisibilityTimeout=0),
                f"delete message {kind}": lambda where=where: sqs.delete_message(**where, ReceiptHandle="none"),
                f"attributes {kind}": lambda where=where: sqs.get_queue_attributes(
                    **where, AttributeNames=["QueueArn"]
                ),
                f"purge {kind}": lambda where=where: sqs.purge_queue(**where),
                f"reconfigure {kind}": lambda where=where: sqs.set_queue_attributes(
                    **where, Attributes={"VisibilityTimeout": "0"}
                ),
                f"remove {kind}": lambda where=where: sqs.delete_queue(**where),
            }
    return made


def _other_calls(cloud: Laptop, aws: Callable[[str], Any]) -> Calls:
    role = role_of(cloud, "finish-job")
    name, function = role.rsplit("/", 1)[-1], "maskmill-local-plan-job"
    anything = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    topic, pool = cloud.outputs["SuccessTopicArn"], cloud.outputs["UserPoolId"]
    foreign = "/aws/lambda/maskmill-local-none"
    iam, sts, functions, logs, sns = aws("iam"), aws("sts"), aws("lambda"), aws("logs"), aws("sns")
    return {
        "roles": iam.list_roles,
        "new user": lambda: iam.create_user(UserName=NOBODY),
        "new key": lambda: iam.create_access_key(UserName=NOBODY),
        "widen role": lambda: iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=anything),
        "trust anybody": lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=anything),
        "assume role": lambda: sts.assume_role(RoleArn=role, RoleSessionName=NOBODY),
        "invoke": lambda: functions.invoke(FunctionName=function, Payload=b"{}"),
        "invoke lane": lambda: functions.invoke(FunctionName=cloud.outputs["LaneName"], Payload=b"{}"),
        "functions": functions.list_functions,
        "read code": lambda: functions.get_function(FunctionName=function),
        "replace code": lambda: functions.update_function_code(FunctionName=function, ZipFile=b"x"),
        "reconfigure function": lambda: functions.update_function_configuration(FunctionName=function, Timeout=1),
        "log groups": logs.describe_log_groups,
        "read log": lambda: logs.filter_log_events(logGroupName="/aws/lambda/maskmill-local-serve-api"),
        "new log": lambda: logs.create_log_group(logGroupName=foreign),
        "write foreign log": lambda: logs.create_log_stream(logGroupName=foreign, logStreamName=NOBODY),
        "remove log": lambda: logs.delete_log_group(logGroupName="/aws/lambda/maskmill-local-serve-api"),
        "publish": lambda: sns.publish(TopicArn=topic, Message=json.dumps({"Event": "s3:TestEvent", **NOTHING})),
        "subscribe": lambda: sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="eve@example.com"),
        "metrics": lambda: aws("cloudwatch").put_metric_data(
            Namespace="/aws/sagemaker/Endpoints", MetricData=[{"MetricName": "none", "Value": 0}]
        ),
        "read metrics": lambda: aws("cloudwatch").list_metrics(),
        "people": lambda: aws("cognito-idp").list_users(UserPoolId=pool),
        "new person": lambda: aws("cognito-idp").admin_create_user(UserPoolId=pool, Username="eve@example.com"),
        "keys": lambda: aws("kms").list_keys(),
        "secrets": lambda: aws("secretsmanager").list_secrets(),
        "parameters": lambda: aws("ssm").describe_parameters(),
        "read the private key": lambda: aws("ssm").get_parameter(Name=f"{KEYS}/1/private", WithDecryption=True),
        "lock a private key": lambda: aws("ssm").put_parameter(
            Name=f"{KEYS}/{NOBODY}/private", Value="x", Type="SecureString"
        ),
        "read a public key": lambda: aws("ssm").get_parameter(Name=f"{KEYS}/{NOBODY}/public"),
        "forget a key": lambda: aws("ssm").delete_parameter(Name=f"{KEYS}/{NOBODY}/private"),
        "stacks": lambda: aws("cloudformation").describe_stacks(),
        "schedule": lambda: aws("events").put_rule(Name=NOBODY, ScheduleExpression="rate(1 minute)"),
        "registry": lambda: aws("ecr").get_authorization_token(),
    }


def _far_calls(cloud: Laptop, aws: Callable[[str], Any]) -> Calls:
    """What no function is ever meant to do: to take what is another's, to widen its own rights, to stop the service."""
    anything = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}]})
    role = role_of(cloud, "finish-job").rsplit("/", 1)[-1]
    function, topic, pool = "maskmill-local-plan-job", cloud.outputs["ErrorTopicArn"], cloud.outputs["UserPoolId"]
    uploads, site = cloud.outputs["UploadsBucket"], cloud.outputs["SiteBucket"]
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    s3, rows, iam, functions, cognito = aws("s3"), aws("dynamodb"), aws("iam"), aws("lambda"), aws("cognito-idp")
    sns, sqs, events, secrets, parameters = aws("sns"), aws("sqs"), aws("events"), aws("secretsmanager"), aws("ssm")
    key = {"pk": {"S": NOBODY}}
    return {
        "other table": lambda: rows.get_item(TableName="other", Key=key),
        "other table's rows": lambda: rows.query(TableName="other", KeyConditionExpression="pk = :p"),
        "new table": lambda: rows.create_table(
            TableName="of-nobody",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        ),
        "other bucket": lambda: s3.get_object(Bucket=ASSETS, Key="a"),
        "write other bucket": lambda: s3.put_object(Bucket=ASSETS, Key="a", Body=b"x"),
        "page": lambda: s3.put_object(Bucket=site, Key="index.html", Body=b"x"),
        "everybody's bucket": lambda: s3.put_bucket_policy(Bucket=uploads, Policy=anything),
        "announce elsewhere": lambda: s3.put_bucket_notification_configuration(
            Bucket=uploads, NotificationConfiguration={}
        ),
        "keep forever": lambda: s3.delete_bucket_lifecycle(Bucket=uploads),
        "every right": lambda: iam.attach_role_policy(RoleName=role, PolicyArn=admin),
        "no rights": lambda: iam.delete_role_policy(RoleName=role, PolicyName="none"),
        "new role": lambda: iam.create_role(RoleName=NOBODY, AssumeRolePolicyDocument=anything),
        "federated": lambda: aws("sts").get_federation_token(Name=NOBODY),
        "let anybody invoke": lambda: functions.add_permission(
            FunctionName=function, StatementId="all", Action="lambda:InvokeFunction", Principal="*"
        ),
        "stop a function": lambda: functions.put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=0
        ),
        "remove a function": lambda: functions.delete_function(FunctionName=function),
        "settings of a function": lambda: functions.get_function_configuration(FunctionName=function),
        "new source": lambda: functions.create_event_source_mapping(
            FunctionName=function, EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{NOBODY}"
        ),
        "let anybody publish": lambda: sns.set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=anything
        ),
        "remove topic": lambda: sns.delete_topic(TopicArn=topic),
        "new queue": lambda: sqs.create_queue(QueueName=NOBODY),
        "let anybody send": lambda: sqs.add_permission(
            QueueUrl=cloud.outputs["PlanQueueUrl"], Label="all", AWSAccountIds=["111122223333"], Actions=["*"]
        ),
        "another's password": lambda: cognito.admin_set_user_password(
            UserPoolId=pool, Username="ann@example.com", Password="Aa1!aaaaaaaa", Permanent=True
        ),
        "a machine's secret": lambda: cognito.describe_user_pool_client(
            UserPoolId=pool, ClientId=cloud.outputs["UserPoolClientId"]
        ),
        "remove person": lambda: cognito.admin_delete_user(UserPoolId=pool, Username="ann@example.com"),
        "a secret": lambda: secrets.get_secret_value(SecretId="any"),
        "new secret": lambda: secrets.create_secret(Name=NOBODY, SecretString="x"),
        "a parameter": lambda: parameters.get_parameter(Name="any"),
        "new key of ours": lambda: aws("kms").create_key(),
        "stop the sweep": lambda: events.disable_rule(Name=NOBODY),
        "keep no log": lambda: aws("logs").put_retention_policy(
            logGroupName="/aws/lambda/maskmill-local-serve-api", retentionInDays=1
        ),
        "remove stack": lambda: aws("cloudformation").delete_stack(StackName="maskmill-local-data"),
        "all APIs": lambda: aws("apigatewayv2").get_apis(),
        "all distributions": lambda: aws("cloudfront").list_distributions(),
        "machines": lambda: aws("ec2").describe_instances(),
    }


# The endpoint's test notification, which the collector ignores.
NOTHING = {"eventSource": "aws:sagemaker", "eventName": "TestNotification", "requestParameters": {"inputLocation": ""}}


def trusted(cloud: Laptop, name: str) -> tuple[str, str]:
    """A role by its name in the table, and the service that it trusts."""
    return (cloud.outputs["EndpointRoleArn"], SAGEMAKER) if name == "endpoint" else (role_of(cloud, name), LAMBDA)


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.parametrize("name", MAY)
def test_a_role_may_do_what_is_named_for_it_and_nothing_else(cloud: Laptop, name: str) -> None:
    tried = calls(cloud, session_of(cloud, *trusted(cloud, name)))
    may = MAY[name] | {f"see {folder}" for folder, (bucket, _) in FOLDERS.items() if f"list {bucket}" in MAY[name]}
    assert may <= tried.keys()
    assert len(tried.keys() - may) >= FORBIDDEN_MIN
    codes = {call: outcome(act) for call, act in tried.items()}
    assert {call: code for call, code in codes.items() if code not in DENIED and call not in may} == {}
    assert {call: code for call, code in codes.items() if code not in HARMLESS and call in may} == {}


def test_only_the_dispatcher_invokes_the_endpoint(cloud: Laptop) -> None:
    """That the dispatcher may is what the main job shows."""
    place = f"s3://{cloud.outputs['WorkBucket']}/{JOB}/requests/0.json"
    for name in MAY.keys() - {"dispatch-shard"}:
        runtime = client("sagemaker-runtime", cloud.endpoint.url, session_of(cloud, *trusted(cloud, name)))
        with pytest.raises(ClientError) as caught:
            runtime.invoke_endpoint_async(EndpointName=cloud.outputs["EndpointName"], InputLocation=place)
        assert caught.value.response["Error"]["Code"] in DENIED, name


def test_a_service_gets_no_role_that_trusts_another(cloud: Laptop) -> None:
    for role, service in ((role_of(cloud, "serve-api"), SAGEMAKER), (cloud.outputs["EndpointRoleArn"], LAMBDA)):
        with pytest.raises(AssertionError):
            session_of(cloud, role, service)
