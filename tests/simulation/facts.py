"""What must hold of the rows that say what is known of pictures: none ever says something else, or names nothing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from lambdas import records
from maskmill.core import rows
from maskmill.core.fact import FactKind, label_fact
from maskmill.core.ports import Objects
from maskmill.core.table import Key, Row

_PREFIXES = tuple(rows.FACT_PREFIXES.values())
_FIRST = rows.FACT_PREFIXES[FactKind.MASK]


def faults_at_commit(
    table: Mapping[Key, Row], media: Objects, key: Key, before: Row | None, after: Row
) -> Iterator[str]:
    """What is wrong with a row that was just written."""
    if before is not None and key.sk.startswith(_PREFIXES):
        is_first = key.sk.startswith(_FIRST)
        if before != after if is_first else _said(before) != _said(after):
            yield f"{key} has changed what it says"
    elif key.sk.startswith(rows.RESULT_PREFIX):
        yield from _unknown(table, media, key, after)


def faults_at_rest(table: Mapping[Key, Row], objects: Mapping[str, bytes]) -> Iterator[str]:
    for key, row in table.items():
        if key.sk.startswith(_PREFIXES) and "key" in row and row["key"] not in objects:
            yield f"{key} names {row['key']}, which does not exist"


def _unknown(table: Mapping[Key, Row], media: Objects, key: Key, row: Row) -> Iterator[str]:
    """The labels that a result names before they are known, unless its image is being removed."""
    tenant, job_id = rows.job_of_pk(key.pk) or ("", "")
    job = table.get(rows.job_key(tenant, job_id))
    if job is None:
        return
    dataset_id = rows.job_of(job).job.dataset_id
    dataset = table.get(rows.dataset_key(tenant, dataset_id))
    if dataset is None or rows.removal_of(dataset) is not None:
        return
    result = records.result_of(media, row)
    if rows.image_key(tenant, dataset_id, result.image_id) not in table:
        return
    for label in result.labels:
        named = rows.fact_key(tenant, label_fact(result.normal.pixels_sha256, label.object_id))
        if named not in table:
            yield f"{key} names {named}, which is not known"


def _said(row: Row) -> Any:
    """What a row says, but for what another version says more."""
    return row["key"] if "key" in row else _short(json.loads(zlib.decompress(row["data"])))


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _short(entry) for name, entry in value.items() if name != "of_the_next_version"}
    return [_short(entry) for entry in value] if isinstance(value, list) else value
