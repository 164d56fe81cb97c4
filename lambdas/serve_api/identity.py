"""Who calls: the tenant from the claims that the gateway has verified; it knows no token and no signature."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from maskmill.core.errors import Code, MaskmillError

_TENANT = re.compile(r"[A-Za-z0-9-]{1,64}")
_TOKEN_USE = "access"  # noqa: S105 - the name of a kind of token, not a token


class Unauthenticated(MaskmillError):
    """The request carries no verified access token."""

    default_code = Code.UNAUTHENTICATED


def tenant_of(event: Mapping[str, Any]) -> str:
    """The subject of the verified access token; nothing else in a request can name a tenant."""
    claims: Any = event.get("requestContext")
    for name in ("authorizer", "jwt", "claims"):
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    if not isinstance(claims, Mapping):
        raise Unauthenticated(detail="no verified claims")
    if claims.get("token_use") != _TOKEN_USE:
        raise Unauthenticated(detail="not an access token")
    tenant = claims.get("sub")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise Unauthenticated(detail="a subject of another shape")
    return tenant
