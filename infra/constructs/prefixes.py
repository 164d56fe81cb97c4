"""The keys of maskmill/core/keys.py as patterns of a policy; it knows no bucket."""

from __future__ import annotations

from maskmill.core import keys

UPLOADS = keys.upload("*", "*", "*")
NORMALS = keys.normal("*", "*")
THUMBNAILS = keys.thumbnail("*", "*")
MASKS = keys.mask("*", "*", "*")
EMBEDDINGS = keys.embedding("*", "*", "*")
AUTOMASKS = keys.automask("*", "*", "*")
LABELS = keys.label_png("*", "*", "*").removesuffix(".png")  # refined masks and their run lengths
LABEL_PICTURES = keys.label_png("*", "*", "*")
VARIANTS = NORMALS.removesuffix("normal.png") + "variants/*"  # pictures and the records of how they were made
RESULTS = keys.result("*", "*", "*")  # what an item left behind, where that is long
PLANS = keys.plan("*", "*")
CHUNKS = PLANS.replace("plan.json", "chunks/*")
DATASETS = keys.dataset_file("*", "*", "*")
EXPORTS = keys.export_file("*", "*", "*", "*")
SHOWN = (NORMALS, THUMBNAILS, LABEL_PICTURES, VARIANTS, EMBEDDINGS, DATASETS, EXPORTS)  # to people, by the distribution
FIRST = (MASKS, PLANS)  # whose content their names do not determine: the first one counts
REQUESTS = keys.request("*", "*", "*")

ANSWERS_FOLDER, FAILURES_FOLDER = keys.ANSWERS_FOLDER, keys.FAILURES_FOLDER
ANSWERS = f"{ANSWERS_FOLDER}/*"
FAILURES = f"{FAILURES_FOLDER}/*"

UPLOADS_FOLDER = keys.uploads_folder("*", "*")
PICTURE_FOLDER = keys.picture_folder("*", "*")
JOB_FOLDER = keys.job_folder("*", "*")
ANSWER_FOLDERS = keys.answer_folders("*", "*")
