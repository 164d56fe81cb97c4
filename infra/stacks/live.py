"""Live progress: what is written to the rows of jobs becomes events, of which open sockets hear; it knows no event."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs.access import rows, send
from infra.constructs.function import Function
from infra.constructs.queue import WorkQueue, letters_queue
from infra.constructs.sockets import Sockets
from infra.stacks.data import DataStack
from maskmill.core.settings import HoldConnectionSettings, PushProgressSettings

ROWS_TOLD_OF = ("JOB#", "CHUNK#", "EXPORT#")


class LiveStack(cdk.Stack):
    """A function that reads the table's stream and tells of jobs, and the sockets of those who listen."""

    def __init__(self, scope: Construct, name: str, stage: Stage, *, data: DataStack, webhook_queue: WorkQueue) -> None:
        super().__init__(scope, name, description="Maskmill: live progress")
        self._stage = stage
        self._data = data
        self._webhook_queue = webhook_queue
        self.sockets = Sockets(
            self,
            "Sockets",
            name=f"{stage.prefix}-live",
            base=stage.emulator.gateway_base if stage.emulator else None,
            rate=stage.api_rate,
            burst=stage.api_burst,
        )
        self.letters = letters_queue(self, "ProgressLetters")
        self.sockets.served_by(self._hold_connection().function)
        self._push_progress().reads_changes(data.table, of_rows=ROWS_TOLD_OF, letters=self.letters)
        cdk.CfnOutput(self, "LiveUrl", value=self.sockets.url)
        cdk.CfnOutput(self, "ProgressLettersUrl", value=self.letters.queue_url)

    def _hold_connection(self) -> Function:
        table = self._data.table
        return Function(
            self,
            shapes.HOLD_CONNECTION,
            self._stage,
            settings=HoldConnectionSettings(table_name=table.table_name, sockets_url=self.sockets.sending_url),
            may=[
                rows(table, "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
                self.sockets.send("POST", "DELETE"),
            ],
        )

    def _push_progress(self) -> Function:
        table = self._data.table
        return Function(
            self,
            shapes.PUSH_PROGRESS,
            self._stage,
            settings=PushProgressSettings(
                table_name=table.table_name,
                webhook_queue_url=self._webhook_queue.url,
                sockets_url=self.sockets.sending_url,
            ),
            may=[
                rows(table, "GetItem", "BatchGetItem", "Query", "PutItem", "DeleteItem"),
                send(self._webhook_queue.queue),
                self.sockets.send("POST"),
            ],
        )
