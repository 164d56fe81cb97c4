"""The routes of live progress."""

from __future__ import annotations

import re

from lambdas.serve_api import events, tickets
from lambdas.serve_api.routes.call import LIMIT, Call, Param, Reply, Route
from maskmill.core.api import JobEvents, LiveTicket
from maskmill.core.errors import FieldFault, InvalidInput, Where
from maskmill.core.limits import EVENT_SEQ_MAX

_SEQ = re.compile(r"[0-9]{1,8}")
SINCE = Param("since", "the number of the last event that is known", least=0, most=EVENT_SEQ_MAX)


def _list_events(call: Call) -> Reply:
    since = _since_of(call.query.get("since"))
    return Reply(200, events.after(call.ports, call.tenant, call.job, since=since, limit=call.limit()))


def _since_of(text: str | None) -> int:
    if text is None:
        return 0
    if not _SEQ.fullmatch(text):
        fault = FieldFault(pointer="/since", detail=f"a number from 0 to {EVENT_SEQ_MAX}", where=Where.QUERY)
        raise InvalidInput(faults=(fault,))
    return int(text)


def _issue_ticket(call: Call) -> Reply:
    return Reply(201, tickets.issue(call.ports, call.tenant))


ROUTES = (
    Route(
        method="POST",
        path="/live/tickets",
        run=_issue_ticket,
        about="A ticket that opens a socket once: connect to `url` with the parameter `ticket`",
        answers={201: LiveTicket},
    ),
    Route(
        method="GET",
        path="/jobs/<job>/events",
        run=_list_events,
        about="What happened to a job after an event; where events are gone, the job as it is",
        query=(SINCE, LIMIT),
        answers={200: JobEvents},
    ),
)
