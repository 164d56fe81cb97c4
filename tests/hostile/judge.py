"""What holds for the answer to any bad request, whatever was wrong with it; it knows no row of the corpus."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.lambdas.gateway import Answer

ANSWER_CHARS_MAX = 6_000
INSIDES = re.compile(
    r"Traceback|arn:aws|amazonaws|botocore|boto3|/var/task|/tmp/|File \"|\.py\b|DynamoDB|dynamodb|pydantic|moto\b|"
    r"maskmill-(?:local|uploads|media|work|site)|whsec_|[Aa][Ww][Ss]_|ASIA[A-Z0-9]{8}|AKIA[A-Z0-9]{8}"
)


def check_refusal(answer: Answer, status: int, code: str, *pointers: str) -> None:
    """A refusal: the stable code with its status, one shape, words for a person, and nothing of our insides."""
    assert answer.status < 500, answer.text[:500]
    assert (answer.status, answer.code) == (status, code), answer.text[:500]
    assert tuple(answer.pointers) == pointers, answer.text[:500]
    problem = answer.json
    assert problem["type"] == f"urn:maskmill:error:{code}"
    assert problem["status"] == status
    assert problem["detail"].endswith("."), "words say what to do"
    assert len(answer.text) < ANSWER_CHARS_MAX, "a refusal does not repeat what was sent"
    check_plain(answer)


def check_plain(answer: Answer) -> None:
    """Nothing of our insides, no header that the request made, and nothing for caches or for guessing browsers."""
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name, value in answer.headers.items():
        assert not re.search(r"[\x00-\x1f\x7f]", f"{name}{value}"), "a header has one line"
    found = INSIDES.search(answer.text + repr(answer.headers))
    assert found is None, found
