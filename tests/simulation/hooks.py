"""Receivers of webhooks and deliver_webhook in front of them, with what must hold of all that they are told.

A receiver may be busy, and the function may die right after it was heard. In the end every webhook was told of every
job that ended, each time in the same words under the same name.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from lambdas.deliver_webhook.logic import Ports, Posted, deliver
from maskmill import webhooks
from maskmill.core import rows, webhook
from maskmill.core.addresses import Destination
from maskmill.core.limits import QUEUE_DELAY_S_MAX, WEBHOOK_ATTEMPTS_MAX
from maskmill.core.messages import DeliverWebhook, Message, QueueName
from maskmill.core.rows import Delivery, ExportState, JobState
from maskmill.core.table import Key, Row
from maskmill.core.webhook import DeliveryState, EventType, Trouble, Webhook
from tests.simulation.cloud import MemoryQueues, MemoryTable
from tests.simulation.world import Crash, World

TENANTS = ("tenant-0", "tenant-1")
SECRET = webhook.secret_text(b"a secret of thirty-two bytes ...")
ANSWER_S = 0.3
OVERDUE_S = 900
Told = tuple[str, str, str | None]  # a tenant, a job, and the format of an export of it


@dataclass(slots=True)
class Hooks:
    """One webhook of each tenant, which listens to everything."""

    world: World
    table: MemoryTable
    queues: MemoryQueues
    violations: list[str] = field(default_factory=list)
    heard: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    posts: Counter[str] = field(default_factory=Counter)  # by delivery, heard or not
    _waiting: set[Key] = field(default_factory=set)
    _told: set[Told] = field(default_factory=set)
    _over: dict[Key, Told] = field(default_factory=dict)  # the jobs and exports that have ended

    def __post_init__(self) -> None:
        self.table.watch.append(self._committed)
        for tenant in TENANTS:
            hook = Webhook(
                webhook_id=f"hook{tenant[-1]}",
                url="https://hooks.example.com/",
                events=tuple(EventType),
                created_at=self.world.now(),
            )
            put = rows.put_webhook(tenant, hook, secret=SECRET)
            self.table.rows[put.key] = {**put.row, "pk": put.key.pk, "sk": put.key.sk}

    def deliver(self, message: DeliverWebhook) -> None:
        own = MemoryQueues(self.queues.call)
        own.deliver = lambda queue, held: self._hold_back(queue, held, own.delays[-1])
        deliver(Ports(self.table, own, self.world, self), message)

    def _hold_back(self, queue: QueueName, message: Message, delay_s: int) -> None:
        assert self.queues.deliver is not None and 0 <= delay_s <= QUEUE_DELAY_S_MAX
        self.world.at(delay_s, partial(self.queues.deliver, queue, message))

    def post(self, _to: Destination, headers: dict[str, str], body: bytes) -> Posted:
        """The postman and the receiver in one."""
        delivery_id = headers["webhook-id"]
        self.posts[delivery_id] += 1
        self.world.sleep(ANSWER_S)
        if self.world.strikes("receiver_away", delivery_id):
            return Posted(trouble=Trouble.TIMED_OUT)
        webhooks.verify([SECRET], headers, body, now_s=self.world.now().timestamp())
        self.heard[delivery_id].append(body)
        if self.world.strikes("crash_after", f"post:{delivery_id}"):
            raise Crash(delivery_id)
        return Posted(status=503 if self.world.strikes("receiver_busy", delivery_id) else 204)

    def _committed(self, key: Key, _before: Row | None, after: Row | None) -> None:
        """Keep what the end of the world waits for."""
        if key.sk.startswith(rows.DELIVERY_PREFIX):
            self._waiting.discard(key)
            if after is not None:
                self._told.add(_told_of(rows.delivery_of(after)))
                self._waiting |= {key} if after["state"] == DeliveryState.WAITING else set()
        elif key.sk.startswith((rows.JOB_PREFIX, rows.EXPORT_PREFIX)):
            self._over.pop(key, None)
            if after is not None and "finished_at" in after:
                self._over[key] = (after["tenant"], after["job_id"], after.get("format"))

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is left to be told: each ended job has its delivery, and none waits."""
        return not self._waiting and self._told.issuperset(self._over.values())

    def at_rest(self) -> list[str]:
        return [*self.violations, *self._faults()]

    def _faults(self) -> Iterator[str]:
        found = {one.delivery_id: one for one in self._deliveries()}
        told = {_told_of(one): one for one in found.values()}
        if len(told) != len(found):
            yield f"a webhook has {len(found)} deliveries of {len(told)} events"
        for job in self._ended():
            one = told.get((job.tenant, job.job.job_id, None))
            if one is None or one.kind != f"job.{job.status.value}":
                yield f"{job.job.job_id} ended as {job.status}, and its tenant's webhook was told {one}"
        for export in self._ended_exports():
            one = told.get((export.tenant, export.job_id, export.format.value))
            if one is None or one.kind != f"export.{export.status.value}":
                yield f"the {export.format} of {export.job_id} is {export.status}, and the webhook was told {one}"
        for delivery_id, bodies in self.heard.items():
            if delivery_id not in found or {body.decode() for body in bodies} != {found[delivery_id].body}:
                yield f"{delivery_id} was told as {bodies}"
        for one in found.values():
            yield from self._faults_of(one)

    def _faults_of(self, one: Delivery) -> Iterator[str]:
        if one.state is DeliveryState.DELIVERED and one.delivery_id not in self.heard:
            yield f"{one.delivery_id} counts as delivered, and nobody heard it"
        if one.state is DeliveryState.FAILED and one.tries < WEBHOOK_ATTEMPTS_MAX:
            yield f"{one.delivery_id} was given up after {one.tries} attempts"
        if self.posts[one.delivery_id] > WEBHOOK_ATTEMPTS_MAX:
            yield f"{one.delivery_id} was posted {self.posts[one.delivery_id]} times"

    def overdue(self) -> list[str]:
        """What should have been told by now; without a sweep nobody may be left to do it."""
        late = self.world.now().timestamp() - OVERDUE_S
        waiting = (one for one in self._deliveries() if one.state is DeliveryState.WAITING)
        return [f"{one.delivery_id} waits since {one.next_at_s}" for one in waiting if one.next_at_s < late]

    def _deliveries(self) -> list[Delivery]:
        found = (row for key, row in self.table.rows.items() if key.sk.startswith(rows.DELIVERY_PREFIX))
        return [rows.delivery_of(row) for row in found]

    def _ended(self) -> Iterator[JobState]:
        for key, row in list(self.table.rows.items()):
            if key.sk.startswith(rows.JOB_PREFIX) and rows.job_of(row).status.is_terminal:
                yield rows.job_of(row)

    def _ended_exports(self) -> Iterator[ExportState]:
        for key, row in list(self.table.rows.items()):
            if key.sk.startswith(rows.EXPORT_PREFIX) and rows.export_of(row).finished_at is not None:
                yield rows.export_of(row)


def _told_of(one: Delivery) -> Told:
    """The tenant, the job, and the format if it is about an export."""
    data = json.loads(one.body)["data"]
    return one.tenant, str(data["job_id"]), data.get("format")
