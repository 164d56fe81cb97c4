"""No secret lies in the tree, in a template or in a function's settings: known shapes, and text that is too random."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.bundle import ROOT
from maskmill.core import settings
from tests.unit.infra.cloud import Cloud

SHAPES = {
    "an AWS key": r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}\b",
    "an AWS secret": r"(?i)aws.{0,20}secret.{0,20}['\"][0-9a-zA-Z/+]{40}['\"]",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{16}",
    "a token with claims": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{40,}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Stripe key": r"\b[sr]k_live_[0-9a-zA-Z]{20,}",
    "an npm or PyPI token": r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,}",
    "a Hugging Face token": r"\bhf_[A-Za-z]{30,}\b",
    "a webhook secret": r"\bwhsec_[A-Za-z0-9+/]{32,}={0,2}",
    "a name and password": r"\b[a-z][a-z0-9+.-]*://[^/\s:@'\"{}<>$]+:[^/\s:@'\"{}<>$]{3,}@",
}
RANDOM = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{32,88}={0,2}(?![A-Za-z0-9+/_=-])")
BITS_PER_CHAR_MAX = 4.5  # words and paths stay below, random base64 of 40 characters and more lies above
SEEN_THROUGH = {  # files whose random text is public: digests of packages, examples of formats, coded pictures
    "frontend/package-lock.json",
    "docs/notebook",
    "tests/contract/payloads",
}
EXAMPLES = {  # what looks like a secret and is none
    "whsec_YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyAuLi4=": "a secret of thirty-two bytes ..., in records of the simulation",
    "AKIAIOSFODNN7EXAMPLE": "AWS's own example of a key that nobody has",
    "ASIAABCDEFGHIJKLMNOP": "the alphabet, in a test of what logs leave out",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "the example of the Standard Webhooks specification",
    "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=": "the signature under that example",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_": "of the subject a, signed by the word signature",
    "https://user:pass@": "an address that webhooks refuse",
    "https://me:secret@": "an address that webhooks refuse",
}
NAMED = re.compile(r"[A-Za-z0-9]+[0-9A-F]{8}")  # how the CDK names a resource of a template
SUFFIXES = {
    ".py",
    ".ts",
    ".svelte",
    ".js",
    ".json",
    ".md",
    ".toml",
    ".txt",
    ".yml",
    ".yaml",
    ".html",
    ".css",
    ".cfg",
    "",
}


def tree() -> list[Path]:
    """Every file of text that is kept."""
    named = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if named.returncode != 0:
        pytest.skip("this is no checkout")
    return [ROOT / name for name in named.stdout.split("\0") if name and Path(name).suffix in SUFFIXES]


def entropy(text: str) -> float:
    """Bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def is_random(text: str) -> bool:
    has_all = all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return has_all and entropy(text) > BITS_PER_CHAR_MAX


def found_in(text: str) -> Iterator[tuple[str, str]]:
    for kind, shape in SHAPES.items():
        yield from ((kind, one[0]) for one in re.finditer(shape, text))
    yield from (("random text", one[0]) for one in RANDOM.finditer(text) if is_random(one[0]))


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "QX3LZ7PBT5MWJ2RN",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "IBAAKCAQEAu1",
        "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8",
        "postgres://maskmill:" + "hunter22@db.internal",
        'key = "' + "q7Lw2ZxPv9TnR4sKd8Ym" + "3BhJc6GfU1eAo5iNtV0b" + '"',
    ],
)
def test_a_secret_is_found(secret: str) -> None:
    """A canary of the scan itself; in two parts, so that these are not found."""
    assert list(found_in(secret))


def test_no_file_holds_a_secret() -> None:
    found = {
        (str(path.relative_to(ROOT)), kind, text)
        for path in tree()
        if not any(str(path.relative_to(ROOT)).startswith(name) for name in SEEN_THROUGH)
        for kind, text in found_in(path.read_text(errors="replace"))
        if text not in EXAMPLES
    }
    assert sorted(found) == []


def test_no_template_holds_a_secret(cloud: Cloud) -> None:
    for resource in cloud.resources():
        found = [text for _, text in found_in(json.dumps(resource.properties)) if not NAMED.fullmatch(text)]
        assert found == [], resource.name
    for function in cloud.resources("Lambda::Function"):
        for name in function.properties.get("Environment", {}).get("Variables", {}):
            assert not re.search("SECRET|PASSWORD|TOKEN|CREDENTIAL|PRIVATE_KEY", name), (function.name, name)


def test_no_function_is_told_a_secret() -> None:
    names = {name for made in vars(settings).values() for name in getattr(made, "__annotations__", {})}
    assert "table_name" in names
    assert [name for name in names if re.search("secret|password|token|credential|private_key", name)] == []
