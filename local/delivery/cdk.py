"""The pinned CDK command line, run for an account as the person or the job that calls. It knows no stack by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.delivery.account import Account
from local.emulator.environment import REPOSITORY
from local.node import Node, install_cdk, node_environment

QUIET = ("--no-notices", "--no-version-reporting")
INSTALLED, BUILD = REPOSITORY / "build" / "node", REPOSITORY / "build"


class CdkFailed(RuntimeError):
    """The command line ended with an error, which it has printed."""


@dataclass(frozen=True, slots=True)
class Deployer:
    """The command line for one app and one stage of one account."""

    node: Node
    account: Account
    stage: str
    context: Mapping[str, str]
    app: str = "infra.app"

    @property
    def assembly(self) -> Path:
        """Where the templates and all that they need lie."""
        return BUILD / f"cdk.{self.app.rpartition('.')[2]}.{self.stage}"

    def bootstrap(self, *more: str) -> None:
        """It runs outside the repository, where no `cdk.json` makes it run the app first."""
        BUILD.mkdir(exist_ok=True)
        self._run(["bootstrap", f"aws://{self.account.number}/{self.account.region}", *more], folder=BUILD)

    def synth(self) -> list[dict[str, Any]]:
        """Write the stage's templates, and give them."""
        context = {"stage": self.stage, **self.context}
        pairs = [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
        command = f"{sys.executable} -m {self.app}"
        self._run(["synth", "--quiet", "--app", command, "--output", str(self.assembly), *pairs], folder=REPOSITORY)
        return [json.loads(path.read_text()) for path in sorted(self.assembly.glob("*.template.json"))]

    def deploy(self, *, asks: bool) -> dict[str, str]:
        """Deploy the synthesised stacks, and give their outputs; `asks` shows wider rights and waits for a yes."""
        outputs = self.assembly / "outputs.json"
        outputs.unlink(missing_ok=True)
        approval = ["--require-approval", "broadening" if asks else "never"]
        order = ["deploy", "--all", "--app", str(self.assembly), "--outputs-file", str(outputs), *approval]
        self._run([*order, "--concurrency", "1" if asks else "4", "--progress", "events"], folder=REPOSITORY)
        content: dict[str, dict[str, str]] = json.loads(outputs.read_text()) if outputs.exists() else {}
        return {name: value for found in content.values() for name, value in found.items()}

    def _run(self, arguments: Sequence[str], *, folder: Path) -> None:
        script = install_cdk(INSTALLED, self.node, log=BUILD / "npm.log")
        environment = node_environment(self.node, os.environ) | {"CDK_DISABLE_CLI_TELEMETRY": "true"}
        command = [str(self.node.executable), str(script), *arguments, *QUIET]
        if subprocess.run(command, cwd=folder, env=environment, check=False).returncode != 0:
            raise CdkFailed(f"cdk {arguments[0]} failed")
