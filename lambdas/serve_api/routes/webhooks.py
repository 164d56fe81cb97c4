"""The routes of webhooks."""

from __future__ import annotations

from lambdas.serve_api import bodies, webhooks
from lambdas.serve_api.routes.call import CURSOR, LIMIT, PREFIX, Call, Reply, Route
from maskmill.core.api import CreateWebhook, DeliveryView, Page, WebhookSecret, WebhookView
from maskmill.core.errors import Code


def _create(call: Call) -> Reply:
    webhook = webhooks.create(call.ports, call.tenant, bodies.read(call.body(), CreateWebhook))
    return Reply(201, webhook, {"Location": f"{PREFIX}/webhooks/{webhook.webhook_id}"})


def _list(call: Call) -> Reply:
    return Reply(200, webhooks.listed(call.ports, call.tenant, cursor=call.cursor, limit=call.limit()))


def _read(call: Call) -> Reply:
    return Reply(200, webhooks.read(call.ports, call.tenant, call.ids["webhook"]))


def _remove(call: Call) -> Reply:
    webhooks.remove(call.ports, call.tenant, call.ids["webhook"])
    return Reply(204)


def _rotate(call: Call) -> Reply:
    return Reply(200, webhooks.rotate(call.ports, call.tenant, call.ids["webhook"]))


def _test(call: Call) -> Reply:
    return Reply(202, webhooks.ping(call.ports, call.tenant, call.ids["webhook"]))


def _list_deliveries(call: Call) -> Reply:
    page = webhooks.deliveries(call.ports, call.tenant, call.ids["webhook"], cursor=call.cursor, limit=call.limit())
    return Reply(200, page)


def _retry(call: Call) -> Reply:
    return Reply(202, webhooks.retry(call.ports, call.tenant, call.ids["webhook"], call.ids["delivery"]))


ROUTES = (
    Route(
        method="POST",
        path="/webhooks",
        run=_create,
        about="Be told of events at an https address; the secret that signs is shown this once",
        body=CreateWebhook,
        answers={201: WebhookSecret},
        codes=(Code.QUOTA_EXCEEDED, Code.WEBHOOK_URL_REFUSED),
        is_creating=True,
        locates=True,
    ),
    Route(
        method="GET",
        path="/webhooks",
        run=_list,
        about="The webhooks, in the order in which they were made",
        query=(CURSOR, LIMIT),
        answers={200: Page[WebhookView]},
    ),
    Route(
        method="GET",
        path="/webhooks/<webhook>",
        run=_read,
        about="One webhook",
        answers={200: WebhookView},
    ),
    Route(
        method="DELETE",
        path="/webhooks/<webhook>",
        run=_remove,
        about="Tell it nothing any more",
        answers={204: None},
    ),
    Route(
        method="POST",
        path="/webhooks/<webhook>/rotate",
        run=_rotate,
        about="A new secret, shown this once; the one before signs beside it for a day",
        answers={200: WebhookSecret},
        codes=(Code.CONFLICT,),
    ),
    Route(
        method="POST",
        path="/webhooks/<webhook>/test",
        run=_test,
        about="Send a `ping`, once; one that arrives enables a disabled webhook",
        answers={202: DeliveryView},
    ),
    Route(
        method="GET",
        path="/webhooks/<webhook>/deliveries",
        run=_list_deliveries,
        about="What it was told in the last 30 days and every attempt at it, the newest first",
        query=(CURSOR, LIMIT),
        answers={200: Page[DeliveryView]},
    ),
    Route(
        method="POST",
        path="/webhooks/<webhook>/deliveries/<delivery>/retry",
        run=_retry,
        about="Tell it once more",
        answers={202: DeliveryView},
        codes=(Code.CONFLICT,),
    ),
)
