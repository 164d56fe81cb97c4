"""The recipes of docs/recipes.md, run as they stand there: the blocks of a section one after the other, as a user would.

Sections that promise the same picture must give the same one, by whichever road.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from local.emulator.environment import REPOSITORY
from local.photos import demo_photos
from tests.e2e.conftest import User

pytestmark = pytest.mark.integration

PAGE = REPOSITORY / "docs" / "recipes.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRELUDE = 'set -euo pipefail\nmaskmill() { "$PYTHON" -m maskmill.cli "$@"; }\n'
BY_CURL = "By curl"
ONE_OBJECT = "One object: click, candidates, parts, edits"
PAINTER = "A painter's picture: everything, a thing at a point, several paints"
ROADS = ("By the command line", BY_CURL, "In Python")


def blocks(chapter: str, road: str) -> tuple[str, str]:
    """The language of a section and all its blocks."""
    text = PAGE.read_text("utf-8").split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    section = text.split(f"\n### {road}\n")[1].split("\n### ")[0]
    found = BLOCK.findall(section)
    (language,) = {language for language, _ in found}
    return language, "\n".join(code for _, code in found)


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with the photo, in which a signed-in user does what a section says."""

    user: User
    folder: Path

    def do(self, chapter: str, road: str) -> None:
        if road == BY_CURL and not (shutil.which("curl") and shutil.which("jq")):
            pytest.skip("curl and jq are not on this machine")
        language, code = blocks(chapter, road)
        sign_in = 'eval "$(maskmill env)"\n' if road == BY_CURL else ""
        script = ["bash", "-c", PRELUDE + sign_in + code] if language == "sh" else [sys.executable, "-c", code]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHON": sys.executable,
            "PYTHONPATH": str(REPOSITORY),
            "MASKMILL_PROFILE": str(self.user.profile),
        }
        answer = subprocess.run(
            script, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_photos(tmp_path_factory.mktemp("photos")) / "coffee-1.jpg"


@pytest.fixture(scope="module")
def pictures(ann: User, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The folder that a section leaves behind; each is gone through once."""
    done: dict[tuple[str, str], Path] = {}

    def folder_of(chapter: str, road: str) -> Path:
        if (chapter, road) not in done:
            folder = tmp_path_factory.mktemp("desk")
            shutil.copy(photo, folder / "coffee.jpg")
            Desk(ann, folder).do(chapter, road)
            done[chapter, road] = folder
        return done[chapter, road]

    return folder_of


def rgb(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("road", ROADS)
def test_a_clicked_object_changes_its_colour_and_nothing_else(
    pictures: Callable[[str, str], Path], photo: Path, road: str
) -> None:
    before, after = rgb(photo), rgb(pictures(ONE_OBJECT, road) / "cup.jpg")
    saucer, wood = (slice(180, 220), slice(100, 130)), (slice(340, 370), slice(10, 60))
    assert before[saucer][..., 0].mean() > 1.5 * before[saucer][..., 2].mean()  # red
    assert after[saucer][..., 0].mean() < after[saucer][..., 1].mean()  # not any more
    assert abs(after[wood] - before[wood]).mean() < 4  # but for the encoding


@pytest.mark.parametrize("road", ROADS)
def test_a_painted_picture_has_its_colours_where_they_were_put(
    pictures: Callable[[str, str], Path], photo: Path, road: str
) -> None:
    before, after = rgb(photo), rgb(pictures(PAINTER, road) / "painting.jpg")
    bowl, table, corner = after[120:140, 270:300], after[40:80, 500:560], (slice(0, 30), slice(0, 60))
    assert bowl[..., 2].mean() > 1.3 * bowl[..., 0].mean()  # blue
    assert table[..., 1].mean() > 1.1 * table[..., 0].mean()  # green
    assert abs(after[corner] - before[corner]).mean() < 4


@pytest.mark.parametrize(("chapter", "name"), [(ONE_OBJECT, "cup.jpg"), (PAINTER, "painting.jpg")])
def test_every_road_gives_the_same_bytes(pictures: Callable[[str, str], Path], chapter: str, name: str) -> None:
    assert len({digest(pictures(chapter, road) / name) for road in ROADS}) == 1


def test_a_png_loses_nothing_outside_the_paint(pictures: Callable[[str, str], Path]) -> None:
    folder = pictures(PAINTER, "By the command line")
    source = rgb(next((folder / "lossless" / "sources").iterdir()))
    painted = rgb(folder / "painting.png")
    touched = np.zeros(source.shape[:2], bool)
    for mask in (folder / "lossless" / "masks").rglob("*.png"):
        touched |= rgb(mask)[..., 0] > 0
    assert np.array_equal(painted[~touched], source[~touched])
    assert (painted[touched] != source[touched]).any(axis=-1).mean() > 0.9
