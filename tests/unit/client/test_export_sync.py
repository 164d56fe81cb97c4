"""An export in a folder: asked for, waited for, verified, unpacked, and not fetched twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maskmill.client import Client
from maskmill.client.folder import find_files
from maskmill.client.placing import UnsafeName
from maskmill.core.api import JobView
from maskmill.core.errors import MaskmillError
from maskmill.core.export import Split
from maskmill.core.prompt import Placement, Template
from maskmill.core.recipe import Recipe
from tests.unit.client.fake_service import FakeService, zipped
from tests.unit.client.fake_store import Answer
from tests.unit.client.test_command import Shell


@pytest.fixture
def job(client: Client, photos: Path) -> JobView:
    client.upload_folder("caps", photos)
    client.create_template("d0", Template(name="all", placement=Placement.WHOLE))
    return client.wait(client.submit("caps", Recipe(templates=("all",))))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}


def test_an_export_is_made_fetched_and_unpacked(client: Client, job: JobView, tmp_path: Path) -> None:
    report = client.export(job, "yolo-seg", tmp_path / "yolo")
    assert names(tmp_path / "yolo") == {f"{job.job_id}.txt", "train.tar"}
    assert (tmp_path / "yolo" / f"{job.job_id}.txt").read_bytes() == b"a label"
    assert (report.fetched, report.kept) == (2, 0)
    assert report.receipt.splits[Split.TRAIN].labels == {"cap": 3}
    assert report.receipt.loss.iou_mean == 0.9876


def test_an_export_again_fetches_only_what_is_missing_or_changed(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    out = tmp_path / "yolo"
    client.export(job, "yolo-seg", out)
    service.store.reads.clear()
    assert client.export(job, "yolo-seg", out).fetched == 0
    assert service.store.reads == []
    (out / f"{job.job_id}.txt").write_text("changed")
    assert client.export(job, "yolo-seg", out).fetched == 1
    assert (out / f"{job.job_id}.txt").read_bytes() == b"a label"
    (out / "train.tar").unlink()
    assert client.export(job, "yolo-seg", out).fetched == 1


def test_two_forms_in_one_folder_leave_each_other_alone(client: Client, job: JobView, tmp_path: Path) -> None:
    client.sync(job, tmp_path / "out")
    before = names(tmp_path / "out")
    client.export(job, "yolo-seg", tmp_path / "out")
    client.export(job, "coco", tmp_path / "out")
    assert before | {f"{job.job_id}.txt", "train.tar"} == names(tmp_path / "out")


def test_what_the_next_export_of_a_folder_lacks_goes(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    client.export(job, "masks", tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("a note")
    service.export_parts = {"masks.zip": zipped({"images/new.png": b"png"})}
    service.store.objects = {key: data for key, data in service.store.objects.items() if "masks" not in key}
    client.export(job, "masks", tmp_path / "out")
    assert names(tmp_path / "out") == {"new.png", "mine.txt"}


def test_a_failed_export_says_why(service: FakeService, client: Client, job: JobView, tmp_path: Path) -> None:
    service.jobs[job.job_id]["exports"] = {"voc": ["failed"]}
    with pytest.raises(MaskmillError, match="too large to be exported"):
        client.export(job, "voc", tmp_path / "voc")
    with pytest.raises(ValueError, match="sheet"):
        client.export(job, "sheet", tmp_path / "sheet")


def test_an_expired_address_is_asked_for_again(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    service.store.read_faults = {f"{job.job_id}/coco/train.tar": [Answer(403)]}
    assert client.export(job, "coco", tmp_path / "coco").fetched == 2


def test_a_member_that_climbs_is_refused_and_nothing_is_written(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    service.export_parts = {"coco.zip": zipped({"fine.txt": b"x", "../secret.txt": b"x"})}
    with pytest.raises(UnsafeName):
        client.export(job, "coco", tmp_path / "coco")
    assert names(tmp_path) & {"fine.txt", "secret.txt"} == set()


def test_a_folder_with_an_export_is_no_source_of_photos(client: Client, job: JobView, tmp_path: Path) -> None:
    client.export(job, "coco", tmp_path / "all" / "coco")
    (tmp_path / "all" / "coco" / "photo.jpg").write_bytes(b"GOOD")
    assert find_files([tmp_path / "all"], recursive=True).files == []


def test_the_command_exports_and_lists(
    service: FakeService, job: JobView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = Shell(service, tmp_path)
    told = shell("export", job.job_id, "yolo-seg").stdout
    assert "Read back at IoU 0.9876 on average, 0.9000 at the least (3 labels)" in told
    assert "What the format cannot hold: 1 holes lost" in told
    assert names(tmp_path / "yolo-seg")
    assert "yolo-seg" in shell("jobs", "exports", job.job_id).stdout
    assert "FORMAT" in shell("export", job.job_id, "sheet", status=2).stderr
    assert json.loads(shell("--json", "export", job.job_id, "yolo-seg").stdout)["fetched"] == 0


def test_a_run_brings_its_exports(service: FakeService, photos: Path, tmp_path: Path) -> None:
    shell = Shell(service, tmp_path)
    out = tmp_path / "out"
    arguments = ("run", photos, "-t", "cap=whole", "-e", "cap:hue=40", "--out", out)
    made = shell.json(*arguments, "--export", "coco", "--export", "yolo-seg", "--split", "80/20")
    assert names(out / "exports" / "coco") and names(out / "exports" / "yolo-seg")
    assert [export["receipt"]["format"] for export in made["exports"]] == ["coco", "yolo-seg"]
    assert made["job"]["recipe"]["splits"]["val"] == 0.2
    assert "these are no shares" in shell(*arguments, "--split", "80/x", status=2).stderr
