"""What the queues bring, parsed once into typed values: our messages, S3's events, SageMaker's notifications.

It knows the wire forms of AWS and does nothing about what they say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_plus

from pydantic import ConfigDict, Field, TypeAdapter

from maskmill.core.errors import InvalidInput
from maskmill.core.keys import parse_upload
from maskmill.core.messages import CollectAnswer, IngestUpload, Message, RemoveDataset, RemoveImage

_SAGEMAKER = "aws:sagemaker"
_S3_CREATED = "ObjectCreated:"
Kind = TypeVar("Kind", bound=Message)

_messages: TypeAdapter[Message] = TypeAdapter(
    Annotated[Message, Field(discriminator="kind")], config=ConfigDict(hide_input_in_errors=True, defer_build=True)
)


@dataclass(frozen=True, slots=True)
class AnswerReady:
    """The endpoint has answered a request; `answer` is the s3:// address that it gave."""

    request_key: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """The endpoint has failed a request; `failure` is the s3:// address of its explanation, if it gave one."""

    request_key: str
    reason: str
    failure: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that is sent by design and asks for nothing, such as a test notification."""

    why: str


class UnreadableRecord(InvalidInput):
    """A record that no version of this function can read; it belongs into the dead letters."""


class ForeignEvent(UnreadableRecord):
    """An event of another source than the one that this function serves: it was wired, or called, by mistake."""


def texts_of(value: object, *names: str) -> Mapping[str, Any]:
    """An object of an event in which these names stand for texts; raises ForeignEvent for anything else."""
    if not isinstance(value, Mapping) or not all(isinstance(value.get(name), str) for name in names):
        raise ForeignEvent(detail="an event of another source")
    return value


def records_of(event: object) -> Sequence[Any]:
    """The records of an event; raises ForeignEvent where there are none."""
    records = texts_of(event).get("Records")
    if not isinstance(records, list):
        raise ForeignEvent(detail="an event of another source")
    return records


def message_in(body: str) -> Message:
    """One of our own messages; raises UnreadableRecord.

    Of the next version's, which may be sent while the functions are replaced, the fields that are known are read.
    """
    try:
        return _messages.validate_json(body, extra="ignore")
    except ValueError as error:
        raise UnreadableRecord(detail=f"not one of our messages: {error}") from error


def expecting(kind: type[Kind]) -> Callable[[str], tuple[Kind]]:
    """A reader for a queue that carries one kind of message only."""
    return lambda body: (_expect(message_in(body), kind),)


def removals_in(body: str) -> tuple[RemoveDataset | RemoveImage]:
    """What is to be removed; raises UnreadableRecord."""
    message = message_in(body)
    if not isinstance(message, RemoveDataset | RemoveImage):
        raise UnreadableRecord(detail=f"a {message.kind} message in the wrong queue")
    return (message,)


def uploads_in(body: str) -> tuple[IngestUpload | Ignored, ...]:
    """The uploads that an S3 event, or the sweep's own message, tells of; raises UnreadableRecord."""
    values = _object(body)
    if values.get("Event") == "s3:TestEvent":
        return (Ignored("test event of the store"),)
    if "Records" not in values:
        return (_expect(message_in(body), IngestUpload),)
    if not isinstance(values["Records"], list):
        raise UnreadableRecord(detail="records that are no list")
    return tuple(_upload(record) for record in values["Records"])


def callbacks_in(body: str) -> tuple[AnswerReady | AnswerFailed | CollectAnswer | Ignored]:
    """SageMaker's notification, bare or in an SNS envelope, or the sweep's own message; raises UnreadableRecord."""
    values = _object(body)
    if values.get("Type") == "Notification" and isinstance(values.get("Message"), str):
        values = _object(values["Message"])
    if values.get("eventSource") != _SAGEMAKER:
        return (_expect(message_in(body), CollectAnswer),)
    try:
        return (_notification(values),)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableRecord(detail=f"a notification of another shape: {error!r}") from error


def letters_in(body: str) -> tuple[Message | Ignored, ...]:
    """What a dead letter was about; raises UnreadableRecord."""
    values = _object(body)
    if "kind" in values:
        return (message_in(body),)
    if "Records" in values or "Event" in values:
        return uploads_in(body)
    if values.get("eventSource") == _SAGEMAKER or values.get("Type") == "Notification":
        return (Ignored("a callback: the sweep finds its answer"),)
    raise UnreadableRecord(detail="a letter of no known kind")


def _object(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(detail="not JSON") from error
    if not isinstance(values, dict):
        raise UnreadableRecord(detail="not a JSON object")
    return values


def _expect(message: Message, kind: type[Kind]) -> Kind:
    if not isinstance(message, kind):
        raise UnreadableRecord(detail=f"a {message.kind} message in the wrong queue")
    return message


def _upload(record: Mapping[str, Any]) -> IngestUpload | Ignored:
    try:
        name, key = record["eventName"], unquote_plus(record["s3"]["object"]["key"])
    except (KeyError, TypeError) as error:
        raise UnreadableRecord(detail=f"an event of another shape: {error!r}") from error
    if not name.startswith(_S3_CREATED):
        return Ignored(f"an event of another type: {name}")
    upload = parse_upload(key)
    if upload is None:
        return Ignored("a key that is not one of ours")
    return IngestUpload(tenant=upload.tenant, dataset_id=upload.dataset_id, image_id=upload.image_id)


def _notification(values: Mapping[str, Any]) -> AnswerReady | AnswerFailed | Ignored:
    if values.get("eventName") == "TestNotification":
        return Ignored("test notification of the endpoint")
    request_key = _key_of(values["requestParameters"]["inputLocation"])
    responses = values.get("responseParameters") or {}
    if values["invocationStatus"] == "Completed":
        return AnswerReady(request_key, responses.get("outputLocation"))
    failure = values.get("failureLocation") or responses.get("failureLocation")
    return AnswerFailed(request_key, str(values.get("failureReason") or "no reason given"), failure)


def _key_of(address: str) -> str:
    """The key in `s3://bucket/key`."""
    bucket_and_key = address.removeprefix("s3://").split("/", 1)
    if not address.startswith("s3://") or len(bucket_and_key) != 2:
        raise UnreadableRecord(detail="an input location that is no s3:// address")
    return bucket_and_key[1]
