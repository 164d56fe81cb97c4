"""Which addresses of the network may be told something: names and numbers, by the tables of IANA; it resolves nothing.

A server that calls an address of its users' choice can be made to call its own neighbours. So an address is public
only if no table of special purposes names it, and a name that hides a number is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from maskmill.core.errors import Code, FieldFault, InvalidInput
from maskmill.core.limits import WEBHOOK_URL_CHARS_MAX

PORT = 443
PORTS = frozenset({PORT, 8443})
HOST_CHARS_MAX = 253

# https://www.iana.org/assignments/iana-ipv4-special-registry, and what clouds keep to themselves.
_SPECIAL_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own; 100.100.100.200 is a cloud's metadata
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # a cloud's own services
        "169.254.0.0/16",  # this link; 169.254.169.254 is the metadata of an instance
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols; 192.0.0.192 is a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Only 2000::/3 is given out to anybody: private, link-local, multicast, loopback, IPv4-mapped, IPv4-compatible and
# NAT64 addresses all lie outside of it.
_GIVEN_OUT_6 = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies in 2000::/3.
_SPECIAL_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in other clothes
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # what a URL may be written with: no space, quote, bracket of HTML, backslash
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label like this makes a name a number: 2130706433, 0x7f.1
_OWN_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a POST goes: `target` is the path with its query, `host` a name or a number without brackets."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORT else f"{host}:{self.port}"


def is_public(address: str) -> bool:
    """Whether an address, as numbers, belongs to somebody on the internet; not so what is no address."""
    number = _number(address)
    if isinstance(number, IPv4Address):
        return not any(number in network for network in _SPECIAL_4)
    if isinstance(number, IPv6Address):
        is_given_out = number in _GIVEN_OUT_6 and number.scope_id is None
        return is_given_out and not any(number in network for network in _SPECIAL_6)
    return False


def destination_of(url: str, *, private_hosts: Collection[str] = ()) -> Destination:
    """Where an https address leads; raises webhook_url_refused.

    A host in `private_hosts` may be a private one, on any port.
    """
    if len(url) > WEBHOOK_URL_CHARS_MAX or not _URL.fullmatch(url):
        raise _refused("it is too long, or has characters that an address does not have")
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else PORT
    except ValueError as error:
        raise _refused("it is no address") from error
    host = (parts.hostname or "").lower()
    if parts.scheme != "https":
        raise _refused("it does not begin with https://")
    if "[" in parts.netloc and ":" not in host:
        raise _refused("its brackets hold no number")
    if "@" in parts.netloc:
        raise _refused("it holds a user or a password")
    if "#" in url:
        raise _refused("it has a fragment, which is never sent")
    if host not in private_hosts:
        _check_host(host)
        if port not in PORTS:
            raise _refused(f"its port is none of {', '.join(map(str, sorted(PORTS)))}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(host=host, port=port, target=target)


def _check_host(host: str) -> None:
    if _number(host) is not None:
        if not is_public(host):
            raise _refused("its host is not a public address")
        return
    labels = host.split(".")
    if len(host) > HOST_CHARS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise _refused("its host is not a name; write other alphabets as xn--…")
    if len(labels) == 1 or _NUMBER.fullmatch(labels[-1]) or host.endswith(_OWN_SUFFIXES):
        raise _refused("its host is not a name of the public internet")


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refused(why: str) -> InvalidInput:
    return InvalidInput(Code.WEBHOOK_URL_REFUSED, faults=(FieldFault(pointer="/url", detail=why),))
