"""What must not stand in a log, taken out of a text: rights, secrets and addresses of people; it knows no logger.

This is the second lock. The first is that nobody logs such a thing: no line is made of headers, bodies or names of
files. But errors of libraries quote what they were given, and a user may type a password where an id belongs.
"""

from __future__ import annotations

import re

GONE = "(removed)"

# Each begins where no character of its kind stands before it, or has a bound: long runs of letters cost little.
_URL_QUERY = re.compile(r"(?<!\w)(https?://[^\s?\"'\\]{1,2000})\?[^\s\"'\\]+")  # a signed address: rights in its query
_PARAMETER = re.compile(
    r"(?i)(?<![a-z])(x-amz-[a-z-]{1,30}|cloudfront-[a-z-]{1,20}|signature|policy|ticket|token|secret|password)"
    r"=[^&;\s\"'\\]+"
)
_BEARER = re.compile(r"(?i)(?<![a-z])(bearer|basic)[ +][\w.~+/=-]+")
_TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)?")
_WEBHOOK_SECRET = re.compile(r"(?<!\w)whsec_[\w+/=-]+")
_KEY_ID = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,}")
_PERSON = re.compile(r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")


def without_secrets(text: str) -> str:
    """The text without queries of URLs, tokens, secrets, access keys and e-mail addresses."""
    text = _URL_QUERY.sub(rf"\1?{GONE}", text)
    text = _PARAMETER.sub(rf"\1={GONE}", text)
    text = _BEARER.sub(rf"\1 {GONE}", text)
    for pattern in (_TOKEN, _WEBHOOK_SECRET, _KEY_ID, _PERSON):
        text = pattern.sub(GONE, text)
    return text
