"""The settings of every function, written by infra (`to_env`) and read by the handler (`from_env`).

A missing name stops the start with the list of all that are missing. It knows no process environment: the mapping is
handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Self, dataclass_transform

from maskmill.core.errors import Code, MaskmillError


class EndpointMode(StrEnum):
    """How an endpoint is asked: it keeps a queue and may sleep, or it answers at once and never sleeps."""

    ASYNC = "async"
    REALTIME = "realtime"


class BadSettings(MaskmillError):
    """The environment of a function does not hold what the function needs."""

    default_code = Code.INTERNAL


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Settings:
    """Base: each annotated name `table_name` is the environment name `TABLE_NAME`; values are strings or integers.

    Values are given by name and never change. It is like a dataclass and none: a function begins sooner without the
    methods of every other function's settings.
    """

    def __init__(self, **values: str | int) -> None:
        if values.keys() != set(self.names()):
            raise TypeError(f"{type(self).__name__} has {', '.join(self.names())}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} does not change")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(cls.__annotations__)

    def to_env(self) -> dict[str, str]:
        return {name.upper(): str(getattr(self, name)) for name in self.names()}

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        missing = [name.upper() for name in cls.names() if name.upper() not in env]
        if missing:
            raise BadSettings(detail=f"missing settings: {', '.join(missing)}")
        return cls(**{name: _typed(name, kind, env[name.upper()]) for name, kind in cls.__annotations__.items()})


def _typed(name: str, kind: str, text: str) -> str | int:
    if kind != "int":
        return text
    if not text.lstrip("-").isdigit():
        raise BadSettings(detail=f"{name.upper()} is not an integer: {text!r}")
    return int(text)


def hosts_of(text: str) -> frozenset[str]:
    """The hosts in a list that is separated by commas."""
    return frozenset(host for host in text.split(",") if host)


class ServeApiSettings(Settings):
    table_name: str
    uploads_bucket: str
    media_bucket: str
    plan_queue_url: str
    export_queue_url: str
    remove_queue_url: str
    segmenter: str  # the version that masks are keyed by, for example classic-1
    lane_name: str  # the function that segments for people who wait
    lane_segmenter: str  # the version of the segmenter in it
    live_url: str  # where clients open sockets
    media_url: str  # the folder that media are served below, with a slash at its end
    media_key_name: str  # of the secret that media sessions are signed with
    media_key_pair_id: str  # of the same key at the distribution
    door_digests: (
        str  # separated by commas: SHA-256 of the words that the distribution may say; empty: no word is asked
    )
    lane_side_max: int  # points along each side of a search for everything that the lane ends in time
    webhook_queue_url: str
    webhook_private_hosts: str  # separated by commas: hosts that may be told although they are not public
    trial_life_s: int  # after which a trial dataset expires of which nothing else is said
    quota_datasets: int  # what a tenant may use, unless an administrator has said otherwise
    quota_images: int
    quota_bytes: int
    quota_variants_per_day: int
    quota_gpu_seconds_per_day: int
    quota_open_jobs: int
    requests_per_minute: int  # of each tenant
    instance_type: str  # what jobs run on, for estimates: that of the segmenter
    instances_min: int
    instances_max: int
    instance_idle_s: int  # that its last instance waits for more work
    chunk_items: int  # images that one invocation of it holds
    renders_at_once: int


class IngestImageSettings(Settings):
    table_name: str
    uploads_bucket: str
    media_bucket: str


class PlanJobSettings(Settings):
    table_name: str
    media_bucket: str
    plan_queue_url: str
    dispatch_queue_url: str
    finish_queue_url: str
    chunk_items: int  # how many items one invocation of the model holds at least
    window_shards: int  # how many chunks of one job may be in the segmenter at once


class DispatchShardSettings(Settings):
    table_name: str
    media_bucket: str
    work_bucket: str
    dispatch_queue_url: str
    render_queue_url: str
    finish_queue_url: str
    endpoint_name: str
    endpoint_mode: str  # of EndpointMode
    collect_queue_url: str  # told of what a realtime endpoint answered; an asynchronous one says it itself
    queue_life_s: int  # how long a request may wait in the endpoint's queue
    invocation_timeout_s: int


class CollectMasksSettings(Settings):
    table_name: str
    media_bucket: str
    work_bucket: str
    dispatch_queue_url: str
    render_queue_url: str
    finish_queue_url: str


class RenderItemSettings(Settings):
    table_name: str
    media_bucket: str
    finish_queue_url: str


class FinishJobSettings(Settings):
    table_name: str
    media_bucket: str
    export_queue_url: str


class ExportDatasetSettings(Settings):
    table_name: str
    media_bucket: str
    export_queue_url: str


class DeliverWebhookSettings(Settings):
    table_name: str
    webhook_queue_url: str
    webhook_private_hosts: str  # separated by commas: hosts that may be told although they are not public


class RemoveDatasetSettings(Settings):
    table_name: str
    uploads_bucket: str
    media_bucket: str
    work_bucket: str
    plan_queue_url: str
    remove_queue_url: str
    late_s: int  # how long somebody may go on writing who began before a removal


class SweepSettings(Settings):
    table_name: str
    uploads_bucket: str
    work_bucket: str
    ingest_queue_url: str
    plan_queue_url: str
    dispatch_queue_url: str
    collect_queue_url: str
    render_queue_url: str
    finish_queue_url: str
    remove_queue_url: str
    webhook_queue_url: str
    export_queue_url: str


class BuryLettersSettings(Settings):
    table_name: str
    dispatch_queue_url: str
    render_queue_url: str
    finish_queue_url: str
    export_queue_url: str


class SwitchSpendingSettings(Settings):
    table_name: str


class PushProgressSettings(Settings):
    table_name: str
    webhook_queue_url: str
    sockets_url: str  # where the gateway takes what is sent to its sockets


class HoldConnectionSettings(Settings):
    table_name: str
    sockets_url: str


class PublishPageSettings(Settings):
    site_bucket: str


class MakeKeySettings(Settings):
    key_folder: str  # below which the names of keys lie
