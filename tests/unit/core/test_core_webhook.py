"""Signatures are those of the scheme, and nobody is called who is not on the public internet."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from maskmill import webhooks
from maskmill.core import webhook
from maskmill.core.addresses import destination_of, is_public
from maskmill.core.errors import InvalidInput
from maskmill.core.limits import WEBHOOK_ATTEMPTS_MAX, WEBHOOK_DISABLE_AFTER_S, WEBHOOK_DISABLE_FAILURES
from maskmill.webhooks import NotGenuine

# The example that the libraries of the scheme are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT_S = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = webhook.secret_text(b"0123456789abcdef0123456789abcdef")
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_signature_is_the_published_one() -> None:
    assert webhook.signature_of(SECRET, ID, AT_S, BODY) == SIGNATURE


@given(some.binary(min_size=24, max_size=64), some.integers(0, 2**40), some.binary(max_size=200))
def test_a_signature_is_what_others_compute(key: bytes, at_s: int, body: bytes) -> None:
    digest = hmac.digest(key, b"id." + str(at_s).encode() + b"." + body, hashlib.sha256)
    assert webhook.signature_of(webhook.secret_text(key), "id", at_s, body) == "v1," + base64.b64encode(digest).decode()


def headers(*secrets: str, at_s: int = AT_S) -> dict[str, str]:
    return {name.title(): text for name, text in webhook.headers_of(secrets, ID, at_s, BODY).items()}


def test_a_receiver_reads_what_was_signed_by_one_of_its_secrets() -> None:
    assert webhooks.verify([SECRET], headers(SECRET), BODY, now_s=AT_S + 299) == {"test": 2432232314}
    assert webhooks.verify([SECRET], headers(OTHER, SECRET), BODY, now_s=AT_S)
    assert webhooks.verify([OTHER, SECRET], headers(SECRET), BODY, now_s=AT_S)


@pytest.mark.parametrize(
    ("given", "body", "now_s"),
    [
        (headers(OTHER), BODY, AT_S),
        (headers(SECRET), BODY + b" ", AT_S),
        (headers(SECRET), BODY, AT_S + 301),
        (headers(SECRET), BODY, AT_S - 301),
        ({**headers(SECRET), "Webhook-Id": "another"}, BODY, AT_S),
        ({**headers(SECRET), "Webhook-Timestamp": str(AT_S + 1)}, BODY, AT_S),
        ({**headers(SECRET), "Webhook-Timestamp": "soon"}, BODY, AT_S),
        ({**headers(SECRET), "Webhook-Signature": ""}, BODY, AT_S),
        ({**headers(SECRET), "Webhook-Signature": SIGNATURE.replace("v1,", "v2,")}, BODY, AT_S),
        ({**headers(SECRET), "Webhook-Signature": "v1,ä"}, BODY, AT_S),
        ({}, BODY, AT_S),
    ],
)
def test_a_receiver_is_told_what_is_not_genuine(given: dict[str, str], body: bytes, now_s: int) -> None:
    with pytest.raises(NotGenuine):
        webhooks.verify([SECRET], given, body, now_s=now_s)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_ä", "not base64!"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError):
        webhook.signature_of(secret, ID, AT_S, BODY)


# Addresses ---------------------------------------------------------------------------------------------------------

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:830::200e", "2001:4860:4860::8888",
]  # fmt: skip
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2a00:1450:4001:830::200e%eth0", "fec0::1", "ff02::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_somebody_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_with_a_special_purpose_is_not_public(address: str) -> None:
    assert not is_public(address)


@given(some.one_of(some.ip_addresses(v=4), some.ip_addresses(v=6)))
def test_what_is_public_here_is_global_for_the_interpreter_too(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(str(address)) or (address.is_global and not address.is_multicast)


@pytest.mark.parametrize("text", ["", "example.com", "0x7f.1", "2130706433", "127.1", "010.0.0.1", "1.1.1.1 ", "::1%"])
def test_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://example.com", "example.com", 443, "/", "example.com"),
        ("https://example.com:443/", "example.com", 443, "/", "example.com"),
        ("https://Hooks.Example.COM/A/b?c=D&e=%2F", "hooks.example.com", 443, "/A/b?c=D&e=%2F", "hooks.example.com"),
        ("https://example.com:8443/x", "example.com", 8443, "/x", "example.com:8443"),
        ("https://example.com?x=1", "example.com", 443, "/?x=1", "example.com"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://8.8.8.8/x", "8.8.8.8", 443, "/x", "8.8.8.8"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111", 443, "/x", "[2606:4700::1111]"),
        ("https://example.com/?user=a@b", "example.com", 443, "/?user=a@b", "example.com"),
    ],
)
def test_a_public_address_leads_somewhere(url: str, host: str, port: int, target: str, authority: str) -> None:
    found = destination_of(url)
    assert (found.host, found.port, found.target, found.authority) == (host, port, target, authority)


def test_a_host_that_the_stage_names_may_be_private_but_still_needs_tls() -> None:
    hosts = frozenset({"127.0.0.1"})
    assert destination_of("https://127.0.0.1:9000/x", private_hosts=hosts).port == 9000
    for url in ("http://127.0.0.1/", "https://127.0.0.2/", "https://u@127.0.0.1/", "https://localhost/"):
        with pytest.raises(InvalidInput):
            destination_of(url, private_hosts=hosts)


@given(some.text(max_size=60))
def test_no_text_leads_to_an_error_of_another_kind(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        try:
            found = destination_of(url)
        except InvalidInput:
            continue
        assert found.target.isascii() and found.host.isascii() and " " not in found.target


# Names and patience ------------------------------------------------------------------------------------------------


def test_the_same_event_has_the_same_delivery_and_deliveries_sort_by_time() -> None:
    first = webhook.delivery_id_of("w1", AT, {"job": "j1", "status": "succeeded"})
    assert first == webhook.delivery_id_of("w1", AT, {"status": "succeeded", "job": "j1"})
    others = [
        webhook.delivery_id_of("w2", AT, {"job": "j1", "status": "succeeded"}),
        webhook.delivery_id_of("w1", AT, {"job": "j2", "status": "succeeded"}),
        webhook.delivery_id_of("w1", AT.replace(hour=13), {"job": "j1", "status": "succeeded"}),
    ]
    assert first not in others and len({*others}) == 3
    assert first < others[2] and len(first) == 26 and first.isalnum() and first == first.lower()


def test_the_waits_grow_to_a_day_and_then_end() -> None:
    waits = [webhook.next_attempt_s(tries, now_s=0, luck=0.0) for tries in range(1, WEBHOOK_ATTEMPTS_MAX + 1)]
    assert waits == [5, 60, 300, 900, 3600, 21600, 86400, None]
    spread = webhook.next_attempt_s(2, now_s=1000, luck=0.999)
    assert spread is not None and 1060 < spread <= 1072


def test_a_webhook_is_given_up_after_many_failures_over_days_only() -> None:
    many, long_s = WEBHOOK_DISABLE_FAILURES, WEBHOOK_DISABLE_AFTER_S
    assert webhook.has_failed_for_long(many, since_s=0, now_s=long_s)
    assert not webhook.has_failed_for_long(many - 1, since_s=0, now_s=long_s)
    assert not webhook.has_failed_for_long(10 * many, since_s=0, now_s=long_s - 1)
