"""Somebody with a browser, as far as HTTP goes: asks the page's origin, and signs in the way the page does."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local.cloud import Laptop


@dataclass
class Visitor:
    """A client of the page's origin, whose name only browsers know as this machine's."""

    origin: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.origin)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{parts.port}", headers={"Host": parts.netloc}, trust_env=False, timeout=30
        )

    @classmethod
    def of(cls, cloud: Laptop) -> Visitor:
        return cls(cloud.page_url.rstrip("/"))

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/config.json").json()["sign_in"]
        return found

    def path_of(self, address: str) -> str:
        """An address of the page's own origin, as a path."""
        assert address.startswith(f"{self.origin}/"), address
        return address.removeprefix(self.origin)

    def ask_for_code(self, challenge: str, **changed: str) -> httpx.Response:
        sign_in = self.config()
        asked = {
            "client_id": sign_in["client_id"],
            "redirect_uri": f"{self.origin}/",
            "response_type": "code",
            "scope": sign_in["scope"],
            "state": "where I was",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changed,
        }
        return self.client.get(self.path_of(sign_in["authorize_url"]), params=asked)

    def sign_in(self, **changed: str) -> dict[str, Any]:
        """The tokens that the page would get."""
        verifier = secrets.token_urlsafe(48)
        back = self.ask_for_code(challenge_of(verifier), **changed)
        assert back.status_code == 302, back.text
        found = parse_qs(urlsplit(back.headers["Location"]).query)
        assert back.headers["Location"].startswith(f"{self.origin}/?")
        assert found["state"] == ["where I was"]
        answer = self.trade(code=found["code"][0], code_verifier=verifier)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def trade(self, **more: str) -> httpx.Response:
        sign_in = self.config()
        form = {
            "grant_type": "authorization_code",
            "client_id": sign_in["client_id"],
            "redirect_uri": f"{self.origin}/",
        }
        return self.client.post(self.path_of(sign_in["token_url"]), data={**form, **more})


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
