"""The endpoint port on a SageMaker asynchronous endpoint; it knows no shards and no masks."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws.faults import code_of, translated
from lambdas.aws.telemetry import correlation
from maskmill.core.errors import Code, Unavailable
from maskmill.core.ports import Invoked

_NOT_IN_SERVICE = "ValidationError"  # also what a request gets while the endpoint is created, updated or deleted


class SageMakerEndpoint:
    """One asynchronous endpoint and the bucket that its requests lie in."""

    def __init__(
        self, client: Any, *, name: str, work_bucket: str, queue_life_s: int, invocation_timeout_s: int
    ) -> None:
        self._client = client
        self._name = name
        self._work_bucket = work_bucket
        self._queue_life_s = queue_life_s
        self._invocation_timeout_s = invocation_timeout_s

    def invoke(self, *, request_key: str, request_id: str, answer_folder: str, answer_file: str) -> Invoked:
        with translated("InvokeEndpointAsync"):
            try:
                answer = self._client.invoke_endpoint_async(
                    EndpointName=self._name,
                    InputLocation=f"s3://{self._work_bucket}/{request_key}",
                    ContentType="application/json",
                    InferenceId=request_id,
                    **correlation(request_key),
                    S3OutputPathExtension=answer_folder,
                    Filename=answer_file,
                    RequestTTLSeconds=self._queue_life_s,
                    InvocationTimeoutSeconds=self._invocation_timeout_s,
                )
            except ClientError as error:
                if code_of(error) == _NOT_IN_SERVICE:
                    raise Unavailable(Code.MODEL_UNAVAILABLE, detail=f"InvokeEndpointAsync: {error}") from error
                raise
        return Invoked(answer=answer["OutputLocation"], failure=answer.get("FailureLocation") or None)
