"""Downloading: only what is missing or differs, nothing outside the folder, and on after a broken connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskmill.client import Client
from maskmill.client.folder import find_files
from maskmill.client.placing import UnsafeName, place
from maskmill.client.sync import SyncReport, sync_job
from maskmill.client.upload import upload_files
from maskmill.core.api import JobView, SubmitJob
from maskmill.core.errors import Conflict
from maskmill.core.prompt import Placement, Template
from maskmill.core.recipe import Layer, Recipe
from tests.unit.client.fake_service import FakeService
from tests.unit.client.fake_store import Answer

FILES = 3 * 3 + 2  # source, mask and variant of each photo; two lists


@pytest.fixture
def job(service: FakeService, client: Client, photos: Path) -> JobView:
    """A finished job over three photos."""
    service.script = []
    dataset = client.create_dataset("caps").dataset_id
    upload_files(client, dataset, find_files([photos]))
    template = client.create_template(dataset, Template(name="cap", placement=Placement.WHOLE)).template_id
    recipe = Recipe(templates=(template,), layers=(Layer(region=template),))
    return client.submit_job(dataset, SubmitJob(recipe=recipe), key="k")


def tree(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def names(out: Path) -> set[str]:
    return set(tree(out))


def fewer_photos(client: Client, job: JobView) -> JobView:
    """The same job over all photos but the last."""
    images = [image.image_id for image in client.images(job.dataset_id)]
    return client.submit_job(job.dataset_id, SubmitJob(recipe=job.recipe, image_ids=tuple(images[:-1])), key="fewer")


def keys_read(service: FakeService) -> list[str]:
    keys = [key for key, _ in service.store.reads]
    service.store.reads.clear()
    return keys


def codes(report: SyncReport) -> dict[str, str]:
    return {failure.name: failure.code for failure in report.failures}


def test_a_sync_brings_the_whole_dataset(client: Client, job: JobView, tmp_path: Path) -> None:
    report = sync_job(client, job.job_id, tmp_path / "out")
    assert (report.fetched, report.kept, report.failures) == (FILES, 0, [])
    names = set(tree(tmp_path / "out"))
    assert {"annotations/instances.json", "manifest.jsonl", "masks/0001_photo/cap.png"} < names
    assert {"sources/0003_photo.png", "variants/0002_photo__0.webp"} < names
    assert not [name for name in names if name.endswith((".part", ".etag"))]


def test_a_second_sync_reads_only_what_has_no_announced_content(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    sync_job(client, job.job_id, tmp_path)
    before = tree(tmp_path)
    keys_read(service)
    report = sync_job(client, job.job_id, tmp_path)
    assert (report.fetched, report.kept, report.failures) == (0, FILES, [])
    assert sorted(keys_read(service)) == [
        f"{job.job_id}/instances.json",
        f"{job.job_id}/manifest.jsonl",
    ]  # both answered 304
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["variants/0001_photo__0.webp", "sources/0002_photo.png", "masks/0003_photo/cap.png"])
def test_a_damaged_or_missing_file_is_fetched_again(client: Client, job: JobView, tmp_path: Path, name: str) -> None:
    sync_job(client, job.job_id, tmp_path)
    before = tree(tmp_path)
    damaged = tmp_path / name
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    assert sync_job(client, job.job_id, tmp_path).fetched == 1
    assert tree(tmp_path) == before
    damaged.unlink()
    assert sync_job(client, job.job_id, tmp_path).fetched == 1
    assert tree(tmp_path) == before


def test_a_photo_less_leaves_no_file_under_an_old_number(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    sync_job(client, job.job_id, tmp_path / "out")
    fewer = fewer_photos(client, job)
    report = sync_job(client, fewer.job_id, tmp_path / "out")
    assert report.removed == 3  # source, mask and variant number 3
    sync_job(client, fewer.job_id, tmp_path / "fresh")
    assert names(tmp_path / "out") == names(tmp_path / "fresh")
    assert not (tmp_path / "out" / "masks" / "0003_photo").exists()


def test_what_a_person_put_or_changed_stays(client: Client, job: JobView, tmp_path: Path) -> None:
    sync_job(client, job.job_id, tmp_path)
    (tmp_path / "variants" / "mine.webp").write_bytes(b"mine")
    (tmp_path / "sources" / "0003_photo.png").write_bytes(b"retouched")
    report = sync_job(client, fewer_photos(client, job).job_id, tmp_path)
    assert report.removed == 2
    assert (tmp_path / "variants" / "mine.webp").read_bytes() == b"mine"
    assert (tmp_path / "sources" / "0003_photo.png").read_bytes() == b"retouched"


def test_a_sync_that_fails_removes_nothing(service: FakeService, client: Client, job: JobView, tmp_path: Path) -> None:
    sync_job(client, job.job_id, tmp_path)
    fewer = fewer_photos(client, job)
    service.store.read_faults[f"{fewer.job_id}/manifest.jsonl"] = [Answer(404)]
    report = sync_job(client, fewer.job_id, tmp_path)
    assert (list(codes(report)), report.removed) == (["manifest.jsonl"], 0)
    assert (tmp_path / "sources" / "0003_photo.png").exists()


def test_without_the_ledger_more_is_fetched_and_nothing_is_wrong(client: Client, job: JobView, tmp_path: Path) -> None:
    sync_job(client, job.job_id, tmp_path)
    (tmp_path / ".maskmill-sync.json").write_text("{")
    report = sync_job(client, job.job_id, tmp_path)
    assert (report.kept, report.failures) == (9, [])  # all pictures: their bytes are announced


def test_expired_addresses_are_asked_for_again(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    variants = next(iter(client.variants(job.job_id)))
    key = variants.variants[0].url.rsplit("/", 1)[-1]
    service.store.read_faults[key] = [Answer(403), Answer(403)]
    assert sync_job(client, job.job_id, tmp_path).failures == []


def test_a_file_that_cannot_be_had_is_reported_and_the_others_come(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    items = list(client.variants(job.job_id))
    keys = [item.variants[0].url.rsplit("/", 1)[-1] for item in items]
    service.store.read_faults[keys[0]] = [Answer(404)]
    service.store.read_faults[keys[1]] = [Answer(200, b"something else")] * 9
    service.store.read_faults[keys[2]] = [Answer(403)] * 9
    report = sync_job(client, job.job_id, tmp_path)
    assert codes(report) == {
        "variants/0001_photo__0.webp": "not_found",
        "variants/0002_photo__0.webp": "checksum_mismatch",
        "variants/0003_photo__0.webp": "unavailable",
    }
    assert report.fetched == FILES - 3
    assert not list((tmp_path / "variants").iterdir())
    service.store.read_faults.clear()
    assert sync_job(client, job.job_id, tmp_path).fetched == 3


def test_a_busy_store_is_asked_again(service: FakeService, client: Client, job: JobView, tmp_path: Path) -> None:
    service.store.read_faults[f"{job.job_id}/manifest.jsonl"] = [Answer(503), Answer(500)]
    assert sync_job(client, job.job_id, tmp_path).failures == []


def test_a_job_that_goes_on_is_not_fetched(service: FakeService, client: Client, job: JobView, tmp_path: Path) -> None:
    service.jobs[job.job_id]["script"] = [("running", False, "rendering")]
    with pytest.raises(Conflict) as raised:
        sync_job(client, job.job_id, tmp_path / "out")
    assert "has not ended yet" in raised.value.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "/etc/passwd",
        "variants/../../x",
        "variants//x",
        "variants/./x",
        ".ssh/x",
        "variants/.maskmill-sync.json",
        "C:\\x",
        "a\\..\\b",
        "variants/x\n.png",
        "variants/nul.png",
        "variants/x.",
        "",
        "a/" * 20 + "x",
        "x" * 300,
    ],
)
def test_a_name_that_is_not_safe_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeName):
        place(tmp_path, name)


def test_a_link_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "variants").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeName, match="variants/x"):
        place(tmp_path / "out", "variants/x.webp")


def test_an_unsafe_name_of_the_service_is_reported_and_writes_nothing(
    service: FakeService, client: Client, job: JobView, tmp_path: Path
) -> None:
    made = service._variants

    def climbing(of: dict[str, object], item: dict[str, object]) -> dict[str, object]:
        answer = made(of, item)
        answer["variants"][0]["file_name"] = "../../escaped.webp"
        return answer

    service._variants = climbing  # type: ignore[method-assign]
    report = sync_job(client, job.job_id, tmp_path / "a" / "out")
    assert codes(report) == {"../../escaped.webp": "invalid_request"}
    assert not list(tmp_path.glob("**/escaped*"))
