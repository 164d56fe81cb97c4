"""Where everything is kept: one table, three buckets, and the queue of what has arrived; it knows no function."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.config import Stage
from infra.constructs import prefixes
from infra.constructs.bucket import admit_distributions, announce_arrivals, private_bucket, write_once
from infra.constructs.queue import WorkQueue
from infra.constructs.table import row_table
from infra.shapes import INGEST_IMAGE
from maskmill.core.messages import QueueName

WORK_DAYS = 7


class DataStack(cdk.Stack):
    """Rows, files as they were sent, pictures and what was made of them, the endpoint's requests and answers.

    The ingest queue lies here and not with the others: the uploads bucket sends to it and must not wait for functions.
    """

    def __init__(self, scope: Construct, name: str, stage: Stage) -> None:
        super().__init__(scope, name, description="Maskmill: table, buckets, arrivals")
        gone = stage.is_disposable
        self.table = row_table(self, "Table", is_disposable=gone, has_backups=stage.has_backups)
        self.uploads = private_bucket(
            self,
            "Uploads",
            is_disposable=gone,
            expire_days=stage.upload_days,
            post_origins=(*stage.page_origins, *stage.upload_origins),
        )
        self.media = private_bucket(self, "Media", is_disposable=gone)
        admit_distributions(self.media, keys=prefixes.SHOWN)
        if stage.writes_once:
            write_once(self.media, keys=prefixes.FIRST)
        self.work = private_bucket(self, "Work", is_disposable=gone, expire_days=WORK_DAYS)
        self.ingest_queue = WorkQueue(self, QueueName.INGEST, read_by=INGEST_IMAGE)
        announce_arrivals(self.uploads, self.ingest_queue)

        cdk.CfnOutput(self, "TableName", value=self.table.table_name)
        cdk.CfnOutput(self, "UploadsBucket", value=self.uploads.bucket_name)
        cdk.CfnOutput(self, "MediaBucket", value=self.media.bucket_name)
        cdk.CfnOutput(self, "WorkBucket", value=self.work.bucket_name)
        self.ingest_queue.output()
