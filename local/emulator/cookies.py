"""CloudFront's check of signed cookies, as its Developer Guide describes it; it knows no distribution and no emulator.

    CloudFront-Policy           one statement in base 64: a resource with wildcards and the moments it is open between
    CloudFront-Signature        of the policy, as it was sent, with RSA
    CloudFront-Key-Pair-Id      which key of the trusted groups it is to be checked with
    CloudFront-Hash-Algorithm   SHA256, or SHA1, which is meant where nothing is said

What the guide calls a canned policy is refused here, and so are conditions on the visitor's address: nothing of ours
makes one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

PREFIX = "CloudFront-"
_HASHES = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}
_MOMENTS = frozenset({"DateLessThan", "DateGreaterThan"})


class Refused(Exception):
    """The visitor may not have it: the word is the code of CloudFront's answer."""


def check(url: str, cookies: Mapping[str, str], keys: Mapping[str, str], *, now_s: float) -> None:
    """Raise Refused unless the cookies open an address now; `keys` are the trusted public keys as PEM, by their ids."""
    given = {name: cookies.get(PREFIX + name, "") for name in ("Policy", "Signature", "Key-Pair-Id")}
    if not given["Key-Pair-Id"]:
        raise Refused("MissingKey")
    key = keys.get(given["Key-Pair-Id"])
    policy = _decoded(given["Policy"])
    hashed = _HASHES.get(cookies.get(f"{PREFIX}Hash-Algorithm", "SHA1"))
    if key is None or hashed is None or not _is_signed(policy, _decoded(given["Signature"]), key, hashed()):
        raise Refused("AccessDenied")
    if not _opens(policy, url, now_s):
        raise Refused("AccessDenied")


def _is_signed(policy: bytes, signature: bytes, pem: str, hashed: hashes.HashAlgorithm) -> bool:
    public = load_pem_public_key(pem.encode())
    if not isinstance(public, RSAPublicKey):
        raise Refused("AccessDenied")
    try:
        public.verify(signature, policy, PKCS1v15(), hashed)
    except InvalidSignature:
        return False
    return True


def _opens(policy: bytes, url: str, now_s: float) -> bool:
    try:
        (statement,) = json.loads(policy)["Statement"]
        resource, condition = statement["Resource"], statement["Condition"]
        moments = {name: float(moment["AWS:EpochTime"]) for name, moment in condition.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    if "DateLessThan" not in moments or not moments.keys() <= _MOMENTS:
        return False
    is_open = moments.get("DateGreaterThan", now_s - 1) < now_s < moments["DateLessThan"]
    return is_open and _pattern(resource).fullmatch(url) is not None


def _pattern(resource: str) -> re.Pattern[str]:
    """`*` stands for any characters, slashes among them, and `?` for exactly one."""
    parts: dict[str, str] = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in resource), re.DOTALL)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)
    except (binascii.Error, ValueError):
        return b""


def public_keys(groups: Mapping[str, Any], keys: Mapping[str, Any], trusted: list[str]) -> dict[str, str]:
    """The public keys of the trusted groups, by their ids, out of the emulator's records."""
    ids = [key for group in trusted if group in groups for key in groups[group]["Config"]["Items"]]
    return {key: keys[key]["Config"]["EncodedKey"] for key in ids if key in keys}
