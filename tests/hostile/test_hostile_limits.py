"""Rows Q: one more than what may be; each bound refuses before anything is made, and says when to come again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lambdas.aws import clients
from lambdas.serve_api import handler as edge
from lambdas.serve_api.rates import Rates
from maskmill.core import rows
from maskmill.core.limits import (
    DATASET_LIFE_S_MAX,
    UPLOAD_BYTES_MAX,
    WEBHOOKS_PER_TENANT_MAX,
)
from maskmill.core.table import Put, Update
from maskmill.core.usage import Quota
from tests.contract import aws
from tests.hostile.corpus import POINT, Bad, Shop, check, opened, wrong
from tests.hostile.judge import check_refusal
from tests.simulation.cloud import FixedClock, MemoryTable
from tests.unit.lambdas.conftest import Account
from tests.unit.lambdas.gateway import SHA256, Answer, Api

DAY_S, HOUR_S, MINUTE_S = 24 * 3600, 3600, 60
FILE = {"name": "a.jpg", "size_bytes": 10, "sha256": SHA256}


@dataclass(frozen=True)
class Full:
    """A bound that is reached, a request that wants more, and the seconds within which it may work."""

    what: str
    fill: Callable[[Shop], None]
    send: Callable[[Shop], Answer]
    code: str
    within_s: int
    pointers: tuple[str, ...] = ("",)


def spent(quota: Quota) -> Callable[[Shop], None]:
    """What an administrator writes: as much as is used, and no more."""

    def fill(shop: Shop) -> None:
        used = shop.api.get("/usage").json[quota.value]["used"]
        shop.api.ports.table.write(Put(rows.limits_key(shop.api.tenant), {quota.value: used}))

    return fill


def count(what: str) -> Callable[[Shop], None]:
    """The dataset says that it holds as many of these as it may."""

    def fill(shop: Shop) -> None:
        shop.api.ports.table.write(Update(rows.dataset_key(shop.api.tenant, shop.dataset), set={(what,): 10**6}))

    return fill


def many_webhooks(shop: Shop) -> None:
    for _ in range(WEBHOOKS_PER_TENANT_MAX):
        assert shop.webhook_of("https://hooks.example.com/").status == 201


def announce(shop: Shop, files: int = 1) -> Answer:
    return shop.api.post(f"/datasets/{shop.dataset}/uploads", {"files": [FILE] * files})


NONE: tuple[str, ...] = ()
FULL: dict[str, Full] = {
    "Q1a": Full("datasets", spent(Quota.DATASETS), lambda shop: shop.make({"name": "x"}), "quota_exceeded", HOUR_S),
    "Q1b": Full("images", spent(Quota.IMAGES), announce, "quota_exceeded", HOUR_S),
    "Q1c": Full("bytes", spent(Quota.BYTES), announce, "quota_exceeded", HOUR_S),
    "Q1d": Full("variants", spent(Quota.VARIANTS_PER_DAY), lambda shop: shop.job_of(), "quota_exceeded", DAY_S + 1),
    "Q1e": Full("open jobs", spent(Quota.OPEN_JOBS), lambda shop: shop.job_of(), "quota_exceeded", MINUTE_S),
    "Q3a": Full("the segmenter's seconds", spent(Quota.GPU_SECONDS_PER_DAY), lambda shop: shop.segment_of(points=[POINT]), "quota_exceeded", DAY_S + 1),
    "Q4a": Full("the same job with another seed", spent(Quota.GPU_SECONDS_PER_DAY), lambda shop: shop.job_of(seed=2), "quota_exceeded", DAY_S + 1),
    "Q1f": Full("webhooks", many_webhooks, lambda shop: shop.webhook_of("https://a.example/"), "quota_exceeded", HOUR_S, NONE),
    "Q1g": Full("templates", count("templates_reserved"), lambda shop: shop.template_of(), "quota_exceeded", HOUR_S, NONE),
    "Q2a": Full("forms that nobody uses", count("images_reserved"), lambda shop: announce(shop, 100), "quota_exceeded", HOUR_S, NONE),
}  # fmt: skip


@pytest.fixture
def full(whole_account: Account) -> Shop:
    return opened(Api(), Api())


@pytest.mark.parametrize("row", FULL)
def test_one_more_than_a_bound_is_refused_and_told_when_to_come_again(
    full: Shop, account: dict[str, str], row: str
) -> None:
    case = FULL[row]
    case.fill(full)
    before = kept(full, account)
    answer = case.send(full)
    check_refusal(answer, 429, case.code, *case.pointers)
    assert 0 < int(answer.headers["Retry-After"]) <= case.within_s
    assert kept(full, account) == before, "nothing is made, taken or sent"


def kept(shop: Shop, urls: dict[str, str]) -> Any:
    """What the tenant has and has been counted, and how much was sent."""
    found = clients.dynamodb().scan(TableName=aws.TABLE)["Items"]
    mine = [row for row in found if shop.api.tenant in row["pk"]["S"] and row["sk"]["S"] != rows.rate_key("t").sk]
    bookkeeping = {"changes", "counted_at_s"}
    plain = [{name: value for name, value in row.items() if name not in bookkeeping} for row in mine]
    return plain, [waiting(urls[name]) for name in ("plan", "remove", "webhook", "export")]


def waiting(url: str) -> str:
    asked = clients.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return str(asked["Attributes"]["ApproximateNumberOfMessages"])


def test_q1h_one_request_more_than_a_minute_has(full: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ports, clock = edge.connect(), FixedClock()
    rates = Rates(MemoryTable(), clock, per_window=100)
    monkeypatch.setattr(edge, "connect", lambda: replace(ports, rates=rates))
    answers = [full.api.get("/datasets/x") for _ in range(101)]
    assert {answer.status for answer in answers[:100]} == {404}
    check_refusal(answers[100], 429, "rate_limited")
    assert 0 < int(answers[100].headers["Retry-After"]) <= MINUTE_S
    assert answers[100].headers["RateLimit"].startswith('"requests";r=0;t=')


BAD: dict[str, Bad] = {
    "Q2b": wrong("a file of 60 MiB and a byte", lambda shop: shop.upload_of(size_bytes=UPLOAD_BYTES_MAX + 1), "/files/0/size_bytes", code="file_too_large"),
    "Q2c": wrong("less than nothing", lambda shop: shop.upload_of(size_bytes=-1), "/files/0/size_bytes"),
    "Q2d": wrong("no hash", lambda shop: shop.upload_of(sha256="x"), "/files/0/sha256"),
    "Q2e": wrong("a hash in capitals", lambda shop: shop.upload_of(sha256="AB" * 32), "/files/0/sha256"),
    "Q2f": wrong("a dataset for a second", lambda shop: shop.make({"name": "x", "expires_in_s": 1}), "/expires_in_s"),
    "Q2g": wrong("a dataset for ever and a day", lambda shop: shop.make({"name": "x", "expires_in_s": DATASET_LIFE_S_MAX + 1}), "/expires_in_s"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_what_is_larger_than_anything_may_be_is_refused(shop: Shop, row: str) -> None:
    check(shop, BAD[row])
