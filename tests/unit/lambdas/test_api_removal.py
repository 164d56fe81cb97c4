"""What the API shows of a dataset, or an image, from the moment when its removal is asked for: nothing."""

from __future__ import annotations

import re

import pytest

from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from maskmill.core import rows
from maskmill.core.messages import RemoveDataset, RemoveImage
from tests.contract import aws
from tests.unit.lambdas.gateway import Api
from tests.unit.lambdas.things import body_for

BELOW = [route for route in ROUTES if re.search("<(dataset|job)>", route.path)]


def messages(account: dict[str, str]) -> list[str]:
    return [message["Body"] for message in aws.received(account["remove"])]


def test_a_removal_is_accepted_shown_once_and_handed_on(api: Api, account: dict[str, str]) -> None:
    messages(account)
    dataset = api.dataset()
    before = api.get(f"/datasets/{dataset}").json
    answer = api.call("DELETE", f"/datasets/{dataset}")
    assert (answer.status, answer.json) == (202, {**before, "status": "removing"})
    assert messages(account) == [RemoveDataset(tenant=api.tenant, dataset_id=dataset).model_dump_json()]
    assert api.get("/datasets").json["items"] == []


def test_asking_again_does_no_harm_and_once_it_is_gone_it_is_not_found(api: Api, account: dict[str, str]) -> None:
    messages(account)
    dataset = api.dataset()
    first, second = (api.call("DELETE", f"/datasets/{dataset}") for _ in range(2))
    assert (second.status, second.json) == (first.status, first.json)
    assert len(messages(account)) == 2
    row = api.ports.table.get(rows.dataset_key(api.tenant, dataset))
    api.ports.table.write(rows.claim_removal(api.tenant, dataset, run="r", now_s=1, until_s=2))
    api.ports.table.write(rows.drop_dataset(api.tenant, dataset, run="r"))
    assert row["deleted_at_s"] > 0
    assert api.call("DELETE", f"/datasets/{dataset}").code == "not_found"


@pytest.mark.parametrize("route", BELOW, ids=lambda route: f"{route.method} {route.path}")
def test_nothing_of_a_removed_dataset_is_seen(api: Api, route: Route) -> None:
    dataset, template, (image,) = api.ready_dataset()
    job = str(api.submit(dataset, template).json["job_id"])
    api.plan(job, items=1, chunk_items=1)
    api.result(job, 0)
    ids = {"dataset": dataset, "template": template, "image": image, "job": job, "export": "coco", "format": "coco"}
    assert api.call("DELETE", f"/datasets/{dataset}").status == 202
    path = re.sub(r"<(\w+)>", lambda found: ids[found[1]], route.path)
    answer = api.call(route.method, path, body_for(route, ids))
    is_repetition = (route.method, route.path) == ("DELETE", "/datasets/<dataset>")
    assert answer.status == (202 if is_repetition else 404), answer.text
    assert api.get("/jobs").json["items"] == []


def test_a_job_that_is_submitted_while_its_dataset_is_removed_is_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look at the dataset and the job's row."""
    dataset, template, _ = api.ready_dataset()
    named = rows.put_dataset_job

    def late(*given: object) -> object:
        monkeypatch.setattr(rows, "put_dataset_job", named)
        api.call("DELETE", f"/datasets/{dataset}")
        return named(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(rows, "put_dataset_job", late)
    answer = api.submit(dataset, template)
    assert (answer.status, answer.code) == (404, "not_found")


def test_an_image_leaves_its_dataset_at_once(api: Api, account: dict[str, str]) -> None:
    messages(account)
    dataset, template, (first, second) = api.ready_dataset(images=2)
    answer = api.call("DELETE", f"/datasets/{dataset}/images/{first}")
    assert (answer.status, answer.text) == (202, "")
    assert messages(account) == [RemoveImage(tenant=api.tenant, dataset_id=dataset, image_id=first).model_dump_json()]
    assert api.get(f"/datasets/{dataset}/images/{first}").code == "not_found"
    assert [image["image_id"] for image in api.get(f"/datasets/{dataset}/images").json["items"]] == [second]
    assert api.submit(dataset, template, image_ids=[first]).pointers == ["/image_ids/0"]
    assert api.call("DELETE", f"/datasets/{dataset}/images/{first}").status == 202
    assert api.call("DELETE", f"/datasets/{dataset}/images/{'0' * 26}").code == "not_found"


def test_what_ingest_was_about_to_make_of_an_image_is_remembered(api: Api) -> None:
    dataset = api.dataset()
    (image,) = api.announce(dataset, "a.jpg")
    table = api.ports.table
    for pixels in ("ab" * 32, "cd" * 32):
        table.write(rows.note_pixels(api.tenant, dataset, image, pixels_sha256=pixels))
    assert api.call("DELETE", f"/datasets/{dataset}/images/{image}").status == 202
    gone = rows.gone_of(table.get(rows.gone_key(api.tenant, dataset, image)))
    assert gone.pixels == {"ab" * 32, "cd" * 32}
    assert gone.size_bytes == 10
