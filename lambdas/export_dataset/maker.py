"""The files of an export: each part is streamed into the store as it is made; it knows no rows and no format's rules.

What goes into a part depends on the results alone, so making it twice gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice

from lambdas.export_dataset.contents import StoredDataset
from maskmill.core import keys
from maskmill.core.export import ExportFormat, ExportPart, MadePart
from maskmill.core.ports import Objects, Sink, Table
from maskmill.core.result import Results
from maskmill.core.rows import JobState
from maskmill.exports.archive import Member, write_archive
from maskmill.exports.entries import Entry, entries
from maskmill.exports.exporter import Exporter, File, classes_of
from maskmill.exports.formats import TABLE_NEEDS, draws, exporter_of
from maskmill.exports.parts import PlannedPart, plan_parts
from maskmill.exports.tally import Count
from maskmill.exports.webdataset import write_tar


class DatasetMaker:
    """Makes the parts of any export from what lies in the store."""

    def parts(self, job: JobState, results: Results, export: ExportFormat) -> Sequence[PlannedPart]:
        pictures = entries(results, job.job.recipe.recipe)
        return plan_parts(pictures, export, draws=draws(export, job.job.recipe))

    def make(self, table: Table, media: Objects, job: JobState, results: Results, part: PlannedPart) -> MadePart:
        dataset, count = StoredDataset(table, media, job, results), Count()
        key = keys.export_file(job.tenant, job.job.job_id, part.export.value, part.name)
        with media.stream(key, media_type=_MEDIA_TYPES.get(part.export, "application/zip")) as sink:
            hashed = _Hashed(sink)
            _write(dataset, part, count, hashed)
        made = ExportPart(
            name=part.name, size_bytes=hashed.size_bytes, sha256=hashed.sha256.hexdigest(), pictures=count.pictures
        )
        return MadePart(part=made, tally=count.total())


_MEDIA_TYPES = {ExportFormat.WEBDATASET: "application/x-tar", ExportFormat.PARQUET: "application/vnd.apache.parquet"}


def _write(dataset: StoredDataset, part: PlannedPart, count: Count, out: _Hashed) -> None:
    if part.export is ExportFormat.PARQUET:
        from maskmill.exports.parquet import rows_of, write_parquet

        contents = dataset.contents(partial(_chosen, dataset, part), TABLE_NEEDS)
        write_parquet(rows_of(contents, classes_of(dataset.recipe), count), out)
        return
    exporter = exporter_of(part.export, dataset.recipe)
    if part.export is ExportFormat.WEBDATASET:
        write_tar(_files(dataset, part, exporter, count), out)
    else:
        write_archive(_members(dataset, part, exporter, count), out)


def _members(dataset: StoredDataset, part: PlannedPart, exporter: Exporter, count: Count) -> Iterator[Member]:
    head = exporter.head(dataset, count) if part.number == 0 else iter(())
    return chain(head, map(_member, _files(dataset, part, exporter, count)))


def _files(dataset: StoredDataset, part: PlannedPart, exporter: Exporter, count: Count) -> Iterator[File]:
    for entry, content in dataset.contents(partial(_chosen, dataset, part), exporter.needs):
        yield from exporter.files(entry, content, count)


def _chosen(dataset: StoredDataset, part: PlannedPart) -> Iterator[Entry]:
    return islice(dataset.entries(part.split), part.start, part.stop)


def _member(file: File) -> Member:
    return Member(file.name, lambda: (file.data,))


@dataclass(slots=True)
class _Hashed:
    """A sink that knows what went through it."""

    sink: Sink
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)
    size_bytes: int = 0

    def write(self, data: bytes, /) -> int:
        self.sha256.update(data)
        self.size_bytes += len(data)
        return self.sink.write(data)
