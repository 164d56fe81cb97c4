"""Handlers of the scratch stack: each does the one AWS call that its test looks at."""

import json
import logging
import os
import urllib.parse

import boto3
from botocore.config import Config

logging.getLogger().setLevel(logging.INFO)
LOG = logging.getLogger(__name__)


def ingest(event, context):
    """Write a row per object; a key that says `bad` fails alone."""
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    failed = []
    for record in event["Records"]:
        for change in json.loads(record["body"]).get("Records", []):
            key = urllib.parse.unquote_plus(change["s3"]["object"]["key"])
            if "bad" in key:
                failed.append({"itemIdentifier": record["messageId"]})
            else:
                table.put_item(Item={"pk": key})
                LOG.info("ingested %s", key)
    return {"batchItemFailures": failed}


def api(event, context):
    """The claims of the caller and a presigned POST."""
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    key = "uploads/photo.jpg"
    form = s3.generate_presigned_post(
        os.environ["BUCKET"], key, Conditions=[["content-length-range", 1, 1000]], ExpiresIn=300
    )
    body = {"claims": event["requestContext"]["authorizer"]["jwt"]["claims"], "path": event["rawPath"], "form": form}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def dispatch(event, context):
    """Ask the async endpoint; what AWS answers is the answer."""
    runtime = boto3.client("sagemaker-runtime")
    arguments = {"EndpointName": os.environ["ENDPOINT"], **event}
    answer = runtime.invoke_endpoint_async(**arguments)
    return {name: answer.get(name) for name in ("InferenceId", "OutputLocation", "FailureLocation")}


def sweep(event, context):
    boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"pk": "swept"})
