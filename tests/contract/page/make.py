"""Writes the golden vectors that the page's own tests read. Run it only when the contract itself changes.

python -m tests.contract.page.make
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.page import edits, recipes, regions, renders
from tests.contract.page.files import FOLDER, text_of

KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "edits": edits.vectors,
    "recipes": recipes.vectors,
    "regions": regions.vectors,
    "renders": renders.vectors,
}


def text(kind: str) -> str:
    """The file of one kind, computed now."""
    return text_of(KINDS[kind]())


if __name__ == "__main__":
    for kind in KINDS:
        (FOLDER / f"{kind}.json").write_text(text(kind), encoding="utf-8")
