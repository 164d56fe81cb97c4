"""Templates that change and go: only what is named changes, nobody overwrites unseen, and a job keeps what it had."""

from __future__ import annotations

from typing import Any

import pytest

from maskmill.core import rows
from maskmill.core.limits import TEMPLATES_PER_DATASET_MAX
from maskmill.core.table import Update
from tests.unit.lambdas.gateway import PROMPT, Answer, Api

MASK = {"size": {"height_px": 3, "width_px": 3}, "counts": "9"}


def patch(api: Api, path: str, body: Any, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return api.call("PATCH", path, body, headers=named)


def delete(api: Api, path: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return api.call("DELETE", path, headers=named)


@pytest.fixture
def path(api: Api) -> str:
    dataset = api.dataset()
    return f"/datasets/{dataset}/templates/{api.template(dataset)}"


def test_a_named_field_is_replaced_and_the_others_stay(api: Api, path: str) -> None:
    before = api.get(path).json
    answer = patch(api, path, {"name": "cap", "refinement": {"grow_px": 3}})
    assert answer.status == 200
    assert answer.json == {**before, "name": "cap", "refinement": {**before["refinement"], "grow_px": 3}}
    assert api.get(path).json == answer.json
    assert patch(api, path, {"refinement": {"feather_px": 2}}).json["refinement"]["grow_px"] == 0, "replaced whole"


def test_an_empty_change_changes_nothing(api: Api, path: str) -> None:
    before = api.get(path)
    answer = patch(api, path, {})
    assert (answer.status, answer.json) == (200, before.json)
    assert answer.headers["ETag"] == before.headers["ETag"]


def test_what_is_null_is_taken_away(api: Api, path: str) -> None:
    answer = patch(api, path, {"placement": "centre", "prompt": None})
    assert (answer.status, answer.json["prompt"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "code", "pointers"),
    [
        ({"name": "a b"}, "invalid_request", ["/name"]),
        ({"name": None}, "invalid_request", ["/name"]),
        ({"nothing": 1}, "invalid_request", ["/nothing"]),
        ({"template_id": "x"}, "invalid_request", ["/template_id"]),
        ({"prompt": {"points": [{"x": 2, "y": 0}]}}, "invalid_request", ["/prompt/points/0/x"]),
        ({"prompt": None}, "need_positive_point", [""]),
        ({"placement": "match"}, "not_implemented", [""]),
        ({"reference_image_id": "nobody"}, "invalid_request", ["/reference_image_id"]),
        ({"refinement": {"grow_px": 101}}, "invalid_request", ["/refinement/grow_px"]),
        ({"overrides": None}, "invalid_request", ["/overrides"]),
        ({"overrides": {"": PROMPT}}, "invalid_request", ["/overrides/"]),
        ({"overrides": {"i": {"points": [{"x": 2, "y": 0}]}}}, "invalid_request", ["/overrides/i/points/0/x"]),
        ({"overrides": {"i": {"points": []}}}, "need_positive_point", ["/overrides/i"]),
        ({"overrides": {"i": {"previous": MASK}}}, "invalid_request", ["/overrides/i"]),
        ({"overrides": {f"i{number}": PROMPT for number in range(201)}}, "invalid_request", ["/overrides"]),
    ],
)
def test_what_does_not_go_together_changes_nothing(
    api: Api, path: str, body: dict[str, Any], code: str, pointers: list[str]
) -> None:
    before = api.get(path).json
    answer = patch(api, path, body)
    assert (answer.status, answer.code, answer.pointers) == (422, code, pointers)
    assert api.get(path).json == before


def test_overrides_are_replaced_whole_and_protected_by_the_tag(api: Api, path: str) -> None:
    own = {"points": [{"x": 0.9, "y": 0.1, "positive": True}], "box": None, "previous": None}
    seen = api.get(path)
    assert seen.json["overrides"] == {}
    first = patch(api, path, {"overrides": {"i1": own, "i2": own}}, If_Match=seen.headers["ETag"])
    assert (first.status, first.json["overrides"]) == (200, {"i1": own, "i2": own})
    late = patch(api, path, {"overrides": {"i3": own}}, If_Match=seen.headers["ETag"])
    assert late.code == "precondition_failed"
    second = patch(api, path, {"overrides": {"i3": own}}, If_Match=first.headers["ETag"])
    assert second.json["overrides"] == {"i3": own}
    assert patch(api, path, {"name": "cap"}).json["overrides"] == {"i3": own}
    assert patch(api, path, {"overrides": {}}).json["overrides"] == {}


def test_a_template_is_not_sent_twice(api: Api, path: str) -> None:
    tag = api.get(path).headers["ETag"]
    answer = api.call("GET", path, headers={"If-None-Match": f'"other", {tag}'})
    assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag)
    patch(api, path, {"name": "cap"})
    assert api.call("GET", path, headers={"If-None-Match": tag}).status == 200


def test_nobody_overwrites_or_removes_what_they_have_not_seen(api: Api, path: str) -> None:
    seen = api.get(path).headers["ETag"]
    newer = patch(api, path, {"name": "theirs"}, If_Match=seen).headers["ETag"]
    for late in (patch(api, path, {"name": "mine"}, If_Match=seen), delete(api, path, If_Match=seen)):
        assert (late.status, late.code) == (412, "precondition_failed")
    assert api.get(path).json["name"] == "theirs"
    assert delete(api, path, If_Match=newer).status == 204
    assert patch(api, path, {"name": "mine"}, If_Match="*").status == 404


def test_two_changes_at_once_are_both_made(api: Api, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = type(api.ports.table)
    write = table.write

    def meanwhile(self: Any, change: Any) -> Any:
        if isinstance(change, Update) and "TEMPLATE#" in change.key.sk:
            monkeypatch.undo()
            patch(api, path, {"colour": "#000000"})
        return write(self, change)

    monkeypatch.setattr(table, "write", meanwhile)
    answer = patch(api, path, {"name": "cap"})
    assert (answer.status, answer.json["name"], answer.json["colour"]) == (200, "cap", "#000000")


def test_a_template_that_is_always_changed_by_others_is_unavailable(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = api.get(path).json
    monkeypatch.setattr(
        rows, "change_template", lambda *key, before: rows.remove_template(*key[:3], before={"doc": ""})
    )
    answer = patch(api, path, {"name": "cap"})
    assert (answer.status, answer.code) == (503, "unavailable")
    assert api.get(path).json == before


def test_a_template_that_is_removed_is_gone_and_its_place_is_free(api: Api) -> None:
    dataset = api.dataset()
    table, key = api.ports.table, rows.dataset_key(api.tenant, dataset)
    api.template(dataset)
    first = api.get(f"/datasets/{dataset}/templates").json["items"][0]["template_id"]
    table.write(Update(key, set={("templates_reserved",): TEMPLATES_PER_DATASET_MAX}))
    full = api.post(f"/datasets/{dataset}/templates", {"name": "x", "prompt": PROMPT})
    assert full.code == "quota_exceeded"
    answer = delete(api, f"/datasets/{dataset}/templates/{first}")
    assert (answer.status, answer.text) == (204, "")
    assert delete(api, f"/datasets/{dataset}/templates/{first}").status == 404
    assert table.get(key)["templates_reserved"] == TEMPLATES_PER_DATASET_MAX - 1
    assert api.get(f"/datasets/{dataset}/templates").json["items"] == []
    api.template(dataset)


def test_a_job_keeps_the_template_that_it_was_submitted_with(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    job = str(api.submit(dataset, template).json["job_id"])
    delete(api, f"/datasets/{dataset}/templates/{template}")
    resolved = rows.job_of(api.ports.table.get(rows.job_key(api.tenant, job))).job.recipe
    assert [kept.name for kept in resolved.templates.values()] == ["shirt"]
    assert api.submit(dataset, template).code == "invalid_recipe"
