"""Profiles and sign-in: where a profile is found, who may read it, and tokens that are renewed in time."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maskmill.client import Client
from maskmill.client.cognito import Challenge, Cognito, Tokens
from maskmill.client.session import (
    CognitoToken,
    Profile,
    SignedIn,
    StaticToken,
    profile_path,
    read_profile,
    user_profile_path,
    write_profile,
)
from maskmill.core.errors import Code, InvalidInput
from tests.unit.client.fake_service import FakeService

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


def cognito_profile(service: FakeService, *, lives_s: int, refresh: str | None = "refresh-1") -> Profile:
    token = CognitoToken(
        endpoint_url=service.url,
        client_id="client-1",
        refresh_token=refresh,
        access_token="old-token",
        expires_at=NOW + timedelta(seconds=lives_s),
    )
    return Profile(api_url=service.url, token=token)


def test_a_profile_is_found_in_the_named_place_then_here_then_at_home(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "work" / "deep"
    folder.mkdir(parents=True)
    assert profile_path({}, folder=folder, home=home) is None
    at_home = user_profile_path({}, home=home)
    write_profile(at_home, Profile(api_url="http://a", token=StaticToken(access_token="t")))
    assert profile_path({}, folder=folder, home=home) == at_home
    above = tmp_path / "work" / ".maskmill" / "profile.json"
    write_profile(above, Profile(api_url="http://b", token=StaticToken(access_token="t")))
    assert profile_path({}, folder=folder, home=home) == above
    assert profile_path({"MASKMILL_PROFILE": "/x/y.json"}, folder=folder, home=home) == Path("/x/y.json")


def test_the_config_folder_may_be_elsewhere(tmp_path: Path) -> None:
    assert user_profile_path({"XDG_CONFIG_HOME": "/c"}, home=tmp_path) == Path("/c/maskmill/profile.json")


def test_a_profile_is_for_its_owner_only_and_comes_back_the_same(service: FakeService, tmp_path: Path) -> None:
    path = tmp_path / "p" / "profile.json"
    for profile in (cognito_profile(service, lives_s=9), Profile(api_url="x", token=StaticToken(access_token="t"))):
        write_profile(path, profile)
        assert read_profile(path) == profile
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["profile.json"]


def test_secrets_do_not_appear_when_a_profile_is_printed(service: FakeService) -> None:
    assert "old-token" not in repr(cognito_profile(service, lives_s=9))
    assert "refresh-1" not in repr(cognito_profile(service, lives_s=9))


@pytest.mark.parametrize("text", [None, "{", '{"api_url": "x"}', '{"api_url": "x", "token": {"kind": "magic"}}'])
def test_a_profile_that_is_missing_or_odd_asks_to_sign_in(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "profile.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidInput) as raised:
        read_profile(path)
    assert raised.value.code is Code.UNAUTHENTICATED
    assert "maskmill login" in raised.value.message


@pytest.mark.parametrize(("lives_s", "refreshes"), [(61, 0), (59, 1), (-5, 1)])
def test_a_token_is_renewed_when_less_than_a_minute_is_left(
    service: FakeService, tmp_path: Path, lives_s: int, refreshes: int
) -> None:
    path = tmp_path / "profile.json"
    signed_in = SignedIn(cognito_profile(service, lives_s=lives_s), path=path, now=lambda: NOW)
    for _ in range(2):
        assert signed_in.access_token() == ("good-token" if refreshes else "old-token")
    assert service.refreshes == refreshes
    if refreshes:
        kept = read_profile(path).token
        assert isinstance(kept, CognitoToken)
        assert (kept.refresh_token, kept.expires_at) == ("refresh-1", NOW + timedelta(hours=1))


def test_a_token_that_the_service_refuses_is_renewed_once(service: FakeService) -> None:
    signed_in = SignedIn(cognito_profile(service, lives_s=3000), now=lambda: NOW)
    with Client(service.url, signed_in) as client:
        assert list(client.datasets()) == []
    assert service.refreshes == 1
    assert service.calls == ["GET /api/v1/datasets", "POST /", "GET /api/v1/datasets"]


@pytest.mark.parametrize("refresh", [None, "ended"])
def test_a_sign_in_that_has_ended_says_so(service: FakeService, refresh: str | None) -> None:
    signed_in = SignedIn(cognito_profile(service, lives_s=0, refresh=refresh), now=lambda: NOW)
    with pytest.raises(InvalidInput) as raised:
        signed_in.access_token()
    assert raised.value.code is Code.UNAUTHENTICATED
    assert "maskmill login" in raised.value.message


def test_a_password_becomes_tokens(service: FakeService) -> None:
    cognito = Cognito(service.url, "client-1")
    assert cognito.sign_in("ann", "secret") == Tokens("good-token", "refresh-1", 3600)
    with pytest.raises(InvalidInput, match="unauthenticated"):
        cognito.sign_in("ann", "wrong")


def test_a_temporary_password_is_replaced(service: FakeService) -> None:
    service.passwords["bob"] = "temporary"
    cognito = Cognito(service.url, "client-1")
    challenge = cognito.sign_in("bob", "temporary")
    assert isinstance(challenge, Challenge)
    assert isinstance(cognito.choose_password(challenge, "better"), Tokens)
    assert service.passwords["bob"] == "better"
