"""Datasets, uploads, images and templates through the API."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from maskmill.core import keys, limits, rows
from maskmill.core.image import Refusal
from maskmill.core.table import Index, Query, Update
from tests.unit.lambdas.gateway import MEDIA_URL, PROMPT, SHA256, Api


def file(name: str = "a.jpg", **more: Any) -> dict[str, Any]:
    return {"name": name, "size_bytes": 10, "sha256": SHA256, **more}


def test_a_dataset_is_created_read_and_listed(api: Api) -> None:
    created = api.post("/datasets", {"name": " Shirts "})
    assert created.status == 201
    assert created.json["name"] == "Shirts"
    assert api.get(f"/datasets/{created.json['dataset_id']}").json == created.json
    assert api.get("/datasets").json == {"items": [created.json], "next_cursor": None}


def test_a_ticket_is_a_form_for_a_key_that_the_service_chose(api: Api) -> None:
    dataset = api.dataset()
    answer = api.post(f"/datasets/{dataset}/uploads", {"files": [file("../../etc/passwd"), file("b.png")]})
    assert answer.status == 201
    first, second = answer.json["items"]
    assert (first["name"], second["name"]) == ("../../etc/passwd", "b.png")
    assert first["fields"]["key"] == keys.upload(api.tenant, dataset, first["image_id"])
    assert first["expires_in_s"] == limits.UPLOAD_URL_LIFE_S
    policy = json.loads(base64.b64decode(first["fields"]["policy"]))
    assert ["content-length-range", 10, 10] in policy["conditions"]


def test_an_announced_image_is_expected_and_due(api: Api) -> None:
    dataset = api.dataset()
    (image_id,) = api.announce(dataset, "a.jpg")
    view = api.get(f"/datasets/{dataset}/images/{image_id}").json
    assert (view["status"], view["name"], view["sha256"]) == ("expected", "a.jpg", SHA256)
    assert view["source_url"] is None
    key = rows.image_key(api.tenant, dataset, image_id)
    row = api.ports.table.get(key)
    assert row["due_pk"] == rows.DUE_UPLOADS
    assert abs(row["due_at"] - time.time() - limits.SWEEP_UPLOAD_S) < 60
    due = api.ports.table.query(Query(pk=rows.DUE_UPLOADS, index=Index.DUE, at_most=row["due_at"], limit=1000))
    assert key.sk in {row["sk"] for row in due.rows}


def test_a_ready_image_has_signed_addresses_and_a_refused_one_its_reason(api: Api) -> None:
    dataset = api.dataset()
    ready, refused = api.announce(dataset, "a.jpg", "b.jpg")
    api.settle(dataset, ready)
    api.settle(dataset, refused, refusal=Refusal(code="corrupt_image", message="broken"))
    view = api.get(f"/datasets/{dataset}/images/{ready}").json
    assert view["status"] == "ready"
    assert view["source_url"] == f"{MEDIA_URL}t/{api.tenant}/px/{'ab' * 32}/normal.png"
    assert view["thumbnail_url"] == f"{MEDIA_URL}t/{api.tenant}/px/{'ab' * 32}/thumbnail.webp"
    view = api.get(f"/datasets/{dataset}/images/{refused}").json
    assert view["refusal"] == {"code": "corrupt_image", "message": "broken"}


def test_the_same_name_twice_is_two_images(api: Api) -> None:
    assert len(set(api.announce(api.dataset(), "a.jpg", "a.jpg", "A.jpg"))) == 3


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (file(size_bytes=limits.UPLOAD_BYTES_MAX + 1), "file_too_large"),
        (file(size_bytes=-1), "invalid_request"),
        (file(size_bytes=1.5), "invalid_request"),
        (file(size_bytes="10"), "invalid_request"),
        (file(size_bytes=True), "invalid_request"),
        (file(sha256="AB" * 32), "invalid_request"),
        (file(sha256="ab" * 32 + "\n"), "invalid_request"),
        (file(image_id="mine"), "invalid_request"),
    ],
)
def test_an_announcement_is_checked(api: Api, entry: dict[str, Any], code: str) -> None:
    answer = api.post(f"/datasets/{api.dataset()}/uploads", {"files": [entry]})
    assert (answer.status, answer.code) == (422, code)
    assert answer.pointers[0].startswith("/files/0/")


def test_a_call_announces_one_to_a_hundred_files(api: Api) -> None:
    path = f"/datasets/{api.dataset()}/uploads"
    assert len(api.post(path, {"files": [file()] * 100}).json["items"]) == 100
    for count in (0, 101):
        answer = api.post(path, {"files": [file()] * count})
        assert (answer.status, answer.pointers) == (422, ["/files"])


def test_a_dataset_holds_a_bounded_number_of_images_and_templates(api: Api) -> None:
    dataset = api.dataset()
    counts = {
        ("images_reserved",): limits.IMAGES_PER_DATASET_MAX - 1,
        ("templates_reserved",): limits.TEMPLATES_PER_DATASET_MAX - 1,
    }
    api.ports.table.write(Update(rows.dataset_key(api.tenant, dataset), set=counts))
    path = f"/datasets/{dataset}/uploads"
    assert api.post(path, {"files": [file()] * 2}).code == "quota_exceeded"
    assert api.post(path, {"files": [file()]}).status == 201
    assert api.post(path, {"files": [file()]}).status == 429
    api.template(dataset)
    answer = api.post(f"/datasets/{dataset}/templates", {"name": "x", "prompt": PROMPT})
    assert (answer.status, answer.code) == (429, "quota_exceeded")


def test_a_template_is_created_read_and_listed(api: Api) -> None:
    dataset, _, (image_id,) = api.ready_dataset()
    body = {"name": "sleeve", "prompt": PROMPT, "reference_image_id": image_id, "refinement": {"grow_px": -2}}
    created = api.post(f"/datasets/{dataset}/templates", body)
    assert created.status == 201
    assert created.json["refinement"]["grow_px"] == -2
    assert api.get(f"/datasets/{dataset}/templates/{created.json['template_id']}").json == created.json
    names = [template["name"] for template in api.get(f"/datasets/{dataset}/templates").json["items"]]
    assert names == ["shirt", "sleeve"]


@pytest.mark.parametrize("reference", ["01j0000000000000000000000z", "../x", "", "x" * 1000])
def test_a_template_refers_to_an_image_of_its_dataset(api: Api, reference: str) -> None:
    body = {"name": "x", "prompt": PROMPT, "reference_image_id": reference}
    answer = api.post(f"/datasets/{api.dataset()}/templates", body)
    assert (answer.status, answer.pointers) == (422, ["/reference_image_id"])
