"""The image of the model server: one that exists already, or one built from this repository; it knows no engine.

Synthesis needs no Docker: it copies the files of the image and names the image by their hash. The image is built when
the stack is deployed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.bundle import ROOT
from infra.plans import Segmenter

DOCKERFILE = "inference_container/Dockerfile"
CONTEXT = (  # what the image is made of: a change of anything else must not give it another name
    "inference_container",
    "maskmill/__init__.py",
    "maskmill/core",
    "requirements/inference.txt",
    "requirements/lane.txt",
    "requirements/openvino.txt",
    "requirements/sam.txt",
    "requirements/transformers.txt",
)
_REGISTRY = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)([:@].+)?")


@dataclass(frozen=True, slots=True)
class ModelImage:
    """Where the image is and what it takes to pull it."""

    uri: str
    pull: tuple[iam.PolicyStatement, ...]


class Libraries(StrEnum):
    """What an image can run, by the name of the Dockerfile's stage: the classic engine, or all on a CPU or a GPU."""

    CLASSIC = "classic"
    CPU = "cpu"
    GPU = "gpu"


def libraries_for(segmenter: Segmenter) -> Libraries:
    """What an endpoint's image needs for an engine, on the instance that it is planned for."""
    if not segmenter.needs_weights:
        return Libraries.CLASSIC
    return Libraries.GPU if segmenter.has_gpu else Libraries.CPU


def built_image(
    scope: Construct, name: str, libraries: Libraries, *, target: str = "server", base: str | None = None
) -> ModelImage:
    """An image of `inference_container/` with the repository's root as its context, restricted to what it uses.

    `target` is the last stage of the Dockerfile that is built: `server`, or `lane` for a function. `base` is the image
    of Python that it begins with; None leaves it to the Dockerfile.
    """
    asset = ecr_assets.DockerImageAsset(
        scope,
        name,
        directory=str(ROOT),
        file=DOCKERFILE,
        target=target,
        build_args={"ENGINES": libraries.value, **({} if base is None else {"PYTHON_IMAGE": base})},
        platform=ecr_assets.Platform.LINUX_AMD64,
        ignore_mode=cdk.IgnoreMode.DOCKER,
        exclude=["*", *(f"!{folder}" for folder in CONTEXT), "**/__pycache__"],
    )
    return ModelImage(asset.image_uri, _pull(asset.repository.repository_arn))


def existing_image(scope: Construct, uri: str) -> ModelImage:
    """An image of a registry of AWS, with the rights to pull it; an image from elsewhere needs none."""
    found = _REGISTRY.fullmatch(uri)
    if found is None:
        return ModelImage(uri, ())
    arn = cdk.Stack.of(scope).format_arn(
        service="ecr",
        region=found["region"],
        account=found["account"],
        resource="repository",
        resource_name=found["name"],
    )
    return ModelImage(uri, _pull(arn))


def _pull(repository_arn: str) -> tuple[iam.PolicyStatement, ...]:
    """The layers of one repository; the token that opens the registry cannot be narrowed to a resource."""
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    return (
        iam.PolicyStatement(actions=actions, resources=[repository_arn]),
        iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
    )
