"""Bugs that a tired engineer could write, planted one at a time: each must be found within a stated number of seeds.

A mode that finds nothing any more has gone blind. Some bugs can only be seen in one of the modes (see modes.py): the
sweep hides them in all but `primary`, or it takes a crowd to meet them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from lambdas import records, state
from lambdas.collect_masks import logic as collect_masks
from lambdas.dispatch_shard import logic as dispatch_shard
from lambdas.finish_job import logic as finish_job
from lambdas.ingest_image import logic as ingest_image
from lambdas.known import Facts
from lambdas.plan_job import logic as plan_job
from lambdas.push_progress import logic as push_progress
from lambdas.push_progress.announcements import Announcement
from lambdas.push_progress.tallies import Tallies
from lambdas.remove_dataset import images as remove_images
from lambdas.remove_dataset import pictures
from lambdas.render_item import logic as render_item
from lambdas.serve_api import submissions
from lambdas.sweep import jobs as sweep_jobs
from lambdas.sweep import logic as sweep
from maskmill.core import rows
from maskmill.core.errors import Unavailable
from maskmill.core.job import JobStatus
from maskmill.core.messages import DispatchItems
from maskmill.core.result import Results
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import Condition, Op, Put, RowConflict, Update
from maskmill.core.webhook import Attempt
from tests.simulation.cloud import MemoryObjects, MemoryQueues, MemoryTable
from tests.simulation.modes import pipeline_of
from tests.simulation.pipeline import Pipeline
from tests.simulation.shaky import ShakyTable

Plant = Callable[[pytest.MonkeyPatch], None]
FIRST_SEED = 5000
PLANTS: dict[str, _Planted] = {}


@dataclass(frozen=True)
class _Planted:
    plant: Plant
    mode: str
    seeds: int


def planted(mode: str, *, seeds: int) -> Callable[[Plant], Plant]:
    """A bug and within how many seeds of a mode it is found."""

    def note(plant: Plant) -> Plant:
        PLANTS[plant.__name__] = _Planted(plant, mode, seeds)
        return plant

    return note


def violations(mode: str, seed: int) -> list[str]:
    return pipeline_of(mode, seed).run()


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = PLANTS[name]
    bug.plant(monkeypatch)
    for seed in range(FIRST_SEED, FIRST_SEED + bug.seeds):
        if violations(bug.mode, seed):
            return
    pytest.fail(f"{bug.seeds} seeds in {bug.mode} mode did not find it")


def test_these_seeds_find_nothing_where_nothing_is_planted() -> None:
    for mode in sorted({bug.mode for bug in PLANTS.values()}):
        for seed in range(FIRST_SEED, FIRST_SEED + 12):
            assert violations(mode, seed) == [], (mode, seed)


def without(update: Update, *paths: str) -> Update:
    """An update that has forgotten its conditions on these attributes."""
    return replace(update, require=tuple(one for one in update.require if one.path[-1] not in paths))


def rewritten(patch: pytest.MonkeyPatch, name: str, change: Callable[[Update], Update]) -> None:
    """A write of the schema with a change."""
    real = getattr(rows, name)
    patch.setattr(rows, name, lambda *given, **named: change(real(*given, **named)))


# Counting and ending --------------------------------------------------------------------------------------------------


@planted("full", seeds=3)
def counter_in_a_second_write(patch: pytest.MonkeyPatch) -> None:
    real = rows.end_items
    rewritten(patch, "end_items", lambda update: replace(update, add={}))
    ending = state.end_items

    def end_items(table: Any, queues: Any, job: JobState, number: int, endings: Any, **named: Any) -> None:
        ending(table, queues, job, number, endings, **named)
        update = real(job.tenant, job.job.job_id, number, endings, now_s=0)
        row = table.write(replace(update, set={}, require=()))
        state.forward(table, queues, job.tenant, job.job.job_id, rows.chunk_of(row))

    patch.setattr(state, "end_items", end_items)


@planted("full", seeds=3)
def an_end_without_a_condition(patch: pytest.MonkeyPatch) -> None:
    rewritten(patch, "end_items", lambda update: without(update, "s"))


@planted("primary", seeds=20)
def no_hand_off_when_the_work_is_done(patch: pytest.MonkeyPatch) -> None:
    """A crash between the end of an item and the message behind it: the next delivery sees an end and stops."""

    def end_items(table: Any, queues: Any, job: JobState, number: int, endings: Any, **named: Any) -> None:
        named["now_s"] = named.pop("at_s")
        try:
            row = table.write(rows.end_items(job.tenant, job.job.job_id, number, endings, **named))
        except RowConflict:
            return
        forward(table, queues, job.tenant, job.job.job_id, rows.chunk_of(row))

    forward = state.forward
    patch.setattr(state, "end_items", end_items)
    patch.setattr(state, "forward", lambda *_: None)


@planted("full", seeds=40)
def a_result_recorded_after_the_end(patch: pytest.MonkeyPatch) -> None:
    def keep(*given: Any) -> Any:
        late.append(given)
        return given[-2]

    def end(*given: Any) -> None:
        ending(*given)
        while late:
            keeping(*late.pop())

    late: list[Any] = []
    keeping, ending = records.keep_results, render_item._end
    patch.setattr(records, "keep_results", keep)
    patch.setattr(render_item, "_end", end)


# Jobs -----------------------------------------------------------------------------------------------------------------


@planted("primary", seeds=10)
def a_job_id_that_does_not_come_from_the_key(patch: pytest.MonkeyPatch) -> None:
    numbers, real = count(), submissions.job_id_of
    patch.setattr(submissions, "job_id_of", lambda tenant, key: real(tenant, f"{key}{next(numbers)}"))


@planted("primary", seeds=40)
def a_cancel_that_overwrites_planning(patch: pytest.MonkeyPatch) -> None:
    path = ("status",)
    rewritten(
        patch, "request_cancel", lambda update: replace(update, set={**update.set, path: JobStatus.CANCELLED.value})
    )


@planted("primary", seeds=10)
def a_cancelled_job_whose_items_are_dropped_instead_of_ended(patch: pytest.MonkeyPatch) -> None:
    def advance(ports: Any, job: JobState, described: Any, chunk: ChunkState, indices: Any) -> None:
        if not job.cancel_requested:
            real(ports, job, described, chunk, indices)

    real = dispatch_shard._advance
    patch.setattr(dispatch_shard, "_advance", advance)
    patch.setattr(state, "end_job_items", lambda *_given, **_named: None)


@planted("full", seeds=160)
def a_plan_that_is_not_written_down_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan_job, "_plan_of", plan_job._fresh_plan)


@planted("primary", seeds=10)
def a_job_planned_before_its_chunks(patch: pytest.MonkeyPatch) -> None:
    def plan_of(ports: Any, job: JobState) -> Any:
        plan = real(ports, job)
        total, size = len(plan.items), plan.chunk_items
        planned = rows.mark_planned(job.tenant, job.job.job_id, chunks_total=-(-total // size), items_total=total)
        ports.table.write(replace(planned, require=()))
        return plan

    real = plan_job._plan_of
    patch.setattr(plan_job, "_plan_of", plan_of)


@planted("full", seeds=10)
def a_job_finished_when_its_first_chunk_is_full(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JobState, "is_full", property(lambda job: job.planned and bool(job.chunks_full)))
    patch.setattr(finish_job, "all", lambda _: True, raising=False)


@planted("primary", seeds=40)
def a_closing_condition_that_is_too_exact(patch: pytest.MonkeyPatch) -> None:
    """Only a running job begins to finish: the run that died left a finishing one, and its successor gives way."""

    def begin(ports: Any, job: JobState) -> bool:
        begun = rows.begin_finishing(job.tenant, job.job.job_id, run="", now_s=0, until_s=0)
        only = Condition(("status",), Op.EQUALS, JobStatus.RUNNING.value)
        try:
            ports.table.write(replace(begun, require=(only,)))
        except RowConflict:
            return False
        return True

    patch.setattr(finish_job, "_begin", begin)


@planted("crowded", seeds=20)
def a_finish_that_claims_nothing(patch: pytest.MonkeyPatch) -> None:
    rewritten(patch, "begin_finishing", lambda update: without(update, "finish_until_s"))


@planted("full", seeds=40)
def a_dataset_of_whatever_has_a_result(patch: pytest.MonkeyPatch) -> None:
    def done_results(table: Any, media: Any, job: JobState, _chunks: Any) -> Results:
        found = state.all_rows(table, rows.job_pk(job.tenant, job.job.job_id), rows.RESULT_PREFIX)
        return Results(records._doc_of(media, row) for row in found)

    patch.setattr(records, "done_results", done_results)


# Attempts at masks ----------------------------------------------------------------------------------------------------


@planted("primary", seeds=20)
def no_new_call_for_a_lease_that_was_never_sent(patch: pytest.MonkeyPatch) -> None:
    def triage(chunk: ChunkState, indices: Any, at_s: int) -> Any:
        found = real(chunk, indices, at_s)
        found.unsent.clear()
        return found

    real = dispatch_shard._triage
    patch.setattr(dispatch_shard, "_triage", triage)


@planted("primary", seeds=20)
def a_release_without_a_new_dispatch(patch: pytest.MonkeyPatch) -> None:
    real = MemoryQueues.send

    def send(self: MemoryQueues, messages: Any, *, delay_s: int = 0) -> None:
        kept = (one for one in messages if not (isinstance(one, DispatchItems) and one.indices))
        real(self, kept, delay_s=delay_s)

    patch.setattr(MemoryQueues, "send", send)


@planted("primary", seeds=20)
def an_error_handler_that_only_logs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(collect_masks, "collect_failure", lambda *_: None)


@planted("full", seeds=40)
def an_old_attempts_error_that_ends_the_new_one(patch: pytest.MonkeyPatch) -> None:
    def in_flight(ports: Any, asked: Any, indices: Any) -> dict[int, int]:
        chunk = collect_masks._chunk(ports, asked)
        assert chunk is not None
        items = {index: chunk.items[index] for index in indices}
        return {index: item.attempt for index, item in items.items() if item.status == "segmenting"}

    patch.setattr(collect_masks, "_in_flight", in_flight)
    rewritten(patch, "release_item", lambda update: without(update, "r"))
    rewritten(patch, "end_items", lambda update: without(update, "r"))


@planted("full", seeds=40)
def items_sent_to_rendering_before_their_masks_are_kept(patch: pytest.MonkeyPatch) -> None:
    def take(ports: Any, asked: Any, images: Any, *, worked_ms: int) -> None:
        collect_masks._start_rendering(ports, asked, list(asked.tasks), worked_ms=worked_ms)
        real(ports, asked, images, worked_ms=worked_ms)

    real = collect_masks._take
    patch.setattr(collect_masks, "_take", take)


@planted("full", seeds=3)
def results_recorded_before_what_they_name_is_known(patch: pytest.MonkeyPatch) -> None:
    def record(*given: Any) -> Any:
        recorded = real(*given)
        while late:
            keep(late.pop())
        return recorded

    late: list[Facts] = []
    real, keep = records.keep_results, Facts.keep
    patch.setattr(Facts, "keep", lambda self, **_: late.append(self))
    patch.setattr(records, "keep_results", record)


# Messages and the sweep -----------------------------------------------------------------------------------------------


@planted("primary", seeds=10)
def a_batch_acknowledged_whatever_happened(patch: pytest.MonkeyPatch) -> None:
    real = Pipeline._succeeds

    def succeeds(self: Pipeline, handler: Any, body: Any) -> bool:
        real(self, handler, body)
        return True

    patch.setattr(Pipeline, "_succeeds", succeeds)


@planted("primary", seeds=30)
def a_full_queue_that_is_taken_for_success(patch: pytest.MonkeyPatch) -> None:
    real = MemoryQueues.send

    def send(self: MemoryQueues, messages: Any, *, delay_s: int = 0) -> None:
        for message in messages:
            try:
                real(self, [message], delay_s=delay_s)
            except Unavailable:
                continue

    patch.setattr(MemoryQueues, "send", send)


@planted("full", seeds=10)
def the_sweep_is_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "sweep", lambda _: sweep.Repairs())


@planted("full", seeds=40)
def a_sweep_that_looks_only_at_what_is_planned(patch: pytest.MonkeyPatch) -> None:
    real = sweep.look_at_job

    def look(ports: Any, stale: Any, at_s: int, repairs: Any) -> None:
        if stale["planned"]:
            real(ports, stale, at_s, repairs)

    patch.setattr(sweep, "look_at_job", look)


@planted("backlogged", seeds=40)
def a_sweep_that_asks_again_every_minute(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep_jobs, "_note_repair", lambda *_: None)
    for name in (
        "SWEEP_ANSWER_S",
        "SWEEP_PATIENCE_S",
        "SWEEP_PENDING_S",
        "SWEEP_RENDERING_S",
        "SWEEP_PLAN_S",
        "SWEEP_FINISH_S",
    ):
        patch.setattr(sweep_jobs, name, 60)


@planted("full", seeds=3)
def a_quota_that_is_asked_and_not_taken(patch: pytest.MonkeyPatch) -> None:
    rewritten(patch, "take", lambda update: replace(update, add={}))


@planted("primary", seeds=5)
def a_plan_that_dispatches_everything_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan_job, "openers", lambda plan, _window: tuple(chunk.number for chunk in plan.chunks()))


@planted("backlogged", seeds=60)
def a_sweep_that_knows_no_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep_jobs, "_free_since", lambda *_: 0)


@planted("primary", seeds=5)
def a_chunk_that_leaves_the_segmenter_and_tells_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(state, "hand_on", lambda *_: None)


@planted("primary", seeds=10)
def a_put_that_replaces_what_is_there(patch: pytest.MonkeyPatch) -> None:
    real = MemoryTable._write

    def write(self: MemoryTable, write: Any) -> Any:
        before = self.rows.get(write.key)
        if not isinstance(write, Put) or before is None:
            return real(self, write)
        after = {**write.row, "pk": write.key.pk, "sk": write.key.sk}
        self.rows[write.key] = after
        self._tell(write.key, before, after)
        return dict(after)

    patch.setattr(MemoryTable, "_write", write)


# What is told ---------------------------------------------------------------------------------------------------------


@planted("crowded", seeds=5)
def an_event_of_rows_that_were_read_before_the_last_event(patch: pytest.MonkeyPatch) -> None:
    real = MemoryTable._write

    def write(self: MemoryTable, write: Any) -> Any:
        while isinstance(write, Put) and write.key.sk.startswith(rows.EVENT_PREFIX) and write.key in self.rows:
            event = rows.event_of(write.row)
            tenant, job_id = rows.job_of_pk(write.key.pk) or ("", "")
            write = rows.put_event(tenant, job_id, event.model_copy(update={"seq": event.seq + 1}))
        return real(self, write)

    patch.setattr(MemoryTable, "_write", write)


@planted("full", seeds=20)
def counters_that_are_remembered_too_long(patch: pytest.MonkeyPatch) -> None:
    def as_of(self: Tallies, tenant: str, job_id: str, seq: int) -> Any:
        return self._kept.get((tenant, job_id), (0, None))[1]

    patch.setattr(Tallies, "as_of", as_of)


@planted("full", seeds=5)
def a_job_of_which_nothing_is_told_when_a_batch_fails(patch: pytest.MonkeyPatch) -> None:
    real = push_progress.push

    def push(ports: Any, changes: Any) -> Any:
        real(ports, changes)
        return []

    patch.setattr(push_progress, "push", push)


@planted("full", seeds=20)
def a_state_that_is_told_as_the_stream_had_it(patch: pytest.MonkeyPatch) -> None:
    real, seen = push_progress._event, {}

    def event(ports: Any, change: Any, job: Any, seq: int, chunks: Any, counts: Any) -> Any:
        for number in change.items:
            chunks = {**chunks, number: seen.setdefault((job.job.job_id, number), chunks[number])}
        return real(ports, change, job, seq, chunks, counts)

    patch.setattr(push_progress, "_event", event)


@planted("full", seeds=30)
def a_delivery_that_is_named_by_chance(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    patch.setattr(Announcement, "delivery_to", lambda *_: f"{next(numbers):026d}")


@planted("full", seeds=30)
def an_absent_receiver_that_counts_as_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Attempt, "is_success", property(lambda _: True))


@planted("full", seeds=30)
def a_sweep_that_overlooks_what_webhooks_wait_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "_look_at_delivery", lambda *_: None)


@planted("full", seeds=30)
def an_end_that_is_announced_once_only(patch: pytest.MonkeyPatch) -> None:
    real, announced = push_progress.announce, set()

    def announce(table: Any, queues: Any, change: Any) -> None:
        if change.ended_as is None or change.job_id not in announced:
            announced.add(change.job_id)
            real(table, queues, change)

    patch.setattr(push_progress, "announce", announce)


# Removal --------------------------------------------------------------------------------------------------------------


@planted("removing", seeds=30)
def a_removal_that_looks_once(patch: pytest.MonkeyPatch) -> None:
    """What a render or a model writes late is left behind."""
    patch.setattr(rows.RemovalState, "is_last_look", property(lambda _self: True))


@planted("removing", seeds=10)
def a_removal_that_ignores_who_else_shows_a_picture(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pictures, "_is_shared", lambda *_given, **_named: False)


@planted("removing", seeds=10)
def a_removal_that_leaves_what_is_known_of_pictures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pictures, "_forget", lambda *_: True)


@planted("removing", seeds=60)
def a_reference_that_comes_after_the_objects(patch: pytest.MonkeyPatch) -> None:
    real = ingest_image._settle

    def settle(ports: Any, message: Any, outcome: Any) -> None:
        pixels = getattr(outcome, "pixels_sha256", None)
        if pixels is None or refer(ports.table, message, pixels):
            real(ports, message, outcome)

    refer = ingest_image._refer
    patch.setattr(ingest_image, "_refer", lambda *_: True)
    patch.setattr(ingest_image, "_settle", settle)


@planted("removing", seeds=60)
def an_upload_that_nobody_knows_and_nobody_removes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryObjects, "delete", lambda *_: None)


@planted("removing", seeds=30)
def an_image_that_does_not_wait_for_open_jobs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(remove_images, "_is_needed", lambda *_: False)


@planted("removing", seeds=60)
def a_job_that_its_dataset_does_not_know(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(submissions, "_tell_dataset", lambda *_: None)


@planted("removing", seeds=60)
def a_lock_that_is_left_to_the_tables_time_to_live(patch: pytest.MonkeyPatch) -> None:
    """Nobody takes it over, and the table may take days to remove what has expired."""
    patch.setattr(ShakyTable, "_reap", lambda _: None)
    rewritten(patch, "take_over_lock", lambda update: replace(update, require=(Condition(("never",), Op.PRESENT),)))


@planted("removing", seeds=10)
def an_expiry_that_is_left_to_the_table(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep, "_look_at_dataset", lambda *_: None)


# Exports --------------------------------------------------------------------------------------------------------------


@planted("crowded", seeds=3)
def an_export_without_a_lease(patch: pytest.MonkeyPatch) -> None:
    rewritten(patch, "begin_export", lambda update: without(update, "run_until_s"))


@planted("primary", seeds=20)
def exports_noted_after_the_end_of_the_job(patch: pytest.MonkeyPatch) -> None:
    """A crash between the two leaves a job that has ended and that nobody knows to have wanted exports."""
    note, close = finish_job._note_exports, finish_job._close

    def close_then_note(ports: Any, job: JobState, *given: Any) -> None:
        close(ports, job, *given)
        note(ports, job)

    patch.setattr(finish_job, "_note_exports", lambda *_given: None)
    patch.setattr(finish_job, "_close", close_then_note)
