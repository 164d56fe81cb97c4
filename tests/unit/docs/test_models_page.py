"""docs/models.md names what the catalogue and the app's context have."""

from __future__ import annotations

import re
from pathlib import Path

from infra.context import NAMES
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "models.md").read_text()


def test_every_engine_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `([a-z0-9.-]+)` \|", PAGE.split("## ")[0], re.M)) == set(Engine)


def test_each_row_says_what_the_catalogue_says() -> None:
    for published in PUBLISHED.values():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{published.engine}` |")]
        size = f"{published.size_bytes / 1e6:,.0f}" if published.size_bytes else "not known here"
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:4] == [f"`{published.file}`", size, published.licence]
        assert f"({published.page})" in cells[4]


def test_every_context_key_that_is_named_exists() -> None:
    named = {
        name
        for line in re.findall(r"^\| (`.*?) \|", PAGE.split("| `CONTEXT` |")[1].split("\n\n")[0], re.M)
        for name in re.findall(r"`(\w+)`", line)
    }
    assert named
    assert named <= set(NAMES)
    assert {name for name in NAMES if "weights" in name} <= named
