"""Bad input, all of it by name: each has an error of its own, or is made safe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from maskmill.core.limits import FILENAME_BYTES_MAX
from maskmill.core.result import file_stem
from tests.unit.lambdas.gateway import PROMPT, SHA256, Answer, Api, recipe


@dataclass
class Shop:
    """Two tenants; the first has a dataset with a template and a ready image, and another dataset with a template."""

    api: Api
    other: Api
    dataset: str
    template: str
    image: str
    elsewhere: str
    template_elsewhere: str

    def template_with(self, **prompt: Any) -> Answer:
        return self.api.post(f"/datasets/{self.dataset}/templates", {"name": "x", "prompt": prompt})

    def segment_with(self, **prompt: Any) -> Answer:
        return self.api.post(f"/datasets/{self.dataset}/images/{self.image}/segment", {"prompt": prompt})

    def job_with(self, edits: dict[str, Any], *, vary: Any = None, **more: Any) -> Answer:
        layers = [{"region": self.template, "edits": edits, "vary": vary or {}}]
        body = {"recipe": recipe(self.template, layers=layers), **more}
        return self.api.post(f"/datasets/{self.dataset}/jobs", body)

    def upload_of(self, name: str) -> Answer:
        files = {"files": [{"name": name, "size_bytes": 10, "sha256": SHA256}]}
        return self.api.post(f"/datasets/{self.dataset}/uploads", files)

    def new_image(self) -> str:
        return self.api.announce(self.dataset, "new.jpg")[0]


@pytest.fixture
def shop(api: Api, other: Api) -> Shop:
    dataset, template, (image,) = api.ready_dataset()
    elsewhere = api.dataset("elsewhere")
    return Shop(api, other, dataset, template, image, elsewhere, api.template(elsewhere))


POINT = {"x": 0.5, "y": 0.5}


def body_with_nan(shop: Shop) -> Answer:
    return shop.api.post(f"/datasets/{shop.dataset}/templates", '{"name":"x","prompt":{"points":[{"x":NaN,"y":0}]}}')


def template_of_another_dataset(shop: Shop) -> Answer:
    return shop.api.submit(shop.dataset, shop.template_elsewhere)


def only_image_not_yet_ingested(shop: Shop) -> Answer:
    return shop.job_with({"hue": 30}, image_ids=[shop.new_image()])


def segment_an_image_not_yet_ingested(shop: Shop) -> Answer:
    return shop.api.post(f"/datasets/{shop.dataset}/images/{shop.new_image()}/segment", {"prompt": PROMPT})


def background_not_yet_ingested(shop: Shop) -> Answer:
    return shop.job_with({"cutout": {"background": "image", "image_id": shop.new_image()}})


def body_of_ten_megabytes(shop: Shop) -> Answer:
    return shop.api.post("/datasets", json.dumps({"name": "x" * 10_000_000}))


def encoded_body_of_ten_megabytes(shop: Shop) -> Answer:
    return shop.api.post_bytes("/datasets", b" " * 10_000_000)


def cursor_of_another_tenant(shop: Shop) -> Answer:
    for _ in range(2):
        shop.other.dataset()
    return shop.api.get("/datasets", cursor=shop.other.get("/datasets", limit="1").json["next_cursor"])


def cursor_of_another_list(shop: Shop) -> Answer:
    cursor = shop.api.get("/datasets", limit="1").json["next_cursor"]
    return shop.api.get(f"/datasets/{shop.dataset}/images", cursor=cursor)


@dataclass(frozen=True)
class Bad:
    send: Callable[[Shop], Answer]
    status: int
    code: str
    pointers: tuple[str, ...] = ()


def invalid(send: Callable[[Shop], Answer], *pointers: str, code: str = "invalid_request") -> Bad:
    return Bad(send, 422, code, pointers)


HUE, EDITS = "/recipe/layers/0/edits/hue", "/recipe/layers/0/edits"
BAD = {
    "a point left of the picture": invalid(
        lambda shop: shop.template_with(points=[{"x": -0.01, "y": 0.5}]), "/prompt/points/0/x"
    ),
    "a point below the picture": invalid(
        lambda shop: shop.segment_with(points=[POINT, {"x": 0.5, "y": 1.01}]), "/prompt/points/1/y"
    ),
    "a box outside of the picture": invalid(
        lambda shop: shop.template_with(box={"left": 0.1, "top": 0.1, "right": 1.5, "bottom": 0.9}), "/prompt/box/right"
    ),
    "65 points": invalid(lambda shop: shop.template_with(points=[POINT] * 65), "/prompt/points"),
    "65 points at once": invalid(lambda shop: shop.segment_with(points=[POINT] * 65), "/prompt/points"),
    "a previous mask that is none": invalid(
        lambda shop: shop.segment_with(previous={"size": {"height_px": 30, "width_px": 40}, "counts": "Y"}),
        "/prompt/previous/counts",
    ),
    "a previous mask of another picture": invalid(
        lambda shop: shop.segment_with(previous={"size": {"height_px": 3, "width_px": 4}, "counts": "<"}),
        "/prompt/previous/size",
    ),
    "a number that is none": Bad(body_with_nan, 400, "malformed_json"),
    "a number as a word": invalid(lambda shop: shop.template_with(points=[{"x": "NaN", "y": 0}]), "/prompt/points/0/x"),
    "an edit beyond its range": invalid(lambda shop: shop.job_with({"hue": 181}), HUE),
    "an edit below its range": invalid(lambda shop: shop.job_with({"hue": -181}), HUE),
    "a draw beyond its range": invalid(
        lambda shop: shop.job_with({}, vary={"hue": {"uniform": [0, 9999]}}), "/recipe/layers/0", code="invalid_recipe"
    ),
    "an edit as a word": invalid(lambda shop: shop.job_with({"hue": "30"}), HUE),
    "an unknown edit": invalid(lambda shop: shop.job_with({"sharpness": 1}), f"{EDITS}/sharpness"),
    "a template of another dataset": invalid(template_of_another_dataset, "/recipe/templates/0", code="invalid_recipe"),
    "a job over an image that has not arrived": Bad(only_image_not_yet_ingested, 422, "no_images"),
    "a prompt on an image that has not arrived": Bad(segment_an_image_not_yet_ingested, 409, "conflict"),
    "a background that has not arrived": invalid(
        background_not_yet_ingested, f"{EDITS}/cutout/image_id", code="invalid_recipe"
    ),
    "a body of 10 MB": Bad(body_of_ten_megabytes, 413, "body_too_large"),
    "a body of 10 MB, encoded": Bad(encoded_body_of_ten_megabytes, 413, "body_too_large"),
    "a cursor of another tenant": Bad(cursor_of_another_tenant, 400, "invalid_cursor"),
    "a cursor of another list": Bad(cursor_of_another_list, 400, "invalid_cursor"),
    "a file name with a newline": invalid(
        lambda shop: shop.upload_of("a\nb.jpg"), "/files/0/name", code="invalid_filename"
    ),
    "a file name with a carriage return": invalid(
        lambda shop: shop.upload_of("a\r\nX-Header: b.jpg"), "/files/0/name", code="invalid_filename"
    ),
    "a file name with a zero byte": invalid(
        lambda shop: shop.upload_of("a\0.jpg"), "/files/0/name", code="invalid_filename"
    ),
    "a file name that turns round": invalid(
        lambda shop: shop.upload_of("a\u202egpj.exe"), "/files/0/name", code="invalid_filename"
    ),
    "a file name of 300 bytes": invalid(
        lambda shop: shop.upload_of("a" * 296 + ".jpg"), "/files/0/name", code="invalid_filename"
    ),
    "a file name of 300 bytes in few characters": invalid(
        lambda shop: shop.upload_of("ü" * 150), "/files/0/name", code="invalid_filename"
    ),
    "a file name of dots": invalid(lambda shop: shop.upload_of(".."), "/files/0/name", code="invalid_filename"),
    "a file name of nothing": invalid(lambda shop: shop.upload_of(""), "/files/0/name", code="invalid_filename"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_an_error_of_its_own(shop: Shop, name: str) -> None:
    bad = BAD[name]
    answer = bad.send(shop)
    assert (answer.status, answer.code) == (bad.status, bad.code), answer.text
    assert tuple(answer.pointers) == bad.pointers
    assert answer.json["detail"].endswith(".")
    assert len(answer.text) < 5_000, "a refusal does not repeat what was sent"


ODD_NAMES = {
    "steps upwards": "../../etc/passwd.jpg",
    "steps upwards, as Windows does": "..\\..\\boot.jpg",
    "an absolute path": "/etc/passwd.jpg",
    "a drive": "C:\\a.jpg",
    "an emoji": "🐈‍⬛ cat 🎉.jpg",
    "HTML": '<img src=x onerror="alert(1)">.jpg',
    "a formula": "=cmd|' /C calc'!A0.jpg",
    "a query": "a.jpg?x=1#y%00",
    "another writing": "猫の写真.jpg",
    "spaces": "  my photo  .jpg",
    "as long as it may be": "a" * (FILENAME_BYTES_MAX - 4) + ".jpg",
    "a device": "CON.jpg",
    "a hidden file": ".htaccess",
}


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_an_odd_file_name_is_kept_as_a_word_and_never_used_as_a_path(shop: Shop, kind: str) -> None:
    name = ODD_NAMES[kind]
    answer = shop.upload_of(name)
    assert answer.status == 201, answer.text
    (ticket,) = answer.json["items"]
    assert ticket["fields"]["key"].endswith(ticket["image_id"])
    assert name not in ticket["fields"]["key"]
    read = shop.api.get(f"/datasets/{shop.dataset}/images/{ticket['image_id']}")
    assert read.json["name"] == name
    assert read.headers["Content-Type"] == "application/json"
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}", file_stem(7, name)), "its place in what is downloaded"
