"""The REST API as typed Python calls: values of `core.api` in and out; it knows no files and no terminal.

Calls that may be repeated without harm (reads, and writes under an idempotency key) are repeated when the service is
busy or unreachable. An answer may hold fields that this version does not know; they are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from maskmill.client.calls import STORAGE_TIMEOUT, Call, Caller, Token, open_http
from maskmill.client.problems import RefusedAnswer
from maskmill.client.retry import Backoff
from maskmill.core.api import (
    CreateDataset,
    DatasetFiles,
    DatasetView,
    EmbeddingView,
    Everything,
    Health,
    ImageView,
    ItemVariants,
    ItemView,
    JobView,
    Limits,
    Page,
    RequestUploads,
    Segmentation,
    SegmentImage,
    SubmitJob,
    TemplateView,
    UploadTicket,
    UploadTickets,
)
from maskmill.core.automask import Automask
from maskmill.core.errors import Code, InvalidInput, Unavailable
from maskmill.core.image import ImageStatus, Upload
from maskmill.core.item import ItemStatus
from maskmill.core.prompt import Template

Value = TypeVar("Value", bound=BaseModel)

PAGES_MAX = 100_000


class Client:
    """One user's view of one Maskmill service; close it, or use it in a `with` block.

    `storage` posts to and reads from signed addresses: it never carries the token. Every method raises the errors of
    core.errors; `problems.request_id_of` names the request they came from.
    """

    def __init__(
        self,
        api_url: str,
        token: Token | None = None,
        *,
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.backoff = backoff or Backoff()
        self._caller = Caller(api_url, token, backoff=self.backoff, transport=transport)
        self.api_url = self._caller.api_url
        self.storage = open_http(STORAGE_TIMEOUT, transport=transport)
        self._jobs_seen: dict[str, tuple[str, JobView]] = {}

    def close(self) -> None:
        """Give back all connections."""
        self._caller.close()
        self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The service itself; no token is needed

    def health(self) -> Health:
        return self._parsed(Health, self._caller.send(Call("GET", "/health", may_repeat=True, is_public=True)))

    def limits(self) -> Limits:
        return self._parsed(Limits, self._caller.send(Call("GET", "/limits", may_repeat=True, is_public=True)))

    # Datasets and images

    def create_dataset(self, name: str) -> DatasetView:
        return self._post(DatasetView, "/datasets", _valid(CreateDataset, {"name": name}))

    def datasets(self) -> Iterator[DatasetView]:
        return self._all(Page[DatasetView], "/datasets")

    def dataset(self, dataset_id: str) -> DatasetView:
        return self._read(DatasetView, _path("datasets", dataset_id))

    def request_uploads(self, dataset_id: str, files: Sequence[Upload]) -> tuple[UploadTicket, ...]:
        """One form per announced file, in the same order."""
        body = RequestUploads(files=tuple(files))
        tickets = self._post(UploadTickets, _path("datasets", dataset_id, "uploads"), body).items
        if len(tickets) != len(files):
            raise Unavailable(detail=f"{len(tickets)} tickets for {len(files)} files")
        return tickets

    def images(self, dataset_id: str, *, status: ImageStatus | None = None) -> Iterator[ImageView]:
        return self._all(Page[ImageView], _path("datasets", dataset_id, "images"), status=status)

    def image(self, dataset_id: str, image_id: str) -> ImageView:
        return self._read(ImageView, _path("datasets", dataset_id, "images", image_id))

    # One image, now; asking again changes nothing

    def segment(self, dataset_id: str, image_id: str, body: SegmentImage) -> Segmentation:
        """The candidates of a prompt, within seconds; raises Unavailable when the segmenter takes long to load."""
        path = _path("datasets", dataset_id, "images", image_id, "segment")
        return self._post(Segmentation, path, body, may_repeat=True)

    def automask(self, dataset_id: str, image_id: str, search: Automask) -> Everything:
        """Everything in an image; what `search` leaves unset, the service chooses."""
        path = _path("datasets", dataset_id, "images", image_id, "automask")
        content = search.model_dump_json(exclude_unset=True).encode()
        return self._parsed(Everything, self._caller.send(Call("POST", path, content=content, may_repeat=True)))

    def embedding(self, dataset_id: str, image_id: str) -> EmbeddingView:
        """A signed address of the image's embedding; without one it is being made: ask again in a moment."""
        return self._read(EmbeddingView, _path("datasets", dataset_id, "images", image_id, "embedding"))

    # Templates

    def create_template(self, dataset_id: str, template: Template) -> TemplateView:
        return self._post(TemplateView, _path("datasets", dataset_id, "templates"), template)

    def templates(self, dataset_id: str) -> Iterator[TemplateView]:
        return self._all(Page[TemplateView], _path("datasets", dataset_id, "templates"))

    # Jobs

    def submit_job(self, dataset_id: str, job: SubmitJob, *, key: str) -> JobView:
        """Submit a job; the same key with the same body names the same job, so that repeating is harmless."""
        path = _path("datasets", dataset_id, "jobs")
        return self._post(JobView, path, job, headers={"Idempotency-Key": key}, may_repeat=True)

    def jobs(self) -> Iterator[JobView]:
        return self._all(Page[JobView], "/jobs")

    def job(self, job_id: str) -> JobView:
        """A job as it is now; an unchanged job is not sent again (ETag)."""
        known = self._jobs_seen.get(job_id)
        headers = {"If-None-Match": known[0]} if known else {}
        answer = self._caller.send(Call("GET", _path("jobs", job_id), headers=headers, may_repeat=True))
        if answer.status_code == httpx.codes.NOT_MODIFIED and known:
            return known[1]
        job = self._parsed(JobView, answer)
        if etag := answer.headers.get("etag"):
            self._jobs_seen = {job_id: (etag, job)}
        return job

    def cancel_job(self, job_id: str) -> JobView:
        return self._post(JobView, _path("jobs", job_id, "cancel"), may_repeat=True)

    def items(self, job_id: str, *, status: ItemStatus | None = None) -> Iterator[ItemView]:
        return self._all(Page[ItemView], _path("jobs", job_id, "items"), status=status)

    def variants_page(self, job_id: str, cursor: str | None = None) -> Page[ItemVariants]:
        """One page of what the finished items gave; its signed addresses live for minutes only."""
        return self._read(Page[ItemVariants], _path("jobs", job_id, "variants"), cursor=cursor)

    def variants(self, job_id: str) -> Iterator[ItemVariants]:
        return self._all(Page[ItemVariants], _path("jobs", job_id, "variants"))

    def dataset_files(self, job_id: str) -> DatasetFiles:
        return self._read(DatasetFiles, _path("jobs", job_id, "files"))

    # How

    def _all(self, model: type[Page[Value]], path: str, **params: str | None) -> Iterator[Value]:
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = self._read(model, path, cursor=cursor, **params)
            yield from page.items
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def _read(self, model: type[Value], path: str, **params: str | None) -> Value:
        given = {name: value for name, value in params.items() if value is not None}
        return self._parsed(model, self._caller.send(Call("GET", path, params=given, may_repeat=True)))

    def _post(
        self,
        model: type[Value],
        path: str,
        body: BaseModel | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        may_repeat: bool = False,
    ) -> Value:
        content = body.model_dump_json().encode() if body is not None else None
        call = Call("POST", path, content=content, headers=headers or {}, may_repeat=may_repeat)
        return self._parsed(model, self._caller.send(call))

    def _parsed(self, model: type[Value], answer: httpx.Response) -> Value:
        try:
            return model.model_validate_json(answer.content, extra="ignore")
        except ValidationError as exc:
            message = "The service's answer is not understood. Check the API address and the version of this client."
            raise Unavailable(Code.INTERNAL, message=message, detail=str(exc)) from RefusedAnswer(
                status=answer.status_code, code=Code.INTERNAL, request_id=answer.headers.get("x-request-id")
            )


def _path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _valid(model: type[Value], values: Mapping[str, object]) -> Value:
    try:
        return model.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidInput(message=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc
