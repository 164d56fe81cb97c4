"""What a function takes before it can serve its first event: processor time, modules, memory and bytes.

    python -m benchmarks.init

Each function runs in fresh processes from its own bundle, unpacked, with no other package in reach: it
imports its handler, connects, and makes the client of the table where it has one. The peer imports boto3 as pip
installs it and makes a client of DynamoDB, and does nothing else. Times are of the whole process, the interpreter's
own start included on both sides. It knows no cloud: nothing is called.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.report import keep, table
from benchmarks.rounds import Rounds, interleaved
from infra import shapes
from infra.bundle import CONTROL, EXPORTS, HOST, IMAGING, Bundle, build
from infra.shapes import Shape
from maskmill.core import settings
from maskmill.core.settings import EndpointMode, Settings

ROUNDS = 5
MB = 1e6
PEER, NOTHING = "boto3.client", "nothing"
SHAPES = {value.verb: value for value in vars(shapes).values() if isinstance(value, Shape)}
_PEER = 'import boto3; boto3.client("dynamodb")'
_TOLD = "\nimport resource, sys; print(len(sys.modules), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass(frozen=True, slots=True)
class Weight:
    """A bundle in bytes: as it is uploaded, and as it lies before the function."""

    zipped: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class Start:
    """One way of starting: what a fresh process runs, and where it finds it."""

    code: str
    folder: Path
    environment: Mapping[str, str]

    def run(self, more: str = "") -> str:
        """What the process printed; raises CalledProcessError."""
        command = [sys.executable, "-S", "-s", "-P", "-B", "-c", self.code + more]
        environment = {**_ACCOUNT, **self.environment, "PYTHONPATH": str(self.folder)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        weights = {bundle.name: _unpack(bundle, Path(folder)) for bundle in (CONTROL, IMAGING, EXPORTS)}
        starts = {NOTHING: Start("", Path(folder), {}), PEER: Start(_PEER, Path(sysconfig.get_path("purelib")), {})}
        starts |= {verb: _start(shape, Path(folder, shape.bundle.name)) for verb, shape in SHAPES.items()}
        works: dict[str, Callable[[], object]] = {name: partial(start.run) for name, start in starts.items()}
        rounds = interleaved(works, rounds=ROUNDS)
        held = {name: tuple(map(int, start.run(_TOLD).split())) for name, start in starts.items()}
    modules = {name: count for name, (count, _) in held.items()}
    peaks = {name: round(kib / 1024) for name, (_, kib) in held.items()}
    figures: dict[str, float] = {
        "api_vs_boto3": round(rounds.ratio("serve_api", PEER).median, 2),
        "render_mb": round(weights[SHAPES["render_item"].bundle.name].unpacked / MB, 1),
        **{f"{name}_mb": round(weight.unpacked / MB, 1) for name, weight in weights.items()},
        "api_modules": modules["serve_api"],
        "render_modules": modules["render_item"],
    }
    keep(
        "init",
        figures,
        text=_text(rounds, modules, peaks, weights),
        machine=machine.facts("boto3", "botocore", "pydantic", "aws-lambda-powertools", "numpy", "pillow"),
        guarded=[name for name in figures if name != "api_vs_boto3"],
        details={"processes": rounds.told(), "modules": modules, "peak_mb": peaks},
    )
    return 0


def _unpack(bundle: Bundle, folder: Path) -> Weight:
    path = build(bundle, HOST).path
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / bundle.name)
        return Weight(path.stat().st_size, sum(entry.file_size for entry in archive.infolist()))


def _start(shape: Shape, folder: Path) -> Start:
    kind = getattr(settings, "".join(map(str.capitalize, shape.verb.split("_"))) + "Settings")
    code = f"from lambdas.{shape.verb} import handler; handler.connect()"
    if "table_name" in kind.names():
        code += "\nfrom lambdas.aws import clients; clients.dynamodb().meta"
    return Start(code, folder, _environment(kind) | {"POWERTOOLS_SERVICE_NAME": shape.verb})


def _environment(kind: type[Settings]) -> dict[str, str]:
    """Settings that a function connects by, and that name nothing there is."""
    values = {name: "1" if told == "int" else "https://none.invalid/1" for name, told in kind.__annotations__.items()}
    if "endpoint_mode" in values:
        values["endpoint_mode"] = EndpointMode.ASYNC
    return {name.upper(): value for name, value in values.items()}


def _text(rounds: Rounds, modules: Mapping[str, int], peaks: Mapping[str, int], weights: Mapping[str, Weight]) -> str:
    verbs = sorted(SHAPES, key=lambda verb: -median(rounds.cpu_s[verb]))
    rows: list[tuple[object, ...]] = [
        (f"`{verb}`", SHAPES[verb].bundle.name, rounds.ratio(verb, PEER), modules[verb], peaks[verb]) for verb in verbs
    ]
    rows.append((f"`{PEER}` alone", "as installed", 1, modules[PEER], peaks[PEER]))
    sizes = [(name, f"{w.zipped / MB:.1f}", f"{w.unpacked / MB:.1f}") for name, w in weights.items()]
    share = median(rounds.cpu_s[NOTHING]) / median(rounds.cpu_s[PEER])
    functions = table(("function", "bundle", f"processor time, `{PEER}` = 1", "modules", "peak MB"), rows)
    return (
        f"{functions}\n\n{table(('bundle', 'MB zipped', 'MB unpacked'), sizes)}\n\n"
        f"Medians of {ROUNDS} rounds of fresh processes, with the least and the most. A process that does nothing takes"
        f" {share:.2f} of `{PEER}`."
    )


if __name__ == "__main__":
    sys.exit(main())
