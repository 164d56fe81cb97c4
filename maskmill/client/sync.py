"""The dataset of an ended job in a folder, fetching only what is missing or differs; it knows no terminal.

    sources/ · variants/ · masks/ · backgrounds/ · annotations/instances.json · manifest.jsonl · dataset.zip

A file that cannot be had is reported, and the others are fetched all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path

from maskmill.client.download import AddressExpired, Fetched, Remote, fetch, has_content
from maskmill.client.folder import Hashed
from maskmill.client.ledger import Entry, Ledger
from maskmill.client.leftovers import remove_leftovers
from maskmill.client.placing import place
from maskmill.client.progress import Progress, Report, Step, silent
from maskmill.client.service import Service
from maskmill.client.workers import worker_pool
from maskmill.core.api import DatasetFiles, FileView, ItemVariants, JobView, LabelView
from maskmill.core.errors import Code, Conflict, MaskmillError, NotFound
from maskmill.core.keys import ANNOTATIONS, MANIFEST
from maskmill.core.model import content_hash

STREAMS = 8
ROUNDS_MAX = 4  # how often addresses that expired meanwhile are asked for again
_GONE_STALE = MaskmillError(Code.UNAVAILABLE, message="The address was refused again and again. Try again later.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the dataset; `hashed` where the service announces its bytes, else only its identity."""

    name: str
    url: str
    identity: str
    hashed: Hashed | None = None


@dataclass(frozen=True, slots=True)
class SyncFailure:
    """A file that could not be had, and why."""

    name: str
    code: str
    message: str


@dataclass(slots=True)
class SyncReport:
    """What a sync did: files fetched, files that were there already, files of another job removed, and failures."""

    out: Path
    fetched: int = 0
    kept: int = 0
    removed: int = 0
    fetched_bytes: int = 0
    failures: list[SyncFailure] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)  # a photo's name and what is worth knowing of it

    def fail(self, name: str, error: MaskmillError) -> None:
        self.failures.append(SyncFailure(name=name, code=error.code.value, message=error.message))


def sync_job(client: Service, job_id: str, out: Path, *, progress: Report = silent) -> SyncReport:
    """Bring a job's dataset into `out`; raises Conflict while the job has not ended.

    Nothing outside `out` is written. When all has come, what an earlier sync of another job put there goes, so that
    the folder is what its manifest says; files that anyone else made or changed stay.
    """
    job = client.job(job_id)
    if not job.status.is_terminal:
        raise Conflict(message=f"Job {job_id} has not ended yet. Wait for it with `maskmill jobs watch {job_id}`.")
    out.mkdir(parents=True, exist_ok=True)
    run = _Sync(client=client, job=job, out=out, ledger=Ledger(out), report=SyncReport(out), progress=progress)
    try:
        run.pictures()
        run.lists()
        run.tidy()
    finally:
        run.ledger.save()
    progress(Progress(Step.DOWNLOADING, job.items.done, job.items.done, job_id=job_id))
    return run.report


@dataclass(slots=True)
class _Sync:
    client: Service
    job: JobView
    out: Path
    ledger: Ledger
    report: SyncReport
    progress: Report
    items_before: int = 0
    names: set[str] = field(default_factory=set)

    def pictures(self) -> None:
        """Sources, masks and variants, page by page, because their addresses live for minutes only."""
        cursor: str | None = None
        while True:
            page = self.client.variants_page(self.job.job_id, cursor)
            at = cursor

            def again(at: str | None = at) -> list[Wanted]:
                return self._wanted(self.client.variants_page(self.job.job_id, at).items)

            self._fetch_all(self._wanted(page.items), again, items=len(page.items))
            self.ledger.save()
            self.report.remarks += [(item.name, remark) for item in page.items for remark in item.remarks]
            self.items_before += len(page.items)
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def lists(self) -> None:
        """The annotations and the manifest; a job that finished nothing may have none."""
        files = self._files()
        if files is not None:
            self._fetch_all(self._lists_of(files), lambda: self._lists_of(self.client.dataset_files(self.job.job_id)))

    def tidy(self) -> None:
        """What is not of this job goes, unless this job came incomplete or has nothing in its place."""
        if self.report.failures or not self.job.items.done:
            return
        self.report.removed = remove_leftovers(self.out, self.ledger, wanted=self.names)

    def _files(self) -> DatasetFiles | None:
        try:
            return self.client.dataset_files(self.job.job_id)
        except (NotFound, Conflict) as error:
            if self.job.items.done and not any(failure.name == ANNOTATIONS for failure in self.report.failures):
                self.report.fail(ANNOTATIONS, error)
            return None

    def _lists_of(self, files: DatasetFiles) -> list[Wanted]:
        return [
            Wanted(name=ANNOTATIONS, url=files.annotations_url, identity=self.job.job_id),
            Wanted(name=MANIFEST, url=files.manifest_url, identity=self.job.job_id),
            *(_background(one) for one in files.backgrounds),
        ]

    def _wanted(self, items: tuple[ItemVariants, ...]) -> list[Wanted]:
        every = (wanted for item in items for wanted in wanted_of(item, sources=self.job.recipe.sources))
        return list({wanted.name: wanted for wanted in every}.values())

    def _fetch_all(self, wanted: list[Wanted], again: Callable[[], list[Wanted]], *, items: int = 0) -> None:
        """Fetch files; those whose addresses expired are asked for again."""
        total = len(wanted)
        self.names.update(one.name for one in wanted)
        for _ in range(ROUNDS_MAX):
            expired = set(self._fetch_round(wanted, items=items, total=total))
            if not expired:
                return
            wanted = [one for one in again() if one.name in expired]
        for one in wanted:
            self.report.fail(one.name, _GONE_STALE)

    def _fetch_round(self, wanted: list[Wanted], *, items: int, total: int) -> Iterator[str]:
        done = total - len(wanted)
        with worker_pool(STREAMS) as pool:
            futures = {pool.submit(self._fetch_one, one): one for one in wanted}
            for future in as_completed(futures):
                one = futures[future]
                try:
                    self._count(one, future.result())
                except AddressExpired:
                    yield one.name
                    continue
                except MaskmillError as error:
                    self.report.fail(one.name, error)
                except OSError as exc:
                    self.report.fail(one.name, _local_failure(exc))
                done += 1
                self._show(self.items_before + items * done // max(1, total))

    def _fetch_one(self, one: Wanted) -> Fetched:
        path = place(self.out, one.name)
        if one.hashed is not None:
            if has_content(path, one.hashed):
                return Fetched(hashed=one.hashed, etag=None, is_new=False)
            remote = Remote(one.url, size_bytes=one.hashed.size_bytes, sha256=one.hashed.sha256)
            return fetch(self.client.storage, remote, path, backoff=self.client.backoff)
        known = self.ledger.get(one.name, one.identity)
        if known is not None and not has_content(path, known.hashed):
            known = None
        if known is not None and one.identity != self.job.job_id:
            return Fetched(hashed=known.hashed, etag=known.etag, is_new=False)
        remote = Remote(one.url, etag=known.etag if known else None)
        return fetch(self.client.storage, remote, path, backoff=self.client.backoff)

    def _count(self, one: Wanted, got: Fetched) -> None:
        self.report.fetched += got.is_new
        self.report.kept += not got.is_new
        hashed = got.hashed or one.hashed
        if hashed is None:
            return
        self.report.fetched_bytes += hashed.size_bytes * got.is_new
        if got.is_new or self.ledger.get(one.name, one.identity) is None:
            entry = Entry(identity=one.identity, size_bytes=hashed.size_bytes, sha256=hashed.sha256, etag=got.etag)
            self.ledger.put(one.name, entry)

    def _show(self, items: int) -> None:
        text = f"{self.report.fetched} files fetched, {self.report.kept} there already"
        self.progress(Progress(Step.DOWNLOADING, items, self.job.items.done, text=text, job_id=self.job.job_id))


def wanted_of(item: ItemVariants, *, sources: bool) -> Iterator[Wanted]:
    """The files that one item adds: its source, its variants, and the masks of both."""
    pixels = item.normal.pixels_sha256
    if sources:
        hashed = Hashed(size_bytes=item.normal.png_bytes, sha256=item.normal.png_sha256)
        name = _below("sources", item.source_file_name)
        yield Wanted(name=name, url=item.source_url, identity=f"source {pixels}", hashed=hashed)
    yield from (_mask(label, pixels) for label in item.labels)
    for variant in item.variants:
        hashed = Hashed(size_bytes=variant.size_bytes, sha256=variant.sha256)
        name = _below("variants", variant.file_name)
        yield Wanted(name=name, url=variant.url, identity=f"variant {variant.variant_id}", hashed=hashed)
        yield from (_mask(label, pixels) for label in variant.labels or ())


def _mask(label: LabelView, pixels_sha256: str) -> Wanted:
    identity = f"mask {content_hash({'pixels': pixels_sha256, 'rle': label.rle_sha256})}"
    hashed = Hashed(size_bytes=label.size_bytes, sha256=label.sha256)
    return Wanted(name=_below("masks", label.file_name), url=label.mask_url, identity=identity, hashed=hashed)


def _background(file: FileView) -> Wanted:
    hashed = Hashed(size_bytes=file.size_bytes, sha256=file.sha256)
    name = _below("backgrounds", file.file_name)
    return Wanted(name=name, url=file.url, identity=f"background {file.sha256}", hashed=hashed)


def _below(folder: str, name: str) -> str:
    """A path in the dataset; a bare file name lies in its usual folder."""
    return name if "/" in name else f"{folder}/{name}"


def _local_failure(exc: OSError) -> MaskmillError:
    return MaskmillError(Code.INTERNAL, message=f"The file cannot be written here: {exc.strerror or exc}.")
