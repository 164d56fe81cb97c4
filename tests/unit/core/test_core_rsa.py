"""Keys and signatures of our own, held against a library of cryptography that the product does not ship."""

from __future__ import annotations

import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, rsa_recover_prime_factors
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from maskmill.core.rsa import BITS, EXPONENT, PrivateKey, draw_key, public_pem, sign
from tests.unit.lambdas.media_key import media_key


def public(key: PrivateKey) -> RSAPublicKey:
    found = load_pem_public_key(public_pem(key).encode())
    assert isinstance(found, RSAPublicKey)
    return found


def test_a_key_is_of_two_primes_of_the_same_size_and_its_halves_fit() -> None:
    key = media_key()
    numbers = public(key).public_numbers()
    assert (public(key).key_size, numbers.e, numbers.n) == (BITS, EXPONENT, int(key.modulus, 16))
    factors = rsa_recover_prime_factors(numbers.n, EXPONENT, int(key.exponent, 16))
    assert [factor.bit_length() for factor in factors] == [BITS // 2] * 2
    assert factors[0] * factors[1] == numbers.n


def test_another_draw_is_another_key() -> None:
    assert draw_key(random.Random(8).randrange).modulus != media_key().modulus


@settings(max_examples=20)
@given(data=st.binary(max_size=2000))
def test_a_signature_is_what_the_library_expects_and_of_these_bytes_alone(data: bytes) -> None:
    signature = sign(media_key(), data)
    public(media_key()).verify(signature, data, PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public(media_key()).verify(signature, data + b"x", PKCS1v15(), hashes.SHA256())


def test_a_key_that_is_printed_gives_nothing_away() -> None:
    key = media_key()
    for text in (repr(key), str(key), f"{key}"):
        assert key.exponent not in text and key.modulus not in text
    with pytest.raises(ValueError) as refused:
        PrivateKey.model_validate({"modulus": "secret-1", "exponent": "secret-2", "more": "secret-3"})
    assert "secret" not in str(refused.value)
