"""The routes of a dataset's templates."""

from __future__ import annotations

from lambdas.serve_api import bodies, templates
from lambdas.serve_api.routes.call import CURSOR, LIMIT, Call, Reply, Route
from maskmill.core.api import Page, TemplateView
from maskmill.core.errors import Code
from maskmill.core.prompt import Template


def _create(call: Call) -> Reply:
    body = bodies.read(call.body(), Template)
    return Reply(201, templates.create(call.ports, call.tenant, call.dataset, body))


def _list(call: Call) -> Reply:
    page = templates.listed(call.ports, call.tenant, call.dataset, cursor=call.cursor, limit=call.limit())
    return Reply(200, page)


def _read(call: Call) -> Reply:
    return Reply(200, templates.read(call.ports, call.tenant, call.dataset, call.ids["template"]))


ROUTES = (
    Route(
        method="POST",
        path="/datasets/<dataset>/templates",
        run=_create,
        about="Create a template: a reusable way to find one kind of object",
        body=Template,
        answers={201: TemplateView},
        codes=(Code.QUOTA_EXCEEDED, Code.NEED_POSITIVE_POINT, Code.NOT_IMPLEMENTED),
        is_creating=True,
    ),
    Route(
        method="GET",
        path="/datasets/<dataset>/templates",
        run=_list,
        about="The templates of a dataset",
        query=(CURSOR, LIMIT),
        answers={200: Page[TemplateView]},
    ),
    Route(
        method="GET",
        path="/datasets/<dataset>/templates/<template>",
        run=_read,
        about="One template",
        answers={200: TemplateView},
    ),
)
