"""The API's description as an OpenAPI 3.1 document, computed from the routes and their models; it serves nothing."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from lambdas.serve_api import once, problems
from lambdas.serve_api.cursors import CURSOR_CHARS_MAX
from lambdas.serve_api.names import ID_PATTERN
from lambdas.serve_api.promises import answer_headers_of, codes_of, headers_of
from lambdas.serve_api.routes.call import CURSOR, IDEMPOTENCY_KEY, PREFIX, Header, Param, Route
from maskmill import __version__
from maskmill.core.api import Problem
from maskmill.core.errors import Code, message_of
from maskmill.core.limits import BODY_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX

JSON = "application/json"
_REF = "#/components/schemas/{model}"
_SIGNED_IN = "signed_in"
_NO_CONTENT = (204, 304)
_GATEWAY_STATUSES = (401, 404, 413, 429, 503)  # what the gateway says before it asks us has a shape of its own

_ABOUT = f"""Find things in pictures, change them, and get training sets.

- Work is accepted with 202 and `Location`; ask again after `Retry-After` seconds.
- Lists are pages: `items`, and `next_cursor` where there is more. A cursor is one of its list and filter only.
- A refusal is a problem (RFC 9457) with a stable `code`, and names each invalid field by `where` it is (`body`,
  `query` or `header`) and a JSON pointer.
- A call that makes something takes an `Idempotency-Key`: sent again with the same body within a day, it makes nothing
  and is answered with what was made, and with `Idempotent-Replayed: true`.
- A body holds at most {BODY_BYTES_MAX // 1024} KB. Pictures go to signed addresses and not through the API.
- Unknown query parameters are ignored."""

_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ETag": ("names the state of the thing", {"type": "string"}),
    "Idempotent-Replayed": ("the answer is that of an earlier call under this key", {"const": "true"}),
    "Location": ("the address of what was made or begun", {"type": "string", "format": "uri-reference"}),
    "RateLimit": (
        "what is left of this minute: `r` requests at least, and the `t` seconds until it ends",
        {"type": "string", "pattern": r'^"requests";r=[0-9]+;t=[0-9]+$'},
    ),
    "RateLimit-Policy": (
        "how many requests (`q`) a tenant may send within `w` seconds",
        {"type": "string", "pattern": r'^"requests";q=[0-9]+;w=[0-9]+$'},
    ),
    "Retry-After": ("seconds after which to ask again", {"type": "string", "pattern": "^[0-9]+$"}),
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole description of the routes."""
    routes = tuple(routes)
    refs, schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route in routes:
        paths[_path(route)][route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Maskmill", "version": __version__, "description": _ABOUT},
        "servers": [{"url": PREFIX}],
        "security": [{_SIGNED_IN: []}],
        "tags": [{"name": name} for name in dict.fromkeys(route.resource for route in routes)],
        "paths": dict(paths),
        "components": {
            "schemas": schemas | {"GatewayRefusal": _GATEWAY_REFUSAL},
            "headers": {name: {"description": about, "schema": schema} for name, (about, schema) in _HEADERS.items()},
            "securitySchemes": {_SIGNED_IN: _BEARER},
        },
    }


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of the service's user pool. Its subject is the tenant.",
}
_GATEWAY_REFUSAL = {
    "type": "object",
    "description": "What the gateway says when it refuses a request before the service sees it",
    "properties": {"message": {"type": "string"}},
}


# Schemas ---------------------------------------------------------------------------------------------------------

Refs = Mapping[tuple[type[Any], JsonSchemaMode], dict[str, Any]]


def _schemas(routes: Iterable[Route]) -> tuple[Refs, dict[str, Any]]:
    """A reference for each model as it is sent or answered, and all schemas by name."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for route in routes:
        if route.body is not None:
            wanted[route.body, "validation"] = None
        wanted.update({(answer, "serialization"): None for answer in route.answers.values() if answer is not None})
    refs, definitions = models_json_schema(list(wanted), ref_template=_REF)
    return {key: _named(ref) for key, ref in refs.items()}, _named(definitions["$defs"])


def _named(schema: Any) -> Any:
    """`JobViewPage` in place of pydantic's own name for `Page[JobView]`."""
    return json.loads(re.sub(r"\bPage_(\w+?)_(?!\w)", r"\1Page", json.dumps(schema)))


# Operations ------------------------------------------------------------------------------------------------------


def _path(route: Route) -> str:
    return re.sub(r"<(\w+)>", r"{\1}", route.path)


def _operation(route: Route, refs: Refs) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.about,
        "tags": [route.resource],
        "parameters": [
            *(_path_parameter(name, route) for name in re.findall(r"<(\w+)>", route.path)),
            *map(_query_parameter, route.query),
            *map(_header_parameter, headers_of(route)),
        ],
        "responses": {str(status): response for status, response in sorted(_responses(route, refs).items())},
    }
    if route.body is not None:
        content = {JSON: {"schema": refs[route.body, "validation"]}}
        found["requestBody"] = {"required": True, "content": content}
    if route.is_public:
        found["security"] = []
    return found


def _path_parameter(name: str, route: Route) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
    if name in route.names:
        schema = {"type": "string", "enum": [word.value for word in route.names[name]]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if param is CURSOR:
        schema |= {"maxLength": CURSOR_CHARS_MAX}
    if param.most is not None:
        schema = {"type": "integer", "minimum": param.least, "maximum": param.most}
    if param.choices is not None:
        schema |= {"enum": [choice.value for choice in param.choices]}
    return {"name": param.name, "in": "query", "description": param.about, "schema": schema}


def _header_parameter(header: Header) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if header is IDEMPOTENCY_KEY:
        schema |= {"minLength": 1, "maxLength": IDEMPOTENCY_KEY_CHARS_MAX}
    return {"name": header.name, "in": "header", "description": header.about, "schema": schema}


def _responses(route: Route, refs: Refs) -> dict[int, dict[str, Any]]:
    found = {status: _answer(route, status, refs) for status in route.answers}
    codes: dict[int, list[Code]] = defaultdict(list)
    for code, status in codes_of(route).items():
        codes[status].append(code)
    return found | {status: _refusal(route, status, group, refs) for status, group in codes.items()}


def _answer(route: Route, status: int, refs: Refs) -> dict[str, Any]:
    headers = {name: _header(name, is_certain=True) for name in sorted(answer_headers_of(route, status))}
    if IDEMPOTENCY_KEY in headers_of(route):
        headers[next(iter(once.REPLAYED))] = _header(next(iter(once.REPLAYED)), is_certain=False)
    found: dict[str, Any] = {"description": _WORDS[status]}
    if headers:
        found["headers"] = headers
    model = route.answers[status]
    if model is not None:
        found["content"] = {JSON: {"schema": refs[model, "serialization"]}}
    elif route.content is not None and status not in _NO_CONTENT:
        found["content"] = {route.content: {}}
    return found


_WORDS = {
    200: "The answer",
    201: "It was made",
    202: "It was accepted, or is being made: ask again",
    204: "It is done",
    304: "It has not changed",
}


def _refusal(route: Route, status: int, codes: list[Code], refs: Refs) -> dict[str, Any]:
    code = {"type": "string", "enum": [code.value for code in codes]}
    schema = {"allOf": [refs[Problem, "serialization"], {"properties": {"code": code}}]}
    content: dict[str, Any] = {problems.MEDIA_TYPE: {"schema": schema}}
    if status in _GATEWAY_STATUSES:
        content[JSON] = {"schema": {"$ref": _REF.format(model="GatewayRefusal")}}
    words = [f"`{code.value}`: {problems.WORDS.get(code, message_of(code))}" for code in codes]
    found: dict[str, Any] = {"description": "\n\n".join(words), "content": content}
    if any(code in problems.RETRY_AFTER_S for code in codes):
        found["headers"] = {"Retry-After": _header("Retry-After", is_certain=False)}
    return found


def _header(name: str, *, is_certain: bool) -> dict[str, Any]:
    if not is_certain:
        return {"$ref": f"#/components/headers/{name}"}
    about, schema = _HEADERS[name]
    return {"description": about, "required": True, "schema": schema}
