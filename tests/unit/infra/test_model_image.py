"""The model server's image as an asset: which stage is built of what, and which files give it its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from infra.constructs.model_image import Libraries, built_image, libraries_for
from infra.context import PYTHON, BadConfiguration, chosen
from infra.plans import SEGMENTERS
from maskmill.core.engines import Engine


def synthesized(tmp_path: Path, libraries: Libraries, **how: str) -> tuple[dict[str, Any], Path]:
    """How the image is built, and the folder that it is built from."""
    app = cdk.App(outdir=str(tmp_path))
    built_image(cdk.Stack(app, "Stack"), "Image", libraries, **how)
    assembly = Path(app.synth().directory)
    manifest = json.loads((assembly / "Stack.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    return image["source"], assembly / image["source"]["directory"]


@pytest.mark.parametrize("libraries", Libraries)
def test_the_image_is_built_with_the_libraries_it_is_for(tmp_path: Path, libraries: Libraries) -> None:
    source, _ = synthesized(tmp_path, libraries)
    assert source["dockerBuildArgs"] == {"ENGINES": libraries.value}
    assert source["dockerBuildTarget"] == "server"
    assert source["platform"] == "linux/amd64"


BASE = f"public.ecr.aws/docker/library/python:3.11-slim-bookworm@sha256:{'0' * 64}"


def test_the_base_is_the_dockerfiles_own_or_the_one_of_the_stage(tmp_path: Path) -> None:
    source, folder = synthesized(tmp_path, Libraries.CLASSIC, base=BASE)
    assert source["dockerBuildArgs"]["PYTHON_IMAGE"] == BASE
    lines = (folder / source["dockerFile"]).read_text().splitlines()
    first = next(line for line in lines if line.startswith("FROM "))
    assert first == "FROM ${PYTHON_IMAGE} AS classic"
    (default,) = [line.partition("=")[2] for line in lines if line.startswith("ARG PYTHON_IMAGE=")]
    assert default == f"python:{PYTHON}-slim-bookworm"


def test_a_base_image_is_taken_by_its_digest_alone() -> None:
    assert chosen({"base_image": BASE}).base_image == BASE
    assert chosen({}).base_image is None
    for wrong in ("python:3.11-slim-bookworm", BASE.replace("3.11", "3.13"), BASE[:-1], f"ubuntu@sha256:{'0' * 64}"):
        with pytest.raises(BadConfiguration, match="by its digest"):
            chosen({"base_image": wrong})


def test_a_function_has_a_stage_of_its_own(tmp_path: Path) -> None:
    assert synthesized(tmp_path, Libraries.CPU, target="lane")[0]["dockerBuildTarget"] == "lane"


def test_the_dockerfile_knows_what_it_is_asked_for(tmp_path: Path) -> None:
    source, folder = synthesized(tmp_path, Libraries.CLASSIC)
    lines = (folder / source["dockerFile"]).read_text().splitlines()
    stages = {line.split(" AS ")[1] for line in lines if line.startswith("FROM ")}
    assert {*Libraries, "server", "lane"} <= stages
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert copied
    assert all((folder / path).exists() for path in copied)


def test_only_what_the_server_is_made_of_names_the_image(tmp_path: Path) -> None:
    _, folder = synthesized(tmp_path, Libraries.CLASSIC)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"inference_container/server.py", "maskmill/core/shard.py", "requirements/inference.txt"} <= files
    strangers = {
        name for name in files if name.split("/")[0] not in ("inference_container", "maskmill", "requirements")
    }
    assert not strangers
    assert not any("__pycache__" in name or name.endswith(".pth") for name in files)
    assert {name.split("/")[1] for name in files if name.startswith("maskmill/")} == {"__init__.py", "core"}


@pytest.mark.parametrize(
    ("engine", "libraries"),
    [(Engine.CLASSIC, Libraries.CLASSIC), (Engine.SAM_TEST, Libraries.CPU), (Engine.SAM_VIT_H, Libraries.GPU)],
)
def test_an_endpoint_gets_what_its_instance_can_use(engine: Engine, libraries: Libraries) -> None:
    assert libraries_for(SEGMENTERS[engine]) is libraries
