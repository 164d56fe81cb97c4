"""Who is signed in and where: profile files and the tokens in them; it knows no routes and asks nobody anything.

A profile is looked for in $MASKMILL_PROFILE, then in `.maskmill/profile.json` of the current folder and its parents,
then in `maskmill/profile.json` of the user's config folder. It holds secrets: its mode is 0600.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from maskmill.client.cognito import Cognito, Tokens
from maskmill.client.oauth import Door
from maskmill.client.tokens import ClientCredentials
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.model import Model

PROFILE = Path(".maskmill") / "profile.json"
REFRESH_BEFORE_S = 60
_SIGN_IN = "You are not signed in. Run `maskmill login`, or set MASKMILL_API and MASKMILL_TOKEN."


class StaticToken(Model):
    """An access token that somebody else keeps valid."""

    kind: Literal["static"] = "static"
    access_token: Annotated[str, Field(min_length=1, repr=False)]


class CognitoToken(Model):
    """A signed-in user of a Cognito user pool; a naive `expires_at` is in UTC."""

    kind: Literal["cognito"] = "cognito"
    endpoint_url: str
    client_id: str
    refresh_token: Annotated[str | None, Field(repr=False)] = None
    access_token: Annotated[str, Field(repr=False)]
    expires_at: datetime
    token_url: str | None = None  # where a sign-in in the browser is renewed

    @model_validator(mode="after")
    def _is_in_utc(self) -> Self:
        if self.expires_at.tzinfo is None:
            return self.model_copy(update={"expires_at": self.expires_at.replace(tzinfo=UTC)})
        return self


class MachineToken(Model):
    """A machine's own client; its tokens are asked for anew by each process."""

    kind: Literal["machine"] = "machine"
    token_url: str
    client_id: str
    client_secret: Annotated[str, Field(min_length=1, repr=False)]


class Profile(Model):
    """A service and how its user proves who they are."""

    api_url: str
    token: Annotated[StaticToken | CognitoToken | MachineToken, Field(discriminator="kind")]


def profile_path(environ: Mapping[str, str], *, folder: Path, home: Path) -> Path | None:
    """The profile file that holds for a folder; None when there is none. $MASKMILL_PROFILE is taken as it is."""
    if named := environ.get("MASKMILL_PROFILE"):
        return Path(named)
    candidates = [place / PROFILE for place in (folder, *folder.parents)]
    candidates.append(user_profile_path(environ, home=home))
    return next((path for path in candidates if path.is_file()), None)


def user_profile_path(environ: Mapping[str, str], *, home: Path) -> Path:
    """Where `maskmill login` writes the profile when nothing else is said."""
    config = environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else home / ".config") / "maskmill" / "profile.json"


def read_profile(path: Path) -> Profile:
    """The profile in a file; raises InvalidInput `unauthenticated` when it is missing or not understood."""
    try:
        return Profile.model_validate_json(path.read_bytes(), extra="ignore")
    except OSError as exc:
        message = f"The profile {path} cannot be read ({exc.strerror}). Run `maskmill login`."
        raise InvalidInput(Code.UNAUTHENTICATED, message=message) from exc
    except ValidationError as exc:
        message = f"The profile {path} is not understood. Run `maskmill login` to write it again."
        raise InvalidInput(Code.UNAUTHENTICATED, message=message, detail=f"{exc.error_count()} faults") from exc


def write_profile(path: Path, profile: Profile) -> None:
    """Write a profile that only its owner can read; the file is complete or absent at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(profile.model_dump_json(indent=2) + "\n")
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def token_of(
    tokens: Tokens,
    *,
    endpoint_url: str,
    client_id: str,
    now: datetime,
    refresh: str | None = None,
    token_url: str | None = None,
) -> CognitoToken:
    """What a profile keeps of the tokens that Cognito handed out; `refresh` is the refresh token so far."""
    return CognitoToken(
        endpoint_url=endpoint_url,
        client_id=client_id,
        refresh_token=tokens.refresh_token or refresh,
        access_token=tokens.access_token,
        expires_at=now + timedelta(seconds=tokens.lives_s),
        token_url=token_url,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SignedIn:
    """The token of a profile, renewed when less than a minute of its life is left; safe to share between threads.

    A renewed token is written back to the file that the profile came from, where there is one.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        path: Path | None = None,
        now: Callable[[], datetime] = _utc_now,
        connect: Callable[[str, str], Cognito] = Cognito,
        door: Callable[[str], Door] = Door,
    ) -> None:
        self._profile = profile
        self._path = path
        self._now = now
        self._connect = connect
        self._door = door
        self._lock = threading.Lock()
        self._machine = _machine(profile.token, door) if isinstance(profile.token, MachineToken) else None

    def access_token(self) -> str:
        if self._machine is not None:
            return self._machine.access_token()
        with self._lock:
            token = self._profile.token
            if isinstance(token, CognitoToken) and self._is_ending(token):
                token = self._renewed(token)
            return token.access_token if not isinstance(token, MachineToken) else ""

    def renew(self) -> bool:
        if self._machine is not None:
            return self._machine.renew()
        with self._lock:
            token = self._profile.token
            if not isinstance(token, CognitoToken) or token.refresh_token is None:
                return False
            self._renewed(token)
            return True

    def _is_ending(self, token: CognitoToken) -> bool:
        return token.expires_at - self._now() < timedelta(seconds=REFRESH_BEFORE_S)

    def _renewed(self, token: CognitoToken) -> CognitoToken:
        if token.refresh_token is None:
            raise InvalidInput(Code.UNAUTHENTICATED, message="Your sign-in has ended. Run `maskmill login`.")
        if token.token_url is not None:
            tokens = self._door(token.token_url).by_refresh(token.client_id, token.refresh_token)
        else:
            tokens = self._connect(token.endpoint_url, token.client_id).refresh(token.refresh_token)
        fresh = token_of(
            tokens,
            endpoint_url=token.endpoint_url,
            client_id=token.client_id,
            now=self._now(),
            refresh=token.refresh_token,
            token_url=token.token_url,
        )
        self._profile = self._profile.model_copy(update={"token": fresh})
        if self._path is not None:
            with suppress(OSError):  # a read-only profile still serves this process
                write_profile(self._path, self._profile)
        return fresh


def _machine(token: MachineToken, door: Callable[[str], Door]) -> ClientCredentials:
    return ClientCredentials(door(token.token_url), client_id=token.client_id, client_secret=token.client_secret)


def not_signed_in() -> InvalidInput:
    """The error for a command that needs a user and has none."""
    return InvalidInput(Code.UNAUTHENTICATED, message=_SIGN_IN)
