"""What must have happened somewhere in a campaign, or it has proved less than it seems: marks on the branches taken.

They are noted from what is committed, refused and delivered, so that the product need not know of them. Some are noted
where they happen: by the users, the queues, the world and the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maskmill.core import keys, rows
from maskmill.core.errors import Code
from maskmill.core.item import ItemStatus
from maskmill.core.limits import MODEL_ATTEMPTS_MAX
from maskmill.core.table import Key, Row, Update, Write
from tests.simulation.shaky import ShakyTable
from tests.simulation.world import World

MARKS = {
    # users
    "double_click": "a user clicks twice",
    "left": "a user leaves without an answer",
    "cancel": "a user cancels",
    "cancelled_unplanned": "a job is cancelled before it is planned",
    "late_upload": "a picture comes after its job was submitted",
    "override": "a template says something else for some pictures",
    "second_job": "a user asks for something else of the same pictures",
    "retry": "an ended job is run again",
    "nothing_to_retry": "… although nothing of it failed",
    "removal": "a dataset is removed",
    "image_removal": "a picture is removed",
    "met_nothing": "a user finds what was removed gone",
    # messages
    "redelivery": "a message is received again",
    "delete_lost": "a message comes again although its work was done",
    "dead_letter": "a message was received too often",
    "killed_by_redeploy": "a function dies because another version takes its place",
    # items
    "mask_known": "an item needs no segmenter",
    "second_attempt": "an item is asked for again",
    "last_attempt": "… and for the last time",
    "released": "an attempt failed, and the next one need not wait for its lease",
    "answered_before_noted": "an answer is collected before the promise of it is noted",
    "item_done": "an item is done",
    "item_no_match": "an item shows nothing of what was asked for",
    "item_failed": "an item fails",
    "item_cancelled": "an item is cancelled",
    "item_gave_up": "an item ends because a message about it did",
    "ended_together": "several items end in one write",
    "tried_alone": "an item of a group that died is rendered alone",
    "waited_for_place": "a chunk waits for its place in the segmenter",
    # races that one of two loses
    "lease_race": "two take the same items for an attempt",
    "end_race": "two end the same item",
    "finish_race": "two finish the same job",
    "own_write_met": "somebody meets a write that was its own",
    # callbacks
    "late_callback": "an answer comes for a job that has ended",
    "stale_error": "an error comes of an attempt that is not in flight any more",
    # jobs
    "job_succeeded": "a job succeeds",
    "job_partial": "a job succeeds in part",
    "job_failed": "a job fails",
    "job_cancelled": "a job is cancelled",
    "job_given_up": "a job ends because a message about it did",
    "export_ready": "an export is made",
    "export_failed": "an export fails",
    "heard_late": "a webhook is told after it was not reached at first",
    # the sweep
    "sweep_died": "a sweep dies",
    "sweep_cut_short": "a sweep leaves the rest to the next one",
    "sweep_found_output": "the sweep finds an answer that nobody told of",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Watches the table of a world, and is told of callbacks."""

    world: World
    table: ShakyTable

    def __post_init__(self) -> None:
        self.table.watch.append(self._committed)
        self.table.refused.append(self._refused)

    def _note(self, mark: str) -> None:
        self.world.marks[mark] += 1

    # What is committed

    def _committed(self, key: Key, before: Row | None, after: Row | None) -> None:
        if after is None or before is None:
            return
        if key.sk.startswith(rows.CHUNK_PREFIX):
            self._chunk_changed(before, after)
        elif key.sk.startswith(rows.JOB_PREFIX):
            self._job_changed(before, after)
        elif key.sk.startswith(rows.EXPORT_PREFIX) and before["status"] != after["status"] in ("ready", "failed"):
            self._note(f"export_{after['status']}")
        elif key.sk.startswith(rows.DELIVERY_PREFIX):
            is_told = before["state"] != after["state"] == "delivered"
            self.world.marks["heard_late"] += is_told and after["tries"] > 1

    def _chunk_changed(self, before: Row, after: Row) -> None:
        if after["ended"] > before["ended"] + 1:
            self._note("ended_together")
        for index, item in after["items"].items():
            was = before["items"][index]
            if item["s"] != was["s"]:
                self._item_moved(after["number"], was, item)
            elif item["a"] > was["a"]:
                self._note("last_attempt" if item["a"] == MODEL_ATTEMPTS_MAX else "second_attempt")
            elif was.get("u", 0) and not item["u"]:
                self._note("released")

    def _item_moved(self, number: int, was: Mapping[str, object], item: Mapping[str, object]) -> None:
        status = ItemStatus(str(item["s"]))
        if status.is_terminal:
            self._note(f"item_{status.value}")
            if Code.GAVE_UP in str(item.get("e")):
                self._note("item_gave_up")
        elif status is ItemStatus.SEGMENTING and number:
            self._note("waited_for_place")
        elif status is ItemStatus.RENDERING and was["s"] == ItemStatus.PENDING:
            self._note("mask_known")
        elif status is ItemStatus.RENDERING and not was.get("i"):
            self._note("answered_before_noted")

    def _job_changed(self, before: Row, after: Row) -> None:
        if after["cancel_requested"] and not before["cancel_requested"] and not after["planned"]:
            self._note("cancelled_unplanned")
        if "finished_at" in after and "finished_at" not in before:
            self._note(f"job_{after['status']}")
            if Code.GAVE_UP in after.get("refusal", ""):
                self._note("job_given_up")

    # What is refused

    def _refused(self, write: Write, current: Row | None) -> None:
        if current is None or not isinstance(write, Update):
            return
        if all(_at(current, path) == value for path, value in write.set.items()):
            self._note("own_write_met")
        elif write.key.sk.startswith(rows.CHUNK_PREFIX):
            is_lease = any(path[0] == "items" and len(path) == 2 for path in write.set)
            self._note("lease_race" if is_lease else "end_race" if ("ended",) in write.add else "chunk_race")
        elif ("finish_run",) in write.set:
            self._note("finish_race")

    # What is told

    def called_back(self, kind: str, request_key: str) -> None:
        """A callback has reached its function."""
        name = keys.parse_request(request_key)
        if name is None:
            return
        job = self.table.rows.get(rows.job_key(name.tenant, name.job_id))
        if job is None or "finished_at" in job:
            self._note("late_callback")
        elif kind == "failed" and not self._is_in_flight(name.tenant, name.job_id, name.request_id):
            self._note("stale_error")

    def _is_in_flight(self, tenant: str, job_id: str, request_id: str) -> bool:
        pk = rows.job_pk(tenant, job_id)
        chunks = (row for key, row in self.table.rows.items() if key.pk == pk and key.sk.startswith(rows.CHUNK_PREFIX))
        return any(
            item.get("r") == request_id and item["s"] == "segmenting" for c in chunks for item in c["items"].values()
        )


def _at(row: Row, path: tuple[str, ...]) -> object:
    value: object = row
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value
