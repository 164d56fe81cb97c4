"""What is shipped is known to the last C library, is pinned by its content, and may be shipped under its licence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import features

from local import sbom
from local.emulator.environment import REPOSITORY

LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
NPM_LOCKS = [REPOSITORY / sbom.PAGE_LOCK, REPOSITORY / "local" / "node" / "package-lock.json"]
WITHOUT_HASHES = {"sam"}  # torch: pip takes whichever build of it the machine offers, and each has a hash of its own


@pytest.fixture(scope="module")
def parts() -> list[sbom.Part]:
    return sbom.everything()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.stem))
def test_every_requirement_is_pinned_to_one_version_and_its_hashes(lock: Path) -> None:
    text = lock.read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    found = list(sbom.pinned(text))
    assert len(found) == len(lines) > 0
    assert lock.stem in WITHOUT_HASHES or all(hashes for _, _, hashes in found)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.stem))
def test_no_lock_names_where_packages_come_from(lock: Path) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host| @ ", lock.read_text())


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: str(path.parent.name))
def test_every_package_of_the_page_and_the_tools_is_pinned_by_its_content(lock: Path) -> None:
    packages = {path: entry for path, entry in json.loads(lock.read_text())["packages"].items() if path}
    assert packages
    for path, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), path
        assert entry.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/"), path


def test_whatever_is_installed_is_installed_by_its_hashes_and_from_wheels() -> None:
    """Every installation of the Makefile asks for hashes, but for torch's list, which says why it has none."""
    installs = [
        line for line in (REPOSITORY / "Makefile").read_text().splitlines() if "pip install" in line and "-r " in line
    ]
    assert len(installs) >= 4
    for line in installs:
        assert "--require-hashes" in line or "requirements/sam.txt" in line, line


def test_the_libraries_inside_wheels_are_listed_with_their_releases(parts: list[sbom.Part]) -> None:
    inside = {(part.inside.split()[0], part.name): part.version for part in parts if part.inside}
    assert inside["pillow", "libjpeg"] == features.version("libjpeg_turbo")
    assert inside["pillow", "libwebp"] == features.version("webp")
    assert inside["pillow", "libtiff"] == features.version("libtiff")
    assert {wheel for wheel, _ in inside} >= {"numpy", "pillow"}


def test_functions_page_and_model_server_are_all_in_it(parts: list[sbom.Part]) -> None:
    where = {name for part in parts for name in part.where}
    assert where == {*sbom.SHIPPED.values(), "page"}
    assert {"boto3", "pillow", "torch", "svelte"} <= {part.name for part in parts}


def test_nothing_that_is_shipped_asks_for_our_source(parts: list[sbom.Part]) -> None:
    assert [part.name for part in parts if part.is_copyleft] == []
    unknown = [part.name for part in parts if not part.licences and not part.inside]
    assert set(unknown) <= {"colorama", "httpx2-jsfetch"}  # for other systems than this one


@pytest.mark.parametrize(
    ("licences", "is_refused"),
    [
        (("GPL-3.0-or-later",), True),
        (("AGPL-3.0-only",), True),
        (("GNU General Public License v2 (GPLv2)",), True),
        (("GPL-2.0-only", "MIT"), False),
        (("LGPL-2.1-or-later",), False),
        (("MIT",), False),
    ],
)
def test_a_copyleft_licence_is_seen(licences: tuple[str, ...], is_refused: bool) -> None:
    assert sbom.Part("x", "1", "pkg:pypi/x@1", licences).is_copyleft is is_refused


def test_the_same_parts_give_the_same_document(parts: list[sbom.Part]) -> None:
    one, other = (json.dumps(sbom.document(found), sort_keys=True) for found in (parts, sbom.everything()))
    assert one == other
    document = json.loads(one)
    references = [component["bom-ref"] for component in document["components"]]
    assert len(references) == len(set(references)) == len(parts)
    assert not {"serialNumber", "timestamp"} & {*document, *document["metadata"]}
