"""The routes of a dataset's templates."""

from __future__ import annotations

from lambdas.serve_api import bodies, templates
from lambdas.serve_api.routes.call import CURSOR, IF_MATCH, IF_NONE_MATCH, LIMIT, PREFIX, Call, Reply, Route
from lambdas.serve_api.tags import tag_of
from maskmill.core.api import Page, PatchTemplate, TemplateView
from maskmill.core.errors import Code
from maskmill.core.prompt import Template


def _create(call: Call) -> Reply:
    body = bodies.read(call.body(), Template)
    template = templates.create(call.ports, call.tenant, call.dataset, body)
    where = f"{PREFIX}/datasets/{call.dataset}/templates/{template.template_id}"
    return Reply(201, template, {"Location": where})


def _list(call: Call) -> Reply:
    page = templates.listed(call.ports, call.tenant, call.dataset, cursor=call.cursor, limit=call.limit())
    return Reply(200, page)


def _read(call: Call) -> Reply:
    return call.tagged(templates.read(call.ports, call.tenant, call.dataset, call.template))


def _change(call: Call) -> Reply:
    body = bodies.read(call.body(), PatchTemplate)
    if_match = call.headers.get("if-match")
    template = templates.change(call.ports, call.tenant, call.dataset, call.template, body, if_match=if_match)
    return Reply(200, template, {"ETag": tag_of(template)})


def _remove(call: Call) -> Reply:
    if_match = call.headers.get("if-match")
    templates.remove(call.ports, call.tenant, call.dataset, call.template, if_match=if_match)
    return Reply(204)


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
        locates=True,
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
        about="One template; with If-None-Match, 304 while it has not changed",
        answers={200: TemplateView, 304: None},
        headers=(IF_NONE_MATCH,),
    ),
    Route(
        method="PATCH",
        path="/datasets/<dataset>/templates/<template>",
        run=_change,
        about="Replace fields of a template; jobs that were submitted keep it as it was",
        body=PatchTemplate,
        answers={200: TemplateView},
        headers=(IF_MATCH,),
        codes=(Code.NEED_POSITIVE_POINT, Code.NOT_IMPLEMENTED, Code.PRECONDITION_FAILED),
    ),
    Route(
        method="DELETE",
        path="/datasets/<dataset>/templates/<template>",
        run=_remove,
        about="Remove a template; jobs that were submitted keep it",
        answers={204: None},
        headers=(IF_MATCH,),
        codes=(Code.PRECONDITION_FAILED,),
    ),
)
