"""Who calls, and by which road: the claims that the gateway has verified, and the distribution's word; no signature."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Set
from typing import Any

from maskmill.core.errors import Code, MaskmillError
from maskmill.core.identity import WORD_HEADER, Group, groups_in, tenant_in


class Unauthenticated(MaskmillError):
    """The request carries no verified access token."""

    default_code = Code.UNAUTHENTICATED


class Forbidden(MaskmillError):
    """Whoever calls is known, and may not do this; or comes by a road that is not for calls."""

    default_code = Code.FORBIDDEN


def check_road(headers: Mapping[str, str], digests: Set[str]) -> None:
    """Raises Forbidden for a call that does not say one of the distribution's words, where it has any."""
    if not digests:
        return
    said = hashlib.sha256(headers.get(WORD_HEADER.lower(), "").encode("utf-8", "replace")).hexdigest()
    if not any(hmac.compare_digest(said, digest) for digest in digests):
        raise Forbidden(
            message="This is not the address for calls. Call the API at the page's address.",
            detail="not through the distribution",
        )


def tenant_of(event: Mapping[str, Any]) -> str:
    """The tenant of the verified access token; nothing else in a request can name one."""
    try:
        return tenant_in(_claims(event))
    except ValueError as error:
        raise Unauthenticated(detail=str(error)) from error


def check_admin(event: Mapping[str, Any]) -> None:
    """Raises Forbidden unless the verified token names the group of administrators; a machine's never does."""
    if Group.ADMIN not in groups_in(_claims(event)):
        raise Forbidden(detail="for administrators")


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    claims: Any = event.get("requestContext")
    for name in ("authorizer", "jwt", "claims"):
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    if not isinstance(claims, Mapping):
        raise Unauthenticated(detail="no verified claims")
    return claims
