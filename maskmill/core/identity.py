"""Who a token stands for: what its claims must say before anything is done for it; it knows no signature.

A person signs in with a password or in the browser; the person's tenant is the subject of the token. A machine has a
client of its own and a secret; its tenant is the client's id, which its tokens carry as their subject, too. A person's
groups say what the person may do to the service, never whose data it sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

API_NAME = "maskmill"  # the resource server
API_SCOPE_NAME = "api"
API_SCOPE = f"{API_NAME}/{API_SCOPE_NAME}"
PASSWORD_SCOPE = "aws.cognito.signin.user.admin"  # noqa: S105 - what a token has that a password alone was given for

WORD_HEADER = "X-Origin-Verify"  # in which the distribution says that a call came through it

_TENANT = re.compile(r"[A-Za-z0-9-]{1,64}")
_TOKEN_USE = "access"  # noqa: S105 - the name of a kind of token, not a token


class Group(StrEnum):
    """The groups of people, which an administrator of the user pool gives and takes; the first counts most."""

    ADMIN = "admin"
    MEMBER = "member"


def groups_in(claims: Mapping[str, Any]) -> frozenset[str]:
    """The groups of verified claims. The gateway hands a list on as one text, `[admin member]`; no name has a space."""
    found = claims.get("cognito:groups", "")
    if isinstance(found, list):
        return frozenset(str(name) for name in found)
    text = str(found)
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return frozenset(text.split())


def tenant_in(claims: Mapping[str, Any]) -> str:
    """The tenant of verified claims; raises ValueError, saying what is wrong with them."""
    if claims.get("token_use") != _TOKEN_USE:
        raise ValueError("not an access token")
    tenant, client_id = claims.get("sub"), claims.get("client_id")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise ValueError("a subject of another shape")
    if not isinstance(client_id, str) or not client_id:
        raise ValueError("no client")
    is_machine = tenant == client_id
    allowed = {API_SCOPE} if is_machine else {API_SCOPE, PASSWORD_SCOPE}
    if not allowed & set(str(claims.get("scope", "")).split()):
        raise ValueError("not for this API")
    return tenant
