"""The notebook of the docs runs from its first cell to its last, and what it leaves is a training set."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from local.emulator.environment import REPOSITORY
from local.photos import demo_photos
from tests.e2e.conftest import User

pytestmark = pytest.mark.integration

NOTEBOOK = REPOSITORY / "docs" / "notebook" / "folder_to_training_set.ipynb"
BYTES_MAX = 200_000
CELL_S_MAX = 300


@pytest.fixture(scope="module")
def ran(ann: User, tmp_path_factory: pytest.TempPathFactory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook with its outputs, and the folder that it leaves."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKMILL_PROFILE", str(ann.profile))
        patch.setenv("MASKMILL_PHOTOS", str(demo_photos(folder / "photos")))
        patch.setenv("MASKMILL_OUT", str(folder / "out"))
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        for name in ("MASKMILL_API", "MASKMILL_TOKEN"):
            patch.delenv(name, raising=False)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        NotebookClient(notebook, timeout=CELL_S_MAX, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook, folder / "out"


def test_the_notebook_ends_with_a_training_set(ran: tuple[nbformat.NotebookNode, Path]) -> None:
    _, out = ran
    assert {path.name for path in out.iterdir()} == {"dataset", "coco", "yolo-seg", "imagefolder"}
    variants = list((out / "dataset" / "variants").iterdir())
    assert variants and len(variants) % 5 == 0
    assert list((out / "coco").rglob("*.json"))
    assert list((out / "yolo-seg").rglob("data.yaml"))
    assert list((out / "imagefolder").rglob("metadata.jsonl"))


def test_its_words_tell_what_happened(ran: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = ran
    told = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "4 photos are ready, 4 were sent now, 0 were refused" in told
    assert "succeeded: 4 of 4 photos" in told
    assert "the same bytes: True" in told
    assert "classes ['china']" in told


def test_its_pictures_are_shown_and_small(ran: tuple[nbformat.NotebookNode, Path]) -> None:
    notebook, _ = ran
    pictures = [
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4
    assert max(map(len, pictures)) < 400_000


def test_the_notebook_is_kept_without_outputs() -> None:
    kept = json.loads(NOTEBOOK.read_text("utf-8"))
    assert NOTEBOOK.stat().st_size < BYTES_MAX
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in kept["cells"])
