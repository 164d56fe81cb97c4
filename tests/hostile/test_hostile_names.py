"""Rows N: names that climb, hide, turn round, run as something else or hold a line break.

A name is a word to show: keys, paths and headers are made of it by nobody. What cannot be shown for what it is is
refused; everything else comes back exactly as it was, without being normalised, since clients find their files by it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from lambdas.aws.doors import attachment
from maskmill.core import keys
from maskmill.core.limits import FILENAME_BYTES_MAX
from maskmill.core.result import file_stem
from tests.hostile.corpus import Bad, Shop, check, missing, wrong
from tests.unit.lambdas.gateway import Answer


def file_name(what: str, name: str) -> Bad:
    return wrong(what, lambda shop: shop.upload_of(name=name), "/files/0/name", code="invalid_filename")


def template_name(what: str, name: str) -> Bad:
    return wrong(what, lambda shop: shop.template_of(name=name), "/name")


def among_others(shop: Shop) -> Answer:
    files = [{"name": name, "size_bytes": 1, "sha256": "0" * 64} for name in ("good.jpg", "bad\n.jpg", " ", "fine.png")]
    return shop.api.post(f"/datasets/{shop.dataset}/uploads", {"files": files})


BAD: dict[str, Bad] = {
    "N3a": file_name("a zero byte", "a\0.jpg"),
    "N3b": file_name("a line break", "a\nb.jpg"),
    "N3c": file_name("a header", "a\r\nSet-Cookie: x"),
    "N3d": file_name("an escape sequence", "a\x1b[31m.jpg"),
    "N3e": file_name("a delete", "a\x7f"),
    "N3f": file_name("a next line", "a\x85b"),
    "N3g": file_name("a line separator", "a\u2028b"),
    "N3h": file_name("a paragraph separator", "a\u2029b"),
    "N3i": file_name("a writing that turns round", "a\u202egpj.exe"),
    "N3j": file_name("an isolated writing", "a\u2066b"),
    "N3k": file_name("an Arabic letter mark", "a\u061cb"),
    "N3l": file_name("a space of no width", "a\u200bb.jpg"),
    "N3m": file_name("a byte order mark inside", "a\ufeffb.jpg"),
    "N3n": file_name("a word joiner", "a\u2060b.jpg"),
    "N3o": wrong("some of several", among_others, "/files/1/name", "/files/2/name", code="invalid_filename"),
    "N3p": wrong(
        "a webhook's words", lambda shop: shop.webhook_of("https://a.example/", description="a\nb"), "/description"
    ),
    "N6a": file_name("nothing", ""),
    "N6b": file_name("a blank", " "),
    "N6c": file_name("a dot", "."),
    "N6d": file_name("dots", ".."),
    "N6e": file_name("a dot among blanks", " . "),
    "N6f": file_name("300 characters", "a" * 300),
    "N6g": file_name("a byte too many", "a" * (FILENAME_BYTES_MAX - 3) + ".jpg"),
    "N6h": file_name("few characters of many bytes", "é" * 128),
    "N6i": file_name("4,000 bytes of pictures", "😀" * 1_000),
    "N6j": wrong("a dataset of 121 characters", lambda shop: shop.make({"name": "x" * 121}), "/name"),
    "N6k": template_name("a template of 121 characters", "x" * 121),
    "N1e": template_name("a template that climbs", "../x"),
    "N1f": template_name("a template in a folder", "a/b"),
    "N1g": template_name("a template that begins with a dot", ".hidden"),
    "N4e": template_name("a template that is a formula", "=1+1"),
    "N5b": template_name("a template that is HTML", "<b>"),
    "N7e": template_name("a template in letters of full width", "ｘ"),
    "N10a": template_name("a line break at the end of a template's name", "x\n"),
    "N10b": wrong(
        "a line break at the end of a hash", lambda shop: shop.upload_of(sha256="0" * 64 + "\n"), "/files/0/sha256"
    ),
    "N10c": wrong("a line break at the end of a colour", lambda shop: shop.template_of(colour="#ffffff\n"), "/colour"),
    "N10d": missing("a line break at the end of an id", lambda shop: shop.api.get(f"/datasets/{shop.dataset}\n")),
    "N10e": missing("a line break at the end of a filter", lambda shop: shop.api.get("/jobs", dataset=f"{shop.dataset}\n")),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_a_name_that_hides_something_is_refused_by_its_place(shop: Shop, row: str) -> None:
    check(shop, BAD[row])


ODD: dict[str, str] = {
    "N1a": "../../etc/passwd.jpg",
    "N1b": "..\\..\\boot.jpg",
    "N1c": "/etc/passwd.jpg",
    "N1d": "C:\\a.jpg",
    "N2a": "CON.png",
    "N2b": "NUL",
    "N2c": "a.png. ",
    "N2d": ".htaccess",
    "N3q": "🐈‍⬛ cat 👩‍👩‍👧.jpg",
    "N4a": "=cmd|'/c calc'!A1.png",
    "N4b": "+1",
    "N4c": "-1",
    "N4d": "@SUM(A1)",
    "N5a": '"><img src=x onerror=alert(1)>.png',
    "N6l": "a" * FILENAME_BYTES_MAX,
    "N6m": "é" * 127,
    "N7a": "e\u0301.jpg",
    "N7b": "é.jpg",
    "N7c": "\ufb01le.jpg",
    "N7d": "\u2024\u2024/x.jpg",
    "N8c": "  my photo  .jpg",
    "N9a": "a.jpg?x=1#y%00",
    "N9b": "猫の写真.jpg",
    "N9c": "a%2e%2e%2fb.jpg",
}


@pytest.mark.parametrize("row", ODD)
def test_an_odd_file_name_is_kept_as_a_word_and_never_used_as_a_path(shop: Shop, row: str) -> None:
    name = ODD[row]
    answer = shop.upload_of(name=name)
    assert answer.status == 201, answer.text
    (ticket,) = answer.json["items"]
    assert ticket["fields"]["key"] == keys.upload(shop.api.tenant, shop.dataset, ticket["image_id"])
    read = shop.api.get(f"/datasets/{shop.dataset}/images/{ticket['image_id']}")
    assert read.json["name"] == name
    assert read.headers["Content-Type"] == "application/json"
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r"[0-9]{4}_[a-z0-9][a-z0-9-]{0,60}", file_stem(7, name)), "its place in what is downloaded"


TWINS = {"N7f": ("e\u0301.jpg", "é.jpg"), "N8a": ("a.jpg", "a.jpg"), "N8b": ("a.jpg", "A.JPG"), "N2e": ("con", "CON")}


@pytest.mark.parametrize("row", TWINS)
def test_names_that_look_alike_are_two_files(row: str) -> None:
    first, second = TWINS[row]
    stems = {file_stem(0, first).casefold(), file_stem(1, second).casefold()}
    assert len(stems) == 2


HEADERS = {
    "N9d": "a\r\nSet-Cookie: x",
    "N9e": 'a"b.png',
    "N9f": "a;b=c.png",
    "N9g": "\u202egnp.exe",
    "N9h": "\ud800.png",
    "N9i": "ünï ©.jpg",
    "N9j": "plain.zip",
    "N9k": "日本.png",
}


@pytest.mark.parametrize("row", HEADERS)
def test_no_name_breaks_out_of_its_header(row: str) -> None:
    header = attachment(HEADERS[row])
    assert header.isascii()
    assert header.isprintable()
    kind, fallback, exact = header.split("; ")
    assert kind == "attachment"
    assert re.fullmatch(r'filename="[A-Za-z0-9._-]*"', fallback)
    assert unquote(exact.removeprefix("filename*=UTF-8''")) == HEADERS[row].encode("utf-8", "replace").decode()
