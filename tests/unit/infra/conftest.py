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
def cloud_of(tmp_path_factory: pytest.TempPathFactory, page: Path) -> Callable[[str], Cloud]:
    """The cloud of a stage, synthesized once for all tests, without wheels, Node's packages, credentials or network."""

    @cache
    def synthesize(stage: str) -> Cloud:
        import aws_cdk as cdk

        from infra.app import build
        from infra.context import chosen

        outdir = tmp_path_factory.mktemp(f"cdk-{stage}")
        context = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True}
        app = cdk.App(analytics_reporting=False, outdir=str(outdir), context=context)
        build(app, chosen({"stage": stage, "page": str(page)}))
        app.synth()
        return Cloud(stage, outdir)

    return synthesize


@pytest.fixture(params=["local", "prod"])
def cloud(request: pytest.FixtureRequest, cloud_of: Callable[[str], Cloud]) -> Cloud:
    return cloud_of(request.param)


@pytest.fixture
def prod(cloud_of: Callable[[str], Cloud]) -> Cloud:
    return cloud_of("prod")


@pytest.fixture
def local(cloud_of: Callable[[str], Cloud]) -> Cloud:
    return cloud_of("local")
