"""A job that wants every export, on the stacks as they are deployed: each is made, fetched by its address and read."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pycocotools.coco import COCO

from local.processes import DIRECT
from maskmill.core.export import ExportFormat
from tests.e2e.conftest import BALL, BOX, EDITS, User

pytestmark = pytest.mark.integration

FORMATS = [export.value for export in ExportFormat]
SAMPLES = 2
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def job(ann: User, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Four photos, two templates; then the same with samples, splits and every export: it needs no new mask."""
    out = str(tmp_path_factory.mktemp("out"))
    ann.maskmill(
        "run", str(photos), "--dataset", "exports", "--template", BALL, "--template", BOX, *EDITS, "--out", out
    )
    first = ann.get("/jobs")[1]["items"][0]
    recipe = {
        **first["recipe"],
        "samples_per_image": SAMPLES,
        "exports": FORMATS,
        "splits": {"train": 0.5, "val": 0.5},
    }
    status, job = ann.get(f"/datasets/{first['dataset_id']}/jobs", method="POST", body={"recipe": recipe})
    assert status == 202, job
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        job = ann.get(f"/jobs/{job['job_id']}")[1]
        exports = {one["format"]: one["status"] for one in job["exports"]}
        if job["finished_at"] and not {"waiting", "making"} & set(exports.values()):
            return dict(job)
        time.sleep(1)
    pytest.fail(f"after {PATIENCE_S} s: {job['status']} {job['exports']}")


def fetched(ann: User, job: dict[str, Any], export: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """An export as the API shows it, and its files from their signed addresses, whole as they were written."""
    status, view = ann.get(f"/jobs/{job['job_id']}/exports/{export}")
    assert status == 200, view
    files = {}
    for file in view["files"]:
        with DIRECT.open(file["url"], timeout=30) as answer:
            files[file["name"]] = answer.read()
        assert len(files[file["name"]]) == file["size_bytes"]
        assert hashlib.sha256(files[file["name"]]).hexdigest() == file["sha256"]
    with DIRECT.open(view["receipt_url"], timeout=30) as answer:
        assert json.load(answer) == view["receipt"]
    return view, files


def test_every_export_is_ready_and_counts_the_same_pictures(ann: User, job: dict[str, Any]) -> None:
    assert {one["format"]: (one["status"], one["refusal"]) for one in job["exports"]} == dict.fromkeys(
        FORMATS, ("ready", None)
    )
    listed = ann.get(f"/jobs/{job['job_id']}/exports")[1]["items"]
    counts = [
        {
            name: (split["sources"], split["variants"], split["labels"])
            for name, split in one["receipt"]["splits"].items()
        }
        for one in listed
    ]
    assert len(counts) == len(FORMATS)
    assert all(one == counts[0] for one in counts)
    assert sum(sources for sources, _, _ in counts[0].values()) == 4
    for name, (sources, variants, _) in counts[0].items():
        assert variants == (sources * SAMPLES * 2 if name == "train" else 0)


@pytest.mark.parametrize("export", ["coco", "yolo-seg", "voc", "imagefolder", "masks", "overlay", "archive"])
def test_a_zip_holds_every_picture(ann: User, job: dict[str, Any], export: str) -> None:
    view, files = fetched(ann, job, export)
    pictures = sum(split["sources"] + split["variants"] for split in view["receipt"]["splits"].values())
    (data,) = files.values()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        suffixes = (".png", ".webp", ".jpg")
        masks = ("masks/", "/masks/", "Segmentation")
        names = [name for name in archive.namelist() if name.endswith(suffixes) and not any(m in name for m in masks)]
    assert len(names) == pictures


def test_coco_is_read_from_what_was_fetched(ann: User, job: dict[str, Any], tmp_path: Path) -> None:
    view, files = fetched(ann, job, "coco")
    with zipfile.ZipFile(io.BytesIO(files["coco.zip"])) as archive:
        archive.extractall(tmp_path)
    for split, held in view["receipt"]["splits"].items():
        coco = COCO(tmp_path / "annotations" / f"instances_{split}.json")
        assert len(coco.anns) == sum(held["labels"].values())
        assert all(coco.annToMask(note).sum() == note["area"] for note in coco.anns.values())
    assert (view["receipt"]["loss"]["iou_min"], view["receipt"]["loss"]["labels_dropped"]) == (1.0, 0)


def test_shards_hold_the_pictures_of_their_split(ann: User, job: dict[str, Any]) -> None:
    view, files = fetched(ann, job, "webdataset")
    for part in view["receipt"]["parts"]:
        with tarfile.open(fileobj=io.BytesIO(files[part["name"]])) as archive:
            assert len(archive.getnames()) == 3 * part["pictures"]
    view, files = fetched(ann, job, "parquet")
    for part in view["receipt"]["parts"]:
        assert pq.read_metadata(io.BytesIO(files[part["name"]])).num_rows == part["pictures"]


def test_the_archive_is_fetched_in_ranges(ann: User, job: dict[str, Any]) -> None:
    status, archive = ann.get(f"/jobs/{job['job_id']}/archive")
    (file,) = archive["files"]
    assert (status, archive["format"]) == (200, "archive")
    assert file["size_bytes"] > job["dataset_bytes"] > 0
    request = urllib.request.Request(file["url"], headers={"Range": "bytes=0-3"})
    with DIRECT.open(request, timeout=30) as answer:
        assert (answer.status, answer.read()) == (206, b"PK\x03\x04")


def test_another_user_finds_none_of_it(bob: User, job: dict[str, Any]) -> None:
    for path in ("exports", "exports/coco", "archive"):
        assert bob.get(f"/jobs/{job['job_id']}/{path}")[0] == 404
    assert bob.get(f"/jobs/{job['job_id']}/exports/coco", method="POST")[0] == 404
