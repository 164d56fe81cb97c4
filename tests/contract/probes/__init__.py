"""What the product relies on in a service, call by call, each with the outcome that AWS documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from tests.contract.clouds import AwsCloud

ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Probe:
    """One behaviour: who relies on it, what AWS documents and where, and how to see it."""

    id: str
    reason: str
    documented: str
    source: str
    see: Callable[[AwsCloud], str]


def outcome(call: Callable[[], object]) -> str:
    """The error code of a call, or that it was accepted."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ACCEPTED
