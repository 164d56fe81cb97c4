"""A release of the page: which files are laid down, how they are answered, and which older ones go; it knows no S3.

Files below `assets/` carry a hash of their content in their names and never change: browsers keep them for ever, and
those of the last few releases stay, so that a tab that was opened before goes on working. All others are asked for
anew each time. `index.html` is what makes a release visible and is written last.

A file that the build compressed (`x.br` beside `x` or in its place) is laid down as `x` in its compressed form.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Protocol
from zipfile import BadZipFile, ZipFile

from maskmill.core.errors import Code, MaskmillError

ASSETS = "assets/"
INDEX, CONFIG, RECORD = "index.html", "config.json", "releases.json"
PACKED = ".br"
FILES_MAX = 5_000
BYTES_MAX = 256 * 1024 * 1024  # of the zip
RELEASES_KEPT = 5

FOR_EVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"
UNKNOWN_TYPE = "application/octet-stream"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",  # compiled while it arrives only under this type
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


class Site(Protocol):
    """Where the page is served from."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, data: bytes, *, media_type: str, caching: str, encoding: str | None = None) -> None: ...

    def remove(self, names: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Release:
    """The names of a release's assets, and what tells it from others."""

    name: str
    assets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Published:
    """How many files were laid down and how many older ones went."""

    written: int
    removed: int


class NoPage(MaskmillError):
    """What was to be published is no built page."""

    default_code = Code.INTERNAL


def publish(site: Site, archive: bytes, *, release: str, config: str, beside: Collection[str] = ()) -> Published:
    """Make the built page in a zip the one that is served; doing it again changes nothing.

    `config` is the text of config.json, and `beside` names what else of the site stays. Raises NoPage.
    """
    with _opened(archive) as built:
        files = _files(built)
        for name in sorted(files, key=_turn):
            if name == INDEX:
                site.write(CONFIG, config.encode(), media_type=MEDIA_TYPES[".json"], caching=ANEW)
            _lay(site, name, built.read(files[name]), is_packed=files[name] != name)
    kept = _remember(site, Release(release, frozenset(name for name in files if name.startswith(ASSETS))))
    needed = {*files, *beside, CONFIG, RECORD}.union(*(one.assets for one in kept))
    old = [name for name in site.names() if name not in needed]
    site.remove(old)
    return Published(len(files) + 1, len(old))


def clear(site: Site) -> int:
    """Remove everything: the bucket can only go when it is empty."""
    names = site.names()
    site.remove(names)
    return len(names)


@contextmanager
def _opened(archive: bytes) -> Iterator[ZipFile]:
    try:
        with ZipFile(BytesIO(archive)) as built:
            yield built
    except BadZipFile as error:
        raise NoPage(detail=f"not a zip: {error}") from error


def _files(built: ZipFile) -> dict[str, str]:
    """The entry of the zip for every file of the page; a compressed one comes before a plain one."""
    names = sorted(name for name in built.namelist() if not name.endswith("/"))
    if len(names) > FILES_MAX:
        raise NoPage(detail=f"{len(names)} files; {FILES_MAX} are allowed")
    plain = {name: name for name in names if not name.endswith(PACKED)}
    files = plain | {name.removesuffix(PACKED): name for name in names if name.endswith(PACKED)}
    if INDEX not in files:
        raise NoPage(detail=f"it has no {INDEX}")
    return {name: entry for name, entry in files.items() if name not in (CONFIG, RECORD)}


def _turn(name: str) -> tuple[int, str]:
    """Assets come first, and last what names them."""
    return (0 if name.startswith(ASSETS) else 2 if name == INDEX else 1, name)


def _lay(site: Site, name: str, data: bytes, *, is_packed: bool) -> None:
    site.write(
        name,
        data,
        media_type=MEDIA_TYPES.get(PurePosixPath(name).suffix.lower(), UNKNOWN_TYPE),
        caching=FOR_EVER if name.startswith(ASSETS) else ANEW,
        encoding="br" if is_packed else None,
    )


def _remember(site: Site, release: Release) -> list[Release]:
    """The last few releases with this one first, as they are from now on written down."""
    before = [one for one in _remembered(site) if one.name != release.name]
    kept = [release, *before][:RELEASES_KEPT]
    record = {"releases": [{"name": one.name, "assets": sorted(one.assets)} for one in kept]}
    site.write(RECORD, json.dumps(record).encode(), media_type=MEDIA_TYPES[".json"], caching=ANEW)
    return kept


def _remembered(site: Site) -> list[Release]:
    written = site.read(RECORD)
    if written is None:
        return []
    return [Release(one["name"], frozenset(one["assets"])) for one in json.loads(written)["releases"]]
