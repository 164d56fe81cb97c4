"""The routes of jobs and of what they give as calls; it knows no files."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from maskmill.client.calls import Call, Token
from maskmill.client.retry import Backoff
from maskmill.client.wire import Wire, path_of
from maskmill.core.api import DatasetFiles, ItemVariants, ItemView, JobEvents, JobView, LiveTicket, Page, SubmitJob
from maskmill.core.bill import Estimate
from maskmill.core.item import ItemStatus


class JobCalls(Wire):
    """Recipes over datasets."""

    def __init__(
        self,
        api_url: str,
        token: Token | None = None,
        *,
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float | None = None,
    ) -> None:
        super().__init__(api_url, token, backoff=backoff, transport=transport, timeout_s=timeout_s)
        self._jobs_seen: dict[str, tuple[str, JobView]] = {}

    def estimate_job(self, dataset_id: str, job: SubmitJob) -> Estimate:
        """What a job would take: masks that are known, seconds and dollars; nothing runs."""
        return self._ask(Estimate, path_of("datasets", dataset_id, "jobs", "estimate"), job)

    def submit_job(self, dataset_id: str, job: SubmitJob, *, key: str | None = None) -> JobView:
        """Submit a job; the same key with the same body names the same job, so that repeating is harmless."""
        return self._create(JobView, path_of("datasets", dataset_id, "jobs"), job, key=key)

    def jobs(self, *, dataset_id: str | None = None) -> Iterator[JobView]:
        """All jobs, or those of one dataset, the newest first."""
        return self._all(Page[JobView], "/jobs", dataset=dataset_id)

    def job(self, job_id: str) -> JobView:
        """A job as it is now; an unchanged job is not sent again (ETag)."""
        known = self._jobs_seen.get(job_id)
        headers = {"If-None-Match": known[0]} if known else {}
        answer = self._caller.send(Call("GET", path_of("jobs", job_id), headers=headers, may_repeat=True))
        if answer.status_code == httpx.codes.NOT_MODIFIED and known:
            return known[1]
        job = self._parsed(JobView, answer)
        if etag := answer.headers.get("etag"):
            self._jobs_seen = {job_id: (etag, job)}
        return job

    def cancel_job(self, job_id: str) -> JobView:
        return self._ask(JobView, path_of("jobs", job_id, "cancel"))

    def retry_job(self, job_id: str, *, key: str | None = None) -> JobView:
        """A new job over the same plan as an ended one; what is done already costs only look-ups."""
        return self._create(JobView, path_of("jobs", job_id, "retry"), key=key)

    def events(self, job_id: str, *, since: int = 0) -> JobEvents:
        """What happened to a job after the event `since`, at most one page; `next_since` goes into the next call."""
        return self._read(JobEvents, path_of("jobs", job_id, "events"), since=str(since))

    def live_ticket(self) -> LiveTicket:
        """What opens a socket once, on which the service says which job changed."""
        return self._post_once(LiveTicket, "/live/tickets")

    def items(self, job_id: str, *, status: ItemStatus | None = None) -> Iterator[ItemView]:
        return self._all(Page[ItemView], path_of("jobs", job_id, "items"), status=status)

    def variants_page(self, job_id: str, cursor: str | None = None) -> Page[ItemVariants]:
        """One page of what the finished items gave; its addresses take a media session."""
        return self._read(Page[ItemVariants], path_of("jobs", job_id, "variants"), cursor=cursor)

    def variants(self, job_id: str, *, template: str | None = None) -> Iterator[ItemVariants]:
        """What the finished items gave, or of it what shows the object of the template of this id."""
        return self._all(Page[ItemVariants], path_of("jobs", job_id, "variants"), template=template)

    def dataset_files(self, job_id: str) -> DatasetFiles:
        return self._read(DatasetFiles, path_of("jobs", job_id, "files"))
