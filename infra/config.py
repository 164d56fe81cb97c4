"""The stages as values, chosen by name; it knows no construct, and nothing else asks which stage it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from infra.bundle import AWS, HOST, Target
from maskmill.core.messages import QueueName

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmenter:
    """An engine of the model server, the version that masks are keyed by, and the instance that it runs on.

    `weights` is an S3 prefix whose files are laid, unpacked, into the container's model folder. `version` follows
    maskmill/core/engines.py: for an engine with weights, its name and the start of the checkpoint's SHA-256.
    """

    engine: str
    version: str
    instance_type: str
    needs_weights: bool = False
    weights: str | None = None


CLASSIC = Segmenter(engine="classic", version="classic-1", instance_type="ml.c6i.xlarge")
SAM_VIT_B = Segmenter(
    engine="sam-vit-b", version="sam-vit-b-ec2df6273261", instance_type="ml.g5.xlarge", needs_weights=True
)
SAM_VIT_L = replace(SAM_VIT_B, engine="sam-vit-l", version="sam-vit-l-3adcc4315b64")
SAM_VIT_H = replace(SAM_VIT_B, engine="sam-vit-h", version="sam-vit-h-a7bf3b02f3eb")
SEGMENTERS = {segmenter.engine: segmenter for segmenter in (CLASSIC, SAM_VIT_B, SAM_VIT_L, SAM_VIT_H)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """How the endpoint is filled and scaled. Seconds and minutes bound what an idle or stuck request may cost."""

    segmenter: Segmenter = CLASSIC
    image_uri: str | None = None  # None: built from inference_container/ at deployment
    shard_items: int = 16  # items that one invocation holds
    invocations_per_instance: int = 1
    instances_max: int = 1
    idle_min: int = 5  # minutes without work after which the last instance goes
    queue_life_s: int = 3600
    invocation_timeout_s: int = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many invocations of each queue's function run at once (2 is the least that a queue accepts)."""

    ingest: int
    plan: int
    dispatch: int
    collect: int
    render: int
    finish: int

    def of(self, queue: QueueName) -> int:
        return int(getattr(self, queue.value))


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
    upload_origins: tuple[str, ...] = ()  # pages that may post files straight to the uploads bucket
    api_rate: int = 50  # requests a second
    api_burst: int = 100
    concurrency: Concurrency
    endpoint: EndpointPlan = EndpointPlan()

    @property
    def prefix(self) -> str:
        return f"maskmill-{self.name}"

    @property
    def endpoint_name(self) -> str:
        """Fixed, so that the pipeline can name an endpoint that is being made, or that could not be made."""
        return self.prefix


LOCAL = Stage(
    name="local",
    target=HOST,
    log_days=1,
    upload_days=1,
    upload_origins=("*",),
    concurrency=Concurrency(ingest=2, plan=2, dispatch=2, collect=2, render=2, finish=2),
    endpoint=EndpointPlan(
        image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/maskmill-model-server:local",
        shard_items=4,
        queue_life_s=600,
        invocation_timeout_s=300,
    ),
)

DEV = Stage(
    name="dev",
    concurrency=Concurrency(ingest=10, plan=2, dispatch=5, collect=5, render=20, finish=2),
)

PROD = Stage(
    name="prod",
    is_disposable=False,
    has_backups=True,
    log_days=90,
    upload_days=30,
    api_rate=200,
    api_burst=400,
    concurrency=Concurrency(ingest=50, plan=5, dispatch=20, collect=20, render=200, finish=10),
    endpoint=EndpointPlan(shard_items=25, instances_max=4, queue_life_s=7200),
)

STAGES = {stage.name: stage for stage in (LOCAL, DEV, PROD)}


class BadConfiguration(ValueError):
    """The context of the app asks for something that is not there."""


def chosen(context: Mapping[str, str | None]) -> Stage:
    """The stage that the context names by `stage`, with what else the context says; raises BadConfiguration.

    `segmenter` is an engine's name, `weights` the S3 prefix of its weights, `image` the address of a ready image of the
    model server (then the deployment needs no Docker), `upload_origins` a list separated by commas.
    """
    stage = _named(STAGES, context.get("stage") or DEV.name, what="stage")
    origins = context.get("upload_origins")
    if origins:
        stage = replace(stage, upload_origins=tuple(origins.split(",")))
    return replace(
        stage,
        endpoint=replace(
            stage.endpoint,
            segmenter=_segmenter(stage.endpoint.segmenter, context),
            image_uri=context.get("image") or stage.endpoint.image_uri,
        ),
    )


def _segmenter(default: Segmenter, context: Mapping[str, str | None]) -> Segmenter:
    segmenter = _named(SEGMENTERS, context.get("segmenter") or default.engine, what="segmenter")
    weights = context.get("weights")
    if not segmenter.needs_weights:
        return segmenter
    if not weights or not weights.startswith("s3://"):
        raise BadConfiguration(f"{segmenter.engine} needs its weights: -c weights=s3://<bucket>/<prefix>/")
    return replace(segmenter, weights=weights.rstrip("/") + "/")


def _named(known: Mapping[str, Value], name: str, *, what: str) -> Value:
    if name not in known:
        raise BadConfiguration(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return known[name]
