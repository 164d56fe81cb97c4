"""Sockets: a ticket lets one in, and it is kept in mind for as long as it is open; it knows no job and no gateway.

A tenant's sockets are bounded: the newest is let in, and the oldest has to go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambdas import state
from maskmill.core import rows
from maskmill.core.api import Pong
from maskmill.core.limits import CONNECTIONS_PER_TENANT_MAX, SOCKET_MESSAGE_CHARS_MAX
from maskmill.core.ports import Clock, Sockets, Table
from maskmill.core.rows import Connection
from maskmill.core.table import RowConflict

_TICKET = re.compile(r"[A-Za-z0-9_-]{43}")
PINGS = frozenset({"ping", '{"type":"ping"}'})


@dataclass(frozen=True, slots=True)
class Ports:
    """What holding sockets needs."""

    table: Table
    sockets: Sockets
    clock: Clock


class NoEntry(Exception):
    """The ticket does not open a socket; the text says why, for the log alone."""


def admit(ports: Ports, connection_id: str, ticket: str) -> str:
    """Let a connection in and give the tenant that it is of; raises NoEntry."""
    tenant = _holder_of(ports, ticket)
    _make_room(ports, tenant)
    for write in rows.put_connection(tenant, connection_id, now_s=state.now_s(ports.clock)):
        try:
            ports.table.write(write)
        except RowConflict:
            continue  # written by a call that was thought to have failed
    return tenant


def leave(ports: Ports, connection_id: str) -> None:
    """Forget a connection that has ended; the gateway tells of it where it can."""
    row = ports.table.get(rows.holder_key(connection_id))
    if row is not None:
        forget(ports.table, row["tenant"], connection_id)


def hear(ports: Ports, connection_id: str, text: str) -> None:
    """Answer a ping, which keeps a quiet connection open; anything else asks for nothing."""
    if len(text) <= SOCKET_MESSAGE_CHARS_MAX and "".join(text.split()) in PINGS:
        ports.sockets.send(connection_id, Pong().model_dump_json())


def forget(table: Table, tenant: str, connection_id: str) -> None:
    for write in rows.forget_connection(tenant, connection_id):
        table.write(write)


def _holder_of(ports: Ports, ticket: str) -> str:
    if not _TICKET.fullmatch(ticket):
        raise NoEntry("a ticket of another shape")
    try:
        tenant, expires_at = rows.ticket_of(ports.table.write(rows.use_ticket(ticket)))
    except RowConflict as conflict:
        raise NoEntry("no such ticket" if conflict.current is None else "a used ticket") from conflict
    if expires_at <= state.now_s(ports.clock):
        raise NoEntry("an expired ticket")
    return tenant


def _make_room(ports: Ports, tenant: str) -> None:
    """Forget the connections whose time is up, and end the oldest of the others until one more may come."""
    now_s = state.now_s(ports.clock)
    pk, prefix = rows.tenant_pk(tenant), rows.CONNECTION_PREFIX
    found = sorted(map(rows.connection_of, state.all_rows(ports.table, pk, prefix)), key=_since)
    alive = [one for one in found if one.expires_at > now_s]
    surplus = alive[: max(0, len(alive) - CONNECTIONS_PER_TENANT_MAX + 1)]
    for connection in found:
        if connection not in alive or connection in surplus:
            forget(ports.table, tenant, connection.connection_id)
    for connection in surplus:
        ports.sockets.close(connection.connection_id)


def _since(connection: Connection) -> int:
    return connection.since_s
