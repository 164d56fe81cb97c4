"""What every command shares: the options given before it, its output and its client; it knows no single command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from maskmill.cli.output import Output

if TYPE_CHECKING:
    from maskmill.client import Client
    from maskmill.client.calls import Token
    from maskmill.client.session import Profile


@dataclass(frozen=True, slots=True)
class Common:
    """The options that hold for every command; a given value goes before the profile's."""

    api: str | None
    token: str | None
    profile: Path | None
    output: Output

    def profile_path(self) -> Path | None:
        """The profile file that holds here; None when there is none."""
        from maskmill.client.session import profile_path

        return self.profile or profile_path(os.environ, folder=Path.cwd(), home=Path.home())

    def read_profile(self) -> Profile | None:
        from maskmill.client.session import read_profile

        path = self.profile_path()
        return read_profile(path) if path is not None else None

    def connect(self, *, within_s: float | None = None) -> Client:
        """A client that is signed in; raises InvalidInput `unauthenticated` when there is no token.

        With `within_s` a call is made once, and given up after so many seconds.
        """
        from maskmill.client import Client
        from maskmill.client.retry import Backoff

        if within_s is None:
            return Client(*self._signed_in())
        return Client(*self._signed_in(), backoff=Backoff(attempts_max=1), timeout_s=within_s)

    def credentials(self) -> tuple[str, str]:
        """The service's address and an access token that is valid now; raises as `connect` does."""
        api, token = self._signed_in()
        return api, token.access_token()

    def _signed_in(self) -> tuple[str, Token]:
        from maskmill.client.calls import FixedToken
        from maskmill.client.session import SignedIn, not_signed_in

        profile = None if self.api and self.token else self.read_profile()
        api = self.api or (profile.api_url if profile else None)
        if api is None:
            raise not_signed_in()
        if self.token:
            return api, FixedToken(self.token)
        if profile is None:
            raise not_signed_in()
        return api, SignedIn(profile, path=self.profile_path())

    def connect_public(self) -> Client:
        """A client for what needs no user."""
        from maskmill.client import Client

        profile = None if self.api else self.read_profile()
        if self.api is None and profile is None:
            raise typer.BadParameter("which service? Give --api https://… or run `maskmill login`", param_hint="--api")
        return Client(self.api or (profile.api_url if profile else ""))


def common_of(context: typer.Context) -> Common:
    """The shared options of the command that runs."""
    common = context.find_root().obj
    if not isinstance(common, Common):
        raise TypeError("a command ran without the root command")
    return common
