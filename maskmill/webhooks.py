"""For those who receive webhooks: whether what came is from Maskmill, unchanged and recent; it knows no server.

    event = verify(["whsec_…"], request.headers, request.body, now_s=time.time())

Any library of the Standard Webhooks scheme does the same.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from maskmill.core.webhook import signature_of

TOLERANCE_S = 5 * 60


class NotGenuine(Exception):
    """What came is not signed with one of the secrets, is too old, or is from the future; do not act on it."""


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
) -> dict[str, Any]:
    """The event in a request: `type`, `timestamp` and `data`; raises NotGenuine.

    `body` is the request's as it came, before anything parsed it. During a rotation give both secrets. The same event
    may come more than once: remember the header `webhook-id` for a day.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        delivery_id, timestamp_s = named["webhook-id"], int(named["webhook-timestamp"])
        signatures = named["webhook-signature"].split()
    except (KeyError, ValueError) as error:
        raise NotGenuine("the headers of a webhook are missing") from error
    if abs(now_s - timestamp_s) > tolerance_s:
        raise NotGenuine("the timestamp is too old, or in the future")
    if not (delivery_id.isascii() and all(map(str.isascii, signatures))):
        raise NotGenuine("the headers of a webhook are plain text")
    wanted = [signature_of(secret, delivery_id, timestamp_s, body).encode() for secret in secrets]
    given = [signature.encode() for signature in signatures]
    if not any(hmac.compare_digest(one, other) for one in wanted for other in given):
        raise NotGenuine("no signature is by one of the secrets")
    event: dict[str, Any] = json.loads(body)
    return event
