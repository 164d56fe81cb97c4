"""The files of a finished job: annotations, manifest and the archive with everything; it knows no rows.

Each file is streamed into the store in bounded memory, and each object is read once: the lists are kept aside for the
archive, which begins with them. What goes into the files depends on the results alone, so writing them twice gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from lambdas import known, state
from lambdas.finish_job.spool import Spool
from lambdas.read_ahead import Wanted, read_ahead
from maskmill.core import keys
from maskmill.core.fact import Fact, label_fact
from maskmill.core.image import NormalImage
from maskmill.core.limits import ARCHIVE_BYTES_MAX
from maskmill.core.mask import Rle
from maskmill.core.ports import Objects, Table
from maskmill.core.result import EXTENSIONS, ItemResult, Label, LabelMask
from maskmill.core.rows import JobState
from maskmill.exports.archive import Member, write_archive
from maskmill.exports.coco import instances
from maskmill.exports.layout import DatasetPicture, background_file, pictures_of
from maskmill.exports.manifest import manifest

NOTICE = "PICTURES-ARE-NOT-HERE.txt"
Backgrounds = Mapping[str, NormalImage]


class _File(NamedTuple):
    """A picture or a mask of the dataset: its path in it, and the object that holds it."""

    name: str
    wanted: Wanted


def write_dataset(table: Table, media: Objects, job: JobState, results: Iterable[ItemResult]) -> int:
    """Write all files; returns the bytes of the archive."""
    backgrounds = state.backgrounds(media, job)
    lists = [
        _written(media, job, keys.ANNOTATIONS, "application/json", lambda: _annotations(table, media, job, results)),
        _written(media, job, keys.MANIFEST, "application/x-ndjson", lambda: _manifest(job, results, backgrounds)),
    ]
    with media.stream(_key(job, keys.ARCHIVE), media_type="application/zip") as sink:
        return write_archive(chain(lists, _pictures(media, job, results, backgrounds)), sink)


def _key(job: JobState, name: str) -> str:
    return keys.dataset_file(job.tenant, job.job.job_id, name)


def _written(media: Objects, job: JobState, name: str, media_type: str, make: Callable[[], Iterable[bytes]]) -> Member:
    """Write a list, and give it as a member of the archive; only one that is too long to be kept is made again."""
    spool = Spool()
    with media.stream(_key(job, name), media_type=media_type) as sink:
        for chunk in spool.through(make()):
            sink.write(chunk)
    return Member(name, spool.again if spool.is_full else make)


def _annotations(table: Table, media: Objects, job: JobState, results: Iterable[ItemResult]) -> Iterator[bytes]:
    """COCO asks for each item's labels once, in the order of its pictures: they are read in that order, ahead."""
    recipe = job.job.recipe
    masks = known.in_order(table, media, job.tenant, _labels(job, results))

    def rle_of(_label: Label) -> Rle:
        return LabelMask.stored(next(masks)).rle

    def pictures() -> Iterator[DatasetPicture]:
        return (picture for item in results for picture in pictures_of(item, recipe.recipe))

    categories = [recipe.name_of(template_id) for template_id in recipe.recipe.templates]
    return instances(
        pictures, rle_of, categories=categories, file_of=attrgetter("file"), mask_of=DatasetPicture.mask_file
    )


def _labels(job: JobState, results: Iterable[ItemResult]) -> Iterator[Fact]:
    for item in results:
        seen: set[str] = set()
        for picture in pictures_of(item, job.job.recipe.recipe):
            for label in picture.labels:
                if label.object_id not in seen:
                    seen.add(label.object_id)
                    yield label_fact(item.normal.pixels_sha256, label.object_id)


def _manifest(job: JobState, results: Iterable[ItemResult], backgrounds: Backgrounds) -> Iterator[bytes]:
    return manifest(results, recipe=job.job.recipe, backgrounds=backgrounds)


def _pictures(
    media: Objects, job: JobState, results: Iterable[ItemResult], backgrounds: Backgrounds
) -> Iterator[Member]:
    """Each item's source, variants and masks."""
    if sum(file.wanted.size_bytes for file in _files(job, results, backgrounds)) > ARCHIVE_BYTES_MAX:
        yield Member(NOTICE, _notice)
        return
    contents = read_ahead(media.get, (file.wanted for file in _files(job, results, backgrounds)))
    for file in _files(job, results, backgrounds):
        yield Member(file.name, _next_of(contents))


def _next_of(contents: Iterator[bytes]) -> Callable[[], Iterable[bytes]]:
    return lambda: (next(contents),)


def _notice() -> Iterable[bytes]:
    gigabytes = ARCHIVE_BYTES_MAX // 1024**3
    yield f"The pictures of this dataset have more than {gigabytes} GiB. Fetch them with `maskmill sync`.\n".encode()


def _files(job: JobState, results: Iterable[ItemResult], backgrounds: Backgrounds) -> Iterator[_File]:
    """Every picture and every mask of the dataset once, in the order of the archive."""
    if job.job.recipe.recipe.sources:
        yield from _background_files(job, backgrounds)
    for item in results:
        seen: set[str] = set()
        for picture in pictures_of(item, job.job.recipe.recipe):
            yield _File(picture.file, _picture(job, picture))
            for label in picture.labels:
                mask_file = picture.mask_file(label)
                if mask_file not in seen:
                    seen.add(mask_file)
                    key = keys.label_png(job.tenant, item.normal.pixels_sha256, label.object_id)
                    yield _File(mask_file, Wanted(key, label.png_bytes))


def _background_files(job: JobState, backgrounds: Backgrounds) -> Iterator[_File]:
    """What stands behind cut-outs, which need not be among the sources: without it no variant could be made again."""
    for normal in {normal.pixels_sha256: normal for normal in backgrounds.values()}.values():
        yield _File(background_file(normal), Wanted(keys.normal(job.tenant, normal.pixels_sha256), normal.png_bytes))


def _picture(job: JobState, picture: DatasetPicture) -> Wanted:
    normal, variant = picture.item.normal, picture.variant
    if variant is None:
        return Wanted(keys.normal(job.tenant, normal.pixels_sha256), normal.png_bytes)
    extension = EXTENSIONS[variant.format]
    return Wanted(keys.variant(job.tenant, normal.pixels_sha256, variant.variant_id, extension), variant.size_bytes)
