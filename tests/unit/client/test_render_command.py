"""`maskmill render`: a single variant is made again from a folder, and what is missing or changed is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maskmill.cli.main import app
from tests.unit.lambdas.studio import Studio, picture


@pytest.fixture(scope="module")
def dataset() -> dict[str, bytes]:
    """The files of a dataset of one photo, two edits and two samples; line 1 is the source."""
    studio = Studio()
    dataset_id, _ = studio.dataset(**{"a.png": picture(1)})
    ball = studio.template(dataset_id, "ball")
    layers = [
        {"region": ball, "vary": {"hue": {"uniform": [-90, 90]}}, "edits": {"noise": 0.1}},
        {"region": {"op": "invert", "of": [ball]}, "edits": {"opacity": 0.5, "blur": {"radius": 3}}},
    ]
    recipe = {"templates": [ball], "layers": layers, "samples_per_image": 2, "output": {"format": "png"}}
    return studio.files(studio.job(dataset_id, recipe).job_id)


@pytest.fixture
def folder(dataset: dict[str, bytes], tmp_path: Path) -> Path:
    for name, data in dataset.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "set"


def render(folder: Path, line: int, *more: str | Path, status: int = 0) -> Result:
    arguments = ["render", "--from", str(folder / "manifest.jsonl"), "--line", str(line), *map(str, more)]
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == status, (outcome.stdout, outcome.stderr, outcome.exception)
    return outcome


@pytest.mark.parametrize("line", [2, 3, 4, 5])
def test_every_line_gives_the_bytes_that_it_names(folder: Path, tmp_path: Path, line: int) -> None:
    out = tmp_path / "again" / "made.png"
    told = render(folder, line, "--out", out, "--json").stdout
    entry = json.loads((folder / "manifest.jsonl").read_text().splitlines()[line - 1])
    assert hashlib.sha256(out.read_bytes()).hexdigest() == entry["sha256"] == json.loads(told)["sha256"]
    assert (folder / entry["file"]).read_bytes() == out.read_bytes()


def test_what_was_drawn_is_told_in_words(folder: Path) -> None:
    told = render(folder, 2).stdout
    assert "The bytes are those of the manifest; the file in the folder is the same." in told
    assert "  ball: hue=" in told and "noise=0.1" in told
    assert "  invert(ball): blur=" in render(folder, 3).stdout


def test_a_picture_that_was_lost_is_made_again(folder: Path) -> None:
    entry = json.loads((folder / "manifest.jsonl").read_text().splitlines()[1])
    picture_file = folder / entry["file"]
    picture_file.unlink()
    assert "is missing" in render(folder, 2, "--out", picture_file).stdout
    assert hashlib.sha256(picture_file.read_bytes()).hexdigest() == entry["sha256"]
    picture_file.write_bytes(b"edited")
    assert "the file in the folder differs" in render(folder, 2).stdout


def test_a_line_that_is_no_variant_and_a_folder_that_is_not_whole_say_so(folder: Path, tmp_path: Path) -> None:
    assert "Line 1 is no variant" in render(folder, 1, status=1).stderr
    assert "has no line 6" in render(folder, 6, status=1).stderr
    assert "--line" in render(folder, 0, status=2).stderr
    (folder / "sources").rename(tmp_path / "elsewhere")
    assert "is missing" in render(folder, 2, status=1).stderr
    (folder / "manifest.jsonl").write_text("nothing\n")
    assert "Line 1 is not JSON" in render(folder, 1, status=1).stderr


def test_a_changed_line_is_no_way_to_the_bytes_and_none_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    entry = json.loads(lines[1])
    entry["layers"][0]["edits"]["hue"] = 1.0
    climbing = json.loads(lines[2]) | {"source_file": "../secret.png"}
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, (entry, climbing))))
    assert "changed" in render(folder, 1, status=1).stderr
    assert "outside the dataset" in render(folder, 2, status=1).stderr
