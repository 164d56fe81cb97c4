"""The quotas of a tenant as the API takes and shows them; it knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lambdas import usage
from lambdas.serve_api.ports import Ports
from maskmill.core.api import QuotaView, UsageView
from maskmill.core.usage import MachineTime, Quota, day_end, day_of


def take(ports: Ports, tenant: str, asked: Mapping[Quota, int], *, is_shown: bool = False) -> None:
    """Count what is about to be kept, or what a dataset's row shows already; raises QuotaExceeded."""
    usage.take(ports.table, tenant, asked, defaults=ports.quotas, now=ports.clock.now(), is_shown=is_shown)


def take_job(ports: Ports, tenant: str, job_id: str, *, variants: int, machine: MachineTime) -> None:
    """Give a job its place, its variants and its seconds, once; raises QuotaExceeded when they do not fit."""
    now = ports.clock.now()
    usage.take_job(ports.table, tenant, job_id, variants=variants, machine=machine, defaults=ports.quotas, now=now)


@dataclass(frozen=True, slots=True)
class TakenSeconds:
    """Seconds of a machine that were counted before it was asked."""

    ports: Ports
    tenant: str
    taken: int
    at: datetime

    def settle(self, worked_s: int) -> None:
        """Count what it was instead."""
        usage.settle_seconds(self.ports.table, self.tenant, worked_s - self.taken, now=self.at)


def take_seconds(ports: Ports, tenant: str, seconds: int) -> TakenSeconds:
    """Count seconds of a machine before it is asked; raises QuotaExceeded when they do not fit."""
    now = ports.clock.now()
    usage.take_seconds(ports.table, tenant, seconds, defaults=ports.quotas, now=now)
    return TakenSeconds(ports, tenant, seconds, now)


def view(ports: Ports, tenant: str) -> UsageView:
    now = ports.clock.now()
    state, limits = usage.read(ports.table, tenant, ports.quotas)
    views = {
        quota.value: QuotaView(limit=limits.of(quota), used=state.used(quota, today=day_of(now))) for quota in Quota
    }
    return UsageView(**views, day_ends_at=day_end(now))
