"""Photos go in, edited and labelled variants come out, through the stacks as they are deployed, with IAM enforced."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from local.cloud import Laptop
from maskmill.core.messages import QueueName
from maskmill.ops.account import Account
from maskmill.ops.lines import Line, Logs, Span
from tests.drawn import draw
from tests.e2e.conftest import BALL, BOX, EDITS, User, endpoint_state
from tests.e2e.jobs import until

pytestmark = pytest.mark.integration

ARCHIVE = "exports/archive/archive.zip"


def run_arguments(photos: Path, out: Path, *edits: str) -> tuple[str, ...]:
    templates = ("--template", BALL, "--template", BOX)
    return (
        "run",
        str(photos),
        "--dataset",
        "main",
        "--format",
        "png",
        *templates,
        *(edits or EDITS),
        "--export",
        "archive",
        "--out",
        str(out),
    )


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def ann(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Somebody new: what others of these tests have made of the same photos is not known to her."""
    return signed_in(cloud, "first@example.com", tmp_path_factory)


@pytest.fixture(scope="module")
def bob(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Somebody who has made nothing."""
    return signed_in(cloud, "second@example.com", tmp_path_factory)


def signed_in(cloud: Laptop, email: str, folders: pytest.TempPathFactory) -> User:
    profile = folders.mktemp("profile") / "profile.json"
    cloud.sign_in(email, profile)
    return User(profile)


@pytest.fixture(scope="module")
def out(ann: User, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the main job: four photos, two templates."""
    folder = tmp_path_factory.mktemp("out")
    ann.maskmill(*run_arguments(photos, folder))
    return folder


def test_every_photo_gives_its_variants_masks_and_source(out: Path) -> None:
    assert len(list((out / "variants").iterdir())) == 8
    assert len(list((out / "masks").rglob("*.png"))) == 8
    assert len(list((out / "sources").iterdir())) == 4


def test_pycocotools_reads_each_mask_as_its_png_has_it(out: Path) -> None:
    coco = COCO(out / "annotations" / "instances.json")
    annotations = coco.loadAnns(coco.getAnnIds())
    assert len(annotations) == 4 * 2 * 3  # two labels on a source and on each of its two variants
    for annotation in annotations:
        mask = np.asarray(Image.open(out / annotation["mask_file"])) > 0
        assert np.array_equal(coco.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum() > 100
    for image in coco.loadImgs(coco.getImgIds()):
        with Image.open(out / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])


def test_pixels_outside_the_mask_are_those_of_the_upright_source(out: Path) -> None:
    for variant in (out / "variants").iterdir():
        stem, name = variant.stem.split("__")
        source = np.asarray(Image.open(out / "sources" / f"{stem}.png"))
        mask = np.asarray(Image.open(out / "masks" / stem / f"{name}.png")) > 0
        pixels = np.asarray(Image.open(variant))
        assert np.array_equal(pixels[~mask], source[~mask])
        assert (pixels[mask] != source[mask]).any()


def test_the_archive_holds_what_lies_in_the_folder(out: Path) -> None:
    with zipfile.ZipFile(out / ARCHIVE) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        on_disk = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
        assert names == {name for name in on_disk if not name.startswith(("exports/", "."))}
        assert all(archive.read(name) == (out / name).read_bytes() for name in names)


def test_the_manifest_tells_how_each_picture_was_made(out: Path) -> None:
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    for line in lines:
        if line["kind"] == "variant":
            assert line["sha256"] == hashlib.sha256((out / line["file"]).read_bytes()).hexdigest()


def test_the_same_job_again_gives_the_same_bytes_and_asks_the_endpoint_for_nothing(
    cloud: Laptop, ann: User, photos: Path, out: Path, tmp_path: Path
) -> None:
    before = endpoint_state(cloud)
    ann.maskmill(*run_arguments(photos, tmp_path / "again"))
    assert digests(tmp_path / "again" / "variants") == digests(out / "variants")
    assert digests(tmp_path / "again" / "annotations") == digests(out / "annotations")
    assert endpoint_state(cloud)["accepted"] == before["accepted"]


def test_a_job_tells_what_it_took_beside_what_was_thought_of_it(ann: User, out: Path) -> None:
    dataset = next(one["dataset_id"] for one in ann.get("/datasets")[1]["items"] if one["name"] == "main")
    job = ann.get(f"/jobs?dataset={dataset}")[1]["items"][-1]  # the oldest
    estimate, actual = job["cost"]["estimate"], job["cost"]["actual"]
    assert (estimate["images"], estimate["variants"], estimate["masks"]["needed"]) == (4, 8, 8)
    assert (estimate["lane"], estimate["masks"]["known"]) == ("endpoint", 0)
    assert (actual["images"], actual["variants_made"], actual["masks_computed"]) == (4, 8, 8)
    assert actual["segmenting_s"] > 0
    assert 0 < actual["waited_s"] <= actual["took_s"]
    with zipfile.ZipFile(out / ARCHIVE) as archive:
        held = sum(file.file_size for file in archive.infolist())
    assert actual["dataset_bytes"] == job["dataset_bytes"] == held
    status, again = ann.get(
        f"/datasets/{job['dataset_id']}/jobs/estimate", method="POST", body={"recipe": job["recipe"]}
    )
    assert (status, again["lane"], again["masks"]["known"]) == (200, "none", 8)
    assert again["cost"]["dollars"] < estimate["cost"]["dollars"]


def test_one_seed_makes_one_dataset_and_another_seed_another(
    cloud: Laptop, ann: User, photos: Path, out: Path, tmp_path: Path
) -> None:
    """The whole archive, byte for byte: variants with drawn edits and noise, masks, annotations and manifest."""
    drawn = ("--edit", "ball:hue=-40..40,noise=0.05", "--edit", "box:brightness=-0.2|0.2", "--samples", "3")
    before = endpoint_state(cloud)
    archives = []
    for name, seed in (("first", "7"), ("again", "7"), ("other", "8")):
        ann.maskmill(*run_arguments(photos, tmp_path / name, *drawn, "--seed", seed))
        archives.append(hashlib.sha256((tmp_path / name / ARCHIVE).read_bytes()).hexdigest())
    assert archives[0] == archives[1]
    assert archives[0] != archives[2]
    assert digests(tmp_path / "first" / "variants").keys() == digests(tmp_path / "other" / "variants").keys()
    assert endpoint_state(cloud)["accepted"] == before["accepted"]


def test_other_edits_ask_the_endpoint_for_nothing(
    cloud: Laptop, ann: User, photos: Path, out: Path, tmp_path: Path
) -> None:
    before = endpoint_state(cloud)
    edits = ("--edit", "ball:hue=-60,saturation=0.5", "--edit", "box:cutout=transparent,crop")
    ann.maskmill(*run_arguments(photos, tmp_path, *edits))
    assert endpoint_state(cloud)["accepted"] == before["accepted"]
    assert digests(tmp_path / "variants").keys() == digests(out / "variants").keys()
    assert digests(tmp_path / "variants") != digests(out / "variants")
    coco = COCO(tmp_path / "annotations" / "instances.json")
    for annotation in coco.loadAnns(coco.getAnnIds()):
        mask = np.asarray(Image.open(tmp_path / annotation["mask_file"])) > 0
        assert np.array_equal(coco.annToMask(annotation).astype(bool), mask)


def test_broken_files_fail_alone_and_say_why(ann: User, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    draw(folder / "photo-1.jpg", seed=1)
    draw(folder / "photo-9.jpg", seed=9)
    (folder / "cut.jpg").write_bytes((folder / "photo-1.jpg").read_bytes()[:2000])
    (folder / "text.jpg").write_text("this is not a picture")
    (folder / "empty.png").write_bytes(b"")
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    answer = ann.maskmill(
        "--json", "run", str(folder), "--dataset", "mixed", "--template", BALL, "--edit", "ball:hue=120",
        "--out", str(tmp_path / "out"), check=False,
    )  # fmt: skip
    assert answer.returncode == 1, answer.stdout + answer.stderr
    job_id = json.loads(answer.stdout.splitlines()[-1])["job"]["job_id"]
    status, job = ann.get(f"/jobs/{job_id}")
    assert (status, job["status"], job["items"]["done"], job["items"]["failed"]) == (200, "partial", 2, 4)
    _, items = ann.get(f"/jobs/{job_id}/items?status=failed")
    assert {item["name"]: item["refusal"]["code"] for item in items["items"]} == {
        "cut.jpg": "corrupt_image",
        "text.jpg": "unsupported_format",
        "empty.png": "empty_file",
        "bomb.png": "too_many_pixels",
    }
    assert len(list((tmp_path / "out" / "variants").iterdir())) == 2


def test_a_stranger_finds_nothing(ann: User, bob: User, out: Path) -> None:
    _, datasets = ann.get("/datasets")
    dataset = next(one["dataset_id"] for one in datasets["items"] if one["name"] == "main")
    image = ann.get(f"/datasets/{dataset}/images")[1]["items"][0]["image_id"]
    template = ann.get(f"/datasets/{dataset}/templates")[1]["items"][0]["template_id"]
    job = ann.get("/jobs")[1]["items"][0]["job_id"]
    upload = {"files": [{"name": "a.jpg", "size_bytes": 3, "sha256": "0" * 64}]}
    made = {"name": "x", "placement": "centre"}
    routes = [
        ("GET", f"/datasets/{dataset}", None),
        ("POST", f"/datasets/{dataset}/uploads", upload),
        ("GET", f"/datasets/{dataset}/images", None),
        ("GET", f"/datasets/{dataset}/images/{image}", None),
        ("POST", f"/datasets/{dataset}/images/{image}/segment", {"prompt": {"points": [{"x": 0.5, "y": 0.5}]}}),
        ("POST", f"/datasets/{dataset}/images/{image}/automask", {}),
        ("GET", f"/datasets/{dataset}/images/{image}/embedding", None),
        ("POST", f"/datasets/{dataset}/templates", made),
        ("GET", f"/datasets/{dataset}/templates", None),
        ("GET", f"/datasets/{dataset}/templates/{template}", None),
        ("POST", f"/datasets/{dataset}/jobs", {"recipe": {"templates": [template]}}),
        ("GET", f"/jobs/{job}", None),
        ("POST", f"/jobs/{job}/cancel", None),
        ("GET", f"/jobs/{job}/items", None),
        ("GET", f"/jobs/{job}/variants", None),
        ("GET", f"/jobs/{job}/files", None),
    ]
    for method, path, body in routes:
        status, problem = bob.get(path, method=method, body=body)
        assert (status, problem["code"]) == (404, "not_found"), f"{method} {path} gave {status} {problem}"
    assert bob.get("/datasets")[1]["items"] == []
    assert bob.get("/jobs")[1]["items"] == []
    assert ann.get(f"/jobs/{job}")[0] == 200


ROAD = ["serve-api", "plan-job", "dispatch-shard", "model", "collect-masks", "render-item", "finish-job"]


def test_one_id_leads_through_all_logs_from_the_request_to_the_last_variant(
    cloud: Laptop, ann: User, out: Path
) -> None:
    job = json.loads(ann.maskmill("--json", "jobs", "list").stdout.splitlines()[-1])["job_id"]
    until(lambda: "model" in {line.source for line in lines_of(cloud, job)})  # its log is carried four times a second
    told = json.loads(ann.maskmill("--json", "ops", "explain", job).stdout)
    assert (told["status"], told["items"]["done"]) == ("succeeded", 4)
    sources = [step["source"] for step in told["steps"]]
    assert list(dict.fromkeys(source for source in sources if source in ROAD)) == ROAD
    assert "ingest-image" in sources[: sources.index("plan-job")], "what led to the job is told as well"
    until(lambda: sum(line.source == "render-item" for line in lines_of(cloud, job)) >= 4)  # the last is told last
    assert {line.text("correlation_id") for line in lines_of(cloud, job)} == {job}
    shown = ann.maskmill("ops", "explain", job).stdout
    assert f"Job {job}: succeeded" in shown and "render-item" in shown


def lines_of(cloud: Laptop, job: str) -> tuple[Line, ...]:
    now = datetime.now(UTC)
    account = Account("local", cloud.emulator_url)
    return Logs(account.client("logs"), account.prefix).holding(job, Span(now - timedelta(hours=1), now)).lines


def test_an_operator_sees_every_queue_of_dead_letters_and_nothing_in_them(cloud: Laptop, ann: User) -> None:
    told = [json.loads(line) for line in ann.maskmill("--json", "ops", "redrive").stdout.splitlines()]
    assert len(told) == len(QueueName) + 1, "one for each queue, and that of the table's stream"
    assert sum(queue["source"] is None for queue in told) == 1
    assert {queue["depth"] for queue in told} == {0}
