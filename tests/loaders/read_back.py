"""Reads an export with the program it is meant for and prints what it found as JSON; run by `.venv-loaders/bin/python`.

    python tests/loaders/read_back.py <reader> <folder>

The answer is a list of pictures: split, file, size, and objects as [class, counts of the compressed RLE].
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Found = Iterator[dict[str, Any]]
SPLITS = ("train", "val", "test")


def counts_of(mask: Any) -> str:
    return str(coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode())


def picture(split: str, file: str, size: tuple[int, int], objects: list[tuple[str, Any]]) -> dict[str, Any]:
    found = [[name, mask if isinstance(mask, str) else counts_of(mask)] for name, mask in objects]
    return {"split": split, "file": Path(file).stem, "size": list(size), "objects": sorted(found)}


def by_pycocotools(folder: Path) -> Found:
    from pycocotools.coco import COCO

    for file in sorted((folder / "annotations").glob("instances_*.json")):
        split, coco = file.stem.removeprefix("instances_"), COCO(str(file))
        for number, image in coco.imgs.items():
            assert (folder / "images" / split / image["file_name"]).is_file()
            notes = coco.loadAnns(coco.getAnnIds(imgIds=[number]))
            objects = [(coco.cats[note["category_id"]]["name"], coco.annToMask(note)) for note in notes]
            yield picture(split, image["file_name"], (image["height"], image["width"]), objects)


def _by_supervision(dataset: Any, split: str) -> Found:
    for path, image, found in dataset:
        objects = (
            [(dataset.classes[int(number)], mask) for number, mask in zip(found.class_id, found.mask, strict=True)]
            if len(found)
            else []
        )
        yield picture(split, path, image.shape[:2], objects)


def coco_by_supervision(folder: Path) -> Found:
    import supervision as sv

    for split in splits_in(folder / "images"):
        notes = folder / "annotations" / f"instances_{split}.json"
        dataset = sv.DetectionDataset.from_coco(str(folder / "images" / split), str(notes), force_masks=True)
        yield from _by_supervision(dataset, split)


def yolo_by_supervision(folder: Path) -> Found:
    import supervision as sv

    for split in splits_in(folder / "images"):
        dataset = sv.DetectionDataset.from_yolo(
            str(folder / "images" / split), str(folder / "labels" / split), str(folder / "data.yaml"), force_masks=True
        )
        yield from _by_supervision(dataset, split)


def voc_boxes_by_supervision(folder: Path) -> Found:
    import supervision as sv

    dataset = sv.DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))
    for path, image, found in dataset:
        boxes = [
            (dataset.classes[int(number)], json.dumps([int(v) for v in box]))
            for number, box in zip(found.class_id, found.xyxy, strict=True)
        ]
        yield picture("", path, image.shape[:2], boxes)


def _by_datumaro(folder: Path, form: str) -> Found:
    from datumaro.components.annotation import AnnotationType
    from datumaro.components.dataset import Dataset

    dataset = Dataset.import_from(str(folder), form)
    names = [label.name for label in dataset.categories()[AnnotationType.label]]
    for item in dataset:
        masks = [note for note in item.annotations if note.type is AnnotationType.mask]
        objects = [(names[note.label], note.image) for note in masks]
        yield picture(str(item.subset), f"{item.id}.x", item.media.data.shape[:2], objects)


def coco_by_datumaro(folder: Path) -> Found:
    return _by_datumaro(folder, "coco_instances")


def voc_by_datumaro(folder: Path) -> Found:
    return _by_datumaro(folder, "voc_segmentation")


def _by_datasets(dataset: Any, split: str) -> Found:
    for row in dataset:
        objects = row["objects"]
        found = [(name, rle["counts"]) for name, rle in zip(objects["category"], objects["segmentation"], strict=True)]
        size = (row["image"].height, row["image"].width)
        assert row["mask"].size == row["image"].size
        assert (row["height"], row["width"]) == size
        held = set(np.unique(np.asarray(row["mask"])).tolist()) - {0}
        assert len(held) <= len({name for name, _ in found})
        yield picture(split, row["name"] + ".x", size, found)


def imagefolder_by_datasets(folder: Path) -> Found:
    from datasets import load_dataset

    for split in splits_in(folder):
        loaded = load_dataset("imagefolder", data_dir=str(folder), split={"val": "validation"}.get(split, split))
        yield from _by_datasets(loaded, split)


def parquet_by_datasets(folder: Path) -> Found:
    from datasets import load_dataset

    for split in SPLITS:
        files = sorted(map(str, folder.glob(f"{split}-*.parquet")))
        if files:
            yield from _by_datasets(load_dataset("parquet", data_files=files, split="train"), split)


def webdataset_by_datasets(folder: Path) -> Found:
    from datasets import load_dataset

    for split in SPLITS:
        files = sorted(map(str, folder.glob(f"{split}-*.tar")))
        if files:
            for row in load_dataset("webdataset", data_files=files, split="train"):
                image = next(value for name, value in row.items() if name.startswith("image."))
                objects = row["json"]["objects"]
                found = [
                    (name, rle["counts"])
                    for name, rle in zip(objects["category"], objects["segmentation"], strict=True)
                ]
                assert row["mask.png"].size == image.size
                yield picture(split, row["json"]["name"] + ".x", (image.height, image.width), found)


def webdataset_by_webdataset(folder: Path) -> Found:
    import webdataset

    for split in SPLITS:
        files = sorted(map(str, folder.glob(f"{split}-*.tar")))
        for row in webdataset.WebDataset(files, shardshuffle=False).decode("pil") if files else ():
            image = next(value for name, value in row.items() if name.startswith("image."))
            objects = row["json"]["objects"]
            found = [
                (name, rle["counts"]) for name, rle in zip(objects["category"], objects["segmentation"], strict=True)
            ]
            assert row["mask.png"].size == image.size
            yield picture(split, row["json"]["name"] + ".x", (image.height, image.width), found)


def splits_in(folder: Path) -> list[str]:
    return [split for split in SPLITS if (folder / split).is_dir()]


READERS: dict[str, Callable[[Path], Found]] = {
    "coco-pycocotools": by_pycocotools,
    "coco-supervision": coco_by_supervision,
    "coco-datumaro": coco_by_datumaro,
    "yolo-seg-supervision": yolo_by_supervision,
    "voc-datumaro": voc_by_datumaro,
    "voc-boxes-supervision": voc_boxes_by_supervision,
    "imagefolder-datasets": imagefolder_by_datasets,
    "parquet-datasets": parquet_by_datasets,
    "webdataset-datasets": webdataset_by_datasets,
    "webdataset-webdataset": webdataset_by_webdataset,
}


def _refuse(*_given: Any, **_named: Any) -> None:
    raise OSError("no program that reads a dataset needs the network")


def main() -> None:
    socket.socket.connect = _refuse  # type: ignore[method-assign,assignment]
    found = list(READERS[sys.argv[1]](Path(sys.argv[2])))
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
