"""When the page is built again, and when its packages are installed again."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.node import find_node
from local.page import DIST, build_page, is_installed, sources_digest

LOCKED = {
    "": {"name": "page"},
    "node_modules/vite": {"version": "8.0.0"},
    "node_modules/other-machine": {"version": "1.0.0", "optional": True},
}


def packages(folder: Path, recorded: dict[str, Any] | None) -> Path:
    (folder / "package-lock.json").write_text(json.dumps({"packages": LOCKED}))
    if recorded is not None:
        (folder / "node_modules").mkdir()
        (folder / "node_modules" / ".package-lock.json").write_text(json.dumps({"packages": recorded}))
    return folder


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (None, False),
        ({}, False),
        ({"node_modules/vite": {"version": "7.0.0"}}, False),
        ({"node_modules/vite": {"version": "8.0.0"}}, True),  # what is for other machines may be absent
    ],
)
def test_packages_are_installed_when_npm_has_recorded_all_that_is_locked(
    tmp_path: Path, recorded: dict[str, Any] | None, expected: bool
) -> None:
    assert is_installed(packages(tmp_path, recorded)) is expected


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("frontend/src/main.ts", "frontend/index.html", "docs/openapi.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", ["frontend/src/main.ts", "frontend/src/new.ts", "docs/openapi.json"])
def test_a_change_of_the_sources_or_of_the_api_builds_the_page_again(root: Path, name: str) -> None:
    before = sources_digest(root)
    (root / name).write_text("changed")
    assert sources_digest(root) != before


@pytest.mark.parametrize(
    "name", ["frontend/dist/index.html", "frontend/node_modules/a/b.js", "frontend/src/api/schema.ts", "README.md"]
)
def test_what_is_made_and_what_is_elsewhere_builds_nothing(root: Path, name: str) -> None:
    before = sources_digest(root)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("made")
    assert sources_digest(root) == before


def test_what_was_built_is_not_built_again() -> None:
    node = find_node()
    build_page(node)
    made = (DIST / "index.html").stat().st_mtime_ns
    assert build_page(node) == DIST
    assert (DIST / "index.html").stat().st_mtime_ns == made
