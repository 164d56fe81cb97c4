"""The messages and failure texts that SageMaker writes, field by field. It sends nothing.

Shapes and texts are those seen in real notifications; the text for an expired request is ours, no real one is known.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from local.endpoint.backlog import Waiting
from local.endpoint.deployed import DeployedEndpoint

RESPONSE_BYTES_MAX = 128 * 1024


def test_notification() -> str:
    """What every topic receives when an endpoint is created or updated."""
    return json.dumps({"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"})


def success(
    endpoint: DeployedEndpoint,
    waiting: Waiting,
    *,
    content_type: str,
    custom_attributes: str | None,
    body: bytes,
    now: float,
) -> str:
    response = {"contentType": content_type, "outputLocation": waiting.output_location}
    if custom_attributes:
        response["customAttributes"] = custom_attributes
    message: dict[str, Any] = {
        **_times(endpoint, waiting, now),
        "invocationStatus": "Completed",
        "requestParameters": _request_parameters(endpoint, waiting),
        "responseParameters": response,
    }
    if "SUCCESS_NOTIFICATION_TOPIC" in endpoint.responses_in_topics and len(body) <= RESPONSE_BYTES_MAX:
        message["responseBody"] = _response_body(body)
    return json.dumps({**message, **_event(waiting)})


def failure(endpoint: DeployedEndpoint, waiting: Waiting, *, reason: str, body: bytes, now: float) -> str:
    message: dict[str, Any] = {
        **_times(endpoint, waiting, now),
        "invocationStatus": "Failed",
        "failureReason": reason,
        "requestParameters": _request_parameters(endpoint, waiting),
    }
    if waiting.failure_location:
        message["responseParameters"] = {"failureLocation": waiting.failure_location}
    if "ERROR_NOTIFICATION_TOPIC" in endpoint.responses_in_topics and len(body) <= RESPONSE_BYTES_MAX:
        message["responseBody"] = _response_body(body)
    return json.dumps({**message, **_event(waiting)})


def reason_of_status(endpoint: DeployedEndpoint, status: int) -> str:
    """The failure reason of a container's answer; SageMaker says ClientError for 5xx as well, and 0 for no answer."""
    side = "client" if 400 <= status < 500 else "server"
    return (
        f"ClientError: Received {side} error ({status}) from model. See the SageMaker Endpoint logs in your account "
        f"for more information: /aws/sagemaker/Endpoints/{endpoint.name}"
    )


def reason_no_response(endpoint: DeployedEndpoint) -> str:
    return (
        f"Amazon SageMaker could not get a response from the {endpoint.name} endpoint. This can occur when CPU or "
        "memory utilization is high."
    )


def reason_expired(waiting: Waiting) -> str:
    return f"The request expired: it waited longer than its RequestTTLSeconds of {waiting.request.ttl_s}."


def reason_download(waiting: Waiting, cause: str) -> str:
    return f"ClientError: Unable to download the input from {waiting.request.input_location}: {cause}"


def reason_upload(waiting: Waiting, cause: str) -> str:
    return f"ClientError: Unable to upload the response to {waiting.output_location}: {cause}"


def _times(endpoint: DeployedEndpoint, waiting: Waiting, now: float) -> dict[str, Any]:
    return {
        "awsRegion": endpoint.region,
        "eventTime": _iso(now),
        "receivedTime": _iso(waiting.received_at),
    }


def _event(waiting: Waiting) -> dict[str, Any]:
    return {
        "inferenceId": waiting.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _request_parameters(endpoint: DeployedEndpoint, waiting: Waiting) -> dict[str, str]:
    request = waiting.request
    given = {
        "accept": request.accept,
        "contentType": request.content_type,
        "customAttributes": request.custom_attributes,
        "endpointName": endpoint.name,
        "inputLocation": request.input_location,
    }
    return {name: value for name, value in given.items() if value}


def _response_body(body: bytes) -> dict[str, str]:
    return {
        "content": base64.b64encode(body).decode(),
        "message": "Check S3 path location(if configured) or Cloudwatch for additional details.",
        "encoding": "BASE64",
    }


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
