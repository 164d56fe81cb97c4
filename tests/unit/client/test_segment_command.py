"""`maskmill segment` and `maskmill automask`: a click is tried on one picture, and everything in it is looked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maskmill.client import Client
from maskmill.core.api import SegmentImage
from maskmill.core.errors import MaskmillError, Unavailable
from maskmill.core.geometry import PixelPoint, Point, Size
from maskmill.core.prompt import Prompt
from maskmill.imaging.masks import area_of, area_px, holds, rle_of
from tests.unit.client.fake_service import FakeService, half, problem
from tests.unit.client.test_command import Shell

CLICK = SegmentImage(prompt=Prompt(points=(Point(x=0.5, y=0.5),)))


@pytest.fixture
def shell(service: FakeService, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in whose service the photos are."""
    monkeypatch.chdir(tmp_path)
    signed_in = Shell(service, tmp_path)
    signed_in("upload", photos, "--dataset", "caps")
    return signed_in


def pixels(path: Path) -> Any:
    return np.asarray(Image.open(path))


def test_a_click_becomes_a_mask_and_a_preview(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    mask, overlay = tmp_path / "made" / "mask.png", tmp_path / "overlay.png"
    outcome = shell("segment", "caps", "cap=photo1.jpg:200px,0.4", "--out", mask, "--overlay", overlay)
    assert "0.90" in outcome.stdout and "60000" in outcome.stdout
    assert pixels(mask).shape == (300, 400)
    assert (pixels(mask)[:, :200] == 255).all() and not pixels(mask)[:, 200:].any()
    painted = pixels(overlay)
    assert painted.shape == (300, 400, 3)
    assert (painted[:, 250:] == painted[0, 300]).all()
    assert tuple(painted[150, 100]) != tuple(painted[150, 300])
    (asked,) = service.prompts
    assert asked.prompt.points == (Point(x=200.5 / 400, y=0.4),)
    assert (asked.choice, asked.top_k) == ("best", 1)
    assert service.templates["d0"] == []  # it was tried, not made


def test_candidates_are_numbered_and_refined_as_the_template_says(
    shell: Shell, service: FakeService, tmp_path: Path
) -> None:
    text = "cap=photo1.jpg:0.2,0.4;!0.9,0.9@grow=-10,choice=1"
    found = shell.json("segment", "caps", text, "--top", "3", "--out", tmp_path / "m.png")
    assert [Path(one["file"]).name for one in found["candidates"]] == ["m.png", "m-2.png", "m-3.png"]
    assert [one["score"] for one in found["candidates"]] == [0.9, 0.4, 0.1]
    assert found["candidates"][0]["area_px"] == 190 * 300  # the edge inside the picture went back by ten pixels
    assert found["candidates"][0]["box"] == {"x": 0, "y": 0, "width": 190, "height": 300}
    assert not pixels(tmp_path / "m-3.png").any()
    assert (service.prompts[0].choice, service.prompts[0].top_k) == ("1", 3)
    assert [point.positive for point in service.prompts[0].prompt.points] == [True, False]


def test_the_parts_of_a_mask_come_one_by_one(shell: Shell, tmp_path: Path) -> None:
    mask, overlay = tmp_path / "part.png", tmp_path / "parts.png"
    found = shell.json("segment", "caps", "cap=photo1.jpg:0.2,0.4", "--parts", "4", "--out", mask, "--overlay", overlay)
    assert [part["area_px"] for part in found["parts"]] == [60000]
    assert "candidates" not in found
    assert (pixels(mask)[:, :200] == 255).all()
    assert tuple(pixels(overlay)[150, 100]) != tuple(pixels(overlay)[150, 300])


def test_a_mask_in_a_file_becomes_a_template(shell: Shell, service: FakeService, photos: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    shell("segment", "caps", "cap=photo1.jpg:0.2,0.4", "--out", mask)
    edits = ("-t", f"cap=photo1.jpg:mask={mask}", "-e", "cap:hue=40")
    shell("run", photos / "photo1.jpg", "--dataset", "caps", *edits, "--out", tmp_path / "out")
    (template,) = service.templates["d0"]
    assert template["placement"] == "mask"
    assert template["prompt"]["previous"] == half("left")["rle"]
    assert template["reference_image_id"] == "i1"
    listed = shell("templates", "list", "caps").stdout
    assert "60000 px of 400 × 300" in listed


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "No such file"),
        (b"GIF89a", "is no PNG that can be read"),
        ((20, 10), "has 20 × 10 pixels, the picture 400 × 300"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(
    shell: Shell, photos: Path, tmp_path: Path, data: bytes | tuple[int, int] | None, words: str
) -> None:
    mask = tmp_path / "mask.png"
    if isinstance(data, bytes):
        mask.write_bytes(data)
    elif data is not None:
        Image.new("L", data, 255).save(mask)
    outcome = shell("jobs", "submit", "caps", "-t", f"cap=photo1.jpg:mask={mask}", status=1)
    assert words in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("caps", "cap=photo9.jpg:0.5,0.5"), 1, "no picture 'photo9.jpg'"),
        (("hats", "cap=photo1.jpg:0.5,0.5"), 1, "no dataset 'hats'"),
        (("caps", "cap=whole"), 1, "names no picture"),
        (("caps", "cap=photo1.jpg:2,0.5"), 2, "outside [0, 1]"),
        (("caps", "cap=photo1.jpg:900px,3px"), 1, "outside the picture"),
        (("caps", "cap=photo1.jpg:0.5,0.5", "--top", "4"), 2, "--top"),
    ],
)
def test_a_click_that_cannot_be_tried_says_why(
    shell: Shell, service: FakeService, arguments: tuple[str, ...], status: int, words: str
) -> None:
    assert words in shell("segment", *arguments, status=status).stderr.replace("\n", " ")
    assert service.prompts == []


def test_a_lane_that_is_loading_is_asked_again(shell: Shell, service: FakeService) -> None:
    busy = problem(503, "model_unavailable", **{"Retry-After": "0"})
    service.faults += [("POST /api/v1/datasets/d0/images/", busy)]
    assert shell.json("segment", "caps", "cap=photo1.jpg:0.5,0.5")["candidates"]
    assert sum("segment" in call for call in service.calls) == 2


@pytest.mark.parametrize(("status", "code"), [(502, "model_failed"), (504, "model_timeout")])
def test_a_failure_that_would_come_again_is_told_at_once(
    shell: Shell, service: FakeService, status: int, code: str
) -> None:
    service.faults += [("POST /api/v1/datasets/d0/images/", problem(status, code))] * 2
    assert shell.json("segment", "caps", "cap=photo1.jpg:0.5,0.5", status=4)["error"]["code"] == code
    assert sum("segment" in call for call in service.calls) == 1


def test_everything_is_listed_and_painted(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    overlay = tmp_path / "all.png"
    found = shell.json("automask", "caps", "photo0.jpg", "--overlay", overlay)
    assert (len(found["masks"]), found["search"]["points_per_side"]) == (3, 4)
    assert service.searches == [{}]  # the service knows best how many points it gets through
    colours = {tuple(pixels(overlay)[150, column]) for column in (50, 150, 300)}
    assert len(colours) == 3
    assert shell("automask", "caps", "photo0.jpg").stdout.count("0.97") == 3


def test_where_nothing_is_sure_enough_the_bound_is_named(shell: Shell, service: FakeService) -> None:
    said = shell("automask", "caps", "photo0.jpg", "--score", "0.99")
    assert service.searches == [{"score_min": 0.99}]
    assert "Nothing scored 0.99 or more. Lower it with --score." in said.stdout + said.stderr


def test_the_smallest_thing_at_a_point_is_picked(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    arguments = ("automask", "caps", "photo0.jpg", "--points", "8", "--out", mask)
    (inner,) = shell.json(*arguments, "--at", "0.35,0.5")["masks"]
    assert (pixels(mask) > 0).sum() == 100 * 80
    (outer,) = shell.json(*arguments, "--at", "10px,10px")["masks"]
    assert (pixels(mask) > 0).sum() == 300 * 200
    assert inner != outer
    assert service.searches == [{"points_per_side": 8}] * 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--out", "mask.png"), 2, "--at"),
        (("--at", "0.5"), 2, "x,y"),
        (("--at", "0.1,0.1;0.2,0.2"), 2, "not one point"),
        (("--at", "box=0,0,1,1"), 2, "not one point"),
    ],
)
def test_a_wrong_wish_is_refused_in_words(
    shell: Shell, service: FakeService, arguments: tuple[str, ...], status: int, words: str
) -> None:
    assert words in shell("automask", "caps", "photo0.jpg", *arguments, status=status).stderr


def test_where_nothing_was_found_a_click_is_advised(
    shell: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.client.fake_service.half", lambda side: {"rle": EMPTY, "score": 0.5})
    outcome = shell("automask", "caps", "photo0.jpg", "--at", "0.9,0.9", status=1)
    assert "no_object_found" in outcome.stderr and "maskmill segment" in outcome.stderr


EMPTY = rle_of(np.zeros((300, 400), np.bool_)).model_dump(mode="json")


def test_an_embedding_that_is_being_made_has_no_address_yet(client: Client, shell: Shell) -> None:
    assert client.embedding("d0", "i0").url is None


def test_a_picture_that_changed_on_its_way_is_not_painted(shell: Shell, service: FakeService, tmp_path: Path) -> None:
    shell("images", "caps")
    for key in list(service.store.objects):
        if key.startswith("source-"):
            service.store.objects[key] = b"something else"
    outcome = shell("segment", "caps", "cap=photo1.jpg:0.5,0.5", "--overlay", tmp_path / "o.png", status=1)
    assert "checksum_mismatch" in outcome.stderr
    assert not (tmp_path / "o.png").exists()


def test_a_broken_connection_is_unavailable(client: Client, service: FakeService, shell: Shell) -> None:
    service.faults += [("POST /api/v1/datasets/d0/images/", problem(503, "model_unavailable"))] * 9
    with pytest.raises(Unavailable):
        client.segment("d0", "i0", CLICK)
    with pytest.raises(MaskmillError, match="not_found"):
        client.segment("none", "i0", CLICK)


def test_run_lengths_are_asked_without_drawing_them() -> None:
    rng = np.random.default_rng(5)
    mask = rng.random((7, 9)) > 0.6
    rle = rle_of(mask)
    assert rle.size == Size(height_px=7, width_px=9)
    assert area_of(rle) == area_px(mask)
    for row in range(7):
        for column in range(9):
            assert holds(rle, PixelPoint(row, column)) == mask[row, column]
