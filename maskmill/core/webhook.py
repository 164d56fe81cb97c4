"""Webhooks after the Standard Webhooks scheme: what is told, to which addresses, how it is signed; it sends nothing.

https://github.com/standard-webhooks/standard-webhooks: the headers are `webhook-id`, `webhook-timestamp` and
`webhook-signature`, and what is signed is `<id>.<timestamp>.<body>` by HMAC-SHA256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from maskmill.core.limits import (
    WEBHOOK_ATTEMPTS_MAX,
    WEBHOOK_DISABLE_AFTER_S,
    WEBHOOK_DISABLE_FAILURES,
    WEBHOOK_TEXT_CHARS_MAX,
    WEBHOOK_URL_CHARS_MAX,
)
from maskmill.core.model import Model, canonical_json, content_hash

SECRET_PREFIX = "whsec_"  # noqa: S105 - the scheme's own
SIGNATURE_PREFIX = "v1,"
SECRET_BYTES_MIN = 24
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS = 10
_HASH_CHARS = 16


class EventType(StrEnum):
    """What a webhook may be told of."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_PARTIAL = "job.partial"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    EXPORT_READY = "export.ready"
    EXPORT_FAILED = "export.failed"


PING = "ping"  # what a test sends, whatever the webhook listens to

WebhookUrl = Annotated[str, StringConstraints(min_length=1, max_length=WEBHOOK_URL_CHARS_MAX)]
Description = Annotated[str, StringConstraints(max_length=WEBHOOK_TEXT_CHARS_MAX)]
Events = Annotated[tuple[EventType, ...], Field(min_length=1, max_length=len(EventType))]


class Webhook(Model):
    """An address that is told of events, as its tenant asked for it."""

    webhook_id: str
    url: WebhookUrl
    events: Events
    description: Description = ""
    created_at: datetime


class DeliveryState(StrEnum):
    """waiting → delivered | failed; asking again makes it wait once more."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Trouble(StrEnum):
    """Why an attempt got no answer, or was not made; stable codes, listed with the attempt."""

    UNRESOLVED = "unresolved"  # the name has no address
    ADDRESS_REFUSED = "address_refused"  # an address of the name is not a public one
    UNREACHABLE = "unreachable"  # nobody takes the connection, or it broke
    TLS_FAILED = "tls_failed"  # the certificate is not one for this name, or the handshake failed
    TIMED_OUT = "timed_out"
    BAD_ANSWER = "bad_answer"  # what came is not HTTP
    WEBHOOK_GONE = "webhook_gone"  # the webhook was removed or disabled before it could be told


class DisabledReason(StrEnum):
    """Why a webhook is told nothing any more, until a test reaches it again."""

    GONE = "gone"  # it answered 410
    FAILING = "failing"  # nothing has reached it for days


class Attempt(Model):
    """One attempt: the status that was answered, or why there was none."""

    at: datetime
    status: int | None = None
    trouble: Trouble | None = None
    took_ms: int = 0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_farewell(self) -> bool:
        """The receiver says that it is gone for good."""
        return self.status == 410


def body_of(kind: str, at: datetime, data: dict[str, object]) -> str:
    """The one JSON text that is signed and sent, at every attempt the same."""
    return canonical_json({"type": kind, "timestamp": at.isoformat(), "data": data})


def delivery_id_of(webhook_id: str, at: datetime, cause: dict[str, object]) -> str:
    """The id of the one delivery of an event to a webhook: the same cause twice names the same delivery.

    26 characters, the first ten of them the milliseconds since 1970 in base 32, so that they sort by time.
    """
    moment_ms = int(at.timestamp() * 1000)
    moment = "".join(_DIGITS[(moment_ms >> (5 * place)) & 31] for place in reversed(range(_TIME_CHARS)))
    return moment + content_hash({"webhook": webhook_id, "cause": cause})[:_HASH_CHARS]


# Signatures --------------------------------------------------------------------------------------------------------


def secret_text(key: bytes) -> str:
    """A key as it is shown to its owner."""
    return SECRET_PREFIX + base64.b64encode(key).decode("ascii")


def key_of(secret: str) -> bytes:
    """The key in a secret, with its prefix or without; raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("a secret is whsec_ and base64") from error
    if len(key) < SECRET_BYTES_MIN:
        raise ValueError(f"a secret holds at least {SECRET_BYTES_MIN} bytes")
    return key


def signature_of(secret: str, delivery_id: str, timestamp_s: int, body: bytes) -> str:
    """One signature, as it stands in the header; raises ValueError for what is no secret."""
    signed = f"{delivery_id}.{timestamp_s}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return SIGNATURE_PREFIX + base64.b64encode(digest).decode("ascii")


def headers_of(secrets: Sequence[str], delivery_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The scheme's headers, with a signature by each secret that is valid now."""
    signatures = (signature_of(secret, delivery_id, timestamp_s, body) for secret in secrets)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }


# Patience ----------------------------------------------------------------------------------------------------------

WAITS_S = (5, 60, 5 * 60, 15 * 60, 3600, 6 * 3600, 24 * 3600)  # after the first, the second, … attempt that failed
JITTER = 0.2


def next_attempt_s(attempts: int, *, now_s: int, luck: float) -> int | None:
    """When to try again after so many attempts, `luck` in [0, 1) spreading it; None when that was the last one."""
    if attempts >= WEBHOOK_ATTEMPTS_MAX or attempts > len(WAITS_S):
        return None
    wait_s = WAITS_S[max(attempts, 1) - 1]
    return now_s + wait_s + int(wait_s * JITTER * luck)


def has_failed_for_long(failures: int, *, since_s: int, now_s: int) -> bool:
    """Whether nothing has reached a webhook for so long, and so often, that it is told nothing any more."""
    return failures >= WEBHOOK_DISABLE_FAILURES and now_s - since_s >= WEBHOOK_DISABLE_AFTER_S
