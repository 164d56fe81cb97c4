"""The clients of an account, by the caller's own rights; the only module of the library that knows boto3.

On the laptop the account is the emulator, which lets its root keys in and nobody else hears of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from maskmill.core.errors import InvalidInput, NotFound, Unavailable
from maskmill.core.table import Row

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ROOT = "test"  # the emulator's key, with any secret
_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Account:
    """A stage in an account; `emulator` is the address of an emulator, None on AWS."""

    stage: str
    emulator: str | None = None

    @property
    def prefix(self) -> str:
        return f"maskmill-{self.stage}"

    def client(self, service: str) -> Any:
        """A client with short patience; raises InvalidInput without boto3."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError as exc:
            raise InvalidInput(message="This needs AWS's SDK: pip install 'maskmill[ops]'.") from exc
        patient = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 5, "mode": "standard"})
        if self.emulator is None:
            return boto3.client(service, config=patient)
        keys = boto3.Session(aws_access_key_id=_ROOT, aws_secret_access_key=_ROOT, region_name=_REGION)
        return keys.client(service, endpoint_url=self.emulator, config=patient.merge(Config(proxies={})))

    def table(self) -> Table:
        """The stage's table; raises NotFound where there is none."""
        client = self.client("dynamodb")
        pages = client.get_paginator("list_tables").paginate()
        names = [name for page in pages for name in page["TableNames"] if name.startswith(f"{self.prefix}-data-")]
        if not names:
            raise NotFound(message=f"There is no table of stage {self.stage} here. Is it the right account and region?")
        return Table(client, names[0])


class Table:
    """Rows of the table, read one by one and by partition."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, pk: str, sk: str) -> Row | None:
        answer = self._client.get_item(TableName=self._name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        return _row(answer["Item"]) if "Item" in answer else None

    def below(self, pk: str, prefix: str, *, most: int) -> list[Row]:
        answer = self._client.query(
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": pk}, ":sk": {"S": prefix}},
            Limit=most,
        )
        return [_row(item) for item in answer["Items"]]


def _row(item: dict[str, Any]) -> Row:
    from boto3.dynamodb.types import TypeDeserializer

    read = TypeDeserializer().deserialize
    return {name: _plain(read(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """Numbers as Python's own, at any depth."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, set):
        return frozenset(_plain(one) for one in value)
    if type(value).__name__ == "Decimal":
        return int(value) if value == int(value) else float(value)
    return value


def account_of(stage: str, endpoint: str, api_url: str) -> Account:
    """The account to ask: an endpoint that is named, that of a laptop whose profile one uses, or AWS."""
    parts = urlsplit(api_url)
    if not endpoint and parts.hostname in LOOPBACK:
        endpoint = f"{parts.scheme}://{parts.netloc}"
    return Account(stage or ("local" if endpoint else "dev"), endpoint or None)


@contextmanager
def explained() -> Iterator[None]:
    """Errors of the SDK in words; raises Unavailable and InvalidInput."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
    except ImportError as exc:
        raise InvalidInput(message="This needs AWS's SDK: pip install 'maskmill[ops]'.") from exc
    try:
        yield
    except NoCredentialsError as exc:
        raise InvalidInput(message="No AWS credentials: sign in first, or set AWS_PROFILE.") from exc
    except NoRegionError as exc:
        raise InvalidInput(message="No AWS region: set AWS_REGION.") from exc
    except ClientError as exc:
        raise InvalidInput(message=f"AWS refuses: {exc}") from exc
    except BotoCoreError as exc:
        raise Unavailable(message=f"AWS cannot be asked: {exc}") from exc
