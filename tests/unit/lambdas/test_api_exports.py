"""The routes of exports: asked for, waited for, listed, and handed out by signed addresses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from maskmill.core import rows
from maskmill.core.export import ExportFormat, ExportPart, MadePart, Split, SplitTally, Tally, receipt_of
from maskmill.core.image import Refusal
from maskmill.core.job import JobStatus
from tests.unit.lambdas.gateway import Api, recipe

COCO = ExportFormat.COCO
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job_with(api: Api, *exports: str) -> str:
    dataset, template, _ = api.ready_dataset()
    body = {"recipe": recipe(template, exports=list(exports))}
    return str(api.post(f"/datasets/{dataset}/jobs", body).json["job_id"])


def end(api: Api, job: str, *, dataset_bytes: int = 100) -> None:
    api.plan(job, items=1, chunk_items=1)
    table = api.ports.table
    table.write(
        rows.close_job(api.tenant, job, status=JobStatus.SUCCEEDED, finished_at=NOW, dataset_bytes=dataset_bytes)
    )


def make(api: Api, job: str) -> None:
    """What the function does."""
    table = api.ports.table
    part = ExportPart(name="coco.zip", size_bytes=123, sha256="ab" * 32, pictures=4)
    tally = Tally(splits={Split.TRAIN: SplitTally(sources=4, labels={"shirt": 4})})
    made = MadePart(part=part, tally=tally)
    table.write(rows.begin_export(api.tenant, job, COCO, run="r", now_s=2**31, until_s=2**31 + 9, due_at_s=2**31))
    table.write(rows.note_part(api.tenant, job, COCO, 0, made, run="r", busy_ms=1500))
    receipt = receipt_of(COCO, ("shirt",), [made])
    table.write(rows.close_export(api.tenant, job, COCO, receipt, run="r", finished_at=NOW))


def test_exports_of_the_recipe_wait_for_the_end_of_the_job(api: Api) -> None:
    job = job_with(api, "coco", "yolo-seg")
    assert [(one["format"], one["status"]) for one in api.get(f"/jobs/{job}").json["exports"]] == [
        ("coco", "waiting"),
        ("yolo-seg", "waiting"),
    ]
    answer = api.get(f"/jobs/{job}/exports/yolo-seg")
    assert (answer.status, answer.json["status"]) == (202, "waiting")
    assert int(answer.headers["Retry-After"]) > 0
    assert [one["status"] for one in api.get(f"/jobs/{job}/exports").json["items"]] == ["waiting", "waiting"]
    assert api.get(f"/jobs/{job}/exports/voc").code == "not_found"
    assert api.post(f"/jobs/{job}/exports/coco").code == "conflict"


def test_an_export_is_asked_for_made_and_handed_out(api: Api) -> None:
    job = job_with(api)
    end(api, job)
    assert api.get(f"/jobs/{job}").json["exports"] == []
    asked = api.post(f"/jobs/{job}/exports/coco")
    assert (asked.status, asked.json["status"]) == (202, "making")
    assert asked.headers["Location"] == f"/api/v1/jobs/{job}/exports/coco"
    assert api.get(f"/jobs/{job}/exports/coco").status == 202
    make(api, job)
    ready = api.get(f"/jobs/{job}/exports/coco")
    assert ready.status == 200
    assert (ready.json["status"], ready.json["size_bytes"], ready.json["seconds"]) == ("ready", 123, 1.5)
    assert ready.json["receipt"]["splits"]["train"]["labels"] == {"shirt": 4}
    (file,) = ready.json["files"]
    assert (file["name"], file["sha256"]) == ("coco.zip", "ab" * 32)
    assert f"/jobs/{job}/exports/coco/coco.zip?" in file["url"]
    assert "receipt.json?" in ready.json["receipt_url"]
    (summary,) = api.get(f"/jobs/{job}").json["exports"]
    assert (summary["format"], summary["status"], summary["parts"]) == ("coco", "ready", 1)
    assert api.post(f"/jobs/{job}/exports/coco").json["status"] == "ready"


def test_a_failed_export_says_why_and_can_be_asked_for_again(api: Api) -> None:
    job = job_with(api)
    end(api, job)
    api.post(f"/jobs/{job}/exports/coco")
    refusal = Refusal(code="export_failed", message="no")
    api.ports.table.write(rows.fail_export(api.tenant, job, COCO, refusal, finished_at=NOW))
    failed = api.get(f"/jobs/{job}/exports/coco")
    assert (failed.status, failed.json["status"], failed.json["refusal"]["code"]) == (200, "failed", "export_failed")
    assert api.post(f"/jobs/{job}/exports/coco").json["status"] == "making"


def test_the_archive_is_an_export_like_the_others(api: Api) -> None:
    job = job_with(api)
    assert api.post(f"/jobs/{job}/exports/archive").code == "conflict"
    end(api, job)
    missing = api.get(f"/jobs/{job}/archive")
    assert missing.code == "not_found" and f"POST /jobs/{job}/exports/archive" in missing.json["detail"]
    assert api.post(f"/jobs/{job}/exports/archive").status == 202
    answer = api.get(f"/jobs/{job}/archive")
    assert (answer.status, answer.headers["Location"]) == (202, f"/api/v1/jobs/{job}/exports/archive")
    assert answer.json == api.get(f"/jobs/{job}/exports/archive").json


def test_a_job_without_a_dataset_has_neither_archive_nor_exports(api: Api) -> None:
    job = job_with(api)
    end(api, job, dataset_bytes=0)
    assert api.post(f"/jobs/{job}/exports/archive").code == "conflict"
    assert api.post(f"/jobs/{job}/exports/coco").code == "conflict"


@pytest.mark.parametrize("name", ["tfrecord", "COCO", "coco.zip", "a" * 50])
def test_an_unknown_format_is_not_found(api: Api, name: str) -> None:
    job = job_with(api)
    end(api, job)
    assert api.get(f"/jobs/{job}/exports/{name}").code == "not_found"
    assert api.post(f"/jobs/{job}/exports/{name}").code == "not_found"


@pytest.mark.parametrize("exports", [["coco", "coco"], ["tfrecord"]])
def test_a_recipe_names_known_exports_once(api: Api, exports: list[str]) -> None:
    dataset, template, _ = api.ready_dataset()
    answer = api.post(f"/datasets/{dataset}/jobs", {"recipe": recipe(template, exports=exports)})
    assert answer.status == 422
