"""Signing in in the browser: the code that comes back to this machine, and only with the state that was sent."""

from __future__ import annotations

import base64
import hashlib
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from maskmill.client.oauth import CALLBACK, Door, sign_in_by_browser
from maskmill.client.retry import Backoff
from maskmill.client.session import (
    CognitoToken,
    MachineToken,
    Profile,
    SignedIn,
    read_profile,
    write_profile,
)
from maskmill.core.errors import Code, InvalidInput
from tests.unit.client.test_tokens import TokenEndpoint

PAGES = "https://pool.example"


class Browser:
    """A person who is shown an address and comes back with what the pages say, now or after somebody else did."""

    def __init__(self, **brought: str) -> None:
        self.brought = brought
        self.asked: dict[str, str] = {}
        self.pages: list[str] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, address: str) -> None:
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{PAGES}/oauth2/authorize"
        self.asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        thread = threading.Thread(target=self._come_back)
        thread.start()
        self.threads.append(thread)

    def _come_back(self) -> None:
        with httpx.Client(trust_env=False) as browser:
            assert browser.get(CALLBACK.replace("callback", "favicon.ico")).status_code == 404
            browser.get(CALLBACK, params={"code": "stolen", "state": "not-ours"})
            answer = browser.get(CALLBACK, params={"state": self.asked["state"], **self.brought})
            self.pages.append(answer.text)

    def leave(self) -> None:
        for thread in self.threads:
            thread.join(5)


def sign_in(browser: Browser, endpoint: TokenEndpoint, *, wait_s: float = 20) -> str:
    door = Door(f"{PAGES}/oauth2/token", backoff=Backoff(sleep=lambda _: None), transport=endpoint)
    try:
        return sign_in_by_browser(PAGES, "app", show=browser, wait_s=wait_s, door=door).access_token
    finally:
        browser.leave()


def test_the_code_is_traded_with_the_verifier_that_never_left(socket_enabled: None) -> None:
    browser, endpoint = Browser(code="c0de"), TokenEndpoint()
    assert sign_in(browser, endpoint) == "token-1"
    sent = {name: values[0] for name, values in parse_qs(endpoint.asked[0].content.decode()).items()}
    assert (sent["code"], sent["grant_type"], sent["redirect_uri"]) == ("c0de", "authorization_code", CALLBACK)
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert browser.asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert browser.asked["code_challenge_method"] == "S256"
    assert browser.asked["scope"] == "openid maskmill/api"
    assert sent["code_verifier"] not in str(browser.asked)
    assert "You are signed in" in browser.pages[0]


def test_a_refusal_of_the_pages_is_told(socket_enabled: None) -> None:
    browser = Browser(error="access_denied", error_description="Not invited")
    with pytest.raises(InvalidInput, match="Not invited") as raised:
        sign_in(browser, TokenEndpoint())
    assert raised.value.code is Code.UNAUTHENTICATED
    assert "did not work" in browser.pages[0]


def test_nobody_coming_back_has_an_end(socket_enabled: None) -> None:
    with pytest.raises(InvalidInput, match="Nobody signed in"):
        sign_in_by_browser(PAGES, "app", show=lambda _: None, wait_s=0.1)


def profile(**more: object) -> CognitoToken:
    values = {"endpoint_url": "https://cognito.example", "client_id": "app", "access_token": "old"}
    return CognitoToken.model_validate({**values, "expires_at": "2020-01-01T00:00:00Z", **more})


def test_a_sign_in_of_the_browser_is_renewed_where_it_came_from(tmp_path: Path) -> None:
    endpoint = TokenEndpoint()
    token = profile(refresh_token="refresh", token_url=f"{PAGES}/oauth2/token")
    path = tmp_path / "profile.json"
    signed_in = SignedIn(
        Profile(api_url="https://x.example", token=token), path=path, door=lambda url: Door(url, transport=endpoint)
    )
    assert signed_in.access_token() == "token-1"
    sent = parse_qs(endpoint.asked[0].content.decode())
    assert sent == {"grant_type": ["refresh_token"], "client_id": ["app"], "refresh_token": ["refresh"]}
    kept = read_profile(path).token
    assert isinstance(kept, CognitoToken)
    assert (kept.access_token, kept.refresh_token, kept.token_url) == ("token-1", "refresh", token.token_url)


def test_a_machines_profile_asks_for_tokens_and_hides_its_secret(tmp_path: Path) -> None:
    endpoint = TokenEndpoint()
    token = MachineToken(token_url=f"{PAGES}/oauth2/token", client_id="robot", client_secret="s3cret")
    path = tmp_path / "profile.json"
    write_profile(path, Profile(api_url="https://x.example", token=token))
    assert path.stat().st_mode & 0o077 == 0
    signed_in = SignedIn(read_profile(path), door=lambda url: Door(url, transport=endpoint))
    assert signed_in.access_token() == signed_in.access_token() == "token-1"
    assert signed_in.renew()
    assert signed_in.access_token() == "token-2"
    assert "s3cret" not in repr(read_profile(path))
