"""The endpoint port on a SageMaker realtime endpoint: asks, waits, and leaves behind what an asynchronous one would.

The answer, or the failure, is written below the same folders, and the same notification is sent to the same queue, so
that nobody after this can tell the two kinds of endpoint apart. What is lost when the process dies is asked again.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.aws.faults import code_of, translated
from lambdas.aws.telemetry import correlation
from maskmill.core import keys
from maskmill.core.errors import Code, Unavailable
from maskmill.core.ports import Invoked, Objects

BYTES_MAX = 6 * 1024 * 1024  # of a request and of an answer, by the service
_JSON = "application/json"
_NOT_IN_SERVICE = "ValidationError"  # also what a request gets while the endpoint is created, updated or deleted
_MODEL = "ModelError"
_BUSY = 503  # said by the model server: loading, shutting down, or with more requests than it lets wait


class _Failed(Exception):
    """The model failed the request: the service's reason, and the model server's own words if there are any."""

    def __init__(self, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words or reason


class RealtimeEndpoint:
    """One realtime endpoint, the bucket of its requests and answers, and the queue that is told of the answers."""

    def __init__(
        self, runtime: Any, sqs: Any, *, name: str, work: Objects, work_bucket: str, collect_queue_url: str
    ) -> None:
        self._runtime = runtime
        self._sqs = sqs
        self._name = name
        self._work = work
        self._work_bucket = work_bucket
        self._collect_queue_url = collect_queue_url

    def invoke(self, *, request_key: str, request_id: str, answer_folder: str, answer_file: str) -> Invoked:
        place = f"{answer_folder}/{answer_file}"
        answer_key, failure_key = f"{keys.ANSWERS_FOLDER}/{place}", f"{keys.FAILURES_FOLDER}/{place}"
        promise = Invoked(answer=self._address(answer_key), failure=self._address(failure_key))
        said = {
            "requestParameters": {"endpointName": self._name, "inputLocation": self._address(request_key)},
            "inferenceId": request_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        try:
            about = {"InferenceId": request_id, **correlation(request_key)}
            answer = self._answer(self._work.get(request_key, bytes_max=BYTES_MAX), about)
        except _Failed as failed:
            self._work.put(failure_key, failed.words.encode(), media_type="text/plain")
            response = {"failureLocation": promise.failure}
            said |= {"invocationStatus": "Failed", "failureReason": failed.reason, "responseParameters": response}
        else:
            self._work.put(answer_key, answer, media_type=_JSON)
            response = {"contentType": _JSON, "outputLocation": promise.answer}
            said |= {"invocationStatus": "Completed", "responseParameters": response}
        with translated("SendMessage"):
            self._sqs.send_message(QueueUrl=self._collect_queue_url, MessageBody=json.dumps(said))
        return promise

    def _answer(self, request: bytes, about: dict[str, str]) -> bytes:
        """What the model server answered; raises _Failed, and Unavailable for what may pass."""
        with translated("InvokeEndpoint"):
            try:
                answer = self._runtime.invoke_endpoint(
                    EndpointName=self._name, Body=request, ContentType=_JSON, **about
                )
                with closing(answer["Body"]) as body:
                    data = bytes(body.read(BYTES_MAX + 1))
            except ReadTimeoutError as error:
                raise _Failed(f"the endpoint timed out: {error}") from error
            except ClientError as error:
                _raise_meant(error)
                raise
        if len(data) > BYTES_MAX:
            raise _Failed(f"the answer has more than {BYTES_MAX} bytes")
        return data

    def _address(self, key: str) -> str:
        return f"s3://{self._work_bucket}/{key}"


def _raise_meant(error: ClientError) -> None:
    """A model that is not to be had now is asked again; what it said to the request is its answer."""
    is_models = code_of(error) == _MODEL
    is_busy = is_models and error.response.get("OriginalStatusCode") == _BUSY
    if is_busy or code_of(error) == _NOT_IN_SERVICE:
        raise Unavailable(Code.MODEL_UNAVAILABLE, detail=f"InvokeEndpoint: {error}") from error
    if is_models:
        raise _Failed(str(error), str(error.response.get("OriginalMessage") or "")) from error
