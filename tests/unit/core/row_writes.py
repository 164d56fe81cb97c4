"""Every write that the schema knows, written out with drawn values: `row_writes.txt` is what all versions agree on.

    python -m tests.unit.core.row_writes > tests/unit/core/row_writes.txt

The values follow from the names and the types of what each write is given, so that a new write is listed by itself.
"""

from __future__ import annotations

import inspect
import json
import pkgutil
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any
from zlib import crc32

from pydantic import BaseModel

from maskmill.core import rows
from maskmill.core.geometry import Point
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import Recipe, ResolvedRecipe, resolve
from maskmill.core.table import Condition, Delete, Put, Update, Write
from maskmill.core.usage import KEPT, Quota
from tests.mutants import MUTANT

BOOK = Path(__file__).with_suffix(".txt")
DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIXED = {"job_id": "j0000000a", "day": "2026-01-02", "index": 4, "number": 3, "indices": (4,), "run": "the run"}
TEXT_MAX = 60
CAP = Template(name="cap", prompt=Prompt(points=(Point(x=0.5, y=0.5),)))
RECIPE = Recipe.model_validate({"templates": ["t"], "layers": [{"region": "t", "edits": {"hue": 30}}]})
KNOWN: dict[type, Any] = {
    Template: CAP,
    ResolvedRecipe: resolve(RECIPE, {"t": CAP}),
    ItemStatus: ItemStatus.DONE,
    JobStatus: JobStatus.SUCCEEDED,
}


def writes() -> Iterator[tuple[str, Write]]:
    """Each write by the call that makes it."""
    for name, make in sorted(_makers().items()):
        for more, given in _given(make):
            made = make(**given)
            for write in made if isinstance(made, tuple) else (made,):
                yield f"{name}({', '.join(more)})", write


def _makers() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.iter_modules(rows.__path__, f"{rows.__name__}."):
        for name, one in vars(import_module(module.name)).items():
            is_own = inspect.isfunction(one) and one.__module__ == module.name
            if is_own and not name.startswith("_") and MUTANT not in name:
                made = typing.get_type_hints(one)["return"]
                if {Put, Update, Delete} & {made, *typing.get_args(made)}:
                    found[name] = one
    return found


def _given(make: Callable[..., Any]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """What a write is given: as little as may be, each thing more than that alone, and everything."""
    hints = typing.get_type_hints(make)
    least: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for name, one in inspect.signature(make).parameters.items():
        may_be_none = type(None) in typing.get_args(hints[name])
        if one.default is not one.empty or may_be_none or hints[name] is bool:
            more[name] = drawn(name, hints[name])
        if one.default is one.empty:
            least[name] = False if hints[name] is bool else None if may_be_none else drawn(name, hints[name])
    yield [], least
    for name, value in more.items():
        yield [name], least | {name: value}
    if len(more) > 1:
        yield [*more], least | more


def drawn(name: str, hint: Any) -> Any:
    """A value of a type that its name decides, not validated: what is looked at is where it goes."""
    if name.rpartition(".")[2] in FIXED:
        return FIXED[name.rpartition(".")[2]]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return drawn(name, inner[0])
    if origin is typing.Literal:
        return inner[0]
    if origin in (typing.Union, types.UnionType):
        return drawn(name, next(one for one in inner if one is not type(None)))
    if origin is not None and issubclass(origin, Mapping):
        return {"doc": f"<{name}>"} if inner[1] is Any else {one: drawn(name, inner[1]) for one in _keys(inner[0])}
    if origin in (tuple, frozenset, list) or (origin is not None and issubclass(origin, Iterable)):
        return (frozenset if origin is frozenset else tuple)([drawn(name, inner[0])])
    return _plain(name, hint)


def _keys(hint: Any) -> Iterable[Any]:
    known = {int: (FIXED["index"],), str: (FIXED["job_id"],), Quota: KEPT}
    return known.get(hint) or (next(iter(hint)),)


def _plain(name: str, hint: Any) -> Any:
    if hint in KNOWN:
        return KNOWN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        known = typing.get_type_hints(hint)
        return hint(**{one.name: drawn(f"{hint.__name__}.{one.name}", known[one.name]) for one in fields(hint)})
    if issubclass(hint, Enum):
        return next(iter(hint))
    if issubclass(hint, BaseModel):
        known = typing.get_type_hints(hint, include_extras=True)
        return hint.model_construct(**{one: drawn(f"{hint.__name__}.{one}", known[one]) for one in hint.model_fields})
    if issubclass(hint, tuple):
        return hint(*(drawn(f"{hint.__name__}.{one}", known) for one, known in typing.get_type_hints(hint).items()))
    simple = {str: f"<{name}>", bytes: name.encode(), datetime: DAY, bool: True, float: 0.5}
    return simple[hint] if hint in simple else 100 + crc32(name.encode()) % 900


def told(write: Write) -> Iterator[str]:
    """The lines of one write."""
    yield f"  {type(write).__name__} {write.key.pk} {write.key.sk}"
    match write:
        case Put():
            yield from (f"    {name} = {_value(value)}" for name, value in write.row.items())
        case Update():
            yield from (f"    set {_path(path)} = {_value(value)}" for path, value in write.set.items())
            yield from (f"    add {_path(path)} + {_value(value)}" for path, value in write.add.items())
            yield from (f"    remove {_path(path)}" for path in write.remove)
            yield from _conditions(write.require)
        case Delete():
            yield from _conditions(write.require)
            yield from ["    must exist"] if write.must_exist else []


def _conditions(require: Iterable[Condition]) -> Iterator[str]:
    for one in require:
        yield f"    if {_path(one.path)} {one.op.value}{'' if one.value is None else f' {_value(one.value)}'}"


def _path(path: tuple[str, ...]) -> str:
    return ".".join(path)


def _value(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"set{tuple(sorted(value))}"
    if isinstance(value, str) and value.startswith(("{", "[")) and len(value) > TEXT_MAX:
        found = json.loads(value)
        return f"JSON of {sorted(found) if isinstance(found, dict) else f'{len(found)}'}"
    return repr(value)


def book() -> str:
    lines: list[str] = []
    for call, write in writes():
        lines += [call, *told(write), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(book(), end="")
