"""The lists of a finished job: annotations and manifest; it knows no rows and reads no picture.

Each list is streamed into the store in bounded memory. What goes into it depends on the results alone, so writing it
twice gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lambdas import known, state
from maskmill.core import keys
from maskmill.core.fact import Fact, label_fact
from maskmill.core.mask import Rle
from maskmill.core.ports import Objects, Table
from maskmill.core.result import Label, LabelMask, Results
from maskmill.core.rows import JobState
from maskmill.exports.everything import dataset_instances
from maskmill.exports.layout import pictures_of
from maskmill.exports.manifest import manifest


def write_dataset(table: Table, media: Objects, job: JobState, results: Results) -> int:
    """Write both lists; returns the bytes of all that the dataset holds: lists, pictures and masks."""
    recipe, backgrounds = job.job.recipe, state.backgrounds(media, job)
    masks = known.in_order(table, media, job.tenant, _labels(job, results))

    def rle_of(_label: Label) -> Rle:
        return LabelMask.stored(next(masks)).rle

    listed = _write(media, job, keys.ANNOTATIONS, "application/json", dataset_instances(results, recipe, rle_of))
    lines = manifest(results, recipe=recipe, backgrounds=backgrounds)
    listed += _write(media, job, keys.MANIFEST, "application/x-ndjson", lines)
    behind = {normal.pixels_sha256: normal.png_bytes for normal in backgrounds.values()}
    return listed + sum(_file_bytes(job, results)) + (sum(behind.values()) if recipe.recipe.sources else 0)


def _write(media: Objects, job: JobState, name: str, media_type: str, chunks: Iterable[bytes]) -> int:
    size_bytes = 0
    with media.stream(keys.dataset_file(job.tenant, job.job.job_id, name), media_type=media_type) as sink:
        for chunk in chunks:
            sink.write(chunk)
            size_bytes += len(chunk)
    return size_bytes


def _labels(job: JobState, results: Results) -> Iterator[Fact]:
    """The labels of each item once, in the order of its pictures, which is that in which COCO asks for them."""
    for item in results:
        for object_id in dict.fromkeys(
            label.object_id for picture in pictures_of(item, job.job.recipe.recipe) for label in picture.labels
        ):
            yield label_fact(item.normal.pixels_sha256, object_id)


def _file_bytes(job: JobState, results: Results) -> Iterator[int]:
    """The bytes of each picture and of each mask, as the files of the dataset."""
    for item in results:
        masks: dict[str, int] = {}
        for picture in pictures_of(item, job.job.recipe.recipe):
            yield item.normal.png_bytes if picture.variant is None else picture.variant.size_bytes
            masks |= {picture.mask_file(label): label.png_bytes for label in picture.labels}
        yield from masks.values()
