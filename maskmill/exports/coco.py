"""COCO instances with compressed RLE, streamed; it knows no store (labels' RLEs come through a function).

The numbers of images and annotations are their positions, from 1, so that the same items give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from maskmill.core.mask import Rle
from maskmill.core.result import ItemResult, Label
from maskmill.exports.layout import DatasetPicture, pictures_of

RleOf = Callable[[Label], Rle]


def instances(
    items: Iterable[ItemResult], rle_of: RleOf, *, categories: Sequence[str], include_sources: bool
) -> Iterator[bytes]:
    """`instances.json` as chunks of UTF-8 of about one picture each.

    `items` is iterated twice, first for the images and then for the annotations, so it must be a collection or start
    anew each time, in one order. `categories` are the names of the recipe's templates in its order. `rle_of` is asked
    once per label and item. Empty labels have no annotation. Raises KeyError for a label outside `categories`.
    """
    numbers = {name: number for number, name in enumerate(categories, start=1)}
    yield _text({"info": {"description": "Maskmill", "version": "1.0"}, "licenses": []})[:-1]
    yield b',"categories":' + _text([_category(name, number) for name, number in numbers.items()])
    yield b',"images":['
    yield from _joined(_images(items, include_sources))
    yield b'],"annotations":['
    yield from _joined(_annotations(items, rle_of, numbers, include_sources))
    yield b"]}\n"


def _images(items: Iterable[ItemResult], include_sources: bool) -> Iterator[dict[str, object]]:
    numbers = count(1)
    for item in items:
        for picture in pictures_of(item, include_source=include_sources):
            yield {
                "id": next(numbers),
                "file_name": picture.file,
                "width": picture.size.width_px,
                "height": picture.size.height_px,
            }


def _annotations(
    items: Iterable[ItemResult], rle_of: RleOf, categories: dict[str, int], include_sources: bool
) -> Iterator[dict[str, object]]:
    images, numbers = count(1), count(1)
    for item in items:
        known: dict[str, Rle] = {}
        for picture in pictures_of(item, include_source=include_sources):
            image = next(images)
            for label in picture.labels:
                rle = known.get(label.object_id) or known.setdefault(label.object_id, rle_of(label))
                numbered = {"id": next(numbers), "image_id": image, "category_id": categories[label.name]}
                yield {**numbered, **_annotation(picture, label, rle)}


def _annotation(picture: DatasetPicture, label: Label, rle: Rle) -> dict[str, object]:
    return {
        "segmentation": rle.coco(),
        "iscrowd": 0,
        "area": label.area_px,
        "bbox": [label.box.x, label.box.y, label.box.width, label.box.height],
        "score": label.score,
        "mask_file": picture.mask_file(label),
    }


def _category(name: str, number: int) -> dict[str, object]:
    return {"id": number, "name": name, "supercategory": "object"}


def _joined(entries: Iterable[dict[str, object]]) -> Iterator[bytes]:
    for position, entry in enumerate(entries):
        yield (b",\n" if position else b"\n") + _text(entry)


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")
