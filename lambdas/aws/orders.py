"""What a deployment asks of a function of ours, and the answer that it waits for; it knows no resource.

CloudFormation waits for the answer at an address of its own, and for an hour if none comes.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.aws.events import texts_of
from maskmill.core.errors import Unavailable

REPLY_TIMEOUT_S = 20
REASON_CHARS_MAX = 1000  # the whole answer may have 4,096 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Create, Update or Delete of a custom resource, with its properties."""

    kind: str
    properties: Mapping[str, Any]
    reply_to: str
    identity: Mapping[str, str]  # by which the deployment knows the order again

    @property
    def is_removal(self) -> bool:
        return self.kind == "Delete"


def order_in(event: Mapping[str, Any]) -> Order:
    """What a deployment asks for; raises ForeignEvent."""
    names = texts_of(event, "RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId")
    texts_of(names.get("ResourceProperties"))
    return Order(
        kind=event["RequestType"],
        properties=event["ResourceProperties"],
        reply_to=event["ResponseURL"],
        identity={name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    )


def reply(order: Order, resource: str, *, failure: str | None = None, told: Mapping[str, str] | None = None) -> None:
    """Say that an order was carried out, or why not; `resource` names what it is about, the same at every order.

    What is `told` others of the deployment may read as attributes of the resource.
    """
    answer = {
        **order.identity,
        "PhysicalResourceId": resource,
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": (failure or "")[:REASON_CHARS_MAX],
        "Data": dict(told or {}),
    }
    request = urllib.request.Request(  # noqa: S310 - the address that the deployment gave
        order.reply_to, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    try:
        with urllib.request.urlopen(request, timeout=REPLY_TIMEOUT_S):  # noqa: S310
            return
    except (urllib.error.URLError, OSError) as error:
        raise Unavailable(detail=f"the answer to a deployment: {type(error).__name__}") from error
