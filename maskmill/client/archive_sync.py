"""The archive of a job in the result folder, resumed where an earlier try stopped; it knows no other file."""

from __future__ import annotations

from pathlib import Path

from maskmill.client.download import AddressExpired, fetch_resumable, has_content
from maskmill.client.folder import hash_file
from maskmill.client.ledger import Entry, Ledger
from maskmill.client.placing import place
from maskmill.client.progress import Progress, Report, Step
from maskmill.client.service import Service
from maskmill.core.errors import Unavailable
from maskmill.core.keys import ARCHIVE
from maskmill.core.model import content_hash

ROUNDS_MAX = 50
_SHOW_EVERY_BYTES = 4 * 1024 * 1024
_MIB = 1024 * 1024


def sync_archive(client: Service, job_id: str, out: Path, ledger: Ledger, progress: Report) -> int:
    """The bytes that were fetched, 0 when the archive was there already; raises what `fetch_resumable` raises."""
    path = place(out, ARCHIVE)
    for _ in range(ROUNDS_MAX):
        files = client.dataset_files(job_id)
        known = ledger.get(ARCHIVE, job_id)
        if known is not None and known.size_bytes == files.archive_bytes and has_content(path, known.hashed):
            return 0
        try:
            _fetch(client, files.archive_url, path, size_bytes=files.archive_bytes, job_id=job_id, progress=progress)
        except AddressExpired:
            continue
        hashed = hash_file(path)
        ledger.put(ARCHIVE, Entry(identity=job_id, size_bytes=hashed.size_bytes, sha256=hashed.sha256))
        return hashed.size_bytes
    raise Unavailable(message="The address of the archive was refused again and again. Try again later.")


def _fetch(client: Service, url: str, path: Path, *, size_bytes: int, job_id: str, progress: Report) -> None:
    shown = 0
    tag = content_hash({"job": job_id})[:16]  # an id comes over the network and is no file name
    for so_far in fetch_resumable(client.storage, url, path, size_bytes=size_bytes, tag=tag, backoff=client.backoff):
        if so_far - shown >= _SHOW_EVERY_BYTES or so_far == size_bytes:
            shown = so_far
            text = f"{ARCHIVE}: {so_far / _MIB:.0f} of {size_bytes / _MIB:.0f} MiB"
            progress(Progress(Step.DOWNLOADING, so_far, size_bytes, text=text, job_id=job_id))
