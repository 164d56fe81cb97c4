"""Pascal VOC: pictures as JPEG, maps of classes and objects, boxes, and lists of splits; it knows no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from xml.sax.saxutils import escape

from maskmill.core.export import Split
from maskmill.core.geometry import Size
from maskmill.core.result import Label
from maskmill.exports.archive import Member
from maskmill.exports.conversion import as_jpeg
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content, Dataset, File, Needs, classes_of
from maskmill.exports.owners import Owners, classes_in, identity_of, owners_of, palette_png
from maskmill.exports.tally import Count

_LISTS = ("Main", "Segmentation")


class VocExporter:
    """`JPEGImages`, `SegmentationClass`, `SegmentationObject`, `Annotations`, `ImageSets` and `labelmap.txt`."""

    needs = Needs.PICTURE | Needs.RLES
    draws = True

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._classes = {name: number for number, name in enumerate(classes, start=1)}
        self._known: tuple[object, Owners, bytes, bytes] | None = None

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        text = labelmap(classes_of(dataset.recipe)).encode()
        yield Member("labelmap.txt", lambda: (text,))
        for split in dataset.splits():
            for name in _LISTS:
                yield Member(f"ImageSets/{name}/{split}.txt", partial(_stems, dataset, split))

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        owners, classes, objects = self._maps(entry, content)
        written = [label for label, held in zip(owners.labels, owners.held_px, strict=True) if held]
        for label_iou, held in zip(owners.ious, owners.held_px, strict=True):
            if held:
                count.measure(label_iou)
            else:
                count.losses["labels_dropped"] += 1
        owners.count_overlaps(count)
        count.add(entry, written)
        yield File(f"JPEGImages/{entry.stem}.jpg", as_jpeg(content.data, entry.format, count))
        yield File(f"SegmentationClass/{entry.stem}.png", classes)
        yield File(f"SegmentationObject/{entry.stem}.png", objects)
        yield File(f"Annotations/{entry.stem}.xml", annotation(entry.stem, entry.picture.size, written).encode())

    def _maps(self, entry: Entry, content: Content) -> tuple[Owners, bytes, bytes]:
        """The owners of the pixels and both maps as PNG: the same for all pictures with the same labels."""
        identity = identity_of(entry)
        if self._known is None or self._known[0] != identity:
            owners = owners_of(entry.picture.size, content.of(entry.picture.labels))
            classes = palette_png(classes_in(owners, self._classes), PALETTE)
            self._known = identity, owners, classes, palette_png(owners.map, PALETTE)
        return self._known[1:]


def _colour(number: int) -> tuple[int, int, int]:
    """VOC's colour of a number: its bits, dealt out to the channels, the highest ones first."""
    channels = [0, 0, 0]
    for shift in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * shift + channel) & 1) << (7 - shift)
    return channels[0], channels[1], channels[2]


PALETTE = tuple(_colour(number) for number in range(256))


def labelmap(classes: tuple[str, ...]) -> str:
    """The names of the classes with the colours that they have in the maps, as datumaro reads them."""
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    for number, name in enumerate(classes, start=1):
        lines.append(f"{name}:{','.join(map(str, PALETTE[number]))}::")
    return "\n".join(lines) + "\n"


def annotation(stem: str, size: Size, labels: Iterable[Label]) -> str:
    """The XML of a picture: its size and the boxes of its objects, in pixels from 1, both ends included."""
    head = (
        f"<annotation><folder>JPEGImages</folder><filename>{escape(stem)}.jpg</filename>"
        "<source><database>Maskmill</database></source>"
        f"<size><width>{size.width_px}</width><height>{size.height_px}</height><depth>3</depth></size>"
        "<segmented>1</segmented>"
    )
    return head + "".join(map(_object, labels)) + "</annotation>\n"


def _object(label: Label) -> str:
    box = label.box
    return (
        f"<object><name>{escape(label.name)}</name><pose>Unspecified</pose><truncated>0</truncated>"
        "<difficult>0</difficult>"
        f"<bndbox><xmin>{box.x + 1}</xmin><ymin>{box.y + 1}</ymin>"
        f"<xmax>{box.x + box.width}</xmax><ymax>{box.y + box.height}</ymax></bndbox></object>"
    )


def _stems(dataset: Dataset, split: Split) -> Iterator[bytes]:
    for entry in dataset.entries(split):
        yield f"{entry.stem}\n".encode()
