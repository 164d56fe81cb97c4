"""What the documents name exists: commands, make targets, paths, and the numbers of the decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from maskmill.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))


def words(pattern: str) -> list[tuple[str, str]]:
    return [(page.name, found) for page in PAGES for found in re.findall(pattern, page.read_text())]


@pytest.mark.parametrize(("page", "target"), words(r"`?make ([a-z][a-z-]+)"))
def test_every_make_target_exists(page: str, target: str) -> None:
    assert target in TARGETS, page


@pytest.mark.parametrize(("page", "command"), words(r"maskmill ([a-z]+)(?= [A-Z<`…-]|`)"))
def test_every_command_exists(page: str, command: str) -> None:
    known = get_command(app)
    assert command in known.commands, page  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("page", "path"),
    words(r"[`(]((?:maskmill|lambdas|infra|local|tests|inference_container|docs|benchmarks)/[A-Za-z0-9_/.-]+)[`)]"),
)
def test_every_path_exists(page: str, path: str) -> None:
    assert (ROOT / path).exists(), page


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-2:] == [
        "make test",
        "make --jobs=2 --output-sync=target e2e campaign",
    ]
    assert "```\nmake test\n```" in (ROOT / "README.md").read_text()
