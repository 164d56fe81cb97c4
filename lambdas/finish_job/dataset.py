"""The files of a finished job: annotations, manifest and the archive with everything; it knows no rows.

Each file is streamed into the store in bounded memory. What goes into them depends on the results alone, so writing
them twice gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from maskmill.core import keys
from maskmill.core.mask import Rle
from maskmill.core.model import content_hash
from maskmill.core.ports import Objects
from maskmill.core.result import EXTENSIONS, ItemResult, Label, LabelMask
from maskmill.core.rows import JobState
from maskmill.exports.archive import Member, write_archive
from maskmill.exports.coco import instances
from maskmill.exports.layout import DatasetPicture, pictures_of
from maskmill.exports.manifest import manifest


def write_dataset(media: Objects, job: JobState, results: tuple[ItemResult, ...]) -> int:
    """Write all files; returns the bytes of the archive."""
    _stream(media, job, keys.ANNOTATIONS, "application/json", _annotations(media, job, results))
    _stream(media, job, keys.MANIFEST, "application/x-ndjson", _manifest(job, results))
    with media.stream(_key(job, keys.ARCHIVE), media_type="application/zip") as sink:
        return write_archive(_members(media, job, results), sink)


def _key(job: JobState, name: str) -> str:
    return keys.dataset_file(job.tenant, job.job.job_id, name)


def _stream(media: Objects, job: JobState, name: str, media_type: str, chunks: Iterable[bytes]) -> None:
    with media.stream(_key(job, name), media_type=media_type) as sink:
        for chunk in chunks:
            sink.write(chunk)


def _annotations(media: Objects, job: JobState, results: tuple[ItemResult, ...]) -> Iterator[bytes]:
    pixels = {
        label.object_id: item.normal.pixels_sha256
        for item in results
        for picture in pictures_of(item, include_source=True)
        for label in picture.labels
    }

    def rle_of(label: Label) -> Rle:
        data = media.get(keys.label_rle(job.tenant, pixels[label.object_id], label.object_id))
        return LabelMask.model_validate_json(data).rle

    recipe = job.job.recipe
    categories = [recipe.name_of(template_id) for template_id in recipe.recipe.templates]
    return instances(results, rle_of, categories=categories, include_sources=recipe.recipe.sources)


def _manifest(job: JobState, results: tuple[ItemResult, ...]) -> Iterator[bytes]:
    recipe = job.job.recipe
    return manifest(
        results,
        recipe_seed=recipe.recipe.seed,
        recipe_sha256=content_hash(recipe),
        include_sources=recipe.recipe.sources,
    )


def _members(media: Objects, job: JobState, results: tuple[ItemResult, ...]) -> Iterator[Member]:
    """Annotations and manifest first, then each item's source, variants and masks."""
    for name in (keys.ANNOTATIONS, keys.MANIFEST):
        yield Member(name, _reader(media, _key(job, name)))
    for item in results:
        seen: set[str] = set()
        for picture in pictures_of(item, include_source=job.job.recipe.recipe.sources):
            yield Member(picture.file, _reader(media, _picture_key(job, picture)))
            for label in picture.labels:
                mask_file = picture.mask_file(label)
                if mask_file not in seen:
                    seen.add(mask_file)
                    key = keys.label_png(job.tenant, item.normal.pixels_sha256, label.object_id)
                    yield Member(mask_file, _reader(media, key))


def _picture_key(job: JobState, picture: DatasetPicture) -> str:
    pixels, variant = picture.item.normal.pixels_sha256, picture.variant
    if variant is None:
        return keys.normal(job.tenant, pixels)
    return keys.variant(job.tenant, pixels, variant.variant_id, EXTENSIONS[variant.format])


def _reader(media: Objects, key: str) -> Callable[[], Iterable[bytes]]:
    return lambda: (media.get(key),)
