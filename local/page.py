"""Build and check the page with the Node.js of this machine. It knows no file of the page by name.

    python -m local.page [build|check|format]

What is up to date is left alone: packages as long as npm's own record agrees with the lock file, and the built page as
long as the sources are those that it was built from.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.emulator.environment import REPOSITORY
from local.node import Node, NodeMissing, find_node, node_environment

FRONTEND = REPOSITORY / "frontend"
DIST = FRONTEND / "dist"
WORK = REPOSITORY / "build" / "page"
MADE = {"node_modules", "dist", "schema.ts"}  # in the folder of the sources, and none themselves
ALSO_READ = ("docs/openapi.json",)  # of which the types of the API are made


class PageFailed(RuntimeError):
    """npm could not do what it was asked; the message carries the end of its output."""


def build_page(node: Node) -> Path:
    """The folder of the built page, made now or found as it was made before; raises PageFailed."""
    with _alone():
        digest, stamp = sources_digest(), WORK / "built"
        if not (stamp.exists() and stamp.read_text() == digest and (DIST / "index.html").exists()):
            stamp.unlink(missing_ok=True)
            _install(node)
            _npm(node, "run", "--silent", "build")
            stamp.write_text(digest)
    return DIST


def check_page(node: Node) -> None:
    """Types, style and unit tests of the page; silent unless something is wrong, which raises PageFailed."""
    with _alone():
        _install(node)
        _npm(node, "run", "--silent", "check")
        _npm(node, "test", "--silent")


def format_page(node: Node) -> None:
    with _alone():
        _install(node)
        _npm(node, "run", "--silent", "format")


def sources_digest(root: Path = REPOSITORY) -> str:
    """What the built page depends on."""
    digest = hashlib.sha256()
    for path in (*_sources(root / FRONTEND.name), *(root / name for name in ALSO_READ)):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name in MADE:
            continue
        if entry.is_dir():
            yield from _sources(entry)
        else:
            yield entry


@contextmanager
def _alone() -> Iterator[None]:
    """Runs at the same time share the folders of packages and of what is built: one after the other."""
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(node: Node) -> None:
    if not is_installed(FRONTEND):
        _npm(node, "ci", "--no-audit", "--no-fund", "--no-update-notifier")


def is_installed(folder: Path) -> bool:
    """Whether npm has recorded every package of the lock file in the version that is locked."""
    record = folder / "node_modules" / ".package-lock.json"
    if not record.exists():
        return False
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    present = json.loads(record.read_text())["packages"]
    wanted = {name: entry for name, entry in locked.items() if name and not entry.get("optional")}
    return all(present.get(name, {}).get("version") == entry.get("version") for name, entry in wanted.items())


def _npm(node: Node, *arguments: str) -> None:
    environment = {**node_environment(node, os.environ), "CI": "1", "NO_COLOR": "1"}
    environment["PATH"] = os.pathsep.join([str(_npm_on_path(node)), environment["PATH"]])
    answer = subprocess.run(
        [*node.npm, *arguments], cwd=FRONTEND, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        said = (answer.stdout + answer.stderr).strip()
        raise PageFailed(f"npm {' '.join(arguments)} failed in {FRONTEND}:\n{said[-4000:]}")


def _npm_on_path(node: Node) -> Path:
    """A folder with an `npm` that scripts may call: the one that the wheel brings beside its Node.js does not run."""
    folder = WORK / "bin"
    folder.mkdir(exist_ok=True)
    script = folder / "npm"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(node.npm)} "$@"\n')
    script.chmod(0o755)
    return folder


TASKS: dict[str, Callable[[Node], object]] = {"build": build_page, "check": check_page, "format": format_page}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=tuple(TASKS), default="build")
    try:
        node = find_node()
        TASKS[parser.parse_args().what](node)
    except (NodeMissing, PageFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
