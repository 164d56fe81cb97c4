"""Every export as the program that it is made for reads it: all pictures, all labels, and what each format promises.

200 photos with five samples of each, with a hole, two parts, overlaps and a dot of one pixel among the labels.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskmill.core.export import ExportFormat, ExportReceipt
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from maskmill.imaging.contours import iou
from maskmill.imaging.masks import mask_of
from tests.unit.exports.made import HEIGHT, SPLITS, WIDTH, Finished, masks_of, recipe

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-loaders" / "bin" / "python"
SIZE = Size(height_px=HEIGHT, width_px=WIDTH)
IMAGES, SAMPLES = 200, 5
EVERYWHERE = {**SPLITS, "variants_in": ["train", "val", "test"]}
Read = Callable[[str], tuple[ExportReceipt, list[dict[str, Any]]]]

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="`make test` installs the programs that read datasets"),
    pytest.mark.xdist_group("loaders"),  # they share what is made once
]


@pytest.fixture(scope="module")
def finished() -> Finished:
    return Finished(IMAGES, recipe(samples_per_image=SAMPLES, splits=EVERYWHERE))


@pytest.fixture(scope="module")
def read(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Read:
    folders: dict[str, tuple[ExportReceipt, Path]] = {}
    cache = tmp_path_factory.mktemp("cache")

    def run(reader: str) -> tuple[ExportReceipt, list[dict[str, Any]]]:
        name = next(one.value for one in ExportFormat if reader.startswith(f"{one.value}-"))
        if name not in folders:
            receipt = finished.export(ExportFormat(name))
            folders[name] = receipt, finished.unpack(receipt, tmp_path_factory.mktemp(name))
        receipt, folder = folders[name]
        offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(cache), "HOME": str(cache)}
        command = [str(PYTHON), str(Path(__file__).with_name("read_back.py")), reader, str(folder)]
        environment = {"PATH": os.environ["PATH"], **offline}
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert answer.returncode == 0, answer.stderr[-2000:]
        return receipt, json.loads(answer.stdout.splitlines()[-1])

    return run


def counted(receipt: ExportReceipt) -> dict[str, int]:
    return {split.value: tally.pictures for split, tally in receipt.splits.items()}


def mask(counts: str) -> np.ndarray:
    return mask_of(Rle(size=SIZE, counts=counts))


def ious(finished: Finished, found: list[dict[str, Any]]) -> list[float]:
    """Of every object that was read, against the run lengths, which are the truth; one object for each class."""
    got = []
    for picture in found:
        assert len({name for name, _ in picture["objects"]}) == len(picture["objects"]), "an object came in pieces"
        got += [iou(mask(counts), mask(finished.truth[picture["file"]][name])) for name, counts in picture["objects"]]
    return got


RLE_READERS = [
    "coco-pycocotools",
    "coco-supervision",
    "coco-datumaro",
    "imagefolder-datasets",
    "parquet-datasets",
    "webdataset-datasets",
    "webdataset-webdataset",
]


@pytest.mark.slow
@pytest.mark.parametrize("reader", RLE_READERS)
def test_run_lengths_come_back_bit_for_bit(finished: Finished, read: Read, reader: str) -> None:
    receipt, found = read(reader)
    assert len(found) == IMAGES * (1 + SAMPLES)
    assert Counter(picture["split"] for picture in found) == counted(receipt)
    for picture in found:
        truth = finished.truth[picture["file"]]
        assert picture["size"] == [HEIGHT, WIDTH]
        assert dict(picture["objects"]) == truth, picture["file"]
        assert picture["split"] == finished.split_of(picture["file"])
    assert receipt.loss.labels == sum(map(len, finished.truth.values()))
    assert receipt.loss.iou_min == 1.0


@pytest.mark.slow
def test_yolo_keeps_holes_and_objects_whole_and_says_what_that_cost(finished: Finished, read: Read) -> None:
    receipt, found = read("yolo-seg-supervision")
    assert Counter(picture["split"] for picture in found) == counted(receipt)
    got = ious(finished, found)
    loss = receipt.loss
    assert loss.labels == len(got)
    assert loss.iou_mean == pytest.approx(np.mean(got))
    assert loss.iou_min == pytest.approx(min(got))
    assert (loss.holes_lost, loss.objects_split) == (0, 0)
    assert loss.labels_dropped == len(found), "the dot of one pixel in each picture"
    for picture in found:
        middle = 20 + (int(picture["file"][:4]) - 1) % 9
        assert not mask(dict(picture["objects"])["ring"])[22, middle], "the hole"


@pytest.mark.slow
def test_voc_gives_each_pixel_one_owner_and_says_what_that_cost(finished: Finished, read: Read) -> None:
    receipt, found = read("voc-datumaro")
    got = ious(finished, found)
    assert Counter(picture["split"] for picture in found) == counted(receipt)
    assert receipt.loss.labels == len(got)
    assert receipt.loss.iou_mean == pytest.approx(np.mean(got))
    assert receipt.loss.iou_min == pytest.approx(min(got))
    for picture in found:
        masks = [mask(counts) for _, counts in picture["objects"]]
        assert np.sum(masks, axis=0).max() == 1


@pytest.mark.slow
def test_voc_boxes_are_those_of_the_masks(read: Read) -> None:
    _, found = read("voc-boxes-supervision")
    for picture in found:
        for name, box in picture["objects"]:
            rows, columns = np.nonzero(masks_of(int(picture["file"][:4]) - 1)[name])
            assert json.loads(box) == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
