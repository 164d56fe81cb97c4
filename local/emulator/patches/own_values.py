"""Give every attribute that an update sets a value of its own.

Reason: the emulator puts the very map that a placeholder stands for under each path that names the placeholder, so
that a later update of one of them changes all of them. On AWS each path holds a copy.
"""

import copy
from typing import Any

from local.emulator.internals import internal


class Copies(dict[str, Any]):
    """The values of an expression; each look at one gives a new copy."""

    def __getitem__(self, placeholder: str) -> Any:
        return copy.deepcopy(super().__getitem__(placeholder))

    def get(self, placeholder: str, default: Any = None) -> Any:
        return copy.deepcopy(super().get(placeholder, default))


def apply() -> None:
    service = internal("services.dynamodb")
    applied = service._apply_set

    def apply_set(item: dict[str, Any], tokens: Any, values: dict[str, Any] | None, *rest: Any) -> None:
        applied(item, tokens, Copies(values or {}), *rest)

    service._apply_set = apply_set
