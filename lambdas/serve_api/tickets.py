"""Tickets for sockets: short-lived, good once, and known to nobody but who asked; it knows no socket."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import timedelta

from lambdas import state
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.api import LiveTicket
from maskmill.core.limits import TICKET_LIFE_S
from maskmill.core.table import RowConflict


def issue(ports: Ports, tenant: str) -> LiveTicket:
    """A new ticket for a socket of this tenant."""
    ticket = base64.urlsafe_b64encode(ports.draw_secret()).decode("ascii").rstrip("=")
    with suppress(RowConflict):  # nobody else can have drawn it: the write was repeated after a lost answer
        ports.table.write(rows.put_ticket(tenant, ticket, now_s=state.now_s(ports.clock)))
    return LiveTicket(
        ticket=ticket, url=ports.live_url, expires_at=ports.clock.now() + timedelta(seconds=TICKET_LIFE_S)
    )
