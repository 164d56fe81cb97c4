"""RSA of 2048 bits as signed cookies need it: a key, its public half, a signature; it knows no cookie.

Three short rules of RFC 8017 over Python's own integers, because the API signs once an hour for each user: a library of
cryptography in its bundle would be loaded at every start for that. Checked against one in the tests.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from math import gcd

from pydantic import BaseModel, ConfigDict

BITS = 2048
EXPONENT = 65537
PRIVATE, PUBLIC = "private", "public"  # the halves of a key, where each is kept under a name
_ROUNDS = 40  # of Miller and Rabin: a composite passes one with a chance of a quarter at most
_SMALL = tuple(n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of SHA-256, RFC 8017 section 9.2
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")  # AlgorithmIdentifier, RFC 3279

Draw = Callable[[int], int]  # a number from 0 up to and without the one given, that nobody can guess


class PrivateKey(BaseModel):
    """A private key, as it is kept: both numbers in hexadecimal digits."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    modulus: str
    exponent: str

    def __repr__(self) -> str:
        return "PrivateKey(…)"  # what is printed by accident gives nothing away

    __str__ = __repr__


def draw_key(draw: Draw) -> PrivateKey:
    """A new key; it takes about a second."""
    while True:
        first, second = _prime(draw), _prime(draw)
        phi = (first - 1) * (second - 1)
        modulus = first * second
        if first != second and gcd(EXPONENT, phi) == 1 and modulus.bit_length() == BITS:
            return PrivateKey(modulus=f"{modulus:x}", exponent=f"{pow(EXPONENT, -1, phi):x}")


def public_pem(key: PrivateKey) -> str:
    """The public half as a SubjectPublicKeyInfo (RFC 5280) in PEM."""
    numbers = _der(0x30, _integer(int(key.modulus, 16)) + _integer(EXPONENT))
    info = _der(0x30, _RSA_ENCRYPTION + _der(0x03, b"\0" + numbers))
    text = base64.b64encode(info).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(("-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""))


def sign(key: PrivateKey, data: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256: 256 bytes."""
    size = BITS // 8
    digest = _SHA256 + hashlib.sha256(data).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded), int(key.exponent, 16), int(key.modulus, 16)).to_bytes(size)


def _prime(draw: Draw) -> int:
    """A prime of half the bits, whose two highest bits are set, so that the product of two has all bits."""
    bits = BITS // 2
    while True:
        candidate = draw(1 << bits) | (3 << (bits - 2)) | 1
        if all(candidate % small for small in _SMALL) and _is_prime(candidate, draw):
            return candidate


def _is_prime(candidate: int, draw: Draw) -> bool:
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(candidate, 2 + draw(candidate - 3), odd, twos) for _ in range(_ROUNDS))


def _passes(candidate: int, base: int, odd: int, twos: int) -> bool:
    """One round of Miller and Rabin."""
    power = pow(base, odd, candidate)
    if power in (1, candidate - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % candidate
        if power == candidate - 1:
            return True
    return False


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content
