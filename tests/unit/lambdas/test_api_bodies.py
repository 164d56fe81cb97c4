"""Bodies: what two readers could read differently is refused, and what is wrong is named by its pointer."""

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

MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b"  \n",
    "null": b"null",
    "list": b"[]",
    "text": b'"name"',
    "number": b"1",
    "truncated": b'{"name": "a"',
    "two objects": b'{"name": "a"} {"name": "b"}',
    "trailing comma": b'{"name": "a",}',
    "comment": b'{"name": "a"} // why',
    "single quotes": b"{'name': 'a'}",
    "byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "utf-16": '{"name": "a"}'.encode("utf-16"),
    "latin-1": '{"name": "ä"}'.encode("latin-1"),
    "nan": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "overflow": b'{"name": 1e999}',
    "repeated key": b'{"name": "a", "name": "b"}',
    "repeated key below": b'{"name": {"x": 1, "x": 2}}',
    "deep lists": b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}",
    "deep objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "very deep": b"[" * 100_000,
    "very deep inside": b'{"name": ' + b"[" * 100_000,
    "huge integer": b'{"name": ' + b"9" * 5_000 + b"}",
    "integer beyond 64 bits": b'{"name": ' + b"9" * 21 + b"}",
    "half a character": b'{"name": "\\ud800"}',
    "half a character as key": b'{"\\udfff": 1}',
    "raw control character": b'{"name": "a\x01"}',
    "form": b"name=a",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_one_plain_json_object_is_malformed(api: Api, data: bytes) -> None:
    answer = api.post_bytes("/datasets", data)
    assert (answer.status, answer.code) == (400, "malformed_json"), answer.text


def test_a_body_that_is_not_what_its_encoding_says_is_malformed(api: Api) -> None:
    answer = api.call("POST", "/datasets", "not base64!", is_base64=True)
    assert (answer.status, answer.code) == (400, "malformed_json")
    assert api.call("POST", "/datasets", '{"name": "\ud800"}').code == "malformed_json"
    assert api.call("POST", "/datasets", None).code == "malformed_json"


@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_over_the_bound_is_refused_and_one_at_the_bound_is_read(api: Api, is_base64: bool) -> None:
    head, tail = b'{"name": "', b'"}'
    for extra, expected in ((0, (422, "invalid_request")), (1, (413, "body_too_large"))):
        data = head + b"x" * (BODY_BYTES_MAX - len(head) - len(tail) + extra) + tail
        answer = api.post_bytes("/datasets", data) if is_base64 else api.post("/datasets", data.decode())
        assert (answer.status, answer.code) == expected


def test_the_bound_counts_bytes_and_not_characters(api: Api) -> None:
    assert api.post("/datasets", json.dumps({"name": "ä" * 140_000}, ensure_ascii=False)).status == 413


def template(**more: Any) -> dict[str, Any]:
    return {"name": "shirt", "prompt": PROMPT, **more}


def point(**more: Any) -> dict[str, Any]:
    return template(prompt={"points": [{"x": 0.5, "y": 0.5, **more}]})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({}, "/name"),
    "unknown field": (template(tenant="b"), "/tenant"),
    "unknown field below": (point(z=1), "/prompt/points/0/z"),
    "number as text": (point(x="0.5"), "/prompt/points/0/x"),
    "full-width digits": (point(x="１"), "/prompt/points/0/x"),
    "truth as number": (point(x=True), "/prompt/points/0/x"),
    "number as truth": (point(positive=1), "/prompt/points/0/positive"),
    "text as truth": (point(positive="yes"), "/prompt/points/0/positive"),
    "null": (point(x=None), "/prompt/points/0/x"),
    "out of range": (point(x=1.5), "/prompt/points/0/x"),
    "too many points": (template(prompt={"points": [{"x": 0.5, "y": 0.5}] * 65}), "/prompt/points"),
    "fraction as integer": (template(refinement={"grow_px": 1.5}), "/refinement/grow_px"),
    "unknown choice": (template(choice="7"), "/choice"),
    "number as choice": (template(choice=1), "/choice"),
    "list as object": (template(refinement=[]), "/refinement"),
    "name with a slash": (template(name="a/b"), "/name"),
    "name with a line break": (template(name="a\n"), "/name"),
    "empty box": (template(prompt={"box": {"left": 0.5, "top": 0, "right": 0.5, "bottom": 1}}), "/prompt/box"),
    "a mask that does not fill its size": (
        template(prompt={"previous": {"size": {"height_px": 3, "width_px": 3}, "counts": "5"}}),
        "/prompt/previous/counts",
    ),
    "no run-length text": (
        template(prompt={"previous": {"size": {"height_px": 3, "width_px": 3}, "counts": "<svg>"}}),
        "/prompt/previous/counts",
    ),
    "a given mask without a mask": (template(placement="mask", prompt={"points": [{"x": 0.5, "y": 0.5}]}), ""),
    "a given mask and a point": (
        template(
            placement="mask",
            prompt={
                "points": [{"x": 0.5, "y": 0.5}],
                "previous": {"size": {"height_px": 3, "width_px": 3}, "counts": "9"},
            },
        ),
        "",
    ),
    "colour": (template(colour="url(javascript:1)"), "/colour"),
    "escaped pointer": (template(**{"a/b~c": 1}), "/a~1b~0c"),
}


@pytest.mark.parametrize(("body", "pointer"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_named_by_its_pointer(api: Api, body: dict[str, Any], pointer: str) -> None:
    dataset = api.dataset()
    answer = api.post(f"/datasets/{dataset}/templates", body)
    assert (answer.status, answer.code) == (422, "invalid_request"), answer.text
    assert pointer in answer.pointers


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json; charset=latin-1",
        "",
        "x",
    ],
)
def test_a_body_of_another_media_type_is_refused(api: Api, content_type: str) -> None:
    answer = api.call("POST", "/datasets", {"name": "x"}, headers={"content-type": content_type})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert answer.pointers == ["/Content-Type"]


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_json_in_utf_8_is_taken_however_it_is_written(api: Api, content_type: str) -> None:
    assert api.call("POST", "/datasets", {"name": "x"}, headers={"content-type": content_type}).status == 201
