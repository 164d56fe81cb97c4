"""The schema of the one table: every row's address and every legal change of it, as values; it performs nothing.

    pk                 sk                   row
    T#t                DATASET#d            a dataset
    T#t                JOB#j                a job: its description, its state and flags, which chunks are full
    T#t#D#d            IMAGE#i              an image
    T#t#D#d            TEMPLATE#p           a template
    T#t#J#j            CHUNK#nnnn           the states of up to 25 items and their counters, side by side
    T#t#J#j            RESULT#nnnnnn        what one finished item left behind
    T#t#J#j            EVENT#nnnnnnnn       what was told of the job, by number; goes after a week
    SYSTEM             SIGNING#nnn          a secret that the service signs with

The tenant is part of the partition key of all that belongs to one. A terminal state and its counter change in one
write of one row, so that they cannot disagree whatever is lost, repeated or reordered.
"""

from __future__ import annotations

from maskmill.core.rows.events import EVENT_PREFIX, event_key, event_of, is_told, put_event
from maskmill.core.rows.items import (
    CHUNK_PREFIX,
    RESULT_PREFIX,
    ChunkState,
    ItemState,
    chunk_key,
    chunk_of,
    end_item,
    job_of_pk,
    job_pk,
    lease_items,
    mark_invoked,
    note_repair,
    put_chunk,
    put_result,
    put_result_address,
    release_item,
    result_key,
    start_rendering,
)
from maskmill.core.rows.jobs import (
    DUE_PARTITIONS,
    JOB_PREFIX,
    JobState,
    add_full_chunk,
    begin_finishing,
    begin_planning,
    close_job,
    due_jobs,
    job_key,
    job_of,
    mark_planned,
    note_retry,
    put_job,
    recent_jobs_pk,
    request_cancel,
)
from maskmill.core.rows.library import (
    DUE_DATASETS,
    DUE_UPLOADS,
    dataset_key,
    dataset_of,
    dataset_pk,
    expire_dataset,
    image_key,
    image_of,
    is_kept,
    postpone,
    put_dataset,
    put_image,
    put_template,
    rename_dataset,
    reserve,
    settle_image,
    template_key,
    template_of,
    tenant_pk,
)
from maskmill.core.rows.removal import (
    DATASET_JOB_PREFIX,
    abandon_job,
    dataset_job_key,
    note_job_ended,
    put_dataset_job,
    recent_dataset_jobs_pk,
)
from maskmill.core.rows.signing import newest_signing_key, put_signing_key, signing_key_key, signing_key_of

__all__ = [
    "CHUNK_PREFIX",
    "DATASET_JOB_PREFIX",
    "DUE_DATASETS",
    "DUE_PARTITIONS",
    "DUE_UPLOADS",
    "EVENT_PREFIX",
    "JOB_PREFIX",
    "RESULT_PREFIX",
    "ChunkState",
    "ItemState",
    "JobState",
    "abandon_job",
    "add_full_chunk",
    "begin_finishing",
    "begin_planning",
    "chunk_key",
    "chunk_of",
    "close_job",
    "dataset_job_key",
    "dataset_key",
    "dataset_of",
    "dataset_pk",
    "due_jobs",
    "end_item",
    "event_key",
    "event_of",
    "expire_dataset",
    "image_key",
    "image_of",
    "is_kept",
    "is_told",
    "job_key",
    "job_of",
    "job_of_pk",
    "job_pk",
    "lease_items",
    "mark_invoked",
    "mark_planned",
    "newest_signing_key",
    "note_job_ended",
    "note_repair",
    "note_retry",
    "postpone",
    "put_chunk",
    "put_dataset",
    "put_dataset_job",
    "put_event",
    "put_image",
    "put_job",
    "put_result",
    "put_result_address",
    "put_signing_key",
    "put_template",
    "recent_dataset_jobs_pk",
    "recent_jobs_pk",
    "release_item",
    "rename_dataset",
    "request_cancel",
    "reserve",
    "result_key",
    "settle_image",
    "signing_key_key",
    "signing_key_of",
    "start_rendering",
    "template_key",
    "template_of",
    "tenant_pk",
]
