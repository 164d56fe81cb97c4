"""What a job gives: its items, their variants and the files of its dataset, with their addresses; it knows no HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lambdas import records, state
from lambdas.serve_api import cursors, jobs
from lambdas.serve_api.media import MediaGate, address_of
from lambdas.serve_api.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.api import DatasetFiles, FileView, ItemVariants, ItemView, LabelView, Page, VariantView
from maskmill.core.errors import Conflict, FieldFault, InvalidInput, Where
from maskmill.core.item import ItemStatus
from maskmill.core.limits import PAGE_ITEMS_MAX, SHARD_ITEMS_MAX
from maskmill.core.plan import Chunk
from maskmill.core.recipe import names_in
from maskmill.core.result import EXTENSIONS, ItemResult, Label, VariantRecord
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import Query
from maskmill.exports import layout

CHUNKS_SCANNED_MAX = 100
RESULTS_PER_QUERY = 50
PAGE_BYTES_MAX = 1024 * 1024  # far below the 6 MB that a function may answer with, since one result may be larger
URL_BYTES = 384  # more than an address takes


def items(ports: Ports, tenant: str, job_id: str, *, status: ItemStatus | None, cursor: str | None) -> Page[ItemView]:
    """The items of a job, chunk by chunk; a page ends with a chunk, so it may hold fewer items than it could."""
    jobs.require(ports.table, tenant, job_id)
    found: list[ItemView] = []
    listing = cursors.listing(ports, tenant, "items", job_id, status)
    last = after = listing.after(cursor)
    for scanned, (sort_key, chunk) in enumerate(jobs.chunks_of(ports.table, tenant, job_id, after=after)):
        if scanned == CHUNKS_SCANNED_MAX or len(found) > PAGE_ITEMS_MAX - SHARD_ITEMS_MAX:
            return Page[ItemView](items=tuple(found), next_cursor=listing.cursor(last))
        found += _items_of(ports, tenant, job_id, chunk, status)
        last = sort_key
    return Page[ItemView](items=tuple(found))


def _items_of(ports: Ports, tenant: str, job_id: str, chunk: ChunkState, status: ItemStatus | None) -> list[ItemView]:
    wanted = {index: item for index, item in chunk.items.items() if status is None or item.status is status}
    if not wanted:
        return []
    described = Chunk.stored(ports.media.get(keys.chunk(tenant, job_id, chunk.number)))
    return [
        ItemView(
            index=item.index,
            image_id=item.image_id,
            name=item.name,
            status=wanted[item.index].status,
            refusal=wanted[item.index].refusal,
        )
        for item in described.items
        if item.index in wanted
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which results are asked for: those from an item on, with the variants that show a template's object alone."""

    first: int | None = None
    template: str | None = None

    def identity(self) -> tuple[str | None, ...]:
        return () if self == Wanted() else (str(self.first), self.template)

    def of(self, result: ItemResult) -> ItemResult | None:
        """What is wanted of a result; None where that is nothing."""
        if self.template is None:
            return result
        kept = tuple(variant for variant in result.variants if _is_of(variant, self.template))
        return result.model_copy(update={"variants": kept}) if kept else None


def _is_of(variant: VariantRecord, template_id: str) -> bool:
    return any(template_id in names_in(layer.region) for layer in variant.layers)


def variants(
    ports: Ports, tenant: str, job_id: str, *, wanted: Wanted, cursor: str | None, limit: int
) -> Page[ItemVariants]:
    """What finished items gave, in the order of the items; pages are bounded by their bytes. Raises InvalidInput."""
    job = jobs.require(ports.table, tenant, job_id)
    if wanted.template is not None and wanted.template not in job.job.recipe.templates:
        raise InvalidInput(faults=(FieldFault("/template", "no template of the job's recipe", where=Where.QUERY),))
    listing = cursors.listing(ports, tenant, "variants", job_id, *wanted.identity())
    after = listing.after(cursor)
    if after is None and wanted.first:
        after = rows.result_key(tenant, job_id, wanted.first - 1).sk
    query = Query(pk=rows.job_pk(tenant, job_id), prefix=rows.RESULT_PREFIX, after=after)
    found, after = cursors.page_of(ports.table, query, limit=limit)
    shown: list[ItemVariants] = []
    last: str | None = None
    size_bytes = 0
    for row in found:
        result = wanted.of(records.result_of(ports.media, row))
        if result is None:
            last = str(row["sk"])
            continue
        size_bytes += len(result.model_dump_json()) + URL_BYTES * _addresses_in(result)
        if shown and size_bytes > PAGE_BYTES_MAX:
            after = last
            break
        shown.append(_variants_of(ports.gate, tenant, result))
        last = str(row["sk"])
    return Page[ItemVariants](items=tuple(shown), next_cursor=listing.cursor(after))


def _addresses_in(result: ItemResult) -> int:
    return 1 + len(result.labels) + sum(2 + len(variant.labels or ()) for variant in result.variants)


def _variants_of(gate: MediaGate, tenant: str, result: ItemResult) -> ItemVariants:
    pixels = result.normal.pixels_sha256
    return ItemVariants(
        index=result.index,
        image_id=result.image_id,
        name=result.image_name,
        normal=result.normal,
        source_file_name=layout.source_file(result),
        source_url=address_of(gate, keys.normal(tenant, pixels)),
        labels=tuple(_label(gate, tenant, pixels, result.file_stem, label) for label in result.labels),
        variants=tuple(_variant(gate, tenant, pixels, variant) for variant in result.variants),
        remarks=result.remarks,
    )


def _label(gate: MediaGate, tenant: str, pixels: str, stem: str, label: Label) -> LabelView:
    return LabelView(
        name=label.name,
        file_name=layout.mask_file(stem, label),
        score=label.score,
        area_px=label.area_px,
        box=label.box,
        mask_url=address_of(gate, keys.label_png(tenant, pixels, label.object_id)),
        sha256=label.png_sha256,
        size_bytes=label.png_bytes,
        rle_sha256=label.rle_sha256,
    )


def _variant(gate: MediaGate, tenant: str, pixels: str, variant: VariantRecord) -> VariantView:
    own = variant.labels
    labels = None if own is None else tuple(_label(gate, tenant, pixels, variant.file_stem, label) for label in own)
    return VariantView(
        variant_id=variant.variant_id,
        file_name=layout.variant_file(variant),
        format=variant.format,
        size=variant.size,
        size_bytes=variant.size_bytes,
        sha256=variant.sha256,
        sample=variant.sample,
        layer=variant.layer,
        layers=variant.layers,
        url=address_of(gate, keys.variant(tenant, pixels, variant.variant_id, EXTENSIONS[variant.format])),
        thumbnail_url=_thumbnail(gate, tenant, pixels, variant),
        labels=labels,
    )


def _thumbnail(gate: MediaGate, tenant: str, pixels: str, variant: VariantRecord) -> str | None:
    if not variant.has_thumbnail:
        return None
    return address_of(gate, keys.variant_thumbnail(tenant, pixels, variant.variant_id))


def files(ports: Ports, tenant: str, job_id: str) -> DatasetFiles:
    """The files of a finished job; raises Conflict while it has not ended, or when it ended without a dataset."""
    job = jobs.require(ports.table, tenant, job_id)
    if not job.status.is_terminal:
        raise Conflict(message="The job has not ended yet. Its files appear when it does.")
    if job.dataset_bytes == 0:
        raise Conflict(message="The job ended without a dataset.")

    def signed(name: str, filename: str) -> str:
        return ports.doors.download(keys.dataset_file(tenant, job_id, name), filename=filename)

    return DatasetFiles(
        annotations_url=signed(keys.ANNOTATIONS, "instances.json"),
        manifest_url=signed(keys.MANIFEST, "manifest.jsonl"),
        backgrounds=tuple(_backgrounds(ports, job)),
    )


def _backgrounds(ports: Ports, job: JobState) -> Iterator[FileView]:
    if not job.job.recipe.recipe.sources:
        return
    behind = state.backgrounds(ports.media, job).values()
    for normal in {normal.pixels_sha256: normal for normal in behind}.values():
        yield FileView(
            file_name=layout.background_file(normal),
            url=address_of(ports.gate, keys.normal(job.tenant, normal.pixels_sha256)),
            sha256=normal.png_sha256,
            size_bytes=normal.png_bytes,
        )
