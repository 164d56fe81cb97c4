"""Unpack the code of a Lambda function once, not once per worker. It knows nothing of what the code does.

Reason: every worker process unpacks and byte-compiles the whole package for itself. A package with imaging libraries
takes seconds of a small machine, for each of the workers that one burst starts. Like `/var/task` on AWS the code is
not for writing, so workers of the same package can share one folder, named by the package's digest.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.emulator.internals import internal

_LOCK = threading.Lock()


def apply() -> None:
    runtime = internal("core.lambda_runtime")
    names = {name: getattr(zipfile, name) for name in dir(zipfile) if not name.startswith("_")}
    runtime.zipfile = SimpleNamespace(**{**names, "ZipFile": SharedZipFile})


class SharedZipFile(zipfile.ZipFile):
    """A zip file that unpacks `code.zip` into a shared folder and leaves a link to it."""

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        archive = Path(str(self.filename))
        if archive.name != "code.zip" or path is None:
            super().extractall(path, members, pwd)
            return
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        shared = Path(tempfile.gettempdir()) / "function-code" / digest
        with _LOCK:
            if not shared.exists():
                self._unpack(shared)
        os.rmdir(path)
        os.symlink(shared, path, target_is_directory=True)

    def _unpack(self, shared: Path) -> None:
        """Unpack next to the final place and move: a worker never sees half of a package."""
        unfinished = shared.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        super().extractall(unfinished)
        unfinished.rename(shared)
