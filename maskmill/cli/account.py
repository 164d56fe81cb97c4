"""`maskmill login`, `env`, `usage`, `spending`, `limits`, `health`: the user and the service; it knows no datasets."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskmill.cli.context import Common, common_of
from maskmill.cli.failures import UNAVAILABLE, usage

if TYPE_CHECKING:
    from maskmill.client.cognito import Cognito, Tokens
    from maskmill.client.session import CognitoToken, MachineToken, Profile

DEFAULT_ENDPOINT = "https://cognito-idp.us-east-1.amazonaws.com"


def login(
    context: typer.Context,
    user: Annotated[str, typer.Option("--user", help="Your user name or mail address; asked for otherwise.")] = "",
    client_id: Annotated[str, typer.Option("--client-id", help="The app client of the user pool.")] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", help=f"Where Cognito is ({DEFAULT_ENDPOINT}).")] = "",
    sign_in: Annotated[
        str, typer.Option("--sign-in", metavar="URL", help="The service's sign-in pages: sign in in the browser.")
    ] = "",
    machine: Annotated[
        bool, typer.Option("--machine", help="A machine's client; its secret is asked for, or MASKMILL_CLIENT_SECRET.")
    ] = False,
) -> None:
    """Sign in and write a profile: in the browser, by a password (asked for, or MASKMILL_PASSWORD), or as a machine."""
    from maskmill.client.cognito import Cognito
    from maskmill.client.oauth import token_url_of
    from maskmill.client.session import Profile as ProfileFile
    from maskmill.client.session import token_of, user_profile_path, write_profile

    if machine and not sign_in:
        usage("a machine signs in at the service's pages: --sign-in URL", "--machine")
    common = common_of(context)
    path = common.profile_path() or user_profile_path(os.environ, home=Path.home())
    known = _known_profile(path)
    token = known.token if known is not None else None
    api = common.api or (known.api_url if known else "") or _asked("Address of the service")
    client_id = client_id or getattr(token, "client_id", "") or _asked("App client id")
    endpoint = endpoint or getattr(token, "endpoint_url", "") or DEFAULT_ENDPOINT
    if machine:
        kept: CognitoToken | MachineToken = _machine_signed_in(token_url_of(sign_in), client_id)
    else:
        tokens = (
            _signed_in_by_browser(common, sign_in, client_id)
            if sign_in
            else _signed_in(Cognito(endpoint, client_id), user or _asked("User"))
        )
        renewed_at = token_url_of(sign_in) if sign_in else None
        now = datetime.now(UTC)
        kept = token_of(tokens, endpoint_url=endpoint, client_id=client_id, now=now, token_url=renewed_at)
    write_profile(path, ProfileFile(api_url=api, token=kept))
    common.output.result(f"Signed in at {api}. The profile is {path}.")
    common.output.document({"api_url": api, "profile": str(path), "expires_at": getattr(kept, "expires_at", None)})


def env(context: typer.Context) -> None:
    """The service and a token as shell variables, for curl: eval "$(maskmill env)"."""
    common = common_of(context)
    api_url, token = common.credentials()
    values = {"MASKMILL_API": api_url, "MASKMILL_TOKEN": token}
    for name, value in values.items():
        common.output.result(f"export {name}={shlex.quote(value)}")
    common.output.document(values)


def usage_of_quotas(context: typer.Context) -> None:
    """What you may use, and what of it is used."""
    common = common_of(context)
    with common.connect() as client:
        found = client.usage()
    rows = [(name.replace("_", " "), f"{one.used:,}", f"{one.limit:,}") for name, one in found if name != "day_ends_at"]
    common.output.table(("quota", "used", "limit"), rows)
    common.output.result(f"The day ends at {found.day_ends_at:%Y-%m-%d %H:%M} UTC.")
    common.output.document(found)


def spending(
    context: typer.Context,
    stop: Annotated[str | None, typer.Option(metavar="REASON", help="Stop new work; everybody reads why.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Let new work go on.")] = False,
) -> None:
    """Whether new work is stopped, for everybody; people of the group `admin` stop it and let it go on."""
    if stop is not None and resume:
        usage("give one of --stop and --resume", "--stop")
    common = common_of(context)
    with common.connect() as client:
        if stop is not None:
            found = client.stop_spending(stop)
        else:
            found = client.resume_spending() if resume else client.spending()
    since = f" since {found.changed_at:%Y-%m-%d %H:%M} UTC" if found.changed_at else ""
    common.output.result(f"Stopped{since}: {found.reason}" if found.is_stopped else f"Running{since}.")
    common.output.document(found)


def limits(context: typer.Context) -> None:
    """The bounds of the service."""
    common = common_of(context)
    with common.connect_public() as client:
        found = client.limits()
    common.output.table(("limit", "value"), [(name, f"{value:,}") for name, value in found])
    common.output.document(found)


def health(context: typer.Context) -> None:
    """Whether the service answers, and with which segmenter; ends with status 4 when it is not well."""
    common = common_of(context)
    with common.connect_public() as client:
        found = client.health()
    common.output.result(f"{found.status}, version {found.version}, segmenter {found.segmenter}")
    common.output.document(found)
    if found.status != "ok":
        raise typer.Exit(UNAVAILABLE)


def _signed_in(cognito: Cognito, user: str) -> Tokens:
    from maskmill.client.cognito import Challenge

    outcome = cognito.sign_in(user, os.environ.get("MASKMILL_PASSWORD") or _asked("Password", hide=True))
    if isinstance(outcome, Challenge):
        fresh = _asked("This password was temporary. New password", hide=True)
        outcome = cognito.choose_password(outcome, fresh)
    if isinstance(outcome, Challenge):
        usage(f"the service asks for {outcome.name}, which only the web page can do", "--user")
    return outcome


def _signed_in_by_browser(common: Common, sign_in: str, client_id: str) -> Tokens:
    import webbrowser

    from maskmill.client.oauth import sign_in_by_browser

    def show(address: str) -> None:
        common.output.say("Sign in in the browser. If it does not open, go to:")
        common.output.say(f"  {address}")
        webbrowser.open(address)

    return sign_in_by_browser(sign_in, client_id, show=show)


def _machine_signed_in(token_url: str, client_id: str) -> MachineToken:
    """A machine's profile, tried once, so that a wrong secret is said now."""
    from maskmill.client.oauth import Door
    from maskmill.client.session import MachineToken as Machine

    secret = os.environ.get("MASKMILL_CLIENT_SECRET") or _asked("Client secret", hide=True)
    Door(token_url).by_secret(client_id, secret)
    return Machine(token_url=token_url, client_id=client_id, client_secret=secret)


def _known_profile(path: Path) -> Profile | None:
    from maskmill.client.session import read_profile
    from maskmill.core.errors import InvalidInput

    try:
        return read_profile(path)
    except InvalidInput:
        return None  # missing or unreadable: it is about to be written


def _asked(what: str, *, hide: bool = False) -> str:
    answer: str = typer.prompt(what, hide_input=hide, err=True)
    return answer
