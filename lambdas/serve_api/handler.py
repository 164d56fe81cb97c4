"""The edge of serve_api: the gateway's events in, JSON or problems out; it decides nothing about resources."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from pydantic import BaseModel

from lambdas.aws import clients
from lambdas.aws.clock import SystemClock
from lambdas.aws.doors import S3Doors
from lambdas.aws.events import texts_of
from lambdas.aws.ids import RandomIds, new_secret
from lambdas.aws.lane import FunctionLane
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import CORRELATION, logger_of
from lambdas.aws.vault import ParameterVault
from lambdas.serve_api import bodies, once, problems
from lambdas.serve_api.identity import check_admin, check_road, tenant_of
from lambdas.serve_api.media import MediaCookie, MediaGate
from lambdas.serve_api.names import is_id
from lambdas.serve_api.once import Answer
from lambdas.serve_api.ports import Ports
from lambdas.serve_api.rates import Rate, RateLimited, Rates
from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import POLL_AFTER_S, PREFIX, Call, Reply, Route
from lambdas.serve_api.signing import Keyring
from lambdas.spending import Switch
from maskmill.core.bill import Fleet
from maskmill.core.errors import Code, MaskmillError, NotFound
from maskmill.core.limits import RATE_WINDOW_S
from maskmill.core.ports import Ids
from maskmill.core.rsa import PrivateKey
from maskmill.core.settings import ServeApiSettings, hosts_of
from maskmill.core.usage import Quotas

FUNCTION = "serve_api"
LOOKS_AT_ONCE = 10  # connections that the store's client keeps open
_JOB = re.compile(r"/jobs/([0-9a-z]{26})(?![0-9A-Za-z])")
_TRACE = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")  # W3C's traceparent
_EVERY_ANSWER = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

app = APIGatewayHttpResolver()


@cache
def connect() -> Ports:
    settings = ServeApiSettings.from_env(os.environ)
    clock = SystemClock()
    table = DynamoTable(clients.dynamodb(), settings.table_name)
    return Ports(
        table=table,
        media=S3Objects(clients.s3(), settings.media_bucket),
        doors=S3Doors(clients.s3(), uploads_bucket=settings.uploads_bucket, media_bucket=settings.media_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=clock,
        ids=RandomIds(clock),
        lane=FunctionLane(clients.functions(), settings.lane_name),
        spending=Switch(table, clock),
        rates=Rates(table, clock, per_window=settings.requests_per_minute),
        keyring=Keyring(table, draw=new_secret),
        gate=_gate(settings),
        live_url=settings.live_url,
        media_bucket=settings.media_bucket,
        segmenter=settings.segmenter,
        lane_segmenter=settings.lane_segmenter,
        lane_side_max=settings.lane_side_max,
        trial_life_s=settings.trial_life_s,
        fleet=_fleet(settings),
        looks_at_once=LOOKS_AT_ONCE,
        quotas=Quotas(
            datasets=settings.quota_datasets,
            images=settings.quota_images,
            bytes=settings.quota_bytes,
            variants_per_day=settings.quota_variants_per_day,
            gpu_seconds_per_day=settings.quota_gpu_seconds_per_day,
            open_jobs=settings.quota_open_jobs,
        ),
        draw_secret=new_secret,
        webhook_private_hosts=hosts_of(settings.webhook_private_hosts),
        door_digests=frozenset(filter(None, settings.door_digests.split(","))),
    )


def _gate(settings: ServeApiSettings) -> MediaGate:
    """The key is read by the first call that signs with it, which few processes ever serve."""

    @cache
    def key() -> PrivateKey:
        vault = ParameterVault(clients.parameters())
        return PrivateKey.model_validate_json(vault.secret(settings.media_key_name))

    return MediaGate(url=settings.media_url, key_pair_id=settings.media_key_pair_id, key=key)


def _fleet(settings: ServeApiSettings) -> Fleet:
    return Fleet(
        instance_type=settings.instance_type,
        instances_min=settings.instances_min,
        instances_max=settings.instances_max,
        idle_s=settings.instance_idle_s,
        chunk_items=settings.chunk_items,
        renders_at_once=settings.renders_at_once,
    )


def _serve(route: Route) -> Callable[..., Response[Any]]:
    pattern = _pattern(route)

    def serve(**ids: str) -> Response[Any]:
        event = app.current_event
        headers = {name.lower(): value for name, value in event.headers.items()}
        check_road(headers, connect().door_digests)
        tenant = app.context["tenant"] = "" if route.is_public else tenant_of(event.raw_event)
        if not route.is_public:
            _count(tenant)
        if not pattern.fullmatch(event.path):  # the router's own patterns let a line break follow
            raise NotFound(detail="no such route")
        if not all(is_id(value) for name, value in ids.items() if name not in route.names):
            raise NotFound(detail="an id of another shape")
        if route.is_for_admins:
            check_admin(event.raw_event)
        if route.is_spending:
            connect().spending.check()
        call = Call(
            ports=connect(),
            tenant=tenant,
            ids=ids,
            query=event.query_string_parameters,
            headers=headers,
            body=lambda: bodies.bytes_of(event.raw_event),
        )
        if route.body is not None:
            bodies.check_media_type(call.headers)
        if route.content is not None:
            return _content(route.run(call), route.content)
        reply = None if route.is_creating else route.run(call)
        answer = _made_once(route, call) if reply is None else _answer(reply)
        if route.method != "GET":
            _note(route, call, answer)
        return _response(answer, () if reply is None else reply.cookies)

    return serve


def _note(route: Route, call: Call, answer: Answer) -> None:
    """Who did what, for the record: ids and no content. What was refused has a line of its own."""
    facts = {"route": route.name, "tenant": call.tenant, "ids": dict(call.ids), "status": answer.status}
    made = answer.headers.get("Location")
    logger_of(FUNCTION).info("request answered", extra={**_road(made), **facts, "made": made})


def _road(made: str | None = None) -> dict[str, str]:
    """What ties a line to what was before it and what comes after: request, caller's trace, job."""
    event = app.current_event
    found = {"request_id": event.request_context.request_id}
    job, trace = _JOB.search(made or event.path), _TRACE.fullmatch(event.headers.get("traceparent") or "")
    if job is not None:
        found[CORRELATION] = job.group(1)
    if trace is not None:
        found["trace_id"] = trace.group(1)
    return found


def _content(reply: Reply, media_type: str) -> Response[str]:
    """A body that is no JSON, packed for those who take it so: the manual's program is large."""
    return Response(
        status_code=reply.status,
        content_type=media_type,
        body=reply.content,
        headers={**_EVERY_ANSWER, **reply.headers},
        compress=True,
    )


def _count(tenant: str) -> None:
    """Count a request; what is left goes with its answer, whatever that is."""
    try:
        app.context["rate"] = connect().rates.take(tenant)
    except RateLimited as error:
        app.context["rate"] = error.rate
        raise


def _made_once(route: Route, call: Call) -> Answer:
    """The answer of a route that makes something; under a caller's key, it makes it once."""
    key = once.key_of(call.headers)
    if key is None:
        return _answer(route.run(call))
    path = app.current_event.path
    asked = once.fingerprint(route.method, path, bodies.meaning_of(call.body()))

    def run(ids: Ids) -> Answer:
        return _answer(route.run(replace(call, ports=replace(call.ports, ids=ids))))

    return once.once(call.ports, call.tenant, key, asked, run, is_made_again=route.is_made_again)


def _answer(reply: Reply) -> Answer:
    wait = {"Retry-After": str(POLL_AFTER_S)} if reply.status == HTTPStatus.ACCEPTED else {}
    return Answer(reply.status, "" if reply.body is None else _json(reply.body), {**wait, **reply.headers})


def _response(answer: Answer, cookies: Iterable[MediaCookie] = ()) -> Response[str]:
    return Response(
        status_code=answer.status,
        content_type=content_types.APPLICATION_JSON if answer.text else None,
        body=answer.text,
        headers={**_EVERY_ANSWER, **_rate_headers(), **answer.headers},
        cookies=[_sent(cookie) for cookie in cookies],
    )


def _sent(cookie: MediaCookie) -> Cookie:
    """Neither scripts nor other sites get at it, and it goes to media alone: calls of the API carry a token instead."""
    return Cookie(
        cookie.name,
        cookie.value,
        path=cookie.path,
        max_age=cookie.life_s,
        http_only=True,
        same_site=SameSite.STRICT_MODE,
    )


def _rate_headers() -> dict[str, str]:
    """What is left of the tenant's minute, as the IETF's draft of RateLimit headers says it."""
    rate: Rate | None = app.context.get("rate")
    if rate is None:
        return {}
    return {
        "RateLimit-Policy": f'"requests";q={rate.limit};w={RATE_WINDOW_S}',
        "RateLimit": f'"requests";r={rate.left};t={rate.resets_in_s}',
    }


def _json(body: BaseModel) -> str:
    return body.model_dump_json(by_alias=True)


def _refuse(error: Exception) -> Response[str]:
    public = problems.public_error(error)
    event = app.current_event
    facts = {**_road(), "code": public.code.value, "path": event.path, "method": event.http_method}
    facts["tenant"] = app.context.get("tenant", "")
    if public.code is Code.INTERNAL:
        logger_of(FUNCTION).error("request failed", extra=facts, exc_info=error)
    else:
        logger_of(FUNCTION).info("request refused", extra={**facts, "why": public.detail})
    return Response(
        status_code=problems.STATUS[public.code],
        content_type=problems.MEDIA_TYPE,
        body=_json(problems.problem_of(public, event.request_context.request_id)),
        headers={**_EVERY_ANSWER, **_rate_headers(), **problems.headers_of(public)},
    )


def _no_route(_error: NotFoundError) -> Response[str]:
    """An unknown path, an id with characters that no id has, or a method that the path does not take."""
    event = app.current_event
    methods = {method for method, pattern in _patterns() if pattern.fullmatch(event.path)}
    if not methods or event.http_method in methods:
        return _refuse(NotFound(detail="no such route"))
    answer = _refuse(MaskmillError(Code.METHOD_NOT_ALLOWED))
    answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The methods and paths of all routes, to tell a wrong method from an unknown path."""
    return tuple((route.method, _pattern(route)) for route in ROUTES)


def _pattern(route: Route) -> re.Pattern[str]:
    return re.compile(PREFIX + re.sub(r"<\w+>", r"[^/\n]+", route.path))


app.exception_handler(Exception)(_refuse)
app.not_found(_no_route)
for _route in ROUTES:
    app.route(PREFIX + _route.path, method=_route.method)(_serve(_route))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    about = texts_of(texts_of(event, "rawPath").get("requestContext"), "requestId")
    texts_of(about.get("http"), "method", "path")
    return app.resolve(event, context)
