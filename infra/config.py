"""The stages as values, chosen by name; it knows no construct, and nothing else asks which stage it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from infra.bundle import AWS, HOST, Target
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine, segmenter_version
from maskmill.core.limits import UPLOAD_URL_LIFE_S
from maskmill.core.messages import QueueName
from maskmill.core.usage import Quotas

GIB = 1024**3
Value = TypeVar("Value")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadConfiguration(ValueError):
    """The context of the app asks for something that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenter:
    """An engine of the model server, the checkpoint that its version names, and the instance that it runs on.

    `sha256` is that of the checkpoint as its publisher gives it away. `weights` is an S3 prefix whose files are laid,
    unpacked, into the container's model folder.
    """

    engine: Engine
    sha256: str | None = None
    instance_type: str
    weights: str | None = None

    @property
    def needs_weights(self) -> bool:
        return self.engine.needs_checkpoint

    @property
    def version(self) -> str:
        """What masks are keyed by, as the model server will answer it; raises ValueError without a digest."""
        return segmenter_version(self.engine, self.sha256)

    def to_env(self) -> dict[str, str]:
        """What the model server is told about its engine."""
        named = {"SEGMENTER": self.engine.value}
        return named if self.sha256 is None else {**named, "SEGMENTER_SHA256": self.sha256}


_CPU, _GPU = "ml.c6i.xlarge", "ml.g5.xlarge"
_ON_CPU = frozenset({Engine.CLASSIC, Engine.SAM_TEST})


def _known(engine: Engine) -> Segmenter:
    published = PUBLISHED.get(engine)
    return Segmenter(
        engine=engine,
        sha256=published.sha256 if published else None,
        instance_type=_CPU if engine in _ON_CPU else _GPU,
    )


SEGMENTERS = {engine.value: _known(engine) for engine in Engine}
CLASSIC = SEGMENTERS[Engine.CLASSIC]


WINDOW_SHARDS_MIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """How the endpoint is filled and scaled. Seconds and minutes bound what an idle or stuck request may cost."""

    segmenter: Segmenter = CLASSIC  # the one of jobs, chosen for its masks
    image_uri: str | None = None  # None: built from inference_container/ at deployment
    shard_items: int = 16  # items that one invocation holds
    invocations_per_instance: int = 1
    instances_max: int = 1
    idle_min: int = 5  # minutes without work after which the last instance goes
    queue_life_s: int = 3600
    invocation_timeout_s: int = 900

    @property
    def window_shards(self) -> int:
        """How many chunks of one job may be with the endpoint at once, whose own queue knows no fairness.

        Twice as many as it works on, so that none of its instances waits for the next and the scaling sees a backlog;
        and some more where it is small, because an answer takes a moment to come back.
        """
        return max(WINDOW_SHARDS_MIN, 2 * self.instances_max * self.invocations_per_instance)


SLOW_SIDE_MAX = 4
FUNCTION_S_MAX = 900  # the longest that Lambda lets any function run
LATE_GRACE_S = 10 * 60  # for a slow upload, and for clocks that differ


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
_MACHINE = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Where the hosted pages may send people back to, and which machines have a client of their own.

    Cognito takes plain HTTP for addresses of the own machine alone.
    """

    callback_urls: tuple[str, ...] = (LOOPBACK,)
    logout_urls: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()  # each costs money by the token, and by the month: see docs/tenancy.md


MODEST = Quotas(datasets=200, images=50_000, bytes=100 * GIB, variants_per_day=100_000, open_jobs=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything in which two deployments may differ."""

    name: str
    target: Target = AWS
    is_disposable: bool = True  # table and buckets go with their stack
    has_backups: bool = False  # point-in-time recovery of the table
    log_level: str = "INFO"
    log_days: int = 14
    upload_days: int = 7  # uploads are needed until they are ingested
    trial_hours: int = 6  # after which a trial dataset is removed
    webhook_private_hosts: tuple[str, ...] = ()  # hosts that webhooks may reach although they are not public
    upload_origins: tuple[str, ...] = ()  # pages that may post files straight to the uploads bucket
    api_rate: int = 50  # requests a second
    api_burst: int = 100
    sign_in: SignIn = SignIn()
    quotas: Quotas = MODEST  # of every tenant that has no limits of its own
    requests_per_minute: int = 3000  # of each tenant
    gateway_base: str | None = None  # where an emulator's gateway answers: its APIs have no names of their own
    concurrency: Concurrency
    endpoint: EndpointPlan = EndpointPlan()
    lane: LanePlan = LanePlan()
    fast: Segmenter = CLASSIC  # the one of the interactive lane, chosen for its answer within seconds on a CPU

    @property
    def quality(self) -> Segmenter:
        """The segmenter of jobs."""
        return self.endpoint.segmenter

    @property
    def prefix(self) -> str:
        return f"maskmill-{self.name}"

    @property
    def endpoint_name(self) -> str:
        """Fixed, so that the pipeline can name an endpoint that is being made, or that could not be made."""
        return self.prefix

    @property
    def lane_name(self) -> str:
        """Fixed, so that the API can name a function of a stack that is deployed beside it."""
        return f"{self.prefix}-lane"

    @property
    def late_s(self) -> int:
        """How long somebody may go on writing who began before the removal of what it is about.

        The longest are a request that the endpoint took just before, and an upload whose form was handed out.
        """
        request_s = self.endpoint.queue_life_s + self.endpoint.invocation_timeout_s
        return max(request_s, UPLOAD_URL_LIFE_S, FUNCTION_S_MAX) + LATE_GRACE_S

    @property
    def lane_side_max(self) -> int:
        """Points along each side of a search that the lane ends while somebody waits: without weights, each is slow."""
        return self.lane.side_max if self.fast.needs_weights else min(self.lane.side_max, SLOW_SIDE_MAX)


LOCAL = Stage(
    name="local",
    target=HOST,
    log_days=1,
    upload_days=1,
    upload_origins=("*",),
    sign_in=SignIn(
        callback_urls=(LOOPBACK, "http://localhost:5173/callback"),
        logout_urls=("http://localhost:5173/",),
        machines=("laptop",),
    ),
    webhook_private_hosts=("127.0.0.1", "localhost"),
    quotas=Quotas(datasets=10_000, images=1_000_000, bytes=1024 * GIB, variants_per_day=5_000_000, open_jobs=100),
    requests_per_minute=60_000,
    concurrency=Concurrency(ingest=2, plan=2, dispatch=2, collect=2, render=2, finish=2, export=2),
    endpoint=EndpointPlan(
        image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/maskmill-model-server:local",
        shard_items=4,
        queue_life_s=600,
        invocation_timeout_s=300,
    ),
    lane=LanePlan(image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/maskmill-lane:local"),
)

DEV = Stage(
    name="dev",
    concurrency=Concurrency(ingest=10, plan=2, dispatch=5, collect=5, render=20, finish=2, export=2),
)

PROD = Stage(
    name="prod",
    is_disposable=False,
    has_backups=True,
    log_days=90,
    upload_days=30,
    api_rate=200,
    api_burst=400,
    quotas=Quotas(datasets=1_000, images=200_000, bytes=500 * GIB, variants_per_day=500_000, open_jobs=20),
    concurrency=Concurrency(ingest=50, plan=5, dispatch=20, collect=20, render=200, finish=10, export=10),
    endpoint=EndpointPlan(shard_items=25, instances_max=4, queue_life_s=7200),
    lane=LanePlan(memory_mb=8192, most_at_once=20),
)

STAGES = {stage.name: stage for stage in (LOCAL, DEV, PROD)}


def chosen(context: Mapping[str, str | None]) -> Stage:
    """The stage that the context names by `stage`, with what else the context says; raises BadConfiguration.

    `segmenter` is the engine of jobs, `weights` the S3 prefix of its weights and `weights_sha256` the SHA-256 of the
    checkpoint as its publisher gives it away, needed where the catalogue does not know it. `fast`, `fast_weights` and
    `fast_weights_sha256` say the same of the interactive lane. `image` is the address of a ready image of the model
    server (then the deployment needs no Docker) and `gateway_base` the address below which an emulator serves its APIs.
    Lists are separated by commas: `upload_origins`, `callback_urls` and `logout_urls` (of pages, beside the command
    line's own) and `machines` (names of clients with secrets).
    """
    stage = _named(STAGES, context.get("stage") or DEV.name, what="stage")
    origins = context.get("upload_origins")
    if origins:
        stage = replace(stage, upload_origins=tuple(origins.split(",")))
    return replace(
        stage,
        gateway_base=context.get("gateway_base") or stage.gateway_base,
        sign_in=_sign_in(stage.sign_in, context),
        fast=_segmenter(stage.fast, context, name="fast", weights="fast_weights"),
        endpoint=replace(
            stage.endpoint,
            segmenter=_segmenter(stage.endpoint.segmenter, context, name="segmenter", weights="weights"),
            image_uri=context.get("image") or stage.endpoint.image_uri,
        ),
        lane=replace(stage.lane, image_uri=context.get("lane_image") or stage.lane.image_uri),
    )


def _sign_in(default: SignIn, context: Mapping[str, str | None]) -> SignIn:
    found = {name: context.get(name) for name in ("callback_urls", "logout_urls", "machines")}
    lists = {name: tuple(text.split(",")) for name, text in found.items() if text}
    for machine in lists.get("machines", ()):
        if not _MACHINE.fullmatch(machine):
            raise BadConfiguration(f"a machine's name has small letters, digits and hyphens: {machine!r}")
    callbacks = lists.get("callback_urls", default.callback_urls)
    return SignIn(
        callback_urls=tuple(dict.fromkeys((LOOPBACK, *callbacks))),
        logout_urls=lists.get("logout_urls", default.logout_urls),
        machines=lists.get("machines", default.machines),
    )


def _segmenter(default: Segmenter, context: Mapping[str, str | None], *, name: str, weights: str) -> Segmenter:
    """The segmenter that the context names by `name`, its weights by `weights` and `<weights>_sha256`."""
    segmenter = _named(SEGMENTERS, context.get(name) or default.engine, what=name)
    if not segmenter.needs_weights:
        return segmenter
    prefix, digest = context.get(weights), context.get(f"{weights}_sha256")
    if not prefix or not prefix.startswith("s3://"):
        raise BadConfiguration(f"{segmenter.engine} needs its weights: -c {weights}=s3://<bucket>/<prefix>/")
    if digest and not _SHA256.fullmatch(digest.lower()):
        raise BadConfiguration(f"{weights}_sha256 is not a SHA-256 of 64 hexadecimal digits: {digest!r}")
    sha256 = digest.lower() if digest else segmenter.sha256
    if sha256 is None:
        raise BadConfiguration(
            f"the SHA-256 of {segmenter.engine} is not known here: -c {weights}_sha256=<64 digits>"
            f" (`maskmill models fetch {segmenter.engine}` shows it)"
        )
    return replace(segmenter, weights=prefix.rstrip("/") + "/", sha256=sha256)


def _named(known: Mapping[str, Value], name: str, *, what: str) -> Value:
    if name not in known:
        raise BadConfiguration(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return known[name]
