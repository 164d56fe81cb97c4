"""Bodies: how faults are named, where the bound lies, and what is read; the corpus of bad ones is tests/hostile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.serve_api import bodies
from maskmill.core.api import SubmitJob
from maskmill.core.errors import InvalidInput
from maskmill.core.limits import BODY_BYTES_MAX
from maskmill.core.prompt import Template
from tests.unit.lambdas.gateway import PROMPT, Api, recipe


@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_over_the_bound_is_refused_and_one_at_the_bound_is_read(api: Api, is_base64: bool) -> None:
    head, tail = b'{"name": "', b'"}'
    for extra, expected in ((0, (422, "invalid_request")), (1, (413, "body_too_large"))):
        data = head + b"x" * (BODY_BYTES_MAX - len(head) - len(tail) + extra) + tail
        answer = api.post_bytes("/datasets", data) if is_base64 else api.post("/datasets", data.decode())
        assert (answer.status, answer.code) == expected


def template(**more: Any) -> dict[str, Any]:
    return {"name": "shirt", "prompt": PROMPT, **more}


def point(**more: Any) -> dict[str, Any]:
    return template(prompt={"points": [{"x": 0.5, "y": 0.5, **more}]})


def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    answer = api.post(f"/datasets/{api.dataset()}/templates", {**point(x=2, y="a"), "extra": 1})
    assert answer.pointers == ["/prompt/points/0/x", "/prompt/points/0/y", "/extra"]


def test_a_rule_of_the_core_brings_its_own_code(api: Api) -> None:
    path = f"/datasets/{api.dataset()}/templates"
    negative = template(prompt={"points": [{"x": 0.5, "y": 0.5, "positive": False}]})
    answer = api.post(path, negative)
    assert (answer.status, answer.code, answer.pointers) == (422, "need_positive_point", ["/prompt"])
    assert "need_positive_point" not in answer.json["errors"][0]["detail"]
    assert api.post(path, {"name": "x"}).code == "need_positive_point"
    assert api.post(path, {"name": "x", "placement": "match"}).code == "not_implemented"


def test_a_recipe_that_does_not_fit_together_has_a_code_of_its_own(api: Api) -> None:
    dataset, template_id, _ = api.ready_dataset()
    path = f"/datasets/{dataset}/jobs"
    twice = api.post(path, {"recipe": {"templates": [template_id, template_id]}})
    assert (twice.status, twice.code, twice.pointers) == (422, "invalid_recipe", ["/recipe"])
    shape = api.post(path, {"recipe": {"templates": []}})
    assert (shape.code, shape.pointers) == ("invalid_request", ["/recipe/templates"])


def test_pointers_leave_out_the_kinds_of_a_union(api: Api) -> None:
    body = {"recipe": {"templates": ["t"], "layers": [{"region": {"op": "invert", "of": [5]}}]}}
    answer = api.post(f"/datasets/{api.dataset()}/jobs", body)
    region = "/recipe/layers/0/region"
    assert {region, f"{region}/of/0"} <= set(answer.pointers) <= {region, f"{region}/of", f"{region}/of/0"}
    vary = {"recipe": {"templates": ["t"], "layers": [{"region": "t", "vary": {"colour": {"choice": [1]}}}]}}
    answer = api.post(f"/datasets/{api.dataset()}/jobs", vary)
    assert answer.pointers == ["/recipe/layers/0/vary/colour"]


def test_faults_are_bounded_and_hold_nothing_of_the_input(api: Api) -> None:
    points = [{"x": "secret-value", "y": 2}] * 64
    answer = api.post(f"/datasets/{api.dataset()}/templates", template(prompt={"points": points}))
    assert len(answer.json["errors"]) <= bodies.FAULTS_MAX
    assert "secret-value" not in answer.text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
KNOWN = st.sampled_from(["recipe", "templates", "layers", "region", "edits", "prompt", "points", "name", "image_ids"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=60)
    | st.dictionaries(KNOWN | st.text(), VALUES, max_size=4).map(lambda v: json.dumps(v).encode())
)
def test_no_body_ever_raises_anything_but_a_refusal(data: bytes) -> None:
    for model in (Template, SubmitJob):
        try:
            bodies.read(data, model)
        except InvalidInput as refusal:
            values: Any = {}
            if refusal.faults:
                values = json.loads(data)
            for fault in refusal.faults:
                resolve(values, fault.pointer)


def resolve(values: Any, pointer: str) -> None:
    """A pointer leads to something in the body, except for its last step, which may name what is missing."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for position, part in enumerate(parts):
        here = values.get(part) if isinstance(values, dict) else values[int(part)]
        if isinstance(values, dict) and part not in values:
            assert position == len(parts) - 1
        values = here


def test_a_good_body_is_read(api: Api) -> None:
    read = bodies.read(json.dumps({"recipe": recipe("t"), "image_ids": ["a"]}).encode(), SubmitJob)
    assert read.image_ids == ("a",)
    assert read.recipe.layers[0].edits.hue == 30
    assert api.post("/datasets", '\n {"name": "\\u00e4 \\ud83d\\ude00"}').json["name"] == "ä 😀"


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_json_in_utf_8_is_taken_however_it_is_written(api: Api, content_type: str) -> None:
    assert api.call("POST", "/datasets", {"name": "x"}, headers={"content-type": content_type}).status == 201
