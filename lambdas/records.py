"""What items left behind, in the table or, where that is long, in objects that the table names; it knows no AWS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from lambdas import state
from lambdas.known import Facts
from maskmill.core import keys, rows
from maskmill.core.item import ItemStatus
from maskmill.core.limits import RESULT_ROW_BYTES_MAX
from maskmill.core.ports import Objects, Table
from maskmill.core.result import ItemResult, Results
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import Put, Row, RowConflict


def keep_results(
    table: Table, media: Objects, tenant: str, job_id: str, results: Sequence[ItemResult], known: Facts
) -> list[ItemResult]:
    """Record what items left behind, with or after what was learned, which results name.

    Returns what is on record, which is another run's where that was faster.
    """
    writes = [_result_row(media, tenant, job_id, result) for result in results]
    if known.keep(beside=writes) or not writes:
        return list(results)
    try:
        table.create_all(writes)
    except RowConflict:
        return [_keep_result(table, media, *one) for one in zip(results, writes, strict=True)]
    return list(results)


def _keep_result(table: Table, media: Objects, result: ItemResult, write: Put) -> ItemResult:
    try:
        table.write(write)
    except RowConflict as conflict:
        return result if conflict.current is None else result_of(media, conflict.current)
    return result


def _result_row(media: Objects, tenant: str, job_id: str, result: ItemResult) -> Put:
    """What an item left behind in its row, or in an object that the row names."""
    doc = result.model_dump_json()
    data = doc.encode()
    if len(data) <= RESULT_ROW_BYTES_MAX:
        return rows.put_result(tenant, job_id, result.index, doc=doc)
    key = keys.result(tenant, result.normal.pixels_sha256, hashlib.sha256(data).hexdigest())
    media.put(key, data, media_type="application/json")
    return rows.put_result_address(tenant, job_id, result.index, key=key)


def result_of(media: Objects, row: Row) -> ItemResult:
    """What an item left behind, from its row or from the object that the row names."""
    return ItemResult.stored(_doc_of(media, row))


def done_results(table: Table, media: Objects, job: JobState, chunks: Iterable[ChunkState]) -> Results:
    """What the items of a job that are done left behind, by number."""
    done = {index for chunk in chunks for index, item in chunk.items.items() if item.status is ItemStatus.DONE}
    found = state.all_rows(table, rows.job_pk(job.tenant, job.job.job_id), rows.RESULT_PREFIX)
    return Results(_doc_of(media, row) for row in found if rows.result_index(row) in done)


def _doc_of(media: Objects, row: Row) -> str:
    return str(row["doc"]) if "doc" in row else media.get(row["key"]).decode()
