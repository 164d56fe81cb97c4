"""A dataset is removed while its job runs: nothing of it is left in the table and in the buckets, and another dataset
that shows one of its pictures loses nothing. The rights are enforced, so this proves those of the removal as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local.aws import client
from local.cloud import Laptop
from maskmill.core.messages import RemoveDataset
from tests.drawn import draw
from tests.e2e.conftest import BALL, User

pytestmark = pytest.mark.integration

BUCKETS = ("UploadsBucket", "MediaBucket", "WorkBucket")
Found = TypeVar("Found")


def run(folder: Path, dataset: str, out: Path) -> tuple[str, ...]:
    job = ("--template", BALL, "--edit", "ball:hue=90", "--out", str(out))
    return ("run", str(folder), "--dataset", dataset, *job)


def photos(folder: Path, *seeds: int) -> Path:
    folder.mkdir()
    for number, seed in enumerate(seeds, start=1):
        draw(folder / f"photo-{number}.jpg", seed=seed)
    return folder


def rows_of(cloud: Laptop) -> list[dict[str, Any]]:
    pages = client("dynamodb", cloud.emulator_url).get_paginator("scan")
    return [row for page in pages.paginate(TableName=cloud.outputs["TableName"]) for row in page["Items"]]


def keys_of(cloud: Laptop) -> set[str]:
    pages = client("s3", cloud.emulator_url).get_paginator("list_objects_v2")
    found = (page for bucket in BUCKETS for page in pages.paginate(Bucket=cloud.outputs[bucket]))
    return {entry["Key"] for page in found for entry in page.get("Contents", ())}


def dataset_row(cloud: Laptop, dataset: str) -> dict[str, Any] | None:
    return next((row for row in rows_of(cloud) if row["sk"]["S"] == f"DATASET#{dataset}"), None)


def pictures_of(cloud: Laptop, dataset: str) -> set[str]:
    images = [row for row in rows_of(cloud) if row["pk"]["S"].endswith(f"#D#{dataset}") and "pixels" in row]
    return {pixels for row in images for pixels in row["pixels"]["SS"]}


def wait_for(look: Callable[[], Found | None], what: str, *, timeout_s: float = 120.0, every_s: float = 0.3) -> Found:
    end = time.monotonic() + timeout_s
    while (found := look()) is None:
        assert time.monotonic() < end, what
        time.sleep(every_s)
    return found


def named(user: User, name: str) -> str | None:
    _, page = user.get("/datasets?limit=100")
    return next((one["dataset_id"] for one in page["items"] if one["name"] == name), None)


def running_job(user: User, dataset: str) -> str | None:
    _, page = user.get(f"/jobs?dataset={dataset}")
    return next((job["job_id"] for job in page["items"] if job["status"] == "running"), None)


def let_the_last_look_begin(cloud: Laptop, row: dict[str, Any]) -> None:
    """Play that nobody can be left who writes: in the stage this takes as long as its endpoint may."""
    client("dynamodb", cloud.emulator_url).update_item(
        TableName=cloud.outputs["TableName"],
        Key={"pk": row["pk"], "sk": row["sk"]},
        UpdateExpression="SET last_look_s = :now, due_at = :now",
        ExpressionAttributeValues={":now": {"N": "1"}},
    )
    look_again(cloud, row)


def look_again(cloud: Laptop, row: dict[str, Any]) -> None:
    """What a sweep sends when a removal is due: any moment is as good as another."""
    message = RemoveDataset(tenant=row["tenant"]["S"], dataset_id=row["dataset_id"]["S"])
    client("sqs", cloud.emulator_url).send_message(
        QueueUrl=cloud.outputs["RemoveQueueUrl"], MessageBody=message.model_dump_json()
    )


def test_a_dataset_with_a_running_job_goes_without_a_trace(cloud: Laptop, ann: User, tmp_path: Path) -> None:
    shared, own = 401, range(402, 409)
    ann.maskmill(*run(photos(tmp_path / "kept", shared), "kept", tmp_path / "out-kept"))
    doomed_photos = photos(tmp_path / "doomed", shared, *own)
    running = ann.start(*run(doomed_photos, "doomed", tmp_path / "out"))
    dataset = wait_for(lambda: named(ann, "doomed"), "the dataset never came to be")
    job = wait_for(lambda: running_job(ann, dataset), "the job never ran")
    kept = named(ann, "kept")
    assert kept is not None
    pictures = pictures_of(cloud, dataset)
    stays = pictures & pictures_of(cloud, kept)
    assert (len(pictures), len(stays)) == (8, 1)
    had = {key for key in keys_of(cloud) if f"/px/{next(iter(stays))}/" in key}

    status, view = ann.get(f"/datasets/{dataset}", method="DELETE")
    assert (status, view["status"]) == (202, "removing")
    assert ann.get(f"/jobs/{job}")[0] == ann.get(f"/datasets/{dataset}")[0] == 404
    running.communicate(timeout=120)
    assert running.returncode != 0

    def first_look() -> dict[str, Any] | None:
        row = dataset_row(cloud, dataset)
        assert row is not None
        if "last_look_s" in row:
            return row
        look_again(cloud, row)
        return None

    row = wait_for(first_look, "its objects were never removed", timeout_s=300.0, every_s=4.0)
    let_the_last_look_begin(cloud, row)
    wait_for(lambda: True if dataset_row(cloud, dataset) is None else None, "its rows were never removed")

    left = [row for row in rows_of(cloud) if any(one in str((row["pk"], row["sk"])) for one in (dataset, job))]
    assert left == []
    found = keys_of(cloud)
    assert {key for key in found if dataset in key or job in key} == set()
    assert {key for key in found if any(f"/px/{one}/" in key for one in pictures - stays)} == set()
    assert had <= found
    ann.maskmill(*run(tmp_path / "kept", "kept", tmp_path / "out-again"))


def test_an_image_leaves_its_dataset_and_the_others_stay(cloud: Laptop, ann: User, tmp_path: Path) -> None:
    ann.maskmill(*run(photos(tmp_path / "pair", 411, 412), "pair", tmp_path / "out"))
    dataset = named(ann, "pair")
    assert dataset is not None
    first, second = ann.get(f"/datasets/{dataset}/images")[1]["items"]
    pixels = {one["image_id"]: one["normal"]["pixels_sha256"] for one in (first, second)}
    assert ann.remove(f"/datasets/{dataset}/images/{first['image_id']}") == 202
    gone = f"/px/{pixels[first['image_id']]}/"
    wait_for(lambda: True if not any(gone in key for key in keys_of(cloud)) else None, "its objects stayed")
    assert any(f"/px/{pixels[second['image_id']]}/" in key for key in keys_of(cloud))
    assert [one["image_id"] for one in ann.get(f"/datasets/{dataset}/images")[1]["items"]] == [second["image_id"]]
