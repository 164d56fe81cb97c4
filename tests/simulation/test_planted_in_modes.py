"""Bugs that only one of the special modes can see, planted one at a time; and those of clocks, queues and rows.

Each is found within the stated number of seeds, counted from a seed of its own where it is rare: that of the outage
was met by 5 of 183 seeds, that of the webhook's clock by the 82nd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from pydantic import ValidationError

from lambdas import state
from lambdas.aws import events
from lambdas.collect_masks import logic as collect_masks
from lambdas.push_progress import announcements
from lambdas.serve_api import datasets
from lambdas.sweep import jobs as sweep_jobs
from maskmill.core import rows
from maskmill.core.model import Model
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import Delete
from tests.simulation import pipeline, post, upgrade
from tests.simulation.cloud import MemoryObjects
from tests.simulation.modes import pipeline_of

Plant = Callable[[pytest.MonkeyPatch], None]
PLANTS: dict[str, _Planted] = {}


@dataclass(frozen=True)
class _Planted:
    plant: Plant
    mode: str
    seeds: int
    first: int


def planted(mode: str, *, seeds: int, first: int = 5000) -> Callable[[Plant], Plant]:
    def note(plant: Plant) -> Plant:
        PLANTS[plant.__name__] = _Planted(plant, mode, seeds, first)
        return plant

    return note


def found(mode: str, seed: int) -> bool:
    """Whether a world shows that something is wrong, by a violation or by going to pieces."""
    try:
        return bool(pipeline_of(mode, seed).run())
    except ValidationError:
        return True


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_found_in_its_mode(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = PLANTS[name]
    bug.plant(monkeypatch)
    for seed in range(bug.first, bug.first + bug.seeds):
        if found(bug.mode, seed):
            return
    pytest.fail(f"{bug.seeds} seeds in {bug.mode} mode did not find it")


# Outages and waits ----------------------------------------------------------------------------------------------------


@planted("outage", seeds=10, first=5075)
def a_queue_that_gives_up_while_a_service_is_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(post, "RECEIVES_MAX", 5)


@planted("calm", seeds=5)
def a_sweep_that_takes_waiting_for_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweep_jobs, "SWEEP_PENDING_S", 0)
    patch.setattr(sweep_jobs, "_free_since", lambda *_: 0)


@planted("overload", seeds=2)
def a_tenant_that_may_fill_the_segmenters_line(patch: pytest.MonkeyPatch) -> None:
    real = rows.begin_planning
    patch.setattr(rows, "begin_planning", lambda tenant, job_id, **_: real(tenant, job_id, window_shards=10_000))


# Clocks ---------------------------------------------------------------------------------------------------------------


@planted("crowded", seeds=20)
def a_lease_that_takes_all_clocks_for_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pipeline, "FINISH_LEASE_S", 300)


@planted("crowded", seeds=5, first=5443)
def a_webhook_that_compares_its_clock_with_anothers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(announcements, "_SKEW", timedelta(0))


# Versions -------------------------------------------------------------------------------------------------------------


@planted("upgrade", seeds=5)
def a_message_that_must_not_say_more_than_is_known(patch: pytest.MonkeyPatch) -> None:
    def message_in(body: str) -> Any:
        is_exact = '"kind": "finish"' in body
        return events._messages.validate_json(body) if is_exact else events.message_in(body)

    patch.setattr(upgrade, "message_in", message_in)
    patch.setattr(pipeline, "END_S", 1800.0)


@planted("upgrade", seeds=5)
def a_row_that_must_not_say_more_than_is_known(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Model, "stored", classmethod(lambda model, text: model.model_validate_json(text)))


# Tenants --------------------------------------------------------------------------------------------------------------


@planted("adversary", seeds=20)
def an_answer_that_is_taken_from_anywhere(patch: pytest.MonkeyPatch) -> None:
    def own_key(_ports: Any, _asked: Any, address: str | None) -> str | None:
        return None if address is None else state.key_of_address(address, "work")

    patch.setattr(collect_masks, "_own_key", own_key)


@planted("adversary", seeds=3)
def a_dataset_that_is_found_by_its_id_alone(patch: pytest.MonkeyPatch) -> None:
    """Whose it is, is taken from what was asked for and not from who asks."""
    real = datasets.require

    def require(table: Any, tenant: str, dataset_id: str) -> Any:
        owners = (key.pk.split("#")[1] for key in table.rows if key.sk == f"DATASET#{dataset_id}")
        return real(table, next(owners, tenant), dataset_id)

    patch.setattr(datasets, "require", require)


# Rows and objects -----------------------------------------------------------------------------------------------------


@planted("crowded", seeds=5)
def a_counter_of_full_chunks_that_counts_repetitions(patch: pytest.MonkeyPatch) -> None:
    real, numbers = rows.add_full_chunk, count()

    def add(tenant: str, job_id: str, number: int) -> Any:
        return replace(real(tenant, job_id, number), add={("chunks_full",): frozenset({f"{number}.{next(numbers)}"})})

    patch.setattr(rows, "add_full_chunk", add)


@planted("full", seeds=20)
def a_cancellation_that_removes_rows(patch: pytest.MonkeyPatch) -> None:
    def end(table: Any, _queues: Any, job: JobState, chunk: ChunkState, **_: Any) -> None:
        table.write(Delete(rows.chunk_key(job.tenant, job.job.job_id, chunk.number)))

    patch.setattr(state, "end_open_items", end)


@planted("crowded", seeds=5)
def a_variant_that_says_when_it_was_made(patch: pytest.MonkeyPatch) -> None:
    real, numbers = MemoryObjects._put, count()

    def put(self: MemoryObjects, key: str, data: bytes, media_type: str) -> None:
        stamp = f" made as number {next(numbers)}".encode() if "/variants/" in key else b""
        real(self, key, data + stamp, media_type)

    patch.setattr(MemoryObjects, "_put", put)
