"""S3, SNS and sessions as the endpoint's execution role sees them, through the emulator. It decides nothing."""

import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Credentials, client
from local.processes import DIRECT

SESSION_S = 3600
RENEW_AFTER_S = 1800
"""SDKs start to renew 15 minutes before the end, so what `/credentials` serves always lasts longer than that."""


class CloudError(RuntimeError):
    """AWS, that is the emulator, refused or failed; the message is the error's code."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a signed call may pass, else the error code and text that AWS answers."""

    allowed: bool
    code: str = ""
    message: str = ""


class Cloud(Protocol):
    """What an endpoint needs from AWS, as its execution role."""

    def download(self, role: str, location: str) -> bytes: ...
    def upload(self, role: str, location: str, body: bytes, content_type: str) -> None: ...
    def publish(self, role: str, topic: str, message: str) -> None: ...
    def write_log(self, role: str, group: str, stream: str, lines: list[tuple[int, str]]) -> None: ...
    def credentials(self, role: str) -> dict[str, str]: ...
    def authorize(self, question: dict[str, Any]) -> Permission: ...


class EmulatorCloud:
    """The emulator at a URL. Sessions are kept per role and renewed in time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[float, dict[str, str], Any, Any, Any]] = {}

    def download(self, role: str, location: str) -> bytes:
        bucket, key = bucket_and_key(location)
        with _TranslatedErrors():
            return bytes(self._session(role)[2].get_object(Bucket=bucket, Key=key)["Body"].read())

    def upload(self, role: str, location: str, body: bytes, content_type: str) -> None:
        bucket, key = bucket_and_key(location)
        with _TranslatedErrors():
            self._session(role)[2].put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def publish(self, role: str, topic: str, message: str) -> None:
        with _TranslatedErrors():
            self._session(role)[3].publish(TopicArn=topic, Message=message)

    def write_log(self, role: str, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
        """Lines with their times in milliseconds; the stream is made when it is missing."""
        logs = self._session(role)[4]
        with _TranslatedErrors():
            with suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(logGroupName=group, logStreamName=stream)
            events = [{"timestamp": at_ms, "message": line} for at_ms, line in lines]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def credentials(self, role: str) -> dict[str, str]:
        """The role's session in the format of a container's credentials endpoint."""
        return self._session(role)[1]

    def authorize(self, question: dict[str, Any]) -> Permission:
        status, answer = self._ask("/_local/authorize", question)
        if status != 200:
            raise CloudError(f"authorize answered {status}")
        return Permission(**answer)

    def _session(self, role: str) -> tuple[float, dict[str, str], Any, Any, Any]:
        with self._lock:
            kept = self._sessions.get(role)
            if kept is None or time.monotonic() - kept[0] > RENEW_AFTER_S:
                kept = self._new_session(role)
                self._sessions[role] = kept
            return kept

    def _new_session(self, role: str) -> tuple[float, dict[str, str], Any, Any, Any]:
        question = {"role": role, "service": "sagemaker.amazonaws.com", "duration_s": SESSION_S}
        status, answer = self._ask("/_local/role-session", question)
        if status != 200:
            raise CloudError(answer["message"])
        keys = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"])
        s3, sns, logs = (client(service, self._url, keys) for service in ("s3", "sns", "logs"))
        return time.monotonic(), answer, s3, sns, logs

    def _ask(self, path: str, question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(self._url + path, data=json.dumps(question).encode(), method="POST")  # noqa: S310
        try:
            with DIRECT.open(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError as error:
            raise CloudError(f"the emulator does not answer: {error}") from error


class _TranslatedErrors:
    """Turn the SDK's errors into CloudError."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError):
            raise CloudError(str(error.response["Error"]["Code"])) from error
        if isinstance(error, BotoCoreError):
            raise CloudError(type(error).__name__) from error


def bucket_and_key(location: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key` or of a virtual-hosted `https://bucket.s3.../key`."""
    parts = urlsplit(location)
    key = unquote(parts.path.lstrip("/")) if parts.scheme == "https" else location.split("/", 3)[-1]
    return (parts.netloc.split(".s3", 1)[0] if parts.scheme == "https" else parts.netloc), key
