"""An export of a job in a folder, ready for its loader: asked for, waited for, fetched, verified and unpacked.

Parts that are ZIP files are unpacked and not kept; tar shards, tables and archives stay as they are. What lies there
already is not fetched again. It knows no terminal.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from maskmill.client.download import AddressExpired, fetch_resumable, has_content
from maskmill.client.folder import hash_file
from maskmill.client.ledger import Entry, Ledger
from maskmill.client.leftovers import remove_leftovers
from maskmill.client.placing import place
from maskmill.client.progress import Progress, Report, Step, silent
from maskmill.client.retry import Pace
from maskmill.client.service import Service
from maskmill.core.api import ExportFile, ExportView
from maskmill.core.errors import Code, MaskmillError, Unavailable
from maskmill.core.export import ExportFormat, ExportReceipt, ExportStatus
from maskmill.core.limits import JOB_LIFE_S

ROUNDS_MAX = 10  # how often addresses that expired meanwhile are asked for again
_MIB = 1024 * 1024
_MEMBERS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class ExportReport:
    """An export on disk: where it lies, what it holds and lost, and how many of its parts were fetched now."""

    out: Path
    receipt: ExportReceipt
    fetched: int
    kept: int


@dataclass(frozen=True, slots=True)
class _Source:
    """A ready export and the folder that it comes into."""

    client: Service
    job_id: str
    view: ExportView
    out: Path


def sync_export(
    client: Service, job_id: str, export: ExportFormat, out: Path, *, progress: Report = silent
) -> ExportReport:
    """Bring an export into `out`; raises MaskmillError with the reason when it cannot be made or fetched.

    What an earlier export put there and this one lacks is removed; files that anyone else made or changed stay.
    """
    view = await_export(client, job_id, export, progress=progress)
    if view.receipt is None:
        raise Unavailable(Code.INTERNAL, detail="a ready export without a receipt")
    out.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(out, mark=f".maskmill-export-{export.value}.json")
    source = _Source(client, job_id, view, out)
    fetched, names = 0, set[str]()
    try:
        for number, file in enumerate(view.files):
            identity = f"export {file.sha256}"
            if not _is_here(out, ledger, file, identity):
                _bring(source, number, ledger, progress)
                fetched += 1
            names |= {name for name, _ in ledger.of(identity)}
        remove_leftovers(out, ledger, wanted=names)
    finally:
        ledger.save()
    progress(Progress(Step.DOWNLOADING, len(view.files), len(view.files), job_id=job_id))
    return ExportReport(out=out, receipt=view.receipt, fetched=fetched, kept=len(view.files) - fetched)


def await_export(client: Service, job_id: str, export: ExportFormat, *, progress: Report = silent) -> ExportView:
    """The export once it is ready, asked for where nobody has; raises MaskmillError when it failed."""
    view = client.ask_export(job_id, export)
    pace = Pace(shortest_s=0.5, longest_s=5.0, sleep=client.backoff.sleep)
    started_at = time.monotonic()
    while not view.status.is_terminal:
        if time.monotonic() - started_at > JOB_LIFE_S:
            raise Unavailable(message=f"The export {export.value} of job {job_id} is not made. Try again later.")
        progress(Progress(Step.EXPORTING, view.parts, text=export.value, job_id=job_id))
        pace.wait()
        view = client.export_state(job_id, export)
    if view.refusal is not None or view.status is ExportStatus.FAILED:
        words = view.refusal.message if view.refusal else None
        raise MaskmillError(_code(view.refusal.code if view.refusal else ""), message=words)
    return view if view.files else client.export_state(job_id, export)  # the answer to a request names none


def _code(text: str) -> Code:
    return Code(text) if text in Code._value2member_map_ else Code.INTERNAL


def _is_here(out: Path, ledger: Ledger, file: ExportFile, identity: str) -> bool:
    """Whether everything that a part gave lies on disk as it came."""
    entries = ledger.of(identity)
    return bool(entries) and all(has_content(place(out, name), entry.hashed) for name, entry in entries)


def _bring(source: _Source, number: int, ledger: Ledger, progress: Report) -> None:
    file, out = source.view.files[number], source.out
    identity = f"export {file.sha256}"
    if source.view.format is ExportFormat.ARCHIVE or not file.name.endswith(".zip"):
        path = place(out, file.name)
        _fetch(source, number, path, progress)
        ledger.put(file.name, Entry(identity=identity, size_bytes=file.size_bytes, sha256=file.sha256))
        return
    packed = out / f".{hashlib.sha256(file.name.encode()).hexdigest()[:12]}.zip"
    _fetch(source, number, packed, progress)
    try:
        for name in _unpacked(packed, out):
            hashed = hash_file(place(out, name))
            ledger.put(name, Entry(identity=identity, size_bytes=hashed.size_bytes, sha256=hashed.sha256))
    finally:
        packed.unlink(missing_ok=True)


def _fetch(source: _Source, number: int, path: Path, progress: Report) -> None:
    """One part, whole and with the announced hash, going on where an earlier try stopped."""
    client, files = source.client, source.view.files
    file = files[number]

    def check(part: Path) -> None:
        if hash_file(part).sha256 != file.sha256:
            raise MaskmillError(Code.CHECKSUM_MISMATCH, message=f"{file.name} is not what the service announced.")

    url = file.url
    for _ in range(ROUNDS_MAX):
        coming = fetch_resumable(
            client.storage,
            url,
            path,
            size_bytes=file.size_bytes,
            tag=file.sha256[:16],
            backoff=client.backoff,
            check=check,
        )
        try:
            for so_far in coming:
                text = f"{file.name}: {so_far / _MIB:.0f} of {file.size_bytes / _MIB:.0f} MiB"
                progress(Progress(Step.DOWNLOADING, number, len(files), text=text))
            return
        except AddressExpired:
            url = client.export_state(source.job_id, source.view.format).files[number].url
    raise Unavailable(message=f"The address of {file.name} was refused again and again. Try again later.")


def _unpacked(packed: Path, out: Path) -> list[str]:
    """The files of a ZIP below `out`, each under a safe name; raises UnsafeName before anything is written."""
    with zipfile.ZipFile(packed) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()][:_MEMBERS_MAX]
        paths = {member.filename: place(out, member.filename) for member in members}
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.part")
            with archive.open(name) as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target, _MIB)
            temporary.replace(path)
    return list(paths)
