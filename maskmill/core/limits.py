"""Every bound of the product in one place; it knows no reason to exceed them."""

from __future__ import annotations

# Requests
BODY_BYTES_MAX = 256 * 1024
PAGE_ITEMS_MAX = 100
SCANNED_ROWS = 1_000  # of one query that only counts; its answer ends at 1 MB all the same
NAME_CHARS_MAX = 120
FILENAME_BYTES_MAX = 255
IDEMPOTENCY_KEY_CHARS_MAX = 128
IDEMPOTENCY_LIFE_S = 24 * 60 * 60
IDEMPOTENCY_LEASE_S = 35  # longer than one run of serve_api may take
KEPT_ANSWER_BYTES_MAX = 128 * 1024  # a template with its previous mask; a row of the table holds 400 KB
RATE_WINDOW_S = 60

# Uploads and images
UPLOADS_PER_CALL_MAX = 100
UPLOAD_BYTES_MAX = 60 * 1024 * 1024
UPLOAD_URL_LIFE_S = 15 * 60
UPLOAD_GRACE_S = 60 * 60
DOWNLOAD_URL_LIFE_S = 15 * 60
MEDIA_SESSION_LIFE_S = 60 * 60  # after which a browser shows its cookies again
IMAGE_SIDE_PX_MIN = 8
IMAGE_PIXELS_MAX = 50_000_000
JPEG_SCANS_MAX = 100
DECODE_CPU_S_MAX = 30  # of one file; the slowest that is within the other bounds takes about 9
DECODE_WALL_S_MAX = 60  # beyond this the machine is too busy, and the file is not to blame
DECODE_MEMORY_BYTES_MAX = 1536 * 1024**2  # beside the interpreter; the largest that is accepted takes about 1,200 MB
NORMAL_PNG_BYTES_MAX = 4 * IMAGE_PIXELS_MAX + 8 * 1024**2  # pixels that do not compress, and PNG's own bytes
THUMBNAIL_BYTES_MAX = 4 * 1024**2
THUMBNAIL_SIDE_PX = 512
VARIANT_THUMBNAIL_SIDE_PX = 256  # galleries hold thousands of them
IMAGES_PER_DATASET_MAX = 10_000
DATASET_LIFE_S_MIN = 60
DATASET_LIFE_S_MAX = 5 * 366 * 24 * 60 * 60

# Prompts, templates and recipes
POINTS_MAX = 64
OVERRIDES_PER_TEMPLATE_MAX = 200
TEMPLATES_PER_DATASET_MAX = 64  # all of them fit into one answer
TEMPLATE_BYTES_MAX = 64 * 1024  # as JSON, a previous mask and the overrides included
RECIPE_BYTES_MAX = 32 * 1024  # as JSON; the list of jobs shows many of them at once
TEMPLATES_PER_RECIPE_MAX = 16
LAYERS_PER_RECIPE_MAX = 16
SAMPLES_PER_IMAGE_MAX = 50
REGION_DEPTH_MAX = 8
REGION_MASKS_MAX = 64  # masks that one expression may name, repetitions included

# Jobs
IMAGES_PER_JOB_MAX = 10_000
SHARD_ITEMS_MAX = 50
SHARD_S_MAX = 60  # for which one request may keep the segmenter, as far as its pace is known
SHARDS_WANTED = 20  # of a job, before one request holds more items than the stage's least
RENDERINGS_WANTED = 40  # runs of render_item that a job is spread over, before one of them renders several items
RENDERED_ITEMS_MAX = 25  # by one run
RENDERED_PIXELS_MAX = 300_000_000  # of all variants that one run draws, unless a single item has more: a minute or two
CHUNKS_PER_RUN_MAX = 50  # that one run of plan_job writes before others have their turn
JOB_BYTES_MAX = 300 * 1024  # as JSON, with its templates: a row of the table holds 400 KB
VARIANTS_PER_IMAGE_MAX = 200
PICTURES_PER_IMAGE_MAX = 1_000  # variants, and the masks of those that do not show what their source shows
VARIANTS_PER_JOB_MAX = 50_000  # one run of finish_job lists them all
FACT_ROW_BYTES_MAX = 8 * 1024  # compressed, what is known of a picture lies in its row, or else in an object
RESULT_ROW_BYTES_MAX = 100 * 1024  # what an item left behind lies in its row, or else in an object
EXPORT_BYTES_MAX = 64 * 1024**3  # of one export; more is fetched singly
EXPORT_PART_BYTES_MAX = 2 * 1024**3  # of pictures and masks in one file of an export, unless a single one is larger
EXPORT_SHARD_BYTES_MAX = 512 * 1024**2  # of formats that are read shard by shard
EXPORT_PART_PIXELS_MAX = 4_000_000_000  # that are drawn anew for one file, so that it is made in one run
LABEL_BYTES_EXPECTED = 64 * 1024  # of a label's RLE, for reading ahead
ESTIMATE_IMAGES_MAX = 200  # whose masks an estimate looks for, one by one; beyond that it samples
ESTIMATE_IMAGES_AT_SUBMISSION_MAX = 50  # where somebody waits for the job to be accepted
MODEL_ATTEMPTS_MAX = 3
REQUESTS_IN_OUTAGE = 40  # that a chunk may make besides: each call counts, also while the endpoint takes none
REQUESTS_PER_CHUNK_MAX = 6  # to the endpoint, for each of a chunk's items; an attempt that is handed over again counts
REPAIRS_PER_CHUNK_MAX = 100  # sweeps that sent something of a chunk again
CONFLICT_RETRIES_MAX = 8
JOB_LIFE_S = 24 * 60 * 60  # after this, what is still open fails with `gave_up`
CLOCK_SKEW_S = 10 * 60  # by which two machines may disagree on the time; a lease that saves work allows for it
FINISH_LEASE_S = 16 * 60 + CLOCK_SKEW_S  # longer than one run of finish_job may take
EXPORT_LEASE_S = 16 * 60 + CLOCK_SKEW_S  # longer than one run of export_dataset may take
EXPORT_RUN_S = 4 * 60  # after this, a run leaves the further parts of an export to the next one
SWEEP_JOBS_MAX = 200  # due rows of each partition that one sweep looks at
SWEEP_RUN_S = 40  # a sweep ends itself well before the function's time is up

# Removal
REMOVAL_RUN_S = 4 * 60  # one run of remove_dataset ends itself well before the function's time is up
REMOVAL_LEASE_S = 6 * 60 + CLOCK_SKEW_S  # longer than one run may take
REMOVAL_WAIT_S = 60  # how long it leaves open jobs to themselves

# How long the sweep waits before it repairs (the queues' own retries come first)
SWEEP_FIRST_LOOK_S = 60
SWEEP_FULL_CHUNK_S = 30  # a function's next call comes within its client's patience
SWEEP_REMOVAL_S = 5 * 60
SWEEP_ANSWER_S = 3 * 60
SWEEP_PENDING_S = 5 * 60
SWEEP_PATIENCE_S = 15 * 60  # to which the waits grow as a job gets older, since its messages may only be in line
SWEEP_RENDERING_S = 15 * 60
SWEEP_UPLOAD_S = 5 * 60
SWEEP_PLAN_S = 5 * 60
SWEEP_FINISH_S = 15 * 60
SWEEP_EXPORT_S = 20 * 60
QUEUE_BATCH_MAX = 10

# Rows of the table that one request may name
ROWS_READ_MAX = 100
ROWS_PER_PAGE = 500  # of a query that reads all of them; a page ends at a megabyte in any case
ROWS_CREATED_MAX = 100

# Live progress
EVENT_LIFE_S = 7 * 24 * 60 * 60  # how long a client may be away and still catch up
EVENT_ITEMS_MAX = 200  # changes that one event names; beyond this it gives the counts alone
EVENT_SEQ_MAX = 99_999_999
TICKET_LIFE_S = 60  # between asking for a socket's ticket and opening the socket
CONNECTION_LIFE_S = 2 * 60 * 60 + 5 * 60  # the gateway closes every socket after two hours
CONNECTIONS_PER_TENANT_MAX = 20
SOCKET_MESSAGE_CHARS_MAX = 100

# Quotas
RECOUNT_S = 60  # how often at most, while a tenant is refused, what it uses is compared with what there is
SUBMISSION_S = 10 * 60  # a job that has a place and no row for so long never came to be

# The switch that stops what costs money
SPENDING_READ_S = 5  # how old at most what a process knows of it may be
SPENDING_RETRY_S = 5 * 60
SPENDING_REASON_CHARS_MAX = 200

# Webhooks
WEBHOOKS_PER_TENANT_MAX = 10
WEBHOOK_URL_CHARS_MAX = 1_000
WEBHOOK_TEXT_CHARS_MAX = 200
WEBHOOK_ATTEMPTS_MAX = 8  # of one delivery, until somebody asks for it again
WEBHOOK_ASKED_AGAIN_MAX = 5  # how often somebody may
WEBHOOK_ATTEMPTS_LISTED_MAX = 20
WEBHOOK_OLD_SECRET_S = 24 * 60 * 60  # how long the secret before a rotation still signs
WEBHOOK_DELIVERY_LIFE_S = 30 * 24 * 60 * 60
WEBHOOK_LEASE_S = 60  # longer than one attempt may take
WEBHOOK_CONNECT_S = 5
WEBHOOK_ATTEMPT_S = 15
WEBHOOK_ANSWER_BYTES_MAX = 1024  # beyond the status, an answer is not looked at
WEBHOOK_DISABLE_FAILURES = 20  # attempts in a row, over at least …
WEBHOOK_DISABLE_AFTER_S = 3 * 24 * 60 * 60
QUEUE_DELAY_S_MAX = 15 * 60  # a queue holds no message back for longer
SWEEP_DELIVERY_S = 5 * 60

# Masks and the segmenter
CANDIDATES_MAX = 3  # Segment Anything answers a prompt in three ways
AUTOMASK_SIDE_MAX = 64  # points along each side
AUTOMASK_CROP_LAYERS_MAX = 2
PARTS_MAX = 64  # connected parts of a mask in one answer, the largest first
PART_STRIPES_MAX = 200_000  # pieces of columns that a mask may have where its parts are asked for
AUTOMASK_FOUND_MAX = 500  # masks of one picture, the best first
MASK_RLE_CHARS_MAX = 4_000_000
MODEL_ANSWER_BYTES_MAX = 256 * 1024 * 1024
LANE_ANSWER_BYTES_MAX = 5 * 1024 * 1024  # as JSON; a function's answer ends at 6 MB, and JSON within JSON grows
