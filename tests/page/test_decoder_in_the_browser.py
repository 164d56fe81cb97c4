"""The page's own TypeScript in a real Chromium finds the masks that the service finds on the same embedding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.page.browser import Proof, build_proof, lacking, opened, serving

pytest.importorskip("torch", reason="the SAM engines are not installed")
if (lack := lacking("segment_anything", "onnx")) is not None:
    if os.environ.get("CI"):
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack, allow_module_level=True)

from inference_container.masks import decode_rle, encode_mask
from inference_container.segmenter import Bitmap, Patch, Picture, chosen
from inference_container.segmenters.packaging import package
from inference_container.segmenters.sam import SamSegmenter
from maskmill.core.engines import Engine
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from maskmill.core.prompt import MaskChoice, Prompt
from tests.sam_test.judge import AREA_MIN, WEIGHTS, clicked, iou
from tests.sam_test.scenes import draw_scene

IOU_MIN = 0.99
SHAPES = ((384, 512), (512, 320), (200, 256), (900, 1300))  # height, width: larger and smaller than the frame
NO_POINTS = Prompt.model_construct(points=())


@dataclass(slots=True)
class Asked:
    """A prompt on an image, and the service's candidates in the order in which it hands them out."""

    what: str
    prompt: Prompt
    choice: MaskChoice = MaskChoice.BEST
    masks: list[Bitmap] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def as_case(self) -> dict[str, Any]:
        return {"prompt": self.prompt.model_dump(mode="json"), "choice": self.choice, "top_k": 3}


@dataclass(frozen=True, slots=True)
class Photo:
    name: str
    size: Size
    embedding: bytes
    asked: list[Asked]


@pytest.fixture(scope="module")
def segmenter() -> SamSegmenter:
    ready = SamSegmenter(Engine.SAM_TEST, WEIGHTS, device="cpu", threads=1, runtime="torch", precision="fp32")
    ready.setup()
    return ready


@pytest.fixture(scope="module")
def photos(segmenter: SamSegmenter) -> list[Photo]:
    return [_photo(segmenter, seed, height, width) for seed, (height, width) in enumerate(SHAPES)]


def _photo(segmenter: SamSegmenter, seed: int, height: int, width: int) -> Photo:
    scene = draw_scene(seed, height=height, width=width)
    size = Size(height_px=height, width_px=width)
    packed = segmenter.pack(segmenter.embed(Picture.whole(scene.pixels)))
    embedding = segmenter.unpack(packed, size)
    asked = _prompts([truth for truth in scene.objects if truth.mean() >= AREA_MIN])
    for one in asked:
        [candidates] = segmenter.segment(embedding, [one.prompt])
        first = chosen(candidates, one.choice)
        rest = sorted((other for other in candidates if other is not first), key=lambda c: c.score, reverse=True)
        one.masks = [candidate.bitmap() for candidate in (first, *rest)]
        one.scores = [candidate.score for candidate in (first, *rest)]
    return Photo(f"photo-{seed}", size, packed, asked)


def _prompts(objects: list[Bitmap]) -> list[Asked]:
    """Every kind of prompt about the largest object."""
    truth = max(objects, key=lambda mask: int(mask.sum()))
    one = clicked(NO_POINTS, truth, positive=True)
    three = clicked(one, ~truth, positive=False)
    three = clicked(three, _half(truth), positive=True)
    rows, columns = np.nonzero(truth)
    height, width = truth.shape
    box = {
        "left": columns.min() / width,
        "top": rows.min() / height,
        "right": (columns.max() + 1) / width,
        "bottom": (rows.max() + 1) / height,
    }
    previous = encode_mask(Patch.whole(_half(truth)), 1.0).rle
    return [
        Asked("one point", one),
        Asked("one point, the third candidate", one, MaskChoice.THIRD),
        Asked("three points", three),
        Asked("a box", Prompt.model_validate({"box": box})),
        Asked("a box and points", Prompt.model_validate({"box": box, "points": three.points})),
        Asked("a previous mask", Prompt.model_validate({"previous": previous})),
        Asked("a previous mask and a point", Prompt.model_validate({"previous": previous, "points": one.points})),
        Asked("everything", Prompt.model_validate({"box": box, "points": three.points, "previous": previous})),
    ]


def _half(mask: Bitmap) -> Bitmap:
    """The lower half of a mask."""
    part = mask.copy()
    part[: int(np.nonzero(mask)[0].mean())] = False
    return part


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_proof(tmp_path_factory.mktemp("page") / "proof")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("package") / "sam-test"
    package(Engine.SAM_TEST, WEIGHTS, folder)
    return (folder / "decoder.onnx").read_bytes()


@pytest.fixture(scope="module", params=[True, False], ids=["threads", "one thread"])
def proof(
    request: pytest.FixtureRequest, site: Path, decoder: bytes, photos: list[Photo], segmenter: SamSegmenter
) -> Iterator[Proof]:
    """The page, isolated from other origins and so with threads, or not."""
    served = {f"/media/t/{photo.name}": photo.embedding for photo in photos}
    served[f"/models/{segmenter.version}/decoder.onnx"] = decoder
    served["/media/t/cut"] = photos[0].embedding[:-2]
    served["/media/t/nan"] = photos[0].embedding[:-2] + b"\x00\x7e"
    served["/models/sam-vit-b-0123456789ab/decoder.onnx"] = decoder
    with serving(site, served, is_isolated=request.param) as address, opened(address) as page:
        assert page.is_isolated == request.param
        yield page


def scene(photo: Photo, version: str) -> dict[str, object]:
    return {
        "image": photo.name,
        "segmenter": version,
        "embedding_url": f"/t/{photo.name}",
        "decoder_url": f"/models/{version}/decoder.onnx",
        "frame_px": 256,
        "size": photo.size.model_dump(),
    }


def test_the_page_finds_the_masks_of_the_service(proof: Proof, photos: list[Photo], segmenter: SamSegmenter) -> None:
    for photo in photos:
        answers = proof.call("masks", scene(photo, segmenter.version), [one.as_case() for one in photo.asked], None)
        for one, answer in zip(photo.asked, answers, strict=True):
            assert len(answer["masks"]) == 3
            for mask, score, found in zip(one.masks, one.scores, answer["masks"], strict=True):
                assert found["score"] == pytest.approx(min(1.0, max(0.0, score)), abs=5e-3), one.what
                bitmap = decode_rle(Rle.model_validate(found["rle"]), photo.size)
                assert iou(bitmap, mask) >= IOU_MIN, f"{one.what} on {photo.name}"
    assert proof.complaints == []


REFUSED = {
    "another segmenter's embedding": (
        {"segmenter": "sam-vit-b-0123456789ab", "decoder_url": "/models/sam-vit-b-0123456789ab/decoder.onnx"},
        "The embedding is of sam-test-",
    ),
    "another segmenter's decoder": (
        {"decoder_url": "/models/sam-vit-b-0123456789ab/decoder.onnx"},
        "the decoder is /models/sam-vit-b-0123456789ab/decoder.onnx",
    ),
    "an embedding that is cut off": ({"embedding_url": "/t/cut"}, "The embedding has"),
    "an embedding with a number that is none": ({"embedding_url": "/t/nan"}, "no number"),
    "an embedding of another image": ({"embedding_url": "/t/photo-1"}, "an image of 512 × 320 pixels"),
    "an embedding that is not there": ({"embedding_url": "/t/none"}, "none is answered with 404"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_page_refuses(proof: Proof, photos: list[Photo], segmenter: SamSegmenter, what: str) -> None:
    from playwright.sync_api import Error

    changes, words = REFUSED[what]
    with pytest.raises(Error, match=words):
        proof.call("masks", scene(photos[0], segmenter.version) | changes, [], None)
    proof.complaints.clear()  # a browser complains about every 404
