"""The rows of open sockets and of the tickets that open them; a ticket's own text is nowhere, only its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from maskmill.core.limits import CONNECTION_LIFE_S, TICKET_LIFE_S
from maskmill.core.rows.library import tenant_pk
from maskmill.core.table import Condition, Delete, Key, Op, Put, Row, Update

CONNECTION_PREFIX = "CONNECTION#"


@dataclass(frozen=True, slots=True)
class Connection:
    """Somebody who listens. Times are seconds since 1970."""

    connection_id: str
    since_s: int
    expires_at: int


def ticket_key(ticket: str) -> Key:
    """The address of a ticket by the hash of its text: whoever reads the table cannot use what is in it."""
    return Key(f"TICKET#{hashlib.sha256(ticket.encode()).hexdigest()}", "TICKET")


def put_ticket(tenant: str, ticket: str, *, now_s: int) -> Put:
    return Put(ticket_key(ticket), {"tenant": tenant, "expires_at": now_s + TICKET_LIFE_S})


def use_ticket(ticket: str) -> Update:
    """Takes a ticket for one connection; refused when there is none, and the second time."""
    return Update(key=ticket_key(ticket), set={("is_used",): True}, require=(Condition(("is_used",), Op.ABSENT),))


def ticket_of(row: Row) -> tuple[str, int]:
    """The tenant that a ticket is for, and when it expires."""
    return row["tenant"], row["expires_at"]


def connection_key(tenant: str, connection_id: str) -> Key:
    return Key(tenant_pk(tenant), f"{CONNECTION_PREFIX}{connection_id}")


def holder_key(connection_id: str) -> Key:
    """The address of the row that says whose a connection is: when it ends, the gateway gives its id alone."""
    return Key(f"{CONNECTION_PREFIX}{connection_id}", "HOLDER")


def put_connection(tenant: str, connection_id: str, *, now_s: int) -> tuple[Put, Put]:
    """Who holds a connection, and the connection among the tenant's."""
    life = {"since_s": now_s, "expires_at": now_s + CONNECTION_LIFE_S}
    return (
        Put(holder_key(connection_id), {"tenant": tenant, **life}),
        Put(connection_key(tenant, connection_id), {"connection_id": connection_id, **life}),
    )


def forget_connection(tenant: str, connection_id: str) -> tuple[Delete, Delete]:
    return Delete(connection_key(tenant, connection_id)), Delete(holder_key(connection_id))


def connection_of(row: Row) -> Connection:
    return Connection(connection_id=row["connection_id"], since_s=row["since_s"], expires_at=row["expires_at"])
