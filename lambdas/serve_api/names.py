"""What names may look like: the service's own ids and the words that users choose; it knows nothing that is named."""

from __future__ import annotations

import re
import unicodedata

ID_PATTERN = "[a-z0-9]{1,40}"
_ID = re.compile(ID_PATTERN)
_UNPRINTED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OF_NO_WIDTH = frozenset("\u200b\u2060\ufeff")  # but for joiners, without which some writings and emoji fall apart


def is_id(text: str) -> bool:
    """Whether a text has the shape of the service's own ids."""
    return _ID.fullmatch(text) is not None


def is_plain(text: str) -> bool:
    """Whether a name shows what it is: no controls, line breaks, spaces of no width, or marks that turn it round."""
    unseen = _DIRECTION_MARKS | _OF_NO_WIDTH
    return not any(unicodedata.category(char) in _UNPRINTED or char in unseen for char in text)
