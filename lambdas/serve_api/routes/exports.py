"""The routes of exports."""

from __future__ import annotations

from lambdas.serve_api import exports
from lambdas.serve_api.routes.call import PREFIX, Call, Reply, Route
from maskmill.core.api import ExportView, Page
from maskmill.core.errors import Code
from maskmill.core.export import ExportFormat

EXPORT_POLL_AFTER_S = 2
FORMATS = {"format": ExportFormat}


def _format(call: Call) -> ExportFormat:
    return call.named("format", ExportFormat)


def _ask(call: Call) -> Reply:
    return _answer(call, exports.ask(call.ports, call.tenant, call.job, _format(call)))


def _read(call: Call) -> Reply:
    return _found(call, _format(call))


def _archive(call: Call) -> Reply:
    return _found(call, ExportFormat.ARCHIVE)


def _found(call: Call, form: ExportFormat) -> Reply:
    export = exports.read(call.ports, call.tenant, call.job, form)
    return Reply(200, export) if export.status.is_terminal else _answer(call, export)


def _answer(call: Call, export: ExportView) -> Reply:
    where = f"{PREFIX}/jobs/{call.job}/exports/{export.format.value}"
    return Reply(202, export, {"Location": where, "Retry-After": str(EXPORT_POLL_AFTER_S)})


def _list(call: Call) -> Reply:
    return Reply(200, exports.listed(call.ports, call.tenant, call.job))


ROUTES = (
    Route(
        method="GET",
        path="/jobs/<job>/exports",
        run=_list,
        about="The exports of a job with their receipts; one page holds all",
        answers={200: Page[ExportView]},
    ),
    Route(
        method="POST",
        path="/jobs/<job>/exports/<format>",
        run=_ask,
        is_spending=True,
        names=FORMATS,
        about="Ask for an export of a finished job; one that is there is not made again, one that failed is",
        answers={202: ExportView},
        codes=(Code.CONFLICT,),
        is_creating=True,
        locates=True,
    ),
    Route(
        method="GET",
        path="/jobs/<job>/exports/<format>",
        run=_read,
        names=FORMATS,
        about="An export: its receipt and the signed addresses of its files; 202 while it is being made",
        answers={200: ExportView, 202: ExportView},
        locates=True,
    ),
    Route(
        method="GET",
        path="/jobs/<job>/archive",
        run=_archive,
        about="The archive with everything, which is the export `archive` by a shorter name",
        answers={200: ExportView, 202: ExportView},
        locates=True,
    ),
)
