"""Media sessions, read as CloudFront reads them: what the cookies open, for how long, and what they never open."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.serve_api.media import signed
from local.emulator.cookies import PREFIX, Refused, check
from maskmill.core.limits import MEDIA_SESSION_LIFE_S
from maskmill.core.rsa import public_pem
from tests.unit.lambdas.gateway import MEDIA_KEY_PAIR_ID, MEDIA_URL, Api, claims_of
from tests.unit.lambdas.media_key import media_key, values_of

KEYS = {MEDIA_KEY_PAIR_ID: public_pem(media_key())}
PICTURE = "px/0/normal.png"


@pytest.fixture
def cookies(api: Api) -> dict[str, str]:
    return values_of(api.post("/media-session").cookies)


def opens(url: str, cookies: dict[str, str], *, in_s: float = 0) -> bool:
    try:
        check(url, cookies, KEYS, now_s=time.time() + in_s)
    except Refused:
        return False
    return True


def folder(tenant: str) -> str:
    return f"{MEDIA_URL}t/{tenant}/"


def policy_of(cookies: dict[str, str]) -> Any:
    text = cookies[f"{PREFIX}Policy"].translate(str.maketrans("-_~", "+=/"))
    return json.loads(base64.b64decode(text))


def test_a_session_opens_everything_of_its_tenant_for_an_hour(api: Api, cookies: dict[str, str]) -> None:
    assert opens(folder(api.tenant) + PICTURE, cookies)
    assert opens(folder(api.tenant) + "jobs/j1/dataset/dataset.zip", cookies, in_s=MEDIA_SESSION_LIFE_S - 5)
    assert not opens(folder(api.tenant) + PICTURE, cookies, in_s=MEDIA_SESSION_LIFE_S + 1)


def test_a_session_opens_nothing_of_anybody_else(api: Api, other: Api, cookies: dict[str, str]) -> None:
    names = (other.tenant, f"{api.tenant}x", api.tenant[:-1], "*", "")
    assert not any(opens(folder(name) + PICTURE, cookies) for name in names)
    own = folder(api.tenant) + PICTURE
    for known, other_one in (("page.", "other."), ("/media/", "/api/"), ("/t/", "/u/"), ("https:", "http:")):
        assert known in own and not opens(own.replace(known, other_one), cookies)


def test_the_policy_has_one_statement_one_wildcard_at_its_end_and_one_moment(api: Api, cookies: dict[str, str]) -> None:
    (statement,) = policy_of(cookies)["Statement"]
    assert statement["Resource"] == f"{folder(api.tenant)}*"
    assert statement["Resource"].count("*") == 1 and "?" not in statement["Resource"]
    assert statement["Condition"].keys() == {"DateLessThan"}
    assert statement["Condition"]["DateLessThan"]["AWS:EpochTime"] <= time.time() + MEDIA_SESSION_LIFE_S


@pytest.mark.parametrize("name", ["Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"])
def test_a_changed_or_missing_cookie_opens_nothing(api: Api, cookies: dict[str, str], name: str) -> None:
    address, cookie = folder(api.tenant) + PICTURE, f"{PREFIX}{name}"
    value = cookies[cookie]
    changed = ("A" if value[0] != "A" else "B") + value[1:]
    assert not opens(address, {**cookies, cookie: changed})
    assert not opens(address, {key: text for key, text in cookies.items() if key != cookie})


def test_two_sessions_cannot_be_mixed(api: Api, other: Api, cookies: dict[str, str]) -> None:
    theirs = values_of(other.post("/media-session").cookies)
    mixed = {**cookies, f"{PREFIX}Policy": theirs[f"{PREFIX}Policy"]}
    assert not opens(folder(other.tenant) + PICTURE, mixed)
    assert not opens(folder(api.tenant) + PICTURE, mixed)


def test_a_key_that_is_not_trusted_any_more_opens_nothing(api: Api, cookies: dict[str, str]) -> None:
    with pytest.raises(Refused):
        check(folder(api.tenant) + PICTURE, cookies, {"K2": KEYS[MEDIA_KEY_PAIR_ID]}, now_s=time.time())


def test_the_check_reads_wildcards_as_cloudfront_does() -> None:
    """It is tried with what we never sign, so that it is no looser than what it stands for."""
    until = datetime.now(UTC) + timedelta(hours=1)
    wide = signed(media_key(), MEDIA_KEY_PAIR_ID, resource="https://page.example/media/?/a*", until=until)
    named = {PREFIX + name: value for name, value in wide.items()}
    assert opens("https://page.example/media/t/ab/c", named)
    assert not opens("https://page.example/media/tt/ab/c", named)


def test_scripts_and_other_sites_never_see_the_cookies_and_no_call_but_media_carries_them(api: Api) -> None:
    answer = api.post("/media-session")
    path = f"/media/t/{api.tenant}/"
    for line in answer.cookies:
        _, *attributes = line.split("; ")
        assert set(attributes) == {
            f"Path={path}", f"Max-Age={MEDIA_SESSION_LIFE_S}", "HttpOnly", "Secure", "SameSite=Strict",
        }  # fmt: skip
    assert len(answer.cookies) == 4
    assert (answer.status, answer.json["url"]) == (201, folder(api.tenant))
    assert answer.json["expires_in_s"] == MEDIA_SESSION_LIFE_S
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_signs_out_takes_the_cookies_back(api: Api) -> None:
    opened, closed = api.post("/media-session"), api.call("DELETE", "/media-session")
    assert closed.status == 204
    assert [line.partition("=")[0] for line in closed.cookies] == [line.partition("=")[0] for line in opened.cookies]
    for line in closed.cookies:
        assert line.partition(";")[0].endswith("=") and "Max-Age=0" in line and f"Path=/media/t/{api.tenant}/" in line


def test_cookies_are_no_way_into_the_api(api: Api, cookies: dict[str, str]) -> None:
    shown = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    assert api.call("GET", "/datasets", claims=None, headers=shown).status == 401
    assert api.call("POST", "/media-session", claims=None, headers=shown).status == 401


@pytest.mark.parametrize("tenant", ["*", "a/b", "a?b", "..", "a b", ""])
def test_a_subject_that_could_widen_a_policy_gets_none(api: Api, tenant: str) -> None:
    answer = api.call("POST", "/media-session", claims=claims_of(tenant))
    assert (answer.status, answer.cookies) == (401, ())


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Everything that is logged, whoever logs it."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.__dict__}")

    keep = Keep(level=logging.DEBUG)
    loggers = [logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)]
    before = {logger: logger.level for logger in loggers}
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(keep)
    yield lines
    for logger in loggers:
        logger.removeHandler(keep)
        logger.setLevel(before[logger])


def test_neither_the_key_nor_a_signature_is_logged(api: Api, logged: list[str]) -> None:
    values = values_of(api.post("/media-session").cookies)
    assert api.call("POST", "/media-session", claims=None).status == 401  # which is logged
    secrets = [media_key().exponent, values[f"{PREFIX}Signature"], values[f"{PREFIX}Policy"]]
    assert logged
    assert not any(secret in line for secret in secrets for line in logged)
