"""Each command of docs/deploy.md is one that there is, with arguments that it takes."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import xform_name
from botocore.model import ServiceModel
from botocore.session import Session
from typer.main import get_command

from infra.context import NAMES
from maskmill.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "deploy.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines() if line.strip()
]
BY_HAND = {"git", "docker"}  # of which only the shape is looked at
CLI = {"query", "recursive", "force"}  # of the AWS command line itself, or of its shortcuts for S3
CONTEXT_OF_ROADS = {"provider"}


def of(program: str) -> list[list[str]]:
    return [shlex.split(line) for line in COMMANDS if line.split()[0] == program]


def test_every_command_is_looked_at() -> None:
    assert len(COMMANDS) > 15
    assert {line.split()[0] for line in COMMANDS} == {"aws", "make", "maskmill", *BY_HAND}


@pytest.mark.parametrize("words", of("make"), ids=" ".join)
def test_make_knows_what_it_is_told(words: list[str]) -> None:
    """It expands the recipe, as it would to run it."""
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours = done.stdout.splitlines()[-4:]
    assert any("-m local." in line or "-m tests." in line for line in ours), done.stdout
    for given in words[2:]:
        name, _, value = given.partition("=")
        assert name in (ROOT / "Makefile").read_text()
        if name == "CONTEXT":
            assert {pair.split("=")[0] for pair in value.split()} <= {*NAMES, *CONTEXT_OF_ROADS}
        else:
            assert any(value in line for line in ours)


@pytest.mark.parametrize("words", of("maskmill"), ids=" ".join)
def test_the_command_line_takes_what_it_is_given(words: list[str]) -> None:
    commands: Any = get_command(app)
    known = {name for of in (commands, commands.commands[words[1]]) for option in of.params for name in option.opts}
    assert {word for word in words if word.startswith("--")} <= known


@cache
def service(name: str) -> ServiceModel:
    return Session().get_service_model(name)


@pytest.mark.parametrize("words", of("aws"), ids=" ".join)
def test_aws_has_the_operation_and_its_parameters(words: list[str]) -> None:
    if words[1] == "s3":
        assert words[2:4] == ["rm", "--recursive"]
        return
    model = service("s3" if words[1] == "s3api" else words[1])
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    members = model.operation_model(operations[words[2]]).input_shape.members
    flags = {word.removeprefix("--") for word in words[3:] if word.startswith("--")} - CLI
    assert {flag.removeprefix("no-") for flag in flags} <= {xform_name(name, "-") for name in members}


def test_docker_is_told_of_a_service_that_there_is() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for words in of("docker"):
        assert words[1] == "compose"
        assert words[2] == "up" or any(name in " ".join(words[3:]) for name in services)


def test_values_that_a_deployment_is_told_are_known() -> None:
    told = re.findall(r'`?CONTEXT="([^"]+)"', PAGE)
    assert {pair.split("=")[0] for text in told for pair in text.split()} <= set(NAMES)
