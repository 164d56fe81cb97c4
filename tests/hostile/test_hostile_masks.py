"""Row E17: a model server that answers something else than what it was asked; no wrong mask is ever taken for a right one.

What it says is refused image by image: the item is asked for again, alone, and fails in the end with a stable code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from maskmill.core.item import ItemStatus
from maskmill.core.limits import MODEL_ATTEMPTS_MAX
from maskmill.imaging.masks import mask_of
from tests.unit.lambdas.scene import Scene

Answer = dict[str, Any]
Spoil = Callable[[Answer, Answer], object]  # of a good answer, and of what it says of the first image

SMALL = {"height_px": 3, "width_px": 3}
WHOLE = "`U1"  # 30 · 40 pixels of background


def counts_of(text: str) -> Spoil:
    def spoil(_: Answer, image: Answer) -> None:
        image["masks"][0]["mask"]["rle"]["counts"] = text

    return spoil


def replaced(**values: Any) -> Spoil:
    return lambda _, image: image.update(values)


def of_mask(**values: Any) -> Spoil:
    return lambda _, image: image["masks"][0].update(values)


BAD: dict[str, tuple[str, Spoil]] = {
    "E17a": ("no text of run lengths", counts_of("<svg>")),
    "E17b": ("a text that is cut off", counts_of("P")),
    "E17c": ("too few pixels", counts_of("5")),
    "E17d": ("too many pixels", counts_of(WHOLE + "9")),
    "E17e": ("a run below nothing", counts_of("0O")),
    "E17f": ("nothing", counts_of("")),
    "E17g": ("a run beyond 64 bits", counts_of("o" * 40 + "0")),
    "E17h": ("letters of another alphabet", counts_of("ø")),
    "E17i": ("a mask of another size", lambda _, image: image["masks"][0]["mask"]["rle"].update(size=SMALL, counts="9")),
    "E17j": ("no masks", replaced(masks=[])),
    "E17k": ("a mask that nobody asked for", of_mask(mask_key="0" * 40)),
    "E17l": ("two masks for one prompt", lambda _, image: image["masks"].append(image["masks"][0])),
    "E17m": ("a mask too many", lambda _, image: image["masks"].append({**image["masks"][0], "mask_key": "f" * 40})),
    "E17n": ("the image twice", lambda answer, image: answer["images"].append(image)),
    "E17o": ("another image in its place", replaced(image_key="0.99")),
    "E17p": ("not this image", lambda answer, image: answer["images"].remove(image)),
    "E17q": ("a score of nothing", lambda _, image: image["masks"][0]["mask"].update(score=None)),
    "E17r": ("a score beyond 1", lambda _, image: image["masks"][0]["mask"].update(score=1.5)),
    "E17s": ("a version of tomorrow", lambda answer, _: answer.update(version=2)),
    "E17t": ("images that are no list", lambda answer, _: answer.update(images={"0.0": {}})),
}  # fmt: skip
BYTES: dict[str, bytes] = {
    "E17u": b"",
    "E17v": b"null",
    "E17w": b"<html>504</html>",
    "E17x": b'{"segmenter": "classic-1", "images": [{"image_key": "0.0", "masks": NaN}]}',
    "E17y": b"[" * 100_000,
}


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    made.submit()
    made.plan()
    strict = replace(made.collecting, check=lambda rle, size: mask_of(rle, size=size))
    monkeypatch.setattr(Scene, "collecting", property(lambda _self: strict))
    return made


def masks_kept(scene: Scene) -> list[str]:
    return [key.sk for key in scene.table.rows if key.sk.startswith("MASK#") and f"{0:064x}" in key.pk]


def bad_answer(scene: Scene, request: str, row: str) -> bytes:
    return BYTES[row] if row in BYTES else spoilt(scene, request, BAD[row][1])


def spoilt(scene: Scene, request: str, spoil: Spoil) -> bytes:
    """A good answer of empty masks, in which something is wrong with the first image."""
    good = json.loads(scene.good_answer(request).model_dump_json())
    for image in good["images"]:
        image["masks"][0]["mask"]["rle"]["counts"] = WHOLE
    spoil(good, next(image for image in good["images"] if image["image_key"] == "0.0"))
    return json.dumps(good).encode()


@pytest.mark.parametrize("row", [*BAD, *BYTES])
def test_an_answer_that_is_none_is_asked_for_again_and_fails_in_the_end(scene: Scene, row: str) -> None:
    request = scene.dispatch()
    scene.answer(request, bad_answer(scene, request, row))
    assert masks_kept(scene) == []
    assert scene.chunk().items[0].status in (ItemStatus.SEGMENTING, ItemStatus.PENDING)
    for _ in range(MODEL_ATTEMPTS_MAX):
        request = scene.dispatch((0,))
        scene.answer(request, bad_answer(scene, request, row))
    item = scene.chunk().items[0]
    assert item.refusal is not None
    assert (item.status, item.refusal.code) == (ItemStatus.FAILED, "invalid_mask")
    assert masks_kept(scene) == []


def test_e17z_an_empty_mask_is_an_honest_answer(scene: Scene) -> None:
    """It is kept, and rendering ends the item as `no_match`: tests/unit/lambdas/test_pictures.py."""
    request = scene.dispatch()
    scene.answer(request, spoilt(scene, request, lambda _answer, _image: None))
    assert scene.chunk().items[0].status is ItemStatus.RENDERING
    assert len(masks_kept(scene)) == 1
