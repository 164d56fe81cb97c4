"""COCO instances with compressed RLE, streamed; it knows no store (labels' RLEs come through a function).

The numbers of images and annotations are their positions, from 1, so that the same items give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count

from maskmill.core.export import Split
from maskmill.core.mask import Rle
from maskmill.core.result import Label
from maskmill.exports.archive import Member
from maskmill.exports.entries import Entry, RleOf, labelled
from maskmill.exports.exporter import Content, Dataset, File, Needs, classes_of
from maskmill.exports.layout import DatasetPicture
from maskmill.exports.tally import Count

Pictures = Callable[[], Iterable[DatasetPicture]]
Namer = Callable[[DatasetPicture], str]
MaskNamer = Callable[[DatasetPicture, Label], str]


def instances(
    pictures: Pictures,
    rle_of: RleOf,
    *,
    categories: Sequence[str],
    file_of: Namer,
    mask_of: MaskNamer | None = None,
    written: Callable[[Label, Rle], None] | None = None,
) -> Iterator[bytes]:
    """`instances.json` as chunks of UTF-8 of about one picture each.

    `pictures` is called twice, first for the images and then for the annotations, and must give them in one order.
    `categories` are the names of the recipe's templates in its order. `rle_of` is asked once per label and item.
    `file_of` and `mask_of` name the files of pictures and masks; `written` is told of every annotation. Empty labels
    have none. Raises KeyError for a label outside `categories`.
    """
    numbers = {name: number for number, name in enumerate(categories, start=1)}
    yield _text({"info": {"description": "Maskmill", "version": "1.0"}, "licenses": []})[:-1]
    yield b',"categories":' + _text([_category(name, number) for name, number in numbers.items()])
    yield b',"images":['
    yield from _joined(map(_text, _images(pictures(), file_of)))
    yield b'],"annotations":['
    yield from _joined(_annotations(labelled(pictures(), rle_of), numbers, mask_of, written))
    yield b"]}\n"


class CocoExporter:
    """`annotations/instances_<split>.json` and `images/<split>/`, as datumaro wants them; the pictures as they are."""

    needs = Needs.PICTURE
    draws = False

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        for split in dataset.splits():
            yield Member(f"annotations/instances_{split}.json", partial(self._instances, dataset, split, count))

    def _instances(self, dataset: Dataset, split: Split, count: Count) -> Iterator[bytes]:
        def pictures() -> Iterator[DatasetPicture]:
            return (entry.picture for entry in dataset.entries(split))

        yield from instances(
            pictures,
            dataset.rles(split),
            categories=classes_of(dataset.recipe),
            file_of=lambda picture: Entry(picture, split).file,
            written=count.measure_exact,
        )

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        count.add(entry, entry.picture.labels)
        yield File(f"images/{entry.split}/{entry.file}", content.data)


def _images(pictures: Iterable[DatasetPicture], file_of: Namer) -> Iterator[dict[str, object]]:
    for number, picture in enumerate(pictures, start=1):
        size = picture.size
        yield {"id": number, "file_name": file_of(picture), "width": size.width_px, "height": size.height_px}


def _annotations(
    pictures: Iterable[tuple[DatasetPicture, Sequence[Rle]]],
    categories: dict[str, int],
    mask_of: MaskNamer | None,
    written: Callable[[Label, Rle], None] | None,
) -> Iterator[bytes]:
    """What pictures of one item share is made into text once: an object's mask, measures and score are its own."""
    numbers, index, known = count(1), -1, dict[tuple[str, str | None], bytes]()
    for image, (picture, rles) in enumerate(pictures, start=1):
        if picture.item.index != index:
            index, known = picture.item.index, {}
        for label, rle in zip(picture.labels, rles, strict=True):
            shared = label.object_id, None if mask_of is None else mask_of(picture, label)
            if shared not in known:
                known[shared] = _text(_annotation(label, rle, shared[1]))[1:]
            if written is not None:
                written(label, rle)
            numbered = b'{"id":%d,"image_id":%d,"category_id":%d,'
            yield numbered % (next(numbers), image, categories[label.name]) + known[shared]


def _annotation(label: Label, rle: Rle, mask_file: str | None) -> dict[str, object]:
    found: dict[str, object] = {
        "segmentation": rle.coco(),
        "iscrowd": 0,
        "area": label.area_px,
        "bbox": [label.box.x, label.box.y, label.box.width, label.box.height],
        "score": label.score,
    }
    return found if mask_file is None else {**found, "mask_file": mask_file}


def _category(name: str, number: int) -> dict[str, object]:
    return {"id": number, "name": name, "supercategory": "object"}


def _joined(texts: Iterable[bytes]) -> Iterator[bytes]:
    for position, text in enumerate(texts):
        yield (b",\n" if position else b"\n") + text


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")
