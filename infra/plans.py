"""What a stage is made of, part by part, as plain values; it knows no stage and no construct."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from infra.bundle import ROOT
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine, segmenter_version
from maskmill.core.messages import QueueName
from maskmill.core.settings import EndpointMode

INSTANCE_TYPES_MAX = 4  # so that their names fit into that of a variant; the service takes five
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]{2,6}\.[a-z0-9]{4,9}")
_GPU_FAMILIES = ("ml.g", "ml.p")
_PACKAGE = re.compile(r"/([0-9a-f]{64})/$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenter:
    """An engine of the model server, the checkpoint that its version names, and the instances that it runs on.

    `sha256` is that of the checkpoint as its publisher gives it away. `weights` is an S3 prefix whose files are laid,
    unpacked, into the container's model folder; a package lies below the SHA-256 of its manifest. Of several
    `instance_types` the first that is to be had is taken; raises ValueError for types that cannot stand in for each
    other.
    """

    engine: Engine
    sha256: str | None = None
    instance_types: tuple[str, ...]
    weights: str | None = None

    def __post_init__(self) -> None:
        types = self.instance_types
        if not 1 <= len(types) <= INSTANCE_TYPES_MAX or len(set(types)) < len(types):
            raise ValueError(f"one to {INSTANCE_TYPES_MAX} different instance types: {','.join(types)!r}")
        if not all(_INSTANCE_TYPE.fullmatch(one) for one in types):
            raise ValueError(f"an instance type reads like ml.g5.xlarge: {','.join(types)!r}")
        if len({one.startswith(_GPU_FAMILIES) for one in types}) > 1:
            raise ValueError(f"instances with and without a GPU need different images: {','.join(types)!r}")

    @property
    def needs_weights(self) -> bool:
        return self.engine.needs_checkpoint

    @property
    def instance_type(self) -> str:
        """The one that estimates and bills go by: the first."""
        return self.instance_types[0]

    @property
    def has_gpu(self) -> bool:
        return self.instance_type.startswith(_GPU_FAMILIES)

    @property
    def package_sha256(self) -> str | None:
        """The SHA-256 of the package's manifest, where the prefix of the weights names it."""
        found = _PACKAGE.search(self.weights or "")
        return found[1] if found else None

    @property
    def version(self) -> str:
        """What masks are keyed by, as the model server will answer it; raises ValueError without a digest."""
        return segmenter_version(self.engine, self.sha256)

    def to_env(self) -> dict[str, str]:
        """What the model server is told about its engine."""
        digests = {"SEGMENTER_SHA256": self.sha256, "PACKAGE_SHA256": self.package_sha256}
        return {"SEGMENTER": self.engine.value, **{name: value for name, value in digests.items() if value}}


_CPU, _GPU = "ml.c6i.xlarge", "ml.g5.xlarge"
_ON_CPU = frozenset({Engine.CLASSIC, Engine.SAM_TEST})


def _known(engine: Engine) -> Segmenter:
    published = PUBLISHED.get(engine)
    return Segmenter(
        engine=engine,
        sha256=published.sha256 if published else None,
        instance_types=(_CPU if engine in _ON_CPU else _GPU,),
    )


SEGMENTERS = {engine.value: _known(engine) for engine in Engine}
CLASSIC = SEGMENTERS[Engine.CLASSIC]
WINDOW_SHARDS_MIN = 4
REALTIME_ITEMS = 4
REALTIME_S_MAX = 60  # for which the service waits for an answer that is given at once
WAITING_MAX = 8  # requests that the model server lets wait, beside those at work


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """How the endpoint is filled and scaled. Seconds and minutes bound what an idle or stuck request may cost.

    Raises ValueError for what an endpoint of that mode cannot be.
    """

    segmenter: Segmenter = CLASSIC  # the one of jobs, chosen for its masks
    mode: EndpointMode = EndpointMode.ASYNC
    image_uri: str | None = None  # None: built from inference_container/ at deployment
    shard_items: int = 16  # items that one invocation holds
    invocations_per_instance: int = 1
    instances_min: int = 0
    instances_max: int = 1
    idle_min: int = 5  # minutes without work after which the last instance goes
    queue_life_s: int = 3600
    invocation_timeout_s: int = 900

    def __post_init__(self) -> None:
        if not 0 <= self.instances_min <= self.instances_max:
            raise ValueError(f"no endpoint has {self.instances_min} to {self.instances_max} instances")
        if self.mode is EndpointMode.ASYNC:
            return
        if self.instances_min < 1 or self.invocation_timeout_s > REALTIME_S_MAX:
            raise ValueError(f"a realtime endpoint has an instance and answers within {REALTIME_S_MAX} seconds")
        if self.callers_max > self.instances_min * (self.invocations_per_instance + WAITING_MAX):
            raise ValueError(f"{self.instances_min} instances cannot let {self.callers_max} requests wait")

    @property
    def wait_s(self) -> int:
        """How long who asks waits for the answer; an asynchronous endpoint calls back."""
        return self.invocation_timeout_s if self.mode is EndpointMode.REALTIME else 0

    @property
    def callers_max(self) -> int:
        """How many may ask a realtime endpoint at once: it has no queue, and each instance one more to go on with."""
        return 2 * self.instances_max * self.invocations_per_instance

    @property
    def window_shards(self) -> int:
        """How many chunks of one job may be with the endpoint at once, whose own queue knows no fairness.

        Twice as many as it works on, so that none of its instances waits for the next and the scaling sees a backlog;
        and some more where it is small, because an answer takes a moment to come back.
        """
        return max(WINDOW_SHARDS_MIN, 2 * self.instances_max * self.invocations_per_instance)


def realtime(plan: EndpointPlan) -> EndpointPlan:
    """The same endpoint without a queue: always awake, asked in small pieces that it answers in time."""
    return replace(
        plan,
        mode=EndpointMode.REALTIME,
        instances_min=max(1, plan.instances_min),
        shard_items=min(REALTIME_ITEMS, plan.shard_items),
        queue_life_s=0,
        invocation_timeout_s=REALTIME_S_MAX,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePlan:
    """How the interactive lane is filled: the model server's code in a function, on processors alone.

    `most_at_once` reserves a part of the account's functions for the lane and bounds it; a new account has too few of
    them to reserve any, so None leaves it to the account's own bound.
    """

    image_uri: str | None = None  # None: built from inference_container/ at deployment
    memory_mb: int = 3008  # more needs a wish to AWS in a new account; 1,769 MB are one processor
    side_max: int = 16  # points along each side of a search for everything, for an engine that embeds a picture once
    most_at_once: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many invocations of each queue's function run at once (2 is the least that a queue accepts)."""

    ingest: int
    plan: int
    dispatch: int
    collect: int
    render: int
    finish: int
    export: int
    remove: int = 2
    webhook: int = 10  # an attempt does little but wait for its receiver

    def of(self, queue: QueueName) -> int:
        return int(getattr(self, queue.value))


LOOPBACK = "http://127.0.0.1:8976/callback"  # where the command line waits for the browser


class Mfa(StrEnum):
    """Whether people show a second factor, an authenticator app."""

    OFF = "off"
    OPTIONAL = "optional"  # each person's choice
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Where the hosted pages may send people back to, and which machines have a client of their own.

    Cognito takes plain HTTP for addresses of the own machine alone.
    """

    callback_urls: tuple[str, ...] = (LOOPBACK,)
    logout_urls: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()  # each costs money by the token, and by the month: see docs/tenancy.md
    mfa: Mfa = Mfa.OPTIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """The folder of the built page, and the name that people find it under.

    Without a domain that is the distribution's own name. A domain of one's own needs a certificate of ACM in us-east-1.
    """

    folder: Path = ROOT / "frontend" / "dist"
    domain: str | None = None
    certificate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallPlan:
    """A firewall before the distribution: one of the stage's own, or one that is there by its ARN.

    One of its own costs 8 dollars a month and 0.60 for a million requests, and can be made in us-east-1 alone.
    """

    acl: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPlan:
    """What an account may spend in a month of the calendar, and who is told when most of it is gone.

    When all of it is, whatever costs money is stopped until an operator lets it run again. It counts the whole account:
    to count by tag, tags must be activated by hand first, and until then a budget of them sees nothing.
    """

    dollars: int
    warn_percent: int = 80
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """Where an emulator of AWS answers: services that have names of their own on AWS are paths below its address."""

    url: str
    sign_in_path: str  # of its stand-in for the hosted pages

    @property
    def gateway_base(self) -> str:
        """The address below which APIs lie, each under its id."""
        return f"{self.url}/_aws/execute-api"

    def origin_of(self, domain: str) -> str:
        """The origin of a distribution's alternate name."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, f"{domain}:{parts.port}", "", "", ""))
