"""Photos of a folder into a dataset, each content once; it knows no jobs and no terminal.

What the dataset holds already is not sent again: neither what it accepted nor what it refused for its content, because
the same bytes would be refused again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field

from maskmill.client.folder import Found, Hashed, LeftOut, LocalFile, hash_file
from maskmill.client.posting import TicketExpired, post_file
from maskmill.client.progress import Progress, Report, Step, silent
from maskmill.client.service import Service
from maskmill.client.settling import await_settled
from maskmill.client.workers import worker_pool
from maskmill.core.api import ImageView, UploadTicket
from maskmill.core.errors import Code, MaskmillError, Unavailable, message_of
from maskmill.core.image import ImageStatus, Refusal, Upload
from maskmill.core.limits import UPLOAD_BYTES_MAX, UPLOADS_PER_CALL_MAX

HASHERS = 4
STREAMS = 5
BATCH_BYTES_MAX = 256 * 1024 * 1024  # so that a form does not expire while its file waits behind others
TICKETS_PER_FILE_MAX = 3
SETTLE_QUIET_S = 300.0
EARLIER_QUIET_S = 10.0
_FINAL_REFUSALS = frozenset(
    {
        Code.EMPTY_FILE,
        Code.FILE_TOO_LARGE,
        Code.UNSUPPORTED_FORMAT,
        Code.CORRUPT_IMAGE,
        Code.TOO_SMALL,
        Code.TOO_MANY_PIXELS,
        Code.TOO_COMPLEX,
        Code.ANIMATED_NOT_SUPPORTED,
    }
)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """What became of one file: its image, or the reason why it has none; `was_sent` is False where it was held."""

    file: LocalFile
    hashed: Hashed
    image: ImageView | None
    refusal: Refusal | None
    was_sent: bool

    @property
    def is_ready(self) -> bool:
        return self.image is not None and self.image.status is ImageStatus.READY


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What became of all files, in the order in which they were found."""

    files: tuple[UploadedFile, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def sent(self) -> int:
        return sum(file.was_sent for file in self.firsts)

    @property
    def firsts(self) -> tuple[UploadedFile, ...]:
        """The first file of each content; the others became the same image."""
        return tuple(self._first_by_content().values())

    @property
    def repeated(self) -> tuple[tuple[UploadedFile, UploadedFile], ...]:
        """The other files of a content, each with the first one."""
        firsts = self._first_by_content()
        pairs = ((file, firsts[file.hashed.sha256]) for file in self.files)
        return tuple((file, first) for file, first in pairs if file is not first)

    @property
    def refused(self) -> tuple[UploadedFile, ...]:
        return tuple(file for file in self.files if file.refusal is not None)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The images of these files, ready and refused, each once, in order."""
        return tuple(dict.fromkeys(file.image.image_id for file in self.files if file.image is not None))

    def _first_by_content(self) -> dict[str, UploadedFile]:
        firsts: dict[str, UploadedFile] = {}
        for file in self.files:
            firsts.setdefault(file.hashed.sha256, file)
        return firsts

    @property
    def ready(self) -> int:
        return len({file.image.image_id for file in self.files if file.image is not None and file.is_ready})


@dataclass(slots=True)
class _Work:
    """What is known while files are on their way, by SHA-256 of their content."""

    hashed: list[tuple[LocalFile, Hashed]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    images: dict[str, ImageView] = field(default_factory=dict)  # held before
    sent: dict[str, str] = field(default_factory=dict)  # the image ids of what was sent
    failed: dict[str, Refusal] = field(default_factory=dict)  # what never became an image


def upload_files(
    client: Service,
    dataset_id: str,
    found: Found,
    *,
    progress: Report = silent,
    settle_quiet_s: float = SETTLE_QUIET_S,
) -> UploadReport:
    """Send what the dataset does not hold yet and wait until every file is settled.

    Raises Unavailable when nothing settles for `settle_quiet_s` seconds; what was sent stays in the dataset.
    """
    work = _Work(left_out=list(found.left_out))
    _hash_all(found.files, work, progress)
    contents = {hashed.sha256 for _, hashed in work.hashed}
    work.images = _held(client, dataset_id, contents)
    _send_all(client, dataset_id, work, progress)
    ids = set(work.sent.values())
    await_settled(client, dataset_id, ids, quiet_s=settle_quiet_s, progress=progress)
    settled = {image.image_id: image for image in client.images(dataset_id) if image.image_id in ids} if ids else {}
    return UploadReport(
        files=tuple(_outcome(file, hashed, work, settled) for file, hashed in work.hashed),
        left_out=tuple(work.left_out),
    )


def _hash_all(files: Sequence[LocalFile], work: _Work, progress: Report) -> None:
    progress(Progress(Step.HASHING, 0, len(files)))
    with worker_pool(HASHERS) as pool:
        for done, (file, hashed) in enumerate(zip(files, pool.map(_try_hash, files), strict=True), start=1):
            if isinstance(hashed, Hashed):
                work.hashed.append((file, hashed))
            else:
                work.left_out.append(LeftOut(file.name, hashed))
            progress(Progress(Step.HASHING, done, len(files)))


def _try_hash(file: LocalFile) -> Hashed | str:
    try:
        return hash_file(file.path)
    except OSError as exc:
        return f"cannot be read: {exc.strerror}"


def _held(client: Service, dataset_id: str, contents: set[str]) -> dict[str, ImageView]:
    """The images that need no sending, by content; what is still on its way from an earlier run gets a moment."""
    images = [image for image in client.images(dataset_id) if image.sha256 in contents]
    expected = {image.image_id for image in images if image.status is ImageStatus.EXPECTED}
    if expected:
        await_settled(client, dataset_id, expected, quiet_s=EARLIER_QUIET_S, must_settle=False)
        images = [image for image in client.images(dataset_id) if image.sha256 in contents]
    refused = {image.sha256: image for image in images if _is_refused_for_good(image)}
    return refused | {image.sha256: image for image in images if image.status is ImageStatus.READY}


def _is_refused_for_good(image: ImageView) -> bool:
    return image.refusal is not None and image.refusal.code in _FINAL_REFUSALS


def _send_all(client: Service, dataset_id: str, work: _Work, progress: Report) -> None:
    to_send = _missing(work)
    progress(Progress(Step.UPLOADING, 0, len(to_send)))
    done = 0
    with worker_pool(STREAMS) as pool:
        for batch in _batches(to_send):
            tickets = client.request_uploads(dataset_id, [_announced(file, hashed) for file, hashed in batch])
            futures: dict[Future[str], str] = {
                pool.submit(_send_one, client, dataset_id, file, hashed, ticket): hashed.sha256
                for (file, hashed), ticket in zip(batch, tickets, strict=True)
            }
            for future in as_completed(futures):
                done += 1
                _note(work, futures[future], future.result)
                progress(Progress(Step.UPLOADING, done, len(to_send)))


def _missing(work: _Work) -> list[tuple[LocalFile, Hashed]]:
    """The first file of each content that the dataset does not hold and that is not too large to be announced."""
    missing: dict[str, tuple[LocalFile, Hashed]] = {}
    for file, hashed in work.hashed:
        if hashed.size_bytes > UPLOAD_BYTES_MAX:
            refusal = Refusal(code=Code.FILE_TOO_LARGE, message=message_of(Code.FILE_TOO_LARGE))
            work.failed[hashed.sha256] = refusal
        elif hashed.sha256 not in work.images:
            missing.setdefault(hashed.sha256, (file, hashed))
    return list(missing.values())


def _note(work: _Work, sha256: str, result: Callable[[], str]) -> None:
    try:
        work.sent[sha256] = result()
    except MaskmillError as error:
        if error.code is Code.UNAUTHENTICATED:
            raise
        work.failed[sha256] = Refusal(code=error.code, message=error.message)
    except OSError as exc:
        work.failed[sha256] = Refusal(code=Code.UPLOAD_MISSING, message=f"The file cannot be read: {exc.strerror}.")


def _batches(files: Sequence[tuple[LocalFile, Hashed]]) -> Iterator[list[tuple[LocalFile, Hashed]]]:
    batch: list[tuple[LocalFile, Hashed]] = []
    size_bytes = 0
    for file, hashed in files:
        if batch and (len(batch) == UPLOADS_PER_CALL_MAX or size_bytes + hashed.size_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, size_bytes = [], 0
        batch.append((file, hashed))
        size_bytes += hashed.size_bytes
    if batch:
        yield batch


def _announced(file: LocalFile, hashed: Hashed) -> Upload:
    return Upload(name=file.name, size_bytes=hashed.size_bytes, sha256=hashed.sha256)


def _send_one(client: Service, dataset_id: str, file: LocalFile, hashed: Hashed, ticket: UploadTicket) -> str:
    """The id of the image that a file became."""
    for _ in range(TICKETS_PER_FILE_MAX):
        try:
            post_file(client.storage, ticket, file.path, backoff=client.backoff)
        except TicketExpired:
            ticket = client.request_uploads(dataset_id, [_announced(file, hashed)])[0]
        else:
            return ticket.image_id
    raise Unavailable(message=f"{file.name} could not be sent: the store refuses the form. Try again later.")


def _outcome(file: LocalFile, hashed: Hashed, work: _Work, settled: dict[str, ImageView]) -> UploadedFile:
    sent_as = work.sent.get(hashed.sha256)
    image = settled.get(sent_as) if sent_as else work.images.get(hashed.sha256)
    refusal = work.failed.get(hashed.sha256) or (image.refusal if image else None)
    if image is None and refusal is None:
        refusal = Refusal(code=Code.UPLOAD_MISSING, message=message_of(Code.UPLOAD_MISSING))
    return UploadedFile(file=file, hashed=hashed, image=image, refusal=refusal, was_sent=sent_as is not None)
