"""Parse and check an InvokeEndpointAsync call as SageMaker does. It knows nothing of queues, models or AWS clients.

Patterns and lengths are those of the service model; the SDKs check lengths but send any pattern.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

BODY_BYTES_MAX = 128_000
TTL_S_DEFAULT = 21_600
TIMEOUT_S_DEFAULT = 900
PREFIX = "x-amzn-sagemaker-"


class ValidationError(ValueError):
    """The call breaks the contract; answered with 400 and this text."""


@dataclass(frozen=True, slots=True)
class AsyncRequest:
    """One accepted call. Exactly one of `input_location` and `body` is given."""

    endpoint: str
    input_location: str | None = None
    body: bytes | None = None
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None
    inference_id: str | None = None
    ttl_s: int = TTL_S_DEFAULT
    timeout_s: int = TIMEOUT_S_DEFAULT
    output_path_extension: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Bounds of a text field: name in messages, pattern, shortest and longest."""

    name: str
    pattern: re.Pattern[str]
    length_max: int
    length_min: int = 1

    def check(self, value: str) -> str:
        if not self.length_min <= len(value) <= self.length_max:
            raise ValidationError(
                f"1 validation error detected: Value at '{self.name}' failed to satisfy constraint: Member must have "
                f"length between {self.length_min} and {self.length_max}"
            )
        if not self.pattern.fullmatch(value):
            raise ValidationError(
                f"1 validation error detected: Value at '{self.name}' failed to satisfy constraint: Member must "
                f"satisfy regular expression pattern: {self.pattern.pattern}"
            )
        return value


ASCII = re.compile(r"[\x00-\x7F]*")
ENDPOINT = Text("endpointName", re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"), 63)
TEXTS = {
    "inputlocation": Text("inputLocation", re.compile(r"(https|s3)://([^/]+)/?(.*)"), 1024),
    "content-type": Text("contentType", ASCII, 1024, 0),
    "accept": Text("accept", ASCII, 1024, 0),
    "custom-attributes": Text("customAttributes", re.compile(r"[\x20-\x7E]*"), 1024, 0),
    "inference-id": Text("inferenceId", re.compile(r"[\x21-\x7E][\x20-\x7E]*"), 64),
    "s3outputpathextension": Text("s3OutputPathExtension", re.compile(r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+"), 512),
    "filename": Text("filename", re.compile(r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9\-_.]*"), 32),
}


def parse(endpoint: str, headers: Mapping[str, str], body: bytes) -> AsyncRequest:
    """The call as a value. Header names are in lower case. Raises ValidationError."""
    texts = {name: _text(headers, name) for name in TEXTS}
    request = AsyncRequest(
        endpoint=ENDPOINT.check(endpoint),
        input_location=texts["inputlocation"],
        body=body or None,
        content_type=texts["content-type"],
        accept=texts["accept"],
        custom_attributes=texts["custom-attributes"],
        inference_id=texts["inference-id"],
        ttl_s=_number(headers, "requestttlseconds", 60, 21_600, TTL_S_DEFAULT),
        timeout_s=_number(headers, "invocationtimeoutseconds", 1, 3_600, TIMEOUT_S_DEFAULT),
        output_path_extension=texts["s3outputpathextension"],
        filename=texts["filename"],
    )
    _check_input(request)
    return request


def _check_input(request: AsyncRequest) -> None:
    if request.input_location and request.body:
        raise ValidationError("Only one of Body and InputLocation can be specified.")
    if not request.input_location and not request.body:
        raise ValidationError("One of Body and InputLocation must be specified.")
    if request.body and len(request.body) > BODY_BYTES_MAX:
        raise ValidationError(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {BODY_BYTES_MAX}"
        )


def _text(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(PREFIX + name)
    return None if value is None else TEXTS[name].check(value)


def _number(headers: Mapping[str, str], name: str, low: int, high: int, default: int) -> int:
    value = headers.get(PREFIX + name)
    if value is None:
        return default
    if not re.fullmatch(r"-?\d{1,9}", value) or not low <= int(value) <= high:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must be "
            f"between {low} and {high}"
        )
    return int(value)
