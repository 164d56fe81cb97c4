"""The whole pipeline in one process: the product's own logic on a simulated cloud, with users, a model and invariants.

`Pipeline(world).run()` plays one seed to its end and returns the violations that it saw; none is the only good answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambdas.bury_letters import logic as bury_letters
from lambdas.collect_masks import logic as collect_masks
from lambdas.dispatch_shard import logic as dispatch_shard
from lambdas.export_dataset import logic as export_dataset
from lambdas.finish_job import logic as finish_job
from lambdas.ingest_image import logic as ingest_image
from lambdas.known import Facts
from lambdas.plan_job import logic as plan_job
from lambdas.remove_dataset import images as remove_images
from lambdas.remove_dataset import logic as remove_dataset
from lambdas.remove_dataset import ports as removing
from lambdas.render_item import logic as render_item
from lambdas.render_item.logic import Painted
from lambdas.serve_api import ports as serve_api
from lambdas.serve_api.rates import Rates
from lambdas.serve_api.signing import Keyring
from lambdas.spending import Switch
from lambdas.sweep import logic as sweep
from maskmill.core import rows
from maskmill.core.bill import Fleet
from maskmill.core.errors import Unavailable
from maskmill.core.limits import CLOCK_SKEW_S
from maskmill.core.messages import (
    DispatchItems,
    ExportDataset,
    FinishJob,
    IngestUpload,
    Message,
    PlanJob,
    QueueName,
    RemoveDataset,
    RemoveImage,
    RenderItems,
)
from maskmill.core.result import Results
from maskmill.core.rows import JobState
from maskmill.core.rows import items as chunk_rows
from maskmill.core.shard import ShardAnswer, ShardRequest
from maskmill.core.table import Key, Row
from maskmill.core.usage import Quotas
from tests.simulation.borders import Borders, act_for, tenant_of
from tests.simulation.clocks import Clocks
from tests.simulation.cloud import MemoryEndpoint, MemoryLane, MemoryObjects, MemoryQueues, MemoryTable
from tests.simulation.costs import excesses
from tests.simulation.hooks import Hooks
from tests.simulation.invariants import Invariants
from tests.simulation.ledger import Ledger
from tests.simulation.live import Live
from tests.simulation.marks import Marks
from tests.simulation.model import Platform
from tests.simulation.post import LIMIT_S, Body, Post
from tests.simulation.rows import parsed_once
from tests.simulation.shaky import ShakyObjects, ShakyQueues, ShakyTable
from tests.simulation.stand_ins import SlowMaker, answer_to, check, look, normalise, paint, write_dataset
from tests.simulation.users import NO_GATE, CountedIds, NoDoors, User
from tests.simulation.world import Crash, World

# A frozen row is read once, though a dozen functions and checks read it.
for _reader in ("job_of", "chunk_of", "export_of", "dataset_of", "image_of", "delivery_of", "event_of", "removal_of"):
    setattr(rows, _reader, parsed_once(getattr(rows, _reader)))
chunk_rows._item_of = parsed_once(chunk_rows._item_of)

LEASE_S = 3600
SWEEPS_S = (60.0, 300.0, 600.0)  # how often the sweep runs: every minute, unless runs of it fail to begin
SEGMENTER = "sim-1"
FINISH_LEASE_S = 300 + CLOCK_SKEW_S
FLEET = Fleet(instance_type="ml.c6i.xlarge", instances_max=1, idle_s=300, chunk_items=2, renders_at_once=2)
QUOTAS = Quotas(
    datasets=100, images=10_000, bytes=10**9, variants_per_day=10_000, gpu_seconds_per_day=100_000, open_jobs=10
)
LATE_S = 1200  # longer than a function runs, than the model takes and than users take to put a file into the store
TELLING_S = 4 * 3600
END_S = 30 * 3600.0
REDEPLOYS = 3


@dataclass(frozen=True, slots=True)
class Hands:
    """Who works on pictures in a world: stand-ins that do what a picture's word says, or the product's own imaging."""

    normalise: Callable[[bytes], Any] = normalise
    answer: Callable[[ShardRequest], ShardAnswer] = answer_to
    check: Callable[[Any, Any], None] = check
    look: Callable[..., Facts] = look
    paint: Callable[..., Painted] = paint
    write_dataset: Callable[..., int] = write_dataset


@dataclass(frozen=True, slots=True)
class Sizes:
    """How a job is cut: so finely that a job of five images has several chunks, runs of the planner and turns."""

    chunk_items: int = 2
    window_shards: int = 1
    chunks_per_run: int = 2
    renderings: int = 50


def _has_ended(key: Key, row: Row) -> bool:
    if key.sk.startswith(rows.EXPORT_PREFIX):
        return rows.export_of(row).status.is_terminal
    if key.sk.startswith("DATASET#"):
        return rows.removal_of(row) is None and rows.dataset_of(row).expires_at is None
    if key.sk.startswith(rows.GONE_PREFIX):
        return False
    return not key.sk.startswith("JOB#") or rows.job_of(row).status.is_terminal


@dataclass(slots=True)
class Pipeline:
    """One world with the product in it: `jobs` users with up to `images` images each."""

    world: World
    jobs: int = 2
    images: int = 5
    with_sweep: bool = True
    asks_anyway: bool = True  # who follows a job looks at its events even if its socket is silent
    with_cancel: bool = True
    with_retry: bool = True  # a retry asks again for what failed
    cold_s: float = 300.0  # the longest that the model takes
    removals: float = 0.0  # the share of users who remove their dataset, or some of its images, or let it expire
    hands: Hands = Hands()
    sizes: Sizes = Sizes()
    repairs: Counter[str] = field(default_factory=Counter)
    open_users: int = 0
    users: list[User] = field(default_factory=list)
    invariants: Invariants = field(init=False)
    ledger: Ledger = field(init=False)
    switch: Switch = field(init=False)
    table: ShakyTable = field(init=False)
    marks: Marks = field(init=False)
    uploads: MemoryObjects = field(init=False)
    media: MemoryObjects = field(init=False)
    work: MemoryObjects = field(init=False)
    queues: MemoryQueues = field(init=False)
    endpoint: MemoryEndpoint = field(init=False)
    live: Live = field(init=False)
    hooks: Hooks = field(init=False)
    clock: Clocks = field(init=False)
    borders: Borders = field(init=False)
    post: Post = field(init=False)
    platform: Platform = field(init=False)
    absent: frozenset[int] = frozenset()  # users who do nothing at all
    _open: set[Key] = field(default_factory=set)  # the rows that somebody still has to do something about
    _sweep_s: float = 60.0
    _ids: CountedIds = field(default_factory=CountedIds)
    _runs: CountedIds = field(default_factory=CountedIds)

    def __post_init__(self) -> None:
        call = self.world.call
        self.clock = Clocks(self.world)
        self.post = Post(self.world, self.clock, self._handle, self._bury, keeps_callbacks=not self.with_sweep)
        self.borders = Borders(self.world)
        self.table = self._new_table(self.world)
        self.table.watch.append(self.borders.committed)
        self.uploads, self.media, self.work = map(self._new_bucket, ("uploads", "media", "work"))
        self.queues = ShakyQueues(call, deliver=self._deliver, world=self.world)
        self.endpoint = MemoryEndpoint(call, accept=self._accept)
        self.invariants = Invariants(self.world, self.table, self.media, self.work, self.queues, self.uploads)
        self.platform = Platform(self.world, self.work, self.invariants, self.hands.answer, self._deliver, self.cold_s)
        self.switch = Switch(self.table, self.clock)
        self.marks = Marks(self.world, self.table)
        self.ledger = Ledger(self.world, self.table, self.endpoint)
        self.table.watch += [self.invariants.committed, self.ledger.committed, self._committed]
        self.live = Live(self.world, self.table, self.queues, self.api(), self.asks_anyway)
        self.hooks = Hooks(self.world, self.table, self.queues)

    def _new_table(self, world: World) -> ShakyTable:
        return ShakyTable(world.call, world=world)

    def _new_bucket(self, name: str) -> MemoryObjects:
        return ShakyObjects(name, self.borders.call, world=self.world)

    def run(self) -> list[str]:
        """Play until every user has an answer, then check what is left; returns the violations."""
        for number in sorted(set(range(self.jobs)) - self.absent):
            self.open_users += 1
            self.users.append(self._user(number))
            self.world.spawn(self.world.chance("arrive", str(number)) * 60, partial(self._serve, self.users[-1]))
        if self.with_sweep:
            self._sweep_s = SWEEPS_S[int(len(SWEEPS_S) * self.world.chance("sweep", "every"))]
            self.world.at(self._sweep_s, self._sweep_forever)
        for number in range(REDEPLOYS):
            if self.world.strikes("redeploy", str(number)):
                self.world.at(
                    self.world.faults.window_s * self.world.chance("redeployed", str(number)), self.world.redeploy
                )
        while self.world.now_s < END_S and not self._is_at_rest():
            self.world.run(self.world.now_s + 600.0)
        self.world.run(self.world.now_s + 3600.0)  # late and repeated messages still arrive
        for _ in range(TELLING_S // 600):  # where every call may take minutes, so does telling of what changed last
            if not (self.live.is_at_rest and self.post.is_at_rest):
                self.world.run(self.world.now_s + 600.0)
        at_rest = [*self.invariants.at_rest(self.users), *self.ledger.at_rest(), *self.live.at_rest()]
        at_rest += [*self.hooks.at_rest(), *excesses(self)]
        at_rest += self.hooks.overdue() if self.with_sweep else []
        self.world.close()
        return [*self.invariants.violations, *self.borders.violations, *self.live.violations, *at_rest]

    def _is_at_rest(self) -> bool:
        has_calls = self.open_users > 0 or any(user.clicks for user in self.users)
        is_told = self.hooks.is_at_rest or not self.with_sweep
        return not has_calls and is_told and not self._open

    def _committed(self, key: Key, _before: Row | None, after: Row | None) -> None:
        self._open.discard(key)
        if after is not None and not _has_ended(key, after):
            self._open.add(key)

    def api(self) -> serve_api.Ports:
        """The ports of the API on this cloud."""
        return serve_api.Ports(
            self.table,
            self.media,
            NoDoors(),
            self.queues,
            self.clock,
            self._ids,
            lane=MemoryLane(self.hands.answer),
            keyring=Keyring(self.table, draw=lambda: b"simulated secret"),
            rates=Rates(self.table, self.clock, per_window=1000),
            spending=self.switch,
            live_url="wss://live.example",
            gate=NO_GATE,
            media_bucket="media",
            segmenter=SEGMENTER,
            lane_segmenter=SEGMENTER,
            lane_side_max=4,
            trial_life_s=6 * 3600,
            quotas=QUOTAS,
            fleet=FLEET,
            draw_secret=lambda: b"simulated secret of 32 bytes ...",
        )

    def _user(self, number: int) -> User:
        return User(
            number,
            self.world,
            self.api(),
            self.table,
            self.uploads,
            images_max=self.images,
            may_cancel=self.with_cancel,
            may_retry=self.with_retry,
            may_leave=self.with_sweep,
            removals=self.removals,
            arrived=lambda message: self._deliver(QueueName.INGEST, message),
        )

    def _serve(self, user: User) -> None:
        self.world.invokes(f"user {user.number}")
        try:
            user.work()
        except Exception as error:  # noqa: BLE001 - an unexpected error is a finding, not a reason to stop
            self.invariants.violations.append(f"user {user.number} met {type(error).__name__}: {error}")
        finally:
            self.open_users -= 1

    # Messages

    def _deliver(self, queue: QueueName, body: Body) -> None:
        self.borders.sent(body)
        self.post.deliver(queue, body)

    def _handle(self, queue: QueueName, body: Body) -> bool:
        act_for(tenant_of(body))
        return self._succeeds(self._handler(queue), body)

    def _bury(self, letter: Message) -> bool:
        act_for(letter.tenant)
        return self._succeeds(self._bury_letter, letter)

    def _succeeds(self, handler: Callable[[Any], object], body: Body) -> bool:
        self.world.invokes(handler.__name__.lstrip("_"))
        try:
            handler(body)
        except (Crash, Unavailable):
            return False
        except Exception as error:  # noqa: BLE001 - an unexpected error is a finding, not a reason to stop
            self.invariants.violations.append(f"{type(error).__name__}: {error} on {body!r}")
            return False
        return True

    def _handler(self, queue: QueueName) -> Callable[[Any], object]:
        return {
            QueueName.INGEST: self._ingest,
            QueueName.PLAN: self._plan,
            QueueName.DISPATCH: self._dispatch,
            QueueName.COLLECT: self._collect,
            QueueName.RENDER: self._render,
            QueueName.FINISH: self._finish,
            QueueName.EXPORT: self._export,
            QueueName.WEBHOOK: self.hooks.deliver,
            QueueName.REMOVE: self._remove,
        }[queue]

    # The product's functions on this cloud

    def _ingest(self, message: IngestUpload) -> None:
        ingest_image.ingest(ingest_image.Ports(self.table, self.uploads, self.media, self.hands.normalise), message)

    def _plan(self, message: PlanJob) -> None:
        plan_job.plan(
            plan_job.Ports(
                self.table,
                self.media,
                self.queues,
                self.clock,
                chunk_items=self.sizes.chunk_items,
                window_shards=self.sizes.window_shards,
                renderings=self.sizes.renderings,
                chunks_per_run=self.sizes.chunks_per_run,
            ),
            message,
        )

    def _dispatch(self, message: DispatchItems) -> None:
        ports = dispatch_shard.Ports(
            self.table,
            self.media,
            self.work,
            self.queues,
            self.endpoint,
            self.clock,
            self.switch,
            media_bucket="media",
            lease_s=LEASE_S,
        )
        dispatch_shard.dispatch(ports, message)

    def _collect(self, body: Body) -> None:
        ports = collect_masks.Ports(
            self.table, self.media, self.work, self.queues, self.clock, work_bucket="work", check=self.hands.check
        )
        if isinstance(body, tuple):
            self.marks.called_back(body[0], body[1])
        if not isinstance(body, tuple):
            assert body.kind == "collect"
            collect_masks.collect_found(ports, body)
        elif body[0] == "ok":
            collect_masks.collect_success(ports, body[1], body[2])
        else:
            collect_masks.collect_failure(ports, body[1], "Received server error (500) from model", body[2])

    def _render(self, message: RenderItems) -> None:
        hands = self.hands
        ports = render_item.Ports(self.table, self.media, self.queues, self.clock, hands.look, hands.paint)
        render_item.render(ports, message)

    def _finish(self, message: FinishJob) -> None:
        ports = finish_job.Ports(
            self.table, self.media, self.queues, self.clock, self._runs, self._write_dataset, lease_s=FINISH_LEASE_S
        )
        finish_job.finish(ports, message)

    def _write_dataset(self, table: MemoryTable, media: MemoryObjects, job: JobState, results: Results) -> int:
        with self.invariants.alone(f"the lists of {job.job.job_id}"):
            return self.hands.write_dataset(table, media, job, results)

    def _export(self, message: ExportDataset) -> None:
        maker = SlowMaker(self.world, self.invariants.alone)
        ports = export_dataset.Ports(
            self.table, self.media, self.queues, self.clock, self._runs, maker, lease_s=FINISH_LEASE_S
        )
        export_dataset.export(ports, message)

    def _remove(self, message: RemoveDataset | RemoveImage) -> None:
        ports = removing.Ports(
            self.table, self.uploads, self.media, self.work, self.queues, self.clock, self._ids, late_s=LATE_S
        )
        if isinstance(message, RemoveImage):
            remove_images.remove_image(ports, message)
        else:
            remove_dataset.remove_dataset(ports, message)

    def _bury_letter(self, letter: Message) -> None:
        if isinstance(letter, RenderItems) and len(letter.indices) > 1:
            self.world.marks["tried_alone"] += 1
        bury_letters.bury(bury_letters.Ports(self.table, self.queues, self.clock), letter)

    def _sweep_forever(self) -> None:
        """Every few minutes, as long as something is open; where nothing is due, the sweep would find nothing."""
        if self.table.rows.has_due(int(self.world.now().timestamp())):
            self.world.spawn(0.0, self._sweep, limit_s=LIMIT_S)
        if not self._is_at_rest():
            self.world.at(self._sweep_s, self._sweep_forever)

    def _sweep(self) -> None:
        self.world.invokes("sweep")
        ports = sweep.Ports(
            self.table, self.uploads, self.work, self.queues, self.clock, self.switch, work_bucket="work"
        )
        try:
            repairs = sweep.sweep(ports)
        except (Crash, Unavailable):
            self.world.marks["sweep_died"] += 1
        else:
            self.repairs.update(repairs.counts)
            self.world.marks["sweep_found_output"] += repairs.counts.get("collect", 0)
            self.world.marks["sweep_cut_short"] += repairs.is_cut_short
            for key, error in repairs.failures:
                if not isinstance(error, Unavailable):
                    self.invariants.violations.append(f"sweep met {type(error).__name__}: {error} at {key}")

    # The model behind the endpoint

    def _accept(self, request_key: str, promise: str) -> None:
        self.platform.accept(request_key, promise)
