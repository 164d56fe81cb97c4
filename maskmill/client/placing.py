"""Where a file that the service names may lie on this machine: only ever inside the result folder; it reads no bytes.

Names come over the network. One that is absolute, climbs, hides, or goes through a link that leaves the folder is
refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from maskmill.core.errors import InvalidInput

_PART = re.compile(r"[^\x00-\x1f\x7f<>:\"/\\|?*]{1,200}")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))})
_PARTS_MAX = 8


class UnsafeName(InvalidInput):
    """A name that would leave the result folder, or that no file may have everywhere."""


def place(out: Path, name: str) -> Path:
    """The path of a file of the dataset below `out`; raises UnsafeName."""
    parts = name.split("/")
    if len(parts) > _PARTS_MAX or not all(_is_plain(part) for part in parts):
        raise UnsafeName(message=f"The service named a file {name[:200]!r}, which is not a safe name. It was left out.")
    path = out.joinpath(*parts)
    if not path.resolve().is_relative_to(out.resolve()):
        raise UnsafeName(message=f"{name!r} would leave the folder {out} through a link. It was left out.")
    return path


def _is_plain(part: str) -> bool:
    if not _PART.fullmatch(part) or part.startswith(".") or part.endswith((".", " ")):
        return False
    return part.split(".")[0].casefold() not in _DEVICES
