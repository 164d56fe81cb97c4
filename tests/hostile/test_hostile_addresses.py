"""Row W1: addresses of webhooks that lead to us, to our neighbours, or to nobody can say where.

What a name resolves to, and what a receiver may answer, is met at the sender itself: tests/contract/test_sender.py.
"""

from __future__ import annotations

import pytest

from maskmill.core.addresses import destination_of
from maskmill.core.errors import Code, InvalidInput
from tests.hostile.corpus import Bad, Shop, check, lettered, wrong

METADATA = [
    "http://169.254.169.254/latest/meta-data", "https://169.254.169.254/latest/meta-data", "https://169.254.170.2/v2",
    "https://[fd00:ec2::254]/", "https://metadata.google.internal/", "https://100.100.100.200/", "https://192.0.0.192/",
    "https://168.63.129.16/", "https://[::ffff:a9fe:a9fe]/", "https://[64:ff9b::a9fe:a9fe]/", "https://2852039166/",
    "https://0xa9fea9fe/", "https://0251.0376.0251.0376/", "https://169.254.43518/", "https://0xa9.0xfe.0xa9.0xfe/",
    "https://me@169.254.169.254/", "https://hooks.example.com@169.254.169.254/",
]  # fmt: skip
NUMBERS = [
    "https://10.0.0.1/", "https://127.0.0.1/", "https://0.0.0.0/", "https://192.168.1.1/", "https://172.16.0.1/",
    "https://198.18.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[::1]/", "https://[::]/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:10.0.0.1]/", "https://[::127.0.0.1]/", "https://[fc00::1]/",
    "https://[fe80::1%25eth0]/", "https://[fe80::1]/", "https://[ff02::1]/", "https://[2002:7f00:1::]/",
    "https://[2001:db8::1]/", "https://127.1/", "https://0/", "https://2130706433/", "https://0x7f000001/",
    "https://0x7f.1/", "https://0177.0.0.1/", "https://1.2.3.0x4/", "https://127.0.0.1.:443/", "https://127.0.0.1./",
    "https://１２７.0.0.1/", "https://%31%32%37.0.0.1/", "https://①②⑦.⓪.⓪.①/",
]  # fmt: skip
NAMES = [
    "https://localhost/", "https://LOCALHOST/", "https://a.localhost/", "https://printer.local/", "https://x.internal/",
    "https://intranet/", "https://router.home.arpa/", "https://example.com./", "https://-a.example/",
    "https://a..example/", "https://exämple.com/", "https://example。com/", "https://ⓔxample.com/",
    "https://\u212aernel.org/", "https://example.com%00.evil.test/", "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 140 + "example/", "https://[::1/", "https://]/", "https://[v1.a]/", "https://", "https:///x",
]  # fmt: skip
FORMS = [
    "example.com", "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
    "dict://example.com/", "javascript:alert(1)", "data:text/html,x", "//example.com/", "https:example.com",
    "HTTPS ://example.com", " https://example.com/", "https://user@example.com/", "https://user:pass@example.com/",
    "https://@example.com/", "https://example.com/#top", "https://example.com/#", "https://example.com:22/",
    "https://example.com:80/", "https://example.com:25/", "https://example.com:6379/", "https://example.com:0/",
    "https://example.com:99999/", "https://example.com:x/", "https://example.com:-1/", "https://ex ample.com/",
    "https://example.com/ x", "https://example.com/\r\nX: y", "https://example.com\\@10.0.0.1/",
    "https://example.com/\x00", "https://example.com/ä", "https://example.com/<script>", "https://a.example/\u202egnp",
]  # fmt: skip
REFUSED = lettered("W1", (*METADATA, *NUMBERS, *NAMES, *FORMS))


@pytest.mark.parametrize("row", REFUSED)
def test_an_address_that_is_not_public_https_is_refused(row: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        destination_of(REFUSED[row])
    assert refusal.value.code is Code.WEBHOOK_URL_REFUSED
    assert [fault.pointer for fault in refusal.value.faults] == ["/url"]


def refused(url: str) -> Bad:
    return wrong(url, lambda shop: shop.webhook_of(url), "/url", code="webhook_url_refused")


AT_THE_API = {
    **{f"{row}-made": refused(REFUSED[row]) for row in list(REFUSED)[::8]},
    "W1-none": wrong("none", lambda shop: shop.api.post("/webhooks", {}), "/url"),
    "W1-empty": wrong("nothing", lambda shop: shop.webhook_of(""), "/url"),
    "W1-number": wrong("a number", lambda shop: shop.webhook_of(5), "/url"),
    "W1-long": wrong("1,001 characters", lambda shop: shop.webhook_of("https://a.example/" + "x" * 983), "/url"),
    "W1-events": wrong("an unknown event", lambda shop: shop.webhook_of("https://a.example/", events=["x"]), "/events/0"),
}  # fmt: skip


@pytest.mark.parametrize("row", AT_THE_API)
def test_no_webhook_is_made_of_it(shop: Shop, row: str) -> None:
    check(shop, AT_THE_API[row])
