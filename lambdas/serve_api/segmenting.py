"""One picture, now: the candidates of a prompt, everything in it, its embedding; it knows no HTTP and no model.

The lane answers within seconds, whatever the endpoint does. Its masks are answers to a person; a job computes its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice, repeat
from math import ceil
from typing import TypeVar

from pydantic import ValidationError

from lambdas.serve_api import images, quotas
from lambdas.serve_api.media import address_of
from lambdas.serve_api.ports import Ports
from lambdas.serve_api.prompts import check_mask
from maskmill.core import keys
from maskmill.core.api import EmbeddingView, Everything, FindEverything, Segmentation, SegmentImage
from maskmill.core.automask import Automask, masks_at
from maskmill.core.engines import frame_px_of, keeps_embeddings, score_min_of
from maskmill.core.errors import Code, Conflict, FieldFault, InvalidInput, ModelFailure, Unavailable
from maskmill.core.image import NormalImage
from maskmill.core.limits import LANE_ANSWER_BYTES_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Model
from maskmill.core.package import decoder_of
from maskmill.core.parts import parts_of
from maskmill.core.ports import ObjectMissing
from maskmill.core.rates import pace_of
from maskmill.core.shard import ImageAnswer, ImageTask, PromptTask, ShardRequest

View = TypeVar("View", bound=Model)

_ONE = "0"  # the name of the only image, and of the only prompt, in a request to the lane


def segment(ports: Ports, tenant: str, dataset_id: str, image_id: str, body: SegmentImage) -> Segmentation:
    """The candidates of a prompt, the chosen one first; raises NotFound, Conflict and what the lane raises."""
    normal = _ready(ports, tenant, dataset_id, image_id)
    check_mask(body.prompt, size=normal.size)
    prompt = PromptTask(mask_key=_ONE, prompt=body.prompt, choice=body.choice, top_k=body.top_k)
    answer = _ask(ports, tenant, _task(ports, tenant, normal).model_copy(update={"prompts": (prompt,)}))
    if len(answer.masks) != 1:
        raise ModelFailure(detail=f"{len(answer.masks)} answers for one prompt")
    (found,) = answer.masks
    candidates = (found.mask, *found.others)[: body.top_k]
    choices = tuple(islice(chain(found.choices, repeat(None)), len(candidates)))
    _check_sizes(candidates, normal)
    with _masks_that_are_some():
        parts = parts_of(candidates[0].rle, most=body.parts_max) if body.parts_max else ()
    return _bounded(Segmentation(segmenter=ports.lane_segmenter, candidates=candidates, choices=choices, parts=parts))


def find_everything(ports: Ports, tenant: str, dataset_id: str, image_id: str, body: FindEverything) -> Everything:
    """Everything in a picture, or what of it lies under a point."""
    found = _searched(ports, tenant, dataset_id, image_id, body.search())
    if body.at is None:
        return found
    with _masks_that_are_some():
        return found.model_copy(update={"masks": masks_at(found.masks, body.at)})


def _searched(ports: Ports, tenant: str, dataset_id: str, image_id: str, body: Automask) -> Everything:
    """Everything in a picture; a search that was made before is read and not made again.

    Where the caller names no number of points, it is no more than the lane gets through in time, and where no score, it
    is what the lane's segmenter gives to a good mask.
    """
    normal = _ready(ports, tenant, dataset_id, image_id)
    search = _completed(body, ports)
    search_id = keys.search_id_of(search, segmenter=ports.lane_segmenter)
    key = keys.automask(tenant, normal.pixels_sha256, search_id)
    try:
        return Everything.stored(ports.media.get(key))
    except (ObjectMissing, ValidationError):  # never made, or kept in words that this version does not know
        pass
    answer = _ask(ports, tenant, _task(ports, tenant, normal).model_copy(update={"everything": search}))
    _check_sizes((found.mask for found in answer.found), normal)
    made = _bounded(Everything(segmenter=ports.lane_segmenter, search=search, masks=answer.found))
    ports.media.put(key, made.model_dump_json().encode(), media_type="application/json")
    return made


def embedding(ports: Ports, tenant: str, dataset_id: str, image_id: str) -> EmbeddingView:
    """A signed address of the picture's embedding, which is made if it is not there; none while the lane is loading."""
    normal = _ready(ports, tenant, dataset_id, image_id)
    if not keeps_embeddings(ports.lane_segmenter):
        raise Conflict(message=f"The segmenter {ports.lane_segmenter} keeps no embeddings. Send prompts instead.")
    key = keys.embedding(tenant, normal.pixels_sha256, ports.lane_segmenter)
    if ports.media.head(key) is None:
        try:
            _ask(ports, tenant, _task(ports, tenant, normal))
        except Unavailable as error:
            if error.code is Code.SPENDING_STOPPED:
                raise
            return _embedding_view(ports.lane_segmenter)
        if ports.media.head(key) is None:
            raise ModelFailure(detail="the lane answered and left no embedding")
    return _embedding_view(ports.lane_segmenter, url=address_of(ports.gate, key))


def _embedding_view(segmenter: str, *, url: str | None = None) -> EmbeddingView:
    frame_px = frame_px_of(segmenter)
    decoder_url = None if frame_px is None else f"/{decoder_of(segmenter)}"
    return EmbeddingView(segmenter=segmenter, url=url, decoder_url=decoder_url, frame_px=frame_px)


def _ready(ports: Ports, tenant: str, dataset_id: str, image_id: str) -> NormalImage:
    """The upright picture of an image; raises NotFound, and Conflict while there is none or because it was refused."""
    image = images.require(ports.table, tenant, dataset_id, image_id)
    if image.refusal is not None:
        raise Conflict(message=f"This image was refused ({image.refusal.code}). {image.refusal.message}")
    if image.normal is None:
        raise Conflict(message="This image has not arrived yet. Wait until its status is `ready`.")
    return image.normal


def _completed(search: Automask, ports: Ports) -> Automask:
    """The search as the lane's segmenter can make it; raises InvalidInput when more is asked for than it can."""
    side_max, score_min = ports.lane_side_max, score_min_of(ports.lane_segmenter)
    if "score_min" not in search.model_fields_set and score_min is not None:
        search = search.model_copy(update={"score_min": score_min})
    if "points_per_side" not in search.model_fields_set:
        search = search.model_copy(update={"points_per_side": min(search.points_per_side, side_max)})
    faults = []
    if search.points_per_side > side_max:
        faults.append(FieldFault("/points_per_side", f"this service's segmenter takes at most {side_max}"))
    if search.crop_layers > 0:
        faults.append(FieldFault("/crop_layers", "this service looks at whole pictures only: send 0"))
    if faults:
        raise InvalidInput(faults=tuple(faults))
    return search


def _task(ports: Ports, tenant: str, normal: NormalImage) -> ImageTask:
    """The picture, and where its embedding is kept: addresses are made here alone, below the caller's own prefix."""
    bucket = f"s3://{ports.media_bucket}"
    kept = keys.embedding(tenant, normal.pixels_sha256, ports.lane_segmenter)
    return ImageTask(
        image_key=_ONE,
        address=f"{bucket}/{keys.normal(tenant, normal.pixels_sha256)}",
        size=normal.size,
        embedding=f"{bucket}/{kept}" if keeps_embeddings(ports.lane_segmenter) else None,
    )


def _ask(ports: Ports, tenant: str, task: ImageTask) -> ImageAnswer:
    """The lane's answer, whose seconds are taken of the tenant's day before it is asked; raises QuotaExceeded."""
    ports.spending.check()
    seconds = quotas.take_seconds(ports, tenant, _seconds_of(task, ports.lane_segmenter))
    shard = ports.lane.answer(ShardRequest(segmenter=ports.lane_segmenter, images=(task,)))
    if shard.worked_ms is not None:
        seconds.settle(max(1, ceil(shard.worked_ms / 1000)))
    if len(shard.images) != 1:
        raise ModelFailure(detail=f"{len(shard.images)} answers for one image")
    (answer,) = shard.images
    if answer.error is None:
        return answer
    code, detail = answer.error.code, f"the lane refused the image: {answer.error.code}: {answer.error.message}"
    if code in (Code.MODEL_UNAVAILABLE, Code.UNAVAILABLE):
        raise Unavailable(Code.MODEL_UNAVAILABLE, detail=detail)
    raise ModelFailure(Code.MODEL_TIMEOUT if code == Code.MODEL_TIMEOUT else Code.MODEL_FAILED, detail=detail)


def _seconds_of(task: ImageTask, segmenter: str) -> int:
    """How long the lane will probably be at it; what it took is known afterwards."""
    pace = pace_of(segmenter)
    points = task.everything.points_per_side**2 if task.everything else len(task.prompts)
    return max(1, ceil(pace.image_s + points * pace.mask_s))


def _check_sizes(masks: Iterable[Mask], normal: NormalImage) -> None:
    if any(mask.rle.size != normal.size for mask in masks):
        raise ModelFailure(detail="a mask of another size than its image")


@contextmanager
def _masks_that_are_some() -> Iterator[None]:
    """Run lengths that are none are the lane's fault and not the caller's, who gets the code of its failures."""
    try:
        yield
    except ModelFailure as error:
        raise ModelFailure(detail=f"the lane sent no mask: {error.detail}") from error


def _bounded(view: View) -> View:
    """An answer that the gateway can carry; raises InvalidInput for a longer one."""
    size_bytes = len(view.model_dump_json())
    if size_bytes > LANE_ANSWER_BYTES_MAX:
        raise InvalidInput(Code.ANSWER_TOO_LARGE, detail=f"{size_bytes} bytes")
    return view
