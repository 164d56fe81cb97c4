"""The routes of media sessions."""

from __future__ import annotations

from lambdas.serve_api import media
from lambdas.serve_api.routes.call import Call, Reply, Route
from maskmill.core.api import MediaSession


def _open(call: Call) -> Reply:
    session, cookies = media.open_session(call.ports.gate, call.ports.clock, call.tenant)
    return Reply(201, session, cookies=cookies)


def _close(call: Call) -> Reply:
    return Reply(204, cookies=media.close_session(call.ports.gate, call.tenant))


ROUTES = (
    Route(
        method="POST",
        path="/media-session",
        run=_open,
        about="Cookies that open the tenant's own pictures and files for an hour; every address below `url` takes them",
        answers={201: MediaSession},
    ),
    Route(
        method="DELETE",
        path="/media-session",
        run=_close,
        about="Take the cookies back from the browser that asks",
        answers={204: None},
    ),
)
