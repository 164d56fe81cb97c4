"""Hostile pictures through the deployed stacks: each is refused by its code or ready, and the job over them goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.cloud import Laptop
from tests.e2e.conftest import User, draw
from tests.hostile.pictures.accepted import ACCEPTED
from tests.hostile.pictures.hidden import HIDDEN
from tests.hostile.pictures.refused import REFUSED

pytestmark = pytest.mark.integration

BAD = ("I2c", "I4b", "I6a", "I11c", "I12b", "I15a", "I16a", "I18b", "I19c", "I21b", "I22a", "I24", "I26", "I27a", "I30a", "I33a",
       "I47a", "I51a")  # fmt: skip
GOOD = ("I8f", "I30d", "I31a", "I34", "I35a", "I37a", "I39a", "I40-jpeg-6", "I44a", "I46a")
TELLING = ("I32a", "I43a")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files under names that say nothing of what they are, and one photo."""
    made = tmp_path_factory.mktemp("hostile")
    for row in BAD:
        (made / f"{row}.jpg").write_bytes(REFUSED[row].build())
    for row in GOOD:
        (made / f"{row}.png").write_bytes(ACCEPTED[row].build())
    for row in TELLING:
        (made / f"{row}.webp").write_bytes(HIDDEN[row][1]())
    draw(made / "photo-1.jpg", seed=1)
    return made


def test_hostile_pictures_cost_the_others_nothing(cloud: Laptop, folder: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    cloud.sign_in("hostile@example.com", profile)
    user = User(profile)
    out = tmp_path / "out"
    answer = user.maskmill(
        "run", str(folder), "--dataset", "hostile", "--template", "ball=photo-1.jpg:0.30,0.50",
        "--edit", "ball:hue=120", "--format", "jpeg", "--out", str(out), check=False,
    )  # fmt: skip
    assert "Traceback" not in answer.stdout + answer.stderr

    _, listed = user.get("/datasets")
    _, images = user.get(f"/datasets/{listed['items'][0]['dataset_id']}/images")
    assert images["next_cursor"] is None
    found = {Path(image["name"]).stem: image for image in images["items"]}
    assert set(found) == {*BAD, *GOOD, *TELLING, "photo-1"}
    for row in BAD:
        refusal = found[row]["refusal"]
        assert (row, found[row]["status"], refusal["code"]) == (row, "refused", REFUSED[row].code)
        assert "Error" not in refusal["message"]
    for row in (*GOOD, *TELLING, "photo-1"):
        assert (row, found[row]["status"]) == (row, "ready")

    _, jobs = user.get("/jobs")
    (job,) = jobs["items"]
    counts = job["items"]
    assert counts["done"] + counts["no_match"] == len(GOOD) + len(TELLING) + 1
    assert counts["failed"] + counts["skipped"] == len(BAD) == job["items_total"] - counts["done"] - counts["no_match"]
    assert len(list((out / "variants").iterdir())) == counts["done"] >= 1, answer.stdout
    for path in out.rglob("*"):
        assert path.is_dir() or b"SECRET" not in path.read_bytes(), path
