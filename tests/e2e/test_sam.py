"""Segment Anything from end to end: the deployed stacks on the small SAM of the tests, judged by what a picture shows."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from pycocotools import mask as coco

from inference_container.faults import Fault, marked
from inference_container.segmenter import Bitmap
from local.cloud import Laptop, laptop
from local.models import LocalModel, find_model
from local.processes import DIRECT
from maskmill.client import Client
from maskmill.core.engines import Engine
from maskmill.core.prompt import Prompt
from tests.e2e.conftest import User, endpoint_state
from tests.e2e.reader import browser, reader
from tests.e2e.road import SLOW_MS, click_at, make_dataset, send
from tests.e2e.visitor import Visitor
from tests.sam_test.judge import clicked, iou
from tests.sam_test.scenes import Scene, draw_scene

pytestmark = pytest.mark.integration
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

SEEDS = (2, 5, 13)
HEIGHT, WIDTH = 384, 512


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of Ann's, what it shows, and its address in the API."""

    scene: Scene
    file: Path
    dataset: str
    path: str


class FaultyModel(LocalModel):
    """The small SAM behind a server from which pictures may order faults."""

    def environment(self) -> Mapping[str, str]:
        return {**LocalModel.environment(self), "FAULTS": "1"}


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    found = find_model(Engine.SAM_TEST, tell=lambda _line: None)
    assert found is not None
    weights = FaultyModel(found.engine, found.place, found.source_sha256)
    with laptop(tmp_path_factory.mktemp("sam"), weights=weights, tell=lambda _line: None) as running:
        yield running


@pytest.fixture(scope="module")
def eve(sam: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    profile = tmp_path_factory.mktemp("eve") / "profile.json"
    sam.sign_in("eve@example.com", profile)
    return User(profile)


@pytest.fixture(scope="module")
def shown(eve: User, tmp_path_factory: pytest.TempPathFactory) -> list[Shown]:
    uploaded = []
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp("scene")
        scene = draw_scene(seed, height=HEIGHT, width=WIDTH)
        scene = Scene(scene.pixels, tuple(truth for truth in scene.objects if truth.mean() >= 0.03))
        Image.fromarray(scene.pixels).save(folder / "scene.png")
        answer = json.loads(eve.maskmill("--json", "upload", str(folder), "--dataset", f"scene-{seed}").stdout)
        dataset = answer["dataset"]["dataset_id"]
        (image,) = eve.get(f"/datasets/{dataset}/images")[1]["items"]
        path = f"/datasets/{dataset}/images/{image['image_id']}"
        uploaded.append(Shown(scene, folder / "scene.png", f"scene-{seed}", path))
    assert sum(len(one.scene.objects) for one in uploaded) >= 5
    return uploaded


def stats(cloud: Laptop) -> Any:
    with DIRECT.open(f"{cloud.endpoint.model_url}/stats", timeout=10) as answer:
        return json.load(answer)


def click_on(truth: Bitmap) -> Prompt:
    return clicked(Prompt.model_construct(points=()), truth, positive=True)


def bitmap(rle: dict[str, Any]) -> Bitmap:
    size = [rle["size"]["height_px"], rle["size"]["width_px"]]
    return np.asarray(coco.decode({"size": size, "counts": rle["counts"].encode()})) > 0


def run(eve: User, one: Shown, out: Path, *edits: str) -> dict[int, Bitmap]:
    """A job that clicks every object of a picture once; the masks of its dataset by COCO category."""
    arguments = ["run", str(one.file.parent), "--dataset", one.dataset, "--format", "png", "--out", str(out)]
    for number, truth in enumerate(one.scene.objects):
        point = click_on(truth).points[0]
        arguments += [
            "--template",
            f"thing{number}=scene.png:{point.x},{point.y}",
            "--edit",
            f"thing{number}:{edits[0]}",
        ]
    eve.maskmill(*arguments)
    found = json.loads((out / "annotations" / "instances.json").read_text())
    names = {category["id"]: category["name"] for category in found["categories"]}
    return {
        int(names[entry["category_id"]].removeprefix("thing")): np.asarray(coco.decode(entry["segmentation"])) > 0
        for entry in found["annotations"]
    }


def test_a_job_finds_what_the_pictures_show_and_looks_at_each_once(
    sam: Laptop, eve: User, shown: list[Shown], tmp_path: Path
) -> None:
    """Also: changed edits reach no endpoint, a new template on a known picture reaches it and costs no encoder call."""
    ious = []
    for one in shown:
        masks = run(eve, one, tmp_path / one.dataset, "hue=90")
        assert masks.keys() == set(range(len(one.scene.objects)))
        ious += [iou(masks[number], truth) for number, truth in enumerate(one.scene.objects)]
    assert float(np.mean(ious)) >= 0.8
    assert sam.outputs["SegmenterVersion"].startswith("sam-test-")
    embeds, accepted = stats(sam)["embeds"], endpoint_state(sam)["accepted"]
    assert embeds == len(shown)
    run(eve, shown[0], tmp_path / "again", "brightness=0.3")
    assert endpoint_state(sam)["accepted"] == accepted
    other = ["run", str(shown[0].file.parent), "--dataset", shown[0].dataset, "--out", str(tmp_path / "other")]
    eve.maskmill(*other, "--template", "corner=scene.png:0.02,0.02", "--edit", "corner:hue=20")
    assert endpoint_state(sam)["accepted"] == accepted + 1
    assert stats(sam)["embeds"] == embeds


def test_a_click_and_a_second_one_are_answered_at_once(sam: Laptop, eve: User, shown: list[Shown]) -> None:
    before = endpoint_state(sam)["accepted"]
    ious = []
    for one in shown:
        for truth in one.scene.objects:
            body = {"prompt": click_on(truth).model_dump(mode="json"), "top_k": 3}
            status, answer = eve.get(f"{one.path}/segment", method="POST", body=body)
            assert status == 200, answer
            assert len(answer["candidates"]) == 3
            ious.append(iou(bitmap(answer["candidates"][0]["rle"]), truth))
    assert float(np.mean(ious)) >= 0.8
    assert endpoint_state(sam)["accepted"] == before


def test_everything_is_found_and_kept(sam: Laptop, eve: User, shown: list[Shown]) -> None:
    one = shown[0]
    search = {"points_per_side": 8, "score_min": 0.6, "stability_min": 0.6}
    status, answer = eve.get(f"{one.path}/automask", method="POST", body=search)
    assert status == 200, answer
    masks = [bitmap(found["mask"]["rle"]) for found in answer["masks"]]
    best = [max(iou(mask, truth) for mask in masks) for truth in one.scene.objects]
    assert float(np.mean(best)) >= 0.8
    images = stats(sam)["images"]
    assert eve.get(f"{one.path}/automask", method="POST", body=search) == (status, answer)
    assert stats(sam)["images"] == images


def test_the_embedding_is_handed_out(eve: User, shown: list[Shown]) -> None:
    status, answer = eve.get(f"{shown[0].path}/embedding")
    assert status == 200, answer
    with Client.from_login(eve.profile) as client:
        data = client.storage.get(answer["url"]).content
    assert len(data) == 128 + 128 * 16 * 16 * 2
    assert f" {answer['segmenter']} " in data[:128].decode("ascii")
    assert answer["decoder_url"] == f"/models/{answer['segmenter']}/decoder.onnx"


def test_the_decoder_lies_at_the_pages_origin_as_its_package_names_it(
    sam: Laptop, eve: User, shown: list[Shown]
) -> None:
    """The page decodes with it what the lane embedded."""
    (packaged,) = (sam.state / "models").glob("sam-test-*")
    visitor = Visitor.of(sam)
    with visitor.client:
        answer = visitor.get(eve.get(f"{shown[0].path}/embedding")[1]["decoder_url"])
    assert answer.status_code == 200
    assert answer.content == (packaged / "decoder.onnx").read_bytes()
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_fault_that_a_picture_orders_fails_that_picture_alone(eve: User, tmp_path: Path) -> None:
    """From the upload to the model server and back: masks that do not fit, that nobody asked for, and a refusal."""
    scene = draw_scene(2, height=HEIGHT, width=WIDTH)
    folder = tmp_path / "faults"
    folder.mkdir()
    Image.fromarray(scene.pixels).save(folder / "honest.png")
    for fault in (Fault.REFUSED, Fault.FOREIGN, Fault.WRONG_KEYS):
        Image.fromarray(marked(scene.pixels, fault)).save(folder / f"{fault}.png")
    point = click_on(scene.objects[0]).points[0]
    template = f"thing=honest.png:{point.x},{point.y}"
    arguments = ["--json", "run", str(folder), "--dataset", "faults", "--template", template, "--edit", "thing:hue=40"]
    ended = eve.maskmill(*arguments, "--out", str(tmp_path / "out"), check=False)
    assert ended.returncode != 0
    (job, *_) = eve.get("/jobs")[1]["items"]
    assert job["status"] == "partial"
    items = {item["name"]: item for item in eve.get(f"/jobs/{job['job_id']}/items")[1]["items"]}
    assert items.pop("honest.png")["status"] == "done"
    assert {item["status"] for item in items.values()} == {"failed"}
    codes = {name: item["refusal"]["code"] for name, item in items.items()}
    assert codes == {"refused.png": "model_failed", "foreign.png": "invalid_mask", "wrong_keys.png": "invalid_mask"}


def test_the_page_answers_clicks_by_itself(sam: Laptop, tmp_path: Path) -> None:
    """The decoder runs in the browser: no click asks the service once it is there, and its mask is what a job makes."""
    scene = draw_scene(SEEDS[0], height=HEIGHT, width=WIDTH)
    Image.fromarray(scene.pixels).save(tmp_path / "scene.png")
    truth = max(scene.objects, key=lambda one: one.mean())
    point = click_on(truth).points[0]
    asked: list[str] = []
    with browser() as started, reader(started, sam.page_url) as someone:
        page = someone.page
        page.on("request", lambda request: asked.append(request.url))
        someone.sign_in()
        make_dataset(someone, "in the browser")
        send(someone, [tmp_path / "scene.png"])
        page.get_by_role("gridcell", name="scene.png").click()
        page.get_by_role("link", name="Make a template from it").click()
        expect(page.get_by_role("application").locator("img").first).to_be_visible()
        expect(page.get_by_text("gets ready to answer")).to_be_hidden(timeout=SLOW_MS)
        before = len([url for url in asked if url.endswith("/segment")])
        click_at(page, point.x, point.y)
        status = page.get_by_text(re.compile(r"^Selected [\d.]+ %")).first
        expect(status).to_be_visible(timeout=SLOW_MS)
        share = float(re.findall(r"[\d.]+", status.inner_text())[0]) / 100
        assert [url for url in asked if url.endswith("/segment")][before:] == []
        assert any(url.endswith("/decoder.onnx") for url in asked)
        assert share == pytest.approx(truth.mean(), rel=0.25)
