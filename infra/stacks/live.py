"""Live progress: what is written to the rows of jobs becomes events that clients hear of; it knows no event."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs.access import rows
from infra.constructs.function import Function
from infra.constructs.queue import letters_queue
from infra.stacks.data import DataStack
from maskmill.core.settings import PushProgressSettings

ROWS_TOLD_OF = ("JOB#", "CHUNK#", "EXPORT#")


class LiveStack(cdk.Stack):
    """A function that reads the table's stream and tells of jobs."""

    def __init__(self, scope: Construct, name: str, stage: Stage, *, data: DataStack) -> None:
        super().__init__(scope, name, description="Maskmill: live progress")
        self._stage = stage
        self._data = data
        letters = letters_queue(self, "ProgressLetters")
        self._push_progress().reads_changes(data.table, of_rows=ROWS_TOLD_OF, letters=letters)
        cdk.CfnOutput(self, "ProgressLettersUrl", value=letters.queue_url)

    def _push_progress(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.PUSH_PROGRESS,
            self._stage,
            settings=PushProgressSettings(table_name=data.table.table_name),
            may=[rows(data.table, "GetItem", "Query", "PutItem")],
        )
