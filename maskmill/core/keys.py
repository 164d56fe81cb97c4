"""The name of every object, computed from its cause before it exists; it knows no buckets' contents.

    uploads bucket   t/<tenant>/d/<dataset>/<image>                              the file as it was sent
    media bucket     t/<tenant>/px/<pixels>/normal.png · thumbnail.webp          one picture, by its pixels
                     t/<tenant>/px/<pixels>/masks/<mask>.json                    a segmenter's answer, if it is long
                     t/<tenant>/px/<pixels>/embeddings/<version>.bin             what a segmenter knows before a prompt
                     t/<tenant>/px/<pixels>/automasks/<search>.json              everything that a search found
                     t/<tenant>/px/<pixels>/labels/<object>.png                  a refined mask
                     t/<tenant>/px/<pixels>/labels/<object>.json                 its run lengths, if they are long
                     t/<tenant>/px/<pixels>/variants/<variant>.<ext>             a rendered picture
                     t/<tenant>/px/<pixels>/variants/<variant>.thumbnail.webp    the same, small
                     t/<tenant>/px/<pixels>/variants/<record>.json               what was rendered, or what an item left
                                                                                 behind, where that is long
                     t/<tenant>/jobs/<job>/plan.json · chunks/<n>.json
                     t/<tenant>/jobs/<job>/dataset/…                             annotations, manifest
                     t/<tenant>/jobs/<job>/exports/<format>/…                    the dataset as other tools read it
    work bucket      t/<tenant>/jobs/<job>/requests/<request>.json               what the endpoint reads
                     answers/…                                                   what the endpoint writes

Everything derived from a picture lies under its pixels, so that the same picture is worked on once per tenant and can
be removed as one prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from maskmill.core.automask import Automask
from maskmill.core.model import content_hash
from maskmill.core.prompt import MaskChoice, Prompt, Refinement
from maskmill.core.shard import ShardRequest

_REQUEST = re.compile(r"t/([A-Za-z0-9-]{1,64})/jobs/([a-z0-9]{1,40})/requests/([0-9a-f]{1,32})\.json")
_UPLOAD = re.compile(r"t/([A-Za-z0-9-]{1,64})/d/([a-z0-9]{1,40})/([a-z0-9]{1,40})")


ANSWERS_FOLDER = "async"  # the endpoint's output path; a request's own folder follows below it
FAILURES_FOLDER = "async-failed"


def tenant_folder(tenant: str) -> str:
    """Everything of a tenant, in each bucket."""
    return f"t/{tenant}/"


def uploads_folder(tenant: str, dataset_id: str) -> str:
    """Every upload of a dataset."""
    return f"t/{tenant}/d/{dataset_id}/"


def upload(tenant: str, dataset_id: str, image_id: str) -> str:
    return uploads_folder(tenant, dataset_id) + image_id


@dataclass(frozen=True, slots=True)
class UploadName:
    """The parts of an upload's key."""

    tenant: str
    dataset_id: str
    image_id: str


def parse_upload(key: str) -> UploadName | None:
    """The parts of an upload's key; None for a key that is not one of ours."""
    found = _UPLOAD.fullmatch(key)
    return UploadName(*found.groups()) if found else None


def _picture(tenant: str, pixels_sha256: str) -> str:
    return f"t/{tenant}/px/{pixels_sha256}"


def picture_folder(tenant: str, pixels_sha256: str) -> str:
    """Everything that was made of a picture."""
    return f"{_picture(tenant, pixels_sha256)}/"


def normal(tenant: str, pixels_sha256: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/normal.png"


def thumbnail(tenant: str, pixels_sha256: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/thumbnail.webp"


def mask(tenant: str, pixels_sha256: str, mask_key: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/masks/{mask_key}.json"


def embedding(tenant: str, pixels_sha256: str, segmenter: str) -> str:
    """What a segmenter of this version knows of a picture before it is prompted, as its server writes it."""
    return f"{_picture(tenant, pixels_sha256)}/embeddings/{segmenter}.bin"


def automask(tenant: str, pixels_sha256: str, search_id: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/automasks/{search_id}.json"


def label_rle(tenant: str, pixels_sha256: str, object_id: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/labels/{object_id}.json"


def label_png(tenant: str, pixels_sha256: str, object_id: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/labels/{object_id}.png"


def variant(tenant: str, pixels_sha256: str, variant_id: str, extension: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/variants/{variant_id}.{extension}"


def variant_thumbnail(tenant: str, pixels_sha256: str, variant_id: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/variants/{variant_id}.thumbnail.webp"


def variant_record(tenant: str, pixels_sha256: str, record_id: str) -> str:
    return f"{_picture(tenant, pixels_sha256)}/variants/{record_id}.json"


def result(tenant: str, pixels_sha256: str, content_sha256: str) -> str:
    """What an item left behind, by its own bytes, where it is too long for a row."""
    return f"{_picture(tenant, pixels_sha256)}/variants/{content_sha256}.json"


def _job(tenant: str, job_id: str) -> str:
    return f"t/{tenant}/jobs/{job_id}"


def job_folder(tenant: str, job_id: str) -> str:
    """Everything that belongs to a job alone: in the media bucket what it gave, in the work bucket what it asked."""
    return f"{_job(tenant, job_id)}/"


def answer_folders(tenant: str, job_id: str) -> tuple[str, str]:
    """What the endpoint answered to a job, and where it failed."""
    below = f"{answer_folder(tenant, job_id)}/"
    return f"{ANSWERS_FOLDER}/{below}", f"{FAILURES_FOLDER}/{below}"


def plan(tenant: str, job_id: str) -> str:
    return f"{_job(tenant, job_id)}/plan.json"


def chunk(tenant: str, job_id: str, number: int) -> str:
    return f"{_job(tenant, job_id)}/chunks/{number:04d}.json"


def dataset_file(tenant: str, job_id: str, name: str) -> str:
    """A file of a finished job's dataset, by its path in it."""
    return f"{_job(tenant, job_id)}/dataset/{name}"


def export_file(tenant: str, job_id: str, export: str, name: str) -> str:
    """A part of an export, or its receipt."""
    return f"{_job(tenant, job_id)}/exports/{export}/{name}"


ANNOTATIONS = "annotations/instances.json"
MANIFEST = "manifest.jsonl"


def request(tenant: str, job_id: str, request_id: str) -> str:
    return f"{_job(tenant, job_id)}/requests/{request_id}.json"


@dataclass(frozen=True, slots=True)
class RequestName:
    """The parts of a request's key."""

    tenant: str
    job_id: str
    request_id: str


def parse_request(key: str) -> RequestName | None:
    """The parts of a request's key; None for a key that is not one of ours."""
    found = _REQUEST.fullmatch(key)
    return RequestName(*found.groups()) if found else None


def answer_folder(tenant: str, job_id: str) -> str:
    """Where the endpoint is asked to put its answer, below its own output path."""
    return f"{_job(tenant, job_id)}/answers"


def answer_file(request_id: str) -> str:
    """The file name that the endpoint is asked to use: at most 32 characters, one dot."""
    return f"{request_id}.json"


def request_id_of(job_id: str, request: ShardRequest, *, attempt: int) -> str:
    """The name of one attempt at the masks of some items, by what is asked: 24 hex digits."""
    return content_hash({"job": job_id, "request": request, "attempt": attempt})[:24]


def mask_key_of(*, pixels_sha256: str, prompt: Prompt, choice: MaskChoice, segmenter: str) -> str:
    """The identity of a mask: the same picture, prompt, choice and segmenter version have the same mask."""
    cause = {"pixels": pixels_sha256, "prompt": prompt, "choice": choice.value, "segmenter": segmenter}
    return content_hash(cause)[:40]


def search_id_of(search: Automask, *, segmenter: str) -> str:
    """The identity of a search for everything in a picture: what is searched for, and by which segmenter."""
    return content_hash({"search": search, "segmenter": segmenter})[:40]


def object_id_of(*, pixels_sha256: str, mask_key: str | None, refinement: Refinement) -> str:
    """The identity of a refined mask on its picture; without a mask key it is the whole picture.

    For a mask that the template brings along, `mask_key` is the mask's own hash.
    """
    cause = {"pixels": pixels_sha256, "mask": mask_key or "whole", "refinement": refinement}
    return content_hash(cause)[:40]
