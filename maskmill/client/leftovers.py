"""What an earlier sync left in a result folder and this job does not name; it knows no service.

Files carry their photo's number, so one photo more or less gives others new names. The old ones would stay beside the
new ones, in no annotation and in no manifest, and whoever reads the folder would see photos twice.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from maskmill.client.download import has_content
from maskmill.client.ledger import Ledger
from maskmill.client.placing import UnsafeName, place


def remove_leftovers(out: Path, ledger: Ledger, *, wanted: set[str]) -> int:
    """Remove what an earlier sync fetched and nobody changed since, and return how many files that were."""
    removed = 0
    for name, entry in ledger.others(wanted):
        with suppress(UnsafeName, OSError):
            path = place(out, name)
            if has_content(path, entry.hashed):
                path.unlink()
                removed += 1
                _remove_empty(path.parent, out)
        ledger.drop(name)
    return removed


def _remove_empty(folder: Path, out: Path) -> None:
    with suppress(OSError):
        while folder != out:
            folder.rmdir()
            folder = folder.parent
