"""Nobody reaches what is another's on the deployed stacks: people by ids, and others by sending in our services' names.

All combinations of ids are tried in process (tests/contract/api/test_api_isolation.py); here every call goes through
the gateway once.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.serve_api import handler as edge
from local.aws import Credentials, client
from local.cloud import Laptop
from tests.contract.api.cases import MISSING, World
from tests.contract.api.memory import MemoryCloud
from tests.contract.api.operations import Operation, operations
from tests.contract.api.test_api_two_tenants import Pattern, pattern_of
from tests.e2e.conftest import User
from tests.e2e.roles import client_of
from tests.e2e.test_doors import announce, png, settled
from tests.e2e.wire import Answer, send
from tests.unit.lambdas.gateway import PROMPT, Api, recipe

pytestmark = pytest.mark.integration

OF_ONE_ANSWER = {"date", "apigw-requestid", "x-amzn-requestid", "x-amz-request-id", "ratelimit", "x-amz-id-2"}


NAMING = [operation for operation in operations() if operation.ids]


@pytest.fixture(scope="module")
def patterns() -> dict[str, Pattern]:
    """A good request of every call that names something of a tenant's."""
    with pytest.MonkeyPatch.context() as patch:
        memory = MemoryCloud()
        patch.setattr(edge, "connect", lambda: memory.ports)
        return {one.name: pattern_of(one, World(Api(), memory.lane, patch)) for one in NAMING}


@pytest.fixture(scope="module")
def things(cloud: Laptop, ann: User) -> Iterator[dict[str, str]]:
    """One thing of every kind of Ann's."""
    dataset = made(ann, "/datasets", {"name": "hers"})["dataset_id"]
    ticket = announce(ann, dataset, png(11))
    assert ticket.post().status == 204
    assert settled(ann, ticket)["status"] == "ready"
    template = made(ann, f"/datasets/{dataset}/templates", {"name": "ball", "prompt": PROMPT})["template_id"]
    job = made(ann, f"/datasets/{dataset}/jobs", {"recipe": recipe(template)})["job_id"]
    webhook = made(ann, "/webhooks", {"url": "https://hooks.example.com/"})["webhook_id"]
    delivery = made(ann, f"/webhooks/{webhook}/test", {})["delivery_id"]
    yield {
        "dataset": dataset, "image": ticket.image, "template": template,
        "job": job, "webhook": webhook, "delivery": delivery,
    }  # fmt: skip
    assert ann.remove(f"/webhooks/{webhook}") == 204
    assert ann.remove(f"/datasets/{dataset}") == 202


def made(user: User, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, found = user.get(path, method="POST", body=body)
    assert status in {201, 202}, found
    return found


def shown(answer: Answer) -> tuple[int, dict[str, str], dict[str, Any]]:
    headers = {name.lower(): text for name, text in answer.headers.items() if name.lower() not in OF_ONE_ANSWER}
    return answer.status, headers, {**answer.values, "request_id": None}


@pytest.mark.parametrize("operation", NAMING, ids=lambda operation: operation.name)
def test_what_is_anns_is_to_bob_as_if_it_were_not_there(
    cloud: Laptop, bob: User, things: dict[str, str], patterns: dict[str, Pattern], operation: Operation
) -> None:
    pattern = patterns[operation.name]
    token = json.loads(bob.profile.read_text())["token"]["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(ids: dict[str, str]) -> tuple[int, dict[str, str], dict[str, Any]]:
        path, body = pattern.filled(ids)
        data = None if body is None else body.encode()
        return shown(send(f"{cloud.api_url}/api/v1{path}", operation.method, headers=headers, body=data))

    foreign, missing = ask(things), ask(dict.fromkeys(things, MISSING))
    assert foreign == missing
    assert (missing[0], missing[2]["code"]) == (404, "not_found")


def test_and_ann_has_it_all_the_while(ann: User, things: dict[str, str]) -> None:
    for path in ("/datasets/{dataset}/images/{image}", "/datasets/{dataset}/templates/{template}", "/jobs/{job}"):
        assert ann.get(path.format(**things))[0] == 200
    assert ann.get("/webhooks/{webhook}".format(**things))[0] == 200


# In our services' names ---------------------------------------------------------------------------------------------


def refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except ClientError as error:
        return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403, 404})
    return False


def test_another_account_reaches_nothing_of_ours(cloud: Laptop) -> None:
    """Whoever is all-powerful in another account, and knows the names of what is in this one."""
    stranger = Credentials("111122223333", "any")
    outputs = cloud.outputs

    def aws(service: str) -> Any:
        return client_of(cloud, stranger, service)

    for queue in ("IngestQueueUrl", "CollectQueueUrl", "CollectLettersUrl", "PlanQueueUrl"):
        url = outputs[queue]
        assert refused(lambda url=url: aws("sqs").send_message(QueueUrl=url, MessageBody="{}")), queue
        assert refused(lambda url=url: aws("sqs").receive_message(QueueUrl=url)), queue
    for topic in ("SuccessTopicArn", "ErrorTopicArn"):
        arn = outputs[topic]
        assert refused(lambda arn=arn: aws("sns").publish(TopicArn=arn, Message="{}")), topic
    for bucket in ("UploadsBucket", "MediaBucket", "WorkBucket", "SiteBucket"):
        name = outputs[bucket]
        assert refused(lambda name=name: aws("s3").put_object(Bucket=name, Key="t/a", Body=b"x")), bucket
        assert refused(lambda name=name: aws("s3").list_objects_v2(Bucket=name)), bucket


def invocations(cloud: Laptop, function: str) -> int:
    answer = send(f"{cloud.emulator_url}/_local/requests", "POST", body=b"{}")
    return int(answer.values["counts"].get(f"invoke maskmill-local-{function}", 0))


def test_a_topic_that_is_not_ours_says_nothing_to_the_collector(cloud: Laptop) -> None:
    """A service may send to a queue, but for our own topics alone: whoever has another one uses it in vain."""
    sns, sqs = client("sns", cloud.emulator_url), client("sqs", cloud.emulator_url)
    url = cloud.outputs["CollectQueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=f"stranger-{secrets.token_hex(4)}")["TopicArn"]
    before = invocations(cloud, "collect-masks")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="{}")
    time.sleep(1.5)
    assert invocations(cloud, "collect-masks") == before
    sns.delete_topic(TopicArn=topic)


def test_a_bucket_that_is_not_ours_announces_nothing_to_ingest(cloud: Laptop) -> None:
    s3, sqs = client("s3", cloud.emulator_url), client("sqs", cloud.emulator_url)
    url = cloud.outputs["IngestQueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bucket = f"stranger-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    before = invocations(cloud, "ingest-image")
    told = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    if not refused(lambda: s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)):
        s3.put_object(Bucket=bucket, Key="t/a/d/b/c", Body=b"x")
        time.sleep(1.5)
    assert invocations(cloud, "ingest-image") == before
