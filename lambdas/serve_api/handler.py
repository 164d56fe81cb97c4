"""The edge of serve_api: the gateway's events in, JSON or problems out; it decides nothing about resources."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from lambdas.aws import clients
from lambdas.aws.clock import SystemClock
from lambdas.aws.doors import S3Doors
from lambdas.aws.ids import RandomIds, new_secret
from lambdas.aws.lane import FunctionLane
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import CORRELATION, logger_of
from lambdas.aws.vault import ParameterVault
from lambdas.serve_api import bodies, once, problems
from lambdas.serve_api.gateway import Request, Response, request_of, sent
from lambdas.serve_api.identity import check_admin, check_road, tenant_of
from lambdas.serve_api.media import MediaGate
from lambdas.serve_api.names import is_id
from lambdas.serve_api.once import Answer
from lambdas.serve_api.ports import Ports
from lambdas.serve_api.rates import Rate, RateLimited, Rates
from lambdas.serve_api.router import MethodNotAllowed, Router
from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import POLL_AFTER_S, Call, Reply, Route
from lambdas.serve_api.signing import Keyring
from lambdas.spending import Switch
from maskmill.core.bill import Fleet
from maskmill.core.errors import Code, NotFound
from maskmill.core.limits import RATE_WINDOW_S
from maskmill.core.ports import Ids
from maskmill.core.rsa import PrivateKey
from maskmill.core.settings import ServeApiSettings, hosts_of
from maskmill.core.usage import Quotas

FUNCTION = "serve_api"
_JOB = re.compile(r"/jobs/([0-9a-z]{26})(?![0-9A-Za-z])")
_TRACE = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")  # W3C's traceparent
_EVERY_ANSWER = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_JSON = "application/json"


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


@dataclass(slots=True)
class _Exchange:
    """A request, and what has been learned of who sent it."""

    request: Request
    tenant: str = ""
    rate: Rate | None = None


@cache
def _router() -> Router:
    return Router(ROUTES)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    exchange = _Exchange(request_of(event))
    try:
        response = _serve(exchange)
    except Exception as error:  # noqa: BLE001 - every error has an answer, and of unknown ones the log has the trace
        response = _refuse(exchange, error)
    return sent(response, exchange.request)


def _serve(exchange: _Exchange) -> Response:
    request = exchange.request
    route, ids = _router().find(request.method, request.path)
    check_road(request.headers, connect().door_digests)
    if not route.is_public:
        exchange.tenant = tenant_of(request.event)
        _count(exchange)
    if not all(is_id(value) for name, value in ids.items() if name not in route.names):
        raise NotFound(detail="an id of another shape")
    if route.is_for_admins:
        check_admin(request.event)
    if route.is_spending:
        connect().spending.check()
    call = Call(
        ports=connect(),
        tenant=exchange.tenant,
        ids=ids,
        query=request.query,
        headers=request.headers,
        body=lambda: bodies.bytes_of(request.event),
    )
    if route.body is not None:
        bodies.check_media_type(call.headers)
    if route.content is not None:
        return _content(route.run(call), route.content)
    reply = None if route.is_creating else route.run(call)
    answer = _made_once(route, call, request) if reply is None else _answer(reply)
    if route.method != "GET":
        _note(exchange, route, call, answer)
    return Response(
        status=answer.status,
        body=answer.text,
        headers={**_typed(_JSON if answer.text else None), **_rate_headers(exchange), **answer.headers},
        cookies=() if reply is None else reply.cookies,
    )


def _count(exchange: _Exchange) -> None:
    """Count a request; what is left goes with its answer, whatever that is."""
    try:
        exchange.rate = connect().rates.take(exchange.tenant)
    except RateLimited as error:
        exchange.rate = error.rate
        raise


def _note(exchange: _Exchange, route: Route, call: Call, answer: Answer) -> None:
    """Who did what, for the record: ids and no content. What was refused has a line of its own."""
    facts = {"route": route.name, "tenant": call.tenant, "ids": dict(call.ids), "status": answer.status}
    made = answer.headers.get("Location")
    logger_of(FUNCTION).info("request answered", extra={**_road(exchange.request, made), **facts, "made": made})


def _road(request: Request, made: str | None = None) -> dict[str, str]:
    """What ties a line to what was before it and what comes after: request, caller's trace, job."""
    found = {"request_id": request.request_id}
    job, trace = _JOB.search(made or request.path), _TRACE.fullmatch(request.headers.get("traceparent") or "")
    if job is not None:
        found[CORRELATION] = job.group(1)
    if trace is not None:
        found["trace_id"] = trace.group(1)
    return found


def _content(reply: Reply, media_type: str) -> Response:
    """A body that is no JSON, packed for those who take it so: the manual's program is large."""
    return Response(reply.status, reply.content, {**_typed(media_type), **reply.headers}, packs=True)


def _made_once(route: Route, call: Call, request: Request) -> Answer:
    """The answer of a route that makes something; under a caller's key, it makes it once."""
    key = once.key_of(call.headers)
    if key is None:
        return _answer(route.run(call))
    asked = once.fingerprint(route.method, request.path, bodies.meaning_of(call.body()))

    def run(ids: Ids) -> Answer:
        return _answer(route.run(replace(call, ports=replace(call.ports, ids=ids))))

    return once.once(call.ports, call.tenant, key, asked, run, is_made_again=route.is_made_again)


def _answer(reply: Reply) -> Answer:
    wait = {"Retry-After": str(POLL_AFTER_S)} if reply.status == HTTPStatus.ACCEPTED else {}
    return Answer(reply.status, "" if reply.body is None else _json(reply.body), {**wait, **reply.headers})


def _typed(media_type: str | None) -> dict[str, str]:
    """The headers of every answer; one without a body has no media type."""
    return _EVERY_ANSWER if media_type is None else {"Content-Type": media_type, **_EVERY_ANSWER}


def _rate_headers(exchange: _Exchange) -> dict[str, str]:
    """What is left of the tenant's minute, as the IETF's draft of RateLimit headers says it."""
    rate = exchange.rate
    if rate is None:
        return {}
    return {
        "RateLimit-Policy": f'"requests";q={rate.limit};w={RATE_WINDOW_S}',
        "RateLimit": f'"requests";r={rate.left};t={rate.resets_in_s}',
    }


def _json(body: BaseModel) -> str:
    return body.model_dump_json(by_alias=True)


def _refuse(exchange: _Exchange, error: Exception) -> Response:
    public, request = problems.public_error(error), exchange.request
    facts = {**_road(request), "code": public.code.value, "path": request.path, "method": request.method}
    facts["tenant"] = exchange.tenant
    if public.code is Code.INTERNAL:
        logger_of(FUNCTION).error("request failed", extra=facts, exc_info=error)
    else:
        logger_of(FUNCTION).info("request refused", extra={**facts, "why": public.detail})
    allowed = {"Allow": ", ".join(error.methods)} if isinstance(error, MethodNotAllowed) else {}
    return Response(
        status=problems.STATUS[public.code],
        body=_json(problems.problem_of(public, request.request_id)),
        headers={
            **_typed(problems.MEDIA_TYPE),
            **_rate_headers(exchange),
            **problems.headers_of(public),
            **allowed,
        },
    )
