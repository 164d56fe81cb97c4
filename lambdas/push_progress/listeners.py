"""Those of a tenant who listen on sockets: each is sent a line about a job; it knows no job's rows.

A line is a hint. One that cannot be sent is lost, and its reader finds what it was about by the events.
"""

from __future__ import annotations

from lambdas import state
from maskmill.core import rows
from maskmill.core.api import JobMessage
from maskmill.core.errors import Unavailable
from maskmill.core.ports import Sockets, Table


def tell(table: Table, sockets: Sockets, tenant: str, message: JobMessage, *, now_s: int) -> None:
    """Send a line to all sockets of a tenant, and forget those that are gone."""
    text = message.model_dump_json()
    for row in state.all_rows(table, rows.tenant_pk(tenant), rows.CONNECTION_PREFIX):
        connection = rows.connection_of(row)
        if connection.expires_at > now_s and not _reaches(sockets, connection.connection_id, text):
            for write in rows.forget_connection(tenant, connection.connection_id):
                table.write(write)


def _reaches(sockets: Sockets, connection_id: str, text: str) -> bool:
    """False when nobody is there any more."""
    try:
        return sockets.send(connection_id, text)
    except Unavailable:
        return True
