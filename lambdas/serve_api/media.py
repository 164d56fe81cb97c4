"""Media sessions: signed cookies that open a tenant's own pictures and files for an hour; it knows no HTTP.

CloudFront checks them against the address that is asked for: a policy of one resource with a wildcard at its end and
one moment, signed with RSA and SHA-256 (Developer Guide, "Set signed cookies using a custom policy"). Nothing of a
tenant's name can widen it: a name has letters, digits and hyphens, so that no wildcard and no slash comes with it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from maskmill.core import keys
from maskmill.core.api import MediaSession
from maskmill.core.limits import MEDIA_SESSION_LIFE_S
from maskmill.core.ports import Clock
from maskmill.core.rsa import PrivateKey, sign

HASH = "SHA256"
NAMES = ("Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
_AS_COOKIE = bytes.maketrans(b"+=/", b"-_~")


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaGate:
    """Where media are served, and what sessions there are signed with; `key` reads the private half, once."""

    url: str  # of the folder that all tenants' folders lie in
    key_pair_id: str
    key: Callable[[], PrivateKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaCookie:
    """A cookie that a browser sends with requests below `path` alone; a life of 0 removes it."""

    name: str
    value: str
    path: str
    life_s: int


def open_session(gate: MediaGate, clock: Clock, tenant: str) -> tuple[MediaSession, tuple[MediaCookie, ...]]:
    """A session of the tenant, and the cookies that are it."""
    url = folder_url(gate, tenant)
    expires_at = clock.now().replace(microsecond=0) + timedelta(seconds=MEDIA_SESSION_LIFE_S)
    values = signed(gate.key(), gate.key_pair_id, resource=f"{url}*", until=expires_at)
    session = MediaSession(url=url, expires_at=expires_at, expires_in_s=MEDIA_SESSION_LIFE_S)
    return session, _cookies(url, values, life_s=MEDIA_SESSION_LIFE_S)


def close_session(gate: MediaGate, tenant: str) -> tuple[MediaCookie, ...]:
    """Cookies that take the place of a session's, and end."""
    return _cookies(folder_url(gate, tenant), dict.fromkeys(NAMES, ""), life_s=0)


def address_of(gate: MediaGate, key: str) -> str:
    """Where an object is shown to who has a session: always the same, so that what was fetched once is kept."""
    return gate.url + key


def folder_url(gate: MediaGate, tenant: str) -> str:
    return gate.url + keys.tenant_folder(tenant)


def signed(key: PrivateKey, key_pair_id: str, *, resource: str, until: datetime) -> dict[str, str]:
    """The values of the cookies that open a resource until a moment, by their names without the prefix."""
    condition = {"DateLessThan": {"AWS:EpochTime": int(until.timestamp())}}
    statement = {"Resource": resource, "Condition": condition}
    policy = json.dumps({"Statement": [statement]}, separators=(",", ":")).encode("ascii")
    values = (_encoded(policy), _encoded(sign(key, policy)), key_pair_id, HASH)
    return dict(zip(NAMES, values, strict=True))


def _encoded(data: bytes) -> str:
    """CloudFront's own alphabet of base 64."""
    return base64.b64encode(data).translate(_AS_COOKIE).decode("ascii")


def _cookies(url: str, values: Mapping[str, str], *, life_s: int) -> tuple[MediaCookie, ...]:
    path = urlsplit(url).path
    return tuple(
        MediaCookie(name=f"CloudFront-{name}", value=value, path=path, life_s=life_s) for name, value in values.items()
    )
