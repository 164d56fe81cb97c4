"""Writes what is said of the API outside of it: docs/openapi.json, and the tables of docs/api.md. It starts nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from lambdas.serve_api import problems
from lambdas.serve_api.description import document
from lambdas.serve_api.routes import RESOURCES
from maskmill.core.errors import message_of

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "openapi.json"
PAGE = ROOT / "docs" / "api.md"


def document_text() -> str:
    """The description as it is committed: one value a line, so that a change is read as a change."""
    return json.dumps(document(RESOURCES), indent=1, ensure_ascii=False) + "\n"


def page_text(page: str) -> str:
    """The page with the tables of today."""
    codes = [
        (f"`{code.value}`", str(status), problems.WORDS.get(code, message_of(code)))
        for code, status in sorted(problems.STATUS.items(), key=lambda pair: (pair[1], pair[0]))
    ]
    routes = [(f"`{route.method} {re.sub(r'<(.*?)>', _braced, route.path)}`", route.about) for route in RESOURCES]
    page = _with_table(page, ("code", "status", "what it means"), codes)
    return _with_table(page, ("route", "what it does"), routes)


def _braced(found: re.Match[str]) -> str:
    return "{" + found[1] + "}"


def _with_table(page: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return re.sub(rf"^{re.escape(table.splitlines()[0])}\n(\|.*\n)+", lambda _: table, page, flags=re.MULTILINE)


if __name__ == "__main__":
    DOCUMENT.write_text(document_text(), encoding="utf-8")
    PAGE.write_text(page_text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
