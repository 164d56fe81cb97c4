"""The sockets port on a WebSocket API of API Gateway; it knows no tenant and no message."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws.faults import code_of, translated

_GONE = "GoneException"


class GatewaySockets:
    """The open connections of one API and stage, by their ids."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(self, connection_id: str, text: str) -> bool:
        return self._reaches(self._client.post_to_connection, ConnectionId=connection_id, Data=text.encode())

    def close(self, connection_id: str) -> bool:
        return self._reaches(self._client.delete_connection, ConnectionId=connection_id)

    def _reaches(self, call: Any, **arguments: Any) -> bool:
        with translated("connections of the gateway"):
            try:
                call(**arguments)
            except ClientError as error:
                if code_of(error) != _GONE:
                    raise
                return False
        return True
