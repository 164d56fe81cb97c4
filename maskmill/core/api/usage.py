"""What a tenant may use and what it uses; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime

from maskmill.core.model import Model


class QuotaView(Model):
    """A limit and how much of it is used."""

    limit: int
    used: int


class UsageView(Model):
    """The quotas of the caller; those of a day begin anew at `day_ends_at`, midnight in UTC."""

    datasets: QuotaView
    images: QuotaView
    bytes: QuotaView
    open_jobs: QuotaView
    variants_per_day: QuotaView
    gpu_seconds_per_day: QuotaView
    day_ends_at: datetime
