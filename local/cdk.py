"""Run the real CDK command line against the emulator. It knows no stack of ours.

The command line sees an environment of its own: a home in the state folder instead of the person's `~/.cdk` and
`~/.aws`, the emulator's keys, and no profile. Everything it prints goes to a log file.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local.aws import ROOT_KEY, ROOT_SECRET
from local.emulator.environment import ACCOUNT, REGION
from local.node import Node, node_environment
from local.processes import tail

QUIET = ("--no-notices", "--no-color", "--no-version-reporting", "--ci")


class CdkFailed(RuntimeError):
    """The command line ended with an error; the message ends with the tail of its log."""


@dataclass(frozen=True, slots=True)
class Cdk:
    """The installed command line, the app it deploys and the emulator it deploys to."""

    node: Node
    script: Path
    app: str
    folder: Path
    state: Path
    emulator_url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 4

    @property
    def log(self) -> Path:
        return self.state / "logs" / "cdk.log"

    @property
    def assembly(self) -> Path:
        """Where the synthesized templates lie."""
        return self.state / "cdk.out"


def bootstrap(cdk: Cdk, *, progress: Callable[[str], None] = print) -> float:
    """Create the CDK's own bucket and roles in the emulator; give the seconds it took.

    It runs outside the repository, where no `cdk.json` makes the command line run the app first.
    """
    cdk.state.mkdir(parents=True, exist_ok=True)
    arguments = ["bootstrap", f"aws://{ACCOUNT}/{REGION}"]
    return _run(replace(cdk, folder=cdk.state), arguments, what="bootstrap", progress=progress)


def synth(cdk: Cdk, *, progress: Callable[[str], None] = print) -> float:
    """Write the templates to `cdk.assembly`; give the seconds it took."""
    arguments = ["synth", "--quiet", "--app", cdk.app, "--output", str(cdk.assembly), *_context(cdk)]
    return _run(cdk, arguments, what="synth", progress=progress)


def deploy(
    cdk: Cdk, stacks: Sequence[str] = ("--all",), *, synthesized: bool = False, progress: Callable[[str], None] = print
) -> dict[str, dict[str, str]]:
    """Deploy the stacks and give their outputs: stack name → output name → value.

    `synthesized` deploys the templates that `synth` left instead of running the app again.
    """
    outputs = cdk.state / "outputs.json"
    outputs.unlink(missing_ok=True)
    app = ["--app", str(cdk.assembly)] if synthesized else ["--app", cdk.app, "--output", str(cdk.assembly)]
    arguments = ["deploy", *stacks, *app, *_context(cdk), "--require-approval", "never", "--method", "direct"]
    arguments += ["--concurrency", str(cdk.concurrency), "--outputs-file", str(outputs), "--progress", "events"]
    _run(cdk, arguments, what="deploy", progress=progress)
    content: Any = json.loads(outputs.read_text()) if outputs.exists() else {}
    return {stack: {name: str(value) for name, value in found.items()} for stack, found in content.items()}


def cdk_environment(cdk: Cdk) -> dict[str, str]:
    """The complete environment of the command line and of the app that it runs."""
    home = cdk.state.resolve() / "home"
    base = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "CDK_HOME": str(home / ".cdk"),
        "AWS_CONFIG_FILE": str(home / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": cdk.emulator_url,
        "AWS_ENDPOINT_URL_S3": cdk.emulator_url,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",  # else every start of the app unpacks the library again: 7 s more
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(cdk.script.parents[3].resolve() / "jsii"),
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        **cdk.environment,
    }
    return node_environment(cdk.node, base)


def _context(cdk: Cdk) -> list[str]:
    return [part for name, value in cdk.context.items() for part in ("--context", f"{name}={value}")]


def _run(cdk: Cdk, arguments: Sequence[str], *, what: str, progress: Callable[[str], None]) -> float:
    (cdk.state / "home").mkdir(parents=True, exist_ok=True)
    cdk.log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(cdk.node.executable), str(cdk.script.resolve()), *arguments, *QUIET]
    started = time.monotonic()
    with cdk.log.open("ab") as log:
        log.write(f"\n$ cdk {' '.join(arguments)}\n".encode())
        log.flush()
        answer = subprocess.run(
            command,
            cwd=cdk.folder,
            env=cdk_environment(cdk),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    seconds = time.monotonic() - started
    if answer.returncode != 0:
        raise CdkFailed(f"cdk {what} failed after {seconds:.0f} s. The end of {cdk.log}:\n{tail(cdk.log)}")
    progress(f"cdk {what}: {seconds:.1f} s")
    return seconds
