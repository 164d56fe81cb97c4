"""`make demo`: the whole stack on this machine, one job through it, and the results in a folder.

It stays up until it is interrupted, or ends after the job with `--once`. It uses the `maskmill` command as any user
would, and knows nothing that the command does not tell.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from local.cdk import CdkFailed
from local.cloud import PROFILE, Laptop, laptop
from local.emulator.environment import REPOSITORY
from local.models import ModelMissing, find_model
from local.node import InstallFailed, NodeMissing
from local.page import PageFailed
from local.photos import PhotosMissing, demo_photos
from local.processes import PortTaken, ProcessFailed, StateInUse
from maskmill.core.engines import Engine

STATE = REPOSITORY / ".maskmill"
FAILURES = (
    CdkFailed,
    InstallFailed,
    ModelMissing,
    NodeMissing,
    PageFailed,
    PhotosMissing,
    PortTaken,
    ProcessFailed,
    StateInUse,
)
TEMPLATES = ("china=coffee-1.jpg:0.205,0.52", "bowl=coffee-1.jpg:0.488,0.365")
EDITS = ("china:hue=-155", "bowl:hue=55,saturation=0.15,brightness=-0.06")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("maskmill-results"), help="where the results go")
    parser.add_argument("--once", action="store_true", help="end after the job")
    parser.add_argument("--engine", type=Engine, choices=list(Engine), default=Engine.CLASSIC, help="of the segmenter")
    parser.add_argument("--checkpoint", type=Path, help="its weights: a file or a packaged folder, instead of models/")
    parser.add_argument("--listen", default="127.0.0.1", help="the address that the emulated cloud listens on")
    return parser


def main() -> int:
    chosen = arguments().parse_args()
    obey_signals()
    try:
        weights = find_model(chosen.engine, checkpoint=chosen.checkpoint)
        with laptop(STATE, weights=weights, listens_on=chosen.listen) as cloud:
            return _show(cloud, chosen.out.resolve(), once=chosen.once)
    except KeyboardInterrupt:
        print("\nStopped. Run `make demo` to start again; the results stay where they are.")
        return 0
    except FAILURES as error:
        print(f"The demo could not go on: {error}", file=sys.stderr)
        return 1


def obey_signals() -> None:
    """End on SIGTERM and on SIGINT, even where a shell started this in the background with SIGINT ignored."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(_number: int, _frame: object) -> None:
    sys.exit(143)


def _show(cloud: Laptop, out: Path, *, once: bool) -> int:
    photos = demo_photos(cloud.state / "photos")
    with cloud.steps.timed("Running the job"):
        code = _run(cloud, photos, out)
    for name, seconds in cloud.steps.seconds.items():
        print(f"{seconds:7.1f} s  {name}")
    print(f"{sum(cloud.steps.seconds.values()):7.1f} s  in all")
    print(f"\nResults: {out}")
    if not once:
        _stay(cloud)
    return code


def _run(cloud: Laptop, photos: Path, out: Path) -> int:
    """The main job, by the command that the README shows."""
    arguments = ["run", str(photos), "--dataset", "coffee", "--format", "png", "--out", str(out)]
    for template in TEMPLATES:
        arguments += ["--template", template]
    for edit in EDITS:
        arguments += ["--edit", edit]
    print(f"\n$ maskmill {' '.join(arguments)}\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("MASKMILL_API", "MASKMILL_TOKEN")}
    environment["MASKMILL_PROFILE"] = str(cloud.state / PROFILE)
    return subprocess.run([sys.executable, "-m", "maskmill.cli", *arguments], env=environment, check=False).returncode


def _stay(cloud: Laptop) -> None:
    print(f"Page:    {cloud.page_url}\nAPI:     {cloud.api_url}/api/v1\n")
    print("The stack is up. In another terminal, from this folder:\n")
    print("    .venv/bin/maskmill run FOLDER --template cap=photo.jpg:0.52,0.40 --edit cap:hue=40 --out results\n")
    print("What a function logs: .venv/bin/python -m local.logs serve_api\nCtrl-C stops everything.")
    while True:
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
