from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.unit.infra.cloud import Cloud

os.environ.setdefault("JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION", "1")
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a built page, as far as the stacks look into it."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text("<!doctype html><title>Maskmill</title>")
    return folder


@pytest.fixture(scope="session")
def cloud_of(tmp_path_factory: pytest.TempPathFactory, page: Path) -> Callable[..., Cloud]:
    """The cloud of a stage with a context, synthesized once for all tests, without wheels, credentials or network."""

    @cache
    def synthesize(stage: str, **more: str) -> Cloud:
        import aws_cdk as cdk

        from infra.app import build
        from infra.context import chosen

        outdir = tmp_path_factory.mktemp(f"cdk-{stage}")
        context = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True}
        app = cdk.App(analytics_reporting=False, outdir=str(outdir), context=context)
        build(app, chosen({"stage": stage, "page": str(page), **more}))
        app.synth()
        return Cloud(stage, outdir)

    return synthesize


@pytest.fixture
def guarded(cloud_of: Callable[..., Cloud]) -> Cloud:
    """Production with everything on that guards it and costs money or time."""
    return cloud_of("prod", encryption="kms", network="private", segmenter="sam-vit-b", weights="s3://models/sam/")


@pytest.fixture(params=["local", "prod"])
def cloud(request: pytest.FixtureRequest, cloud_of: Callable[..., Cloud]) -> Cloud:
    return cloud_of(request.param)


@pytest.fixture
def prod(cloud_of: Callable[..., Cloud]) -> Cloud:
    return cloud_of("prod")


@pytest.fixture
def local(cloud_of: Callable[..., Cloud]) -> Cloud:
    return cloud_of("local")
