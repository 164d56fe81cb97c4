"""Every command on the operators' page is one: of ours, of make, or of AWS's own command line with its own options."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import get_session
from typer.main import get_command

from maskmill.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text()
COMMANDS = sorted({line for block in re.findall(r"^```\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()})
TAIL = {"--since", "--filter-pattern", "--follow", "--format"}  # of `aws logs tail`, which is no operation of the API


def of(program: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(f"{program} ")]


def test_every_command_is_tried_here() -> None:
    assert sorted(of("maskmill") + of("make") + of("aws")) == COMMANDS


@pytest.mark.parametrize("command", of("maskmill"))
def test_our_own_commands_take_what_they_are_given(command: str) -> None:
    """Parsed to the last word, and not run."""
    parser = get_command(app)
    words = shlex.split(command)[1:]
    while hasattr(parser, "commands"):
        parser = parser.commands[words.pop(0)]
    parser.make_context(parser.name, words)


@pytest.mark.parametrize("command", of("make"))
def test_make_knows_what_it_is_asked_for(command: str) -> None:
    words = shlex.split(command)
    target = words[1]
    found = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    for given in words[2:]:
        name, _, value = given.partition("=")
        assert value in found.stdout, f"make {target} does not use {name}"


@pytest.mark.parametrize("command", of("aws"))
def test_awss_own_commands_exist_with_these_options(command: str) -> None:
    _, service, operation, *words = shlex.split(command)
    options = {word for word in words if word.startswith("--")}
    if (service, operation) == ("logs", "tail"):
        assert options <= TAIL
        assert words[0].startswith(("/aws/lambda/maskmill-prod-", "/aws/sagemaker/Endpoints/maskmill-prod"))
        return
    model = get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    known = {f"--{xform_name(name, '-')}" for name in shape.members}
    assert options <= known
    assert {f"--{xform_name(name, '-')}" for name in shape.required_members} <= options
