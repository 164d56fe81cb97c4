"""The account that somebody is signed in to, and which stacks of a stage it holds. It changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

PAGES_MAX = 100
GONE = "DELETE_COMPLETE"


class NoAccount(RuntimeError):
    """Nobody is signed in, or no region is chosen; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a command would act: an account by its number, a region, and clients for both."""

    number: str
    region: str
    session: Any

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def __str__(self) -> str:
        return f"account {self.number}, region {self.region}"


def signed_in() -> Account:
    """The account of the environment's credentials; raises NoAccount."""
    session = boto3.session.Session()
    if session.region_name is None:
        raise NoAccount("No region is chosen: export AWS_REGION=us-east-1")
    try:
        number = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise NoAccount(f"Nobody is signed in to AWS (`aws sso login` or `aws login`): {error}") from error
    return Account(number, session.region_name, session)


def stacks_of(account: Account, prefix: str) -> list[str]:
    """The names of the stacks whose names begin with the prefix and a hyphen, the newest first."""
    pages = account.client("cloudformation").get_paginator("describe_stacks")
    found = [
        stack
        for page in pages.paginate(PaginationConfig={"MaxItems": PAGES_MAX * 100})
        for stack in page["Stacks"]
        if stack["StackName"].startswith(f"{prefix}-") and stack["StackStatus"] != GONE
    ]
    found.sort(key=lambda stack: stack["CreationTime"], reverse=True)
    return [stack["StackName"] for stack in found]
