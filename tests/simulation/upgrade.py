"""Another version takes the place of all functions in the middle of everything, and may have to give way again.

The next version says more than this one knows, in messages, in rows and in objects: nothing of it may trip this one.
What it does not know of a recipe is another matter (see Job.stored), and no part of an upgrade that can be taken back.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lambdas.aws.events import message_in
from maskmill.core.messages import QueueName
from maskmill.core.table import Put, Row, Update, Write
from tests.simulation.cloud import MemoryObjects
from tests.simulation.pipeline import Pipeline
from tests.simulation.post import Body
from tests.simulation.shaky import ShakyTable
from tests.simulation.world import World

UNKNOWN = "of_the_next_version"
IsNext = Callable[[], bool]


ALONE = frozenset({"normal", "refusal", "error", "counts", "mask", "size", "tally", "part"})  # fields of one model each
EXACT = ("/requests/", "/masks/")  # what the model server is asked for must not say more than it knows
MADE_OF = frozenset({"prompts", "layers"})  # what pictures are made of


def _with_more(text: str) -> str:
    """JSON that says more wherever a version could add a field to one of our own records."""
    return json.dumps(_more(json.loads(text)))


def _more(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    inner = {name: _more(value) for name, value in record.items() if name in ALONE}
    for name, value in record.items():
        if isinstance(value, list) and name not in MADE_OF:
            inner[name] = [_more(entry) for entry in value]
    return {**record, **inner, UNKNOWN: {"v": 2}}


@dataclass(slots=True, kw_only=True)
class UpgradedTable(ShakyTable):
    """The table, to which the next version writes more."""

    is_next: IsNext

    def _write(self, write: Write) -> Row:
        return ShakyTable._write(self, _more_of(write) if self.is_next() else write)

    def _create_all(self, puts: Sequence[Put]) -> None:
        ShakyTable._create_all(self, _all_with_more(puts) if self.is_next() else puts)


def _all_with_more(puts: Sequence[Put]) -> list[Put]:
    return [more for put in puts if isinstance(more := _more_of(put), Put)]


def _more_of(write: Write) -> Write:
    if write.key.sk.startswith("TEMPLATE#"):
        return write  # what pictures are made of
    if write.key.sk.startswith("MASK#"):
        return write  # as exact as what it was made of
    if isinstance(write, Put):
        return replace(write, row={**{name: _text(name, value) for name, value in write.row.items()}, UNKNOWN: 2})
    if not isinstance(write, Update):
        return write
    values = {path: _text(path[-1], value) for path, value in write.set.items()}
    items = {path[:2] for path in values if path[0] == "items" and len(path) == 3}
    more: dict[tuple[str, ...], Any] = {(UNKNOWN,): 2, **{(*item, UNKNOWN): 2 for item in items}}
    return replace(write, set={**values, **more})


DOCUMENTS = frozenset({"doc", "refusal", "e", "counts", "work", "estimate", "receipt"})


def _text(name: str, value: Any) -> Any:
    if name == "data" and isinstance(value, bytes):
        return zlib.compress(_with_more(zlib.decompress(value).decode()).encode())
    return _with_more(value) if name in DOCUMENTS and isinstance(value, str) and value.startswith("{") else value


@dataclass(slots=True, kw_only=True)
class UpgradedObjects(MemoryObjects):
    """A bucket, to which the next version writes more."""

    is_next: IsNext

    def _put(self, key: str, data: bytes, media_type: str) -> None:
        is_record = media_type == "application/json" and not any(name in key for name in EXACT)
        if self.is_next() and is_record and key not in self.objects:
            data = _with_more(data.decode()).encode()
        if key not in self.objects or not is_record:  # two versions may describe the same thing in their own words
            MemoryObjects._put(self, key, data, media_type)


@dataclass(slots=True)
class Upgrade(Pipeline):
    """The next version takes over at one moment, and in half of the worlds this one again at a later one."""

    from_s: float = field(init=False)
    until_s: float = field(init=False)

    def __post_init__(self) -> None:
        dice = self.world
        self.from_s = 900 * dice.chance("upgrade", "at")
        is_undone = dice.chance("upgrade", "is undone") < 0.5
        self.until_s = self.from_s + 1200 * dice.chance("upgrade", "for") if is_undone else float("inf")
        for at_s in (self.from_s, self.until_s):
            if at_s < float("inf"):
                dice.at(at_s, self._replace)
        Pipeline.__post_init__(self)
        self.platform.write = lambda text: _with_more(text) if self.is_next() else text

    def _replace(self) -> None:
        self.world.redeploy()
        self.world.met["upgrade" if self.is_next() else "rollback"] += 1

    def is_next(self) -> bool:
        """Whether it is the next version that runs."""
        return self.from_s <= self.world.now_s < self.until_s

    def _new_table(self, world: World) -> ShakyTable:
        return UpgradedTable(world.call, world=world, is_next=self.is_next)

    def _new_bucket(self, name: str) -> MemoryObjects:
        return UpgradedObjects(name, self.borders.call, is_next=self.is_next)

    def _deliver(self, queue: QueueName, body: Body) -> None:
        if not isinstance(body, tuple):
            text = body.model_dump_json()
            body = message_in(_with_more(text) if self.is_next() else text)
        Pipeline._deliver(self, queue, body)
