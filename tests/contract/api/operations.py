"""What docs/openapi.json says of each call: which parts of it may name a thing. It knows no tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: `ids` are the parts of its path that name things, `queries` and `places` may name some."""

    name: str
    method: str
    path: str
    ids: tuple[str, ...]
    queries: tuple[str, ...]
    places: tuple[str, ...]  # of free text in the body, as JSON pointers with * for an entry and {} for a key
    is_public: bool
    is_creating: bool


def operations() -> tuple[Operation, ...]:
    """Every call of the description."""
    return tuple(
        _operation(method.upper(), path, described)
        for path, methods in DOCUMENT["paths"].items()
        for method, described in methods.items()
    )


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    params = described.get("parameters", [])
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        name=described["operationId"],
        method=method,
        path=path,
        ids=tuple(one["name"] for one in params if one["in"] == "path" and "enum" not in one["schema"]),
        queries=tuple(one["name"] for one in params if one["in"] == "query" and _is_free_text(one["schema"])),
        places=tuple(sorted(set(_places(body, "", frozenset())))),
        is_public=described.get("security") == [],
        is_creating=any(one["name"] == "Idempotency-Key" for one in params),
    )


def _places(schema: dict[str, Any], place: str, above: frozenset[str]) -> Iterator[str]:
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference in above:  # expressions of masks hold expressions
        return
    if reference:
        yield from _places(DOCUMENT["components"]["schemas"][reference], place, above | {reference})
    for kind in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(kind, []):
            yield from _places(one, place, above)
    for name, one in schema.get("properties", {}).items():
        yield from _places(one, f"{place}/{name}", above)
    if isinstance(schema.get("items"), dict):
        yield from _places(schema["items"], f"{place}/*", above)
    if isinstance(schema.get("additionalProperties"), dict):
        if "enum" not in schema.get("propertyNames", {}):
            yield f"{place}/{{}}"
        yield from _places(schema["additionalProperties"], f"{place}/{{}}", above)
    if _is_free_text(schema):
        yield place


def _is_free_text(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string" and "enum" not in schema and "const" not in schema
