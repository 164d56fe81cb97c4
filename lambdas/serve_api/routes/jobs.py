"""The routes of jobs and of what they give."""

from __future__ import annotations

from lambdas.serve_api import bodies, cursors, jobs, once, results, submissions
from lambdas.serve_api.names import is_id
from lambdas.serve_api.routes.call import (
    CURSOR,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    PREFIX,
    Call,
    Param,
    Reply,
    Route,
)
from maskmill.core.api import DatasetFiles, ItemVariants, ItemView, JobView, Page, SubmitJob
from maskmill.core.bill import Estimate
from maskmill.core.errors import Code, NotFound
from maskmill.core.item import ItemStatus
from maskmill.core.limits import IMAGES_PER_JOB_MAX


def _submit(call: Call) -> Reply:
    body = bodies.read(call.body(), SubmitJob, submissions.code_for)
    key = once.key_of(call.headers)
    state = submissions.submit(call.ports, call.tenant, call.dataset, key, body)
    return _accepted(jobs.view(call.ports.table, state))


def _estimate(call: Call) -> Reply:
    body = bodies.read(call.body(), SubmitJob, submissions.code_for)
    return Reply(200, submissions.estimate(call.ports, call.tenant, call.dataset, body))


def _accepted(job: JobView) -> Reply:
    return Reply(202, job, {"Location": f"{PREFIX}/jobs/{job.job_id}"})


def _list(call: Call) -> Reply:
    limit = cursors.limit_of(call.query.get("limit"), default=jobs.LISTED_DEFAULT, most=jobs.LISTED_MAX)
    dataset_id = call.query.get("dataset")
    if dataset_id is not None and not is_id(dataset_id):
        raise NotFound(detail="dataset")
    page = jobs.listed(call.ports, call.tenant, dataset_id=dataset_id, cursor=call.cursor, limit=limit)
    return Reply(200, page)


def _read(call: Call) -> Reply:
    return call.tagged(jobs.read(call.ports, call.tenant, call.job))


def _cancel(call: Call) -> Reply:
    return _accepted(jobs.cancel(call.ports, call.tenant, call.job))


def _retry(call: Call) -> Reply:
    state = submissions.retry(call.ports, call.tenant, call.job, once.key_of(call.headers))
    return _accepted(jobs.view(call.ports.table, state))


def _list_items(call: Call) -> Reply:
    status = call.choice("status", ItemStatus)
    return Reply(200, results.items(call.ports, call.tenant, call.job, status=status, cursor=call.cursor))


def _list_variants(call: Call) -> Reply:
    limit = cursors.limit_of(call.query.get("limit"), default=results.RESULTS_PER_QUERY, most=results.RESULTS_PER_QUERY)
    first = cursors.number_of("from", call.query.get("from"), least=0, most=IMAGES_PER_JOB_MAX - 1)
    wanted = results.Wanted(first=first, template=call.query.get("template"))
    found = results.variants(call.ports, call.tenant, call.job, wanted=wanted, cursor=call.cursor, limit=limit)
    return Reply(200, found)


def _read_files(call: Call) -> Reply:
    return Reply(200, results.files(call.ports, call.tenant, call.job))


ROUTES = (
    Route(
        method="POST",
        path="/datasets/<dataset>/jobs/estimate",
        run=_estimate,
        about="What a job would take: masks that are known, seconds and dollars; nothing runs and nothing is kept",
        body=SubmitJob,
        answers={200: Estimate},
        codes=(Code.INVALID_RECIPE, Code.NO_IMAGES, Code.TOO_MANY_IMAGES),
    ),
    Route(
        method="POST",
        path="/datasets/<dataset>/jobs",
        run=_submit,
        is_spending=True,
        about="Submit a job; the same Idempotency-Key and body name the same job",
        body=SubmitJob,
        answers={202: JobView},
        headers=(IDEMPOTENCY_KEY,),
        locates=True,
        codes=(
            Code.INVALID_RECIPE,
            Code.NO_IMAGES,
            Code.TOO_MANY_IMAGES,
            Code.IDEMPOTENCY_MISMATCH,
            Code.QUOTA_EXCEEDED,
        ),
    ),
    Route(
        method="GET",
        path="/jobs",
        run=_list,
        about="The jobs, newest first",
        query=(
            Param("dataset", "only the jobs of this dataset"),
            CURSOR,
            Param("limit", "how many jobs a page holds", most=jobs.LISTED_MAX),
        ),
        answers={200: Page[JobView]},
        codes=(Code.NOT_FOUND,),
    ),
    Route(
        method="GET",
        path="/jobs/<job>",
        run=_read,
        about="One job; with If-None-Match, 304 while it has not changed",
        answers={200: JobView, 304: None},
        headers=(IF_NONE_MATCH,),
    ),
    Route(
        method="POST",
        path="/jobs/<job>/cancel",
        run=_cancel,
        about="Ask for the end of a job",
        answers={202: JobView},
        locates=True,
        codes=(Code.CONFLICT,),
    ),
    Route(
        method="POST",
        path="/jobs/<job>/retry",
        run=_retry,
        is_spending=True,
        about="Run an ended job again over the same plan, as a new job; the same Idempotency-Key names the same job",
        answers={202: JobView},
        headers=(IDEMPOTENCY_KEY,),
        locates=True,
        codes=(Code.CONFLICT, Code.IDEMPOTENCY_MISMATCH, Code.QUOTA_EXCEEDED),
    ),
    Route(
        method="GET",
        path="/jobs/<job>/items",
        run=_list_items,
        about="The items of a job",
        query=(Param("status", "only items in this state", choices=ItemStatus), CURSOR),
        answers={200: Page[ItemView]},
    ),
    Route(
        method="GET",
        path="/jobs/<job>/variants",
        run=_list_variants,
        about="What finished items gave: labels and variants with the addresses of their pictures",
        query=(
            Param("from", "the number of the first item", least=0, most=IMAGES_PER_JOB_MAX - 1),
            Param("template", "only variants that show this template's object, and items that have one"),
            CURSOR,
            Param("limit", "how many items a page holds", most=results.RESULTS_PER_QUERY),
        ),
        answers={200: Page[ItemVariants]},
    ),
    Route(
        method="GET",
        path="/jobs/<job>/files",
        run=_read_files,
        about="Signed addresses of a finished job's dataset",
        answers={200: DatasetFiles},
        codes=(Code.CONFLICT,),
    ),
)
