"""Who calls: the tenant from the claims that the gateway has verified; it knows no token and no signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskmill.core.errors import Code, MaskmillError
from maskmill.core.identity import tenant_in


class Unauthenticated(MaskmillError):
    """The request carries no verified access token."""

    default_code = Code.UNAUTHENTICATED


def tenant_of(event: Mapping[str, Any]) -> str:
    """The tenant of the verified access token; nothing else in a request can name one."""
    claims: Any = event.get("requestContext")
    for name in ("authorizer", "jwt", "claims"):
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    if not isinstance(claims, Mapping):
        raise Unauthenticated(detail="no verified claims")
    try:
        return tenant_in(claims)
    except ValueError as error:
        raise Unauthenticated(detail=str(error)) from error
