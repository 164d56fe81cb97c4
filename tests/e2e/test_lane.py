"""The interactive lane on the stacks as they are deployed: seconds with the endpoint at zero, and with IAM enforced."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from inference_container.segmenter import Picture
from inference_container.segmenters.classic import ClassicSegmenter
from local.cloud import Laptop
from local.processes import DIRECT
from maskmill.core.prompt import Prompt
from tests.drawn import draw
from tests.e2e.conftest import User, endpoint_state

pytestmark = pytest.mark.integration

CLICK = {"points": [{"x": 0.30, "y": 0.50}]}
SECONDS = 10.0  # on two busy cores; a quiet machine takes about one


@pytest.fixture(scope="module")
def picture(ann: User, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a picture of Ann's."""
    folder = tmp_path_factory.mktemp("lane")
    draw(folder / "photo-7.jpg", seed=7)
    uploaded = json.loads(ann.maskmill("--json", "upload", str(folder), "--dataset", "lane").stdout)
    dataset = uploaded["dataset"]["dataset_id"]
    (image,) = ann.get(f"/datasets/{dataset}/images")[1]["items"]
    assert image["status"] == "ready"
    return f"/datasets/{dataset}/images/{image['image_id']}"


def bitmap(rle: dict[str, Any]) -> Any:
    size = [rle["size"]["height_px"], rle["size"]["width_px"]]
    return np.asarray(coco.decode({"size": size, "counts": rle["counts"].encode()})) > 0


def pixels_of(user: User, image: str) -> Any:
    data = user.read(user.get(image)[1]["source_url"])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def model_stats(cloud: Laptop) -> Any:
    with DIRECT.open(f"{cloud.endpoint.model_url}/stats", timeout=10) as answer:
        return json.load(answer)


def test_a_click_is_answered_in_seconds_and_the_endpoint_is_not_asked(cloud: Laptop, ann: User, picture: str) -> None:
    before = endpoint_state(cloud)
    began = time.monotonic()
    status, answer = ann.get(f"{picture}/segment", method="POST", body={"prompt": CLICK, "top_k": 3})
    seconds = time.monotonic() - began
    assert status == 200, answer
    assert seconds < SECONDS
    after = endpoint_state(cloud)
    assert (after["accepted"], after["instances"]) == (before["accepted"], before["instances"])
    assert answer["segmenter"] == cloud.outputs["SegmenterVersion"] == "classic-1"
    assert 1 <= len(answer["candidates"]) <= 3


def test_the_mask_is_that_of_the_segmenter_itself(ann: User, picture: str) -> None:
    _, answer = ann.get(f"{picture}/segment", method="POST", body={"prompt": CLICK})
    segmenter = ClassicSegmenter()
    segmenter.setup()
    pixels = pixels_of(ann, picture)
    embedding = segmenter.embed(Picture.whole(pixels))
    [candidates] = segmenter.segment(embedding, [Prompt.model_validate(CLICK)])
    best = max(candidates, key=lambda candidate: candidate.score)
    (found,) = answer["candidates"]
    assert np.array_equal(bitmap(found["rle"]), best.bitmap())
    assert found["score"] == pytest.approx(best.score)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 100)
    assert (bitmap(found["rle"]) & red).sum() / (bitmap(found["rle"]) | red).sum() > 0.9


def test_the_command_tries_a_click(ann: User, picture: str, tmp_path: Path) -> None:
    """The mask that it writes is the one of the API, and the preview shows it on the picture."""
    mask, overlay = tmp_path / "mask.png", tmp_path / "overlay.png"
    ann.maskmill("segment", "lane", "ball=photo-7.jpg:0.30,0.50", "--out", str(mask), "--overlay", str(overlay))
    _, answer = ann.get(f"{picture}/segment", method="POST", body={"prompt": CLICK})
    found = bitmap(answer["candidates"][0]["rle"])
    assert np.array_equal(np.asarray(Image.open(mask)) > 0, found)
    changed = (np.asarray(Image.open(overlay)) != pixels_of(ann, picture)).any(axis=2)
    assert np.array_equal(changed, found)


def test_a_search_is_made_once(cloud: Laptop, ann: User, picture: str) -> None:
    body = {"points_per_side": 2, "score_min": 0.0, "stability_min": 0.0}
    status, first = ann.get(f"{picture}/automask", method="POST", body=body)
    assert status == 200, first
    assert first["masks"]
    before = model_stats(cloud)["invocations"]
    status, again = ann.get(f"{picture}/automask", method="POST", body=body)
    assert (status, again) == (200, first)
    assert model_stats(cloud)["invocations"] == before


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"prompt": {"points": []}}, "need_positive_point", "/prompt"),
        ({"prompt": {"points": [{"x": 2.0, "y": 0.5}]}}, "invalid_request", "/prompt/points/0/x"),
        ({"prompt": CLICK, "top_k": 9}, "invalid_request", "/top_k"),
    ],
)
def test_a_broken_prompt_is_named(ann: User, picture: str, body: Any, code: str, pointer: str) -> None:
    status, problem = ann.get(f"{picture}/segment", method="POST", body=body)
    assert (status, problem["code"]) == (422, code)
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


def test_a_search_beyond_the_lane_is_refused(ann: User, picture: str) -> None:
    status, problem = ann.get(f"{picture}/automask", method="POST", body={"points_per_side": 32})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/points_per_side")


def test_this_segmenter_keeps_no_embeddings(ann: User, picture: str) -> None:
    status, problem = ann.get(f"{picture}/embedding")
    assert (status, problem["code"]) == (409, "conflict")


def test_a_stranger_finds_no_picture_there(ann: User, bob: User, picture: str) -> None:
    calls = [("POST", "segment", {"prompt": CLICK}), ("POST", "automask", {}), ("GET", "embedding", None)]
    for method, route, body in calls:
        status, problem = bob.get(f"{picture}/{route}", method=method, body=body)
        assert (status, problem["code"]) == (404, "not_found"), route
