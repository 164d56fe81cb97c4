"""Probes of S3, and of the events that it sends."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import unquote_plus

from lambdas.aws.doors import S3Doors
from lambdas.aws.events import Ignored, uploads_in
from maskmill.core import keys
from maskmill.core.messages import IngestUpload
from tests.contract.clouds import AwsCloud
from tests.contract.probes import Probe, outcome

GUIDE = "docs.aws.amazon.com/AmazonS3/latest/userguide"
API = "docs.aws.amazon.com/AmazonS3/latest/API"
ODD = "t/a/ä +%&=/b.png"
UPLOAD = keys.upload("tenant-a", "d1", "i1")
MISSING = "NoSuchKey"


class _Made:
    """A new bucket, with calls that name it."""

    def __init__(self, cloud: AwsCloud) -> None:
        self.cloud, self.name = cloud, cloud.bucket_name()
        self.client = cloud.service("s3")

    def put(self, key: str = "k", body: bytes = b"data", **more: Any) -> Any:
        return self.client.put_object(Bucket=self.name, Key=key, Body=body, **more)

    def get(self, key: str = "k", **more: Any) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key, **more)["Body"].read())

    def events(self, key: str) -> list[dict[str, Any]]:
        """What a queue hears of a new bucket in which one object is made."""
        sqs, url = self.cloud.service("sqs"), self.cloud.queue_url()
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
        self.client.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        self.put(key)
        found = []
        while len(found) < 2:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            if "Messages" not in answer:
                break
            found += [json.loads(message["Body"]) for message in answer["Messages"]]
        return found

    def record(self, key: str) -> dict[str, Any]:
        return next(dict(event["Records"][0]) for event in self.events(key) if "Records" in event)


def _second_put(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put(IfNoneMatch="*")
    seen = outcome(lambda: made.put(body=b"other", IfNoneMatch="*"))
    return f"{seen}, kept {made.get().decode()}"


def _after_delete(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put(IfNoneMatch="*")
    made.client.delete_object(Bucket=made.name, Key="k")
    return outcome(lambda: made.put(IfNoneMatch="*"))


def _wrong_checksum(cloud: AwsCloud) -> str:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    return outcome(lambda: _Made(cloud).put(ChecksumSHA256=wrong))


def _small_part(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    where: dict[str, Any] = {"Bucket": made.name, "Key": "k"}
    where["UploadId"] = made.client.create_multipart_upload(Bucket=made.name, Key="k")["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": made.client.upload_part(**where, PartNumber=number, Body=b"x")["ETag"]}
        for number in (1, 2)
    ]
    return outcome(lambda: made.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}))


def _unfinished(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    begun = made.client.create_multipart_upload(Bucket=made.name, Key="k")["UploadId"]
    made.client.upload_part(Bucket=made.name, Key="k", UploadId=begun, PartNumber=1, Body=b"x")
    return f"{outcome(made.get)}, {made.client.list_objects_v2(Bucket=made.name)['KeyCount']} listed"


def _range(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put(body=b"0123456789")
    found = made.get(Range="bytes=2-4").decode(), made.get(Range="bytes=-3").decode()
    return f"{found[0]} {found[1]} {outcome(lambda: made.get(Range='bytes=10-'))}"


def _many_deleted(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    objects = [{"Key": str(number)} for number in range(1001)]
    return outcome(lambda: made.client.delete_objects(Bucket=made.name, Delete={"Objects": objects}))


def _absent_deleted(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    one = outcome(lambda: made.client.delete_object(Bucket=made.name, Key="absent"))
    answer = made.client.delete_objects(Bucket=made.name, Delete={"Objects": [{"Key": "absent"}], "Quiet": True})
    return f"{one}, {len(answer.get('Errors', []))} errors"


def _listing(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    for key in ("b", "a/1", "a", "ä", "B"):
        made.put(key)
    return " ".join(entry["Key"] for entry in made.client.list_objects_v2(Bucket=made.name)["Contents"])


def _event_key(cloud: AwsCloud) -> str:
    key = str(_Made(cloud).record(ODD)["s3"]["object"]["key"])
    return f"{key} = {unquote_plus(key)}"


def _event_upload(cloud: AwsCloud) -> str:
    """Through the product's own reader: the test event is ignored, and the upload is known."""
    found = [uploads_in(json.dumps(event))[0] for event in _Made(cloud).events(UPLOAD)]
    known = [one for one in found if isinstance(one, IngestUpload)]
    return f"{known[0].image_id}, {sum(isinstance(one, Ignored) for one in found)} ignored"


def _upload_form(cloud: AwsCloud) -> str:
    """The policy that a form of the product carries names all that S3 compares with what is posted."""
    doors = S3Doors(cloud.service("s3"), uploads_bucket="uploads-of-a-probe", media_bucket="media")
    fields = doors.upload(UPLOAD, size_bytes=5, sha256="00" * 32).fields
    named = {name for one in json.loads(base64.b64decode(fields["policy"]))["conditions"] for name in one}
    return "complete" if set(fields) - {"policy", "x-amz-signature"} <= named else str(set(fields) - named)


PROBES = (
    Probe("second put with If-None-Match", "only the first of two writers writes", "PreconditionFailed, kept data",
          f"{GUIDE}/conditional-writes.html", _second_put),
    Probe("put with If-None-Match after a deletion", "a name that was removed may be used again", "accepted",
          f"{GUIDE}/conditional-writes.html", _after_delete),
    Probe("put with the checksum of other bytes", "an upload is what the client announced", "BadDigest",
          f"{API}/ErrorResponses.html#ErrorCodeList", _wrong_checksum),
    Probe("key of more than 1024 bytes", "every key is short: a unit test of the names", "KeyTooLongError",
          f"{GUIDE}/object-keys.html", lambda cloud: outcome(lambda: _Made(cloud).put("k" * 1025))),
    Probe("get of an absent object", "a missing object has a name of its own", MISSING,
          f"{API}/API_GetObject.html", lambda cloud: outcome(_Made(cloud).get)),
    Probe("part of less than 5 MiB", "parts have 8 MiB", "EntityTooSmall", f"{API}/API_CompleteMultipartUpload.html",
          _small_part),
    Probe("upload that was not completed", "an object is complete or absent", f"{MISSING}, 0 listed",
          f"{GUIDE}/mpuoverview.html", _unfinished),
    Probe("ranges", "clients go on where a download broke", "234 789 InvalidRange", f"{API}/API_GetObject.html", _range),
    Probe("deletion of 1001 objects at once", "a prefix is cleared by pages of a thousand", "MalformedXML",
          f"{API}/API_DeleteObjects.html", _many_deleted),
    Probe("deletion of absent objects", "a removal may be repeated", "accepted, 0 errors",
          f"{API}/API_DeleteObjects.html", _absent_deleted),
    Probe("order of a listing", "pages go on after a name", "B a a/1 b ä", f"{API}/API_ListObjectsV2.html", _listing),
    Probe("key in an event", "keys are decoded once", f"t/a/%C3%A4+%2B%25%26%3D/b.png = {ODD}",
          f"{GUIDE}/notification-content-structure.html", _event_key),
    Probe("upload in an event", "an upload is ingested, and the test event asks for nothing", "i1, 1 ignored",
          f"{GUIDE}/notification-content-structure.html", _event_upload),
    Probe("sequencer of an event", "nothing relies on it: an upload's key is written once", "present",
          f"{GUIDE}/notification-content-structure.html",
          lambda cloud: "present" if "sequencer" in _Made(cloud).record(UPLOAD)["s3"]["object"] else "absent"),
    Probe("conditions of an upload's form", "a form takes exactly one file", "complete",
          f"{API}/sigv4-HTTPPOSTConstructPolicy.html", _upload_form),
)  # fmt: skip
