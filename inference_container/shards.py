"""A shard from request to answer: each image is read, embedded once and prompted; it knows no HTTP and no engine.

An image that fails is an entry of the answer with a stable code; it never fails its shard.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inference_container.images import ImageSource, read_picture
from inference_container.masks import encode_mask
from inference_container.segmenter import Segmenter, chosen
from maskmill.core.errors import Code, MaskmillError, ModelFailure, message_of
from maskmill.core.image import Refusal
from maskmill.core.limits import MODEL_ANSWER_BYTES_MAX
from maskmill.core.shard import ImageAnswer, ImageTask, MaskAnswer, ShardAnswer, ShardRequest

_LOG = logging.getLogger(__name__)
_MASK_OVERHEAD_BYTES = 512
_ANSWER_BYTES_MAX = MODEL_ANSWER_BYTES_MAX // 2  # JSON escapes a backslash, which run lengths may hold, as two


@dataclass(slots=True)
class _Budget:
    """What one invocation may still spend: time until the deadline and bytes of its answer."""

    clock: Callable[[], float]
    deadline: float
    bytes_left: int = _ANSWER_BYTES_MAX

    def check_time(self) -> None:
        if self.clock() >= self.deadline:
            raise ModelFailure(Code.MODEL_TIMEOUT)

    def spend(self, answer: ImageAnswer) -> None:
        size = sum(len(mask.mask.rle.counts) + _MASK_OVERHEAD_BYTES for mask in answer.masks)
        if size > self.bytes_left:
            raise ModelFailure(Code.INVALID_MASK, detail="the answer of the whole shard became too large")
        self.bytes_left -= size


def answer_shard(
    request: ShardRequest,
    segmenter: Segmenter[Any],
    source: ImageSource,
    *,
    clock: Callable[[], float],
    deadline: float,
) -> ShardAnswer:
    """The answers of all images, in the order of the request.

    Images that `deadline` (a reading of `clock`) leaves no time for are answered with `model_timeout`.
    """
    budget = _Budget(clock, deadline)
    answers = tuple(_answer_or_error(task, segmenter, source, budget) for task in request.images)
    return ShardAnswer(segmenter=segmenter.version, images=answers)


def _answer_or_error(task: ImageTask, segmenter: Segmenter[Any], source: ImageSource, budget: _Budget) -> ImageAnswer:
    try:
        answer = _answer(task, segmenter, source, budget)
        budget.spend(answer)
        return answer
    except MaskmillError as error:
        _LOG.warning("image %s failed: %s", task.image_key, error)
        refusal = Refusal(code=error.code, message=error.message)
    except Exception:  # noqa: BLE001 - the edge of one image: it must not cost the other images
        _LOG.exception("image %s failed", task.image_key)
        refusal = Refusal(code=Code.MODEL_FAILED, message=message_of(Code.MODEL_FAILED))
    return ImageAnswer(image_key=task.image_key, error=refusal)


def _answer(task: ImageTask, segmenter: Segmenter[Any], source: ImageSource, budget: _Budget) -> ImageAnswer:
    budget.check_time()
    embedding = segmenter.embed(read_picture(source, task.address, task.size))
    masks: list[MaskAnswer] = []
    for prompt in task.prompts:
        budget.check_time()
        [candidates] = segmenter.segment(embedding, [prompt.prompt])
        kept = chosen(candidates, prompt.choice)
        masks.append(MaskAnswer(mask_key=prompt.mask_key, mask=encode_mask(kept.draw(), kept.score)))
    return ImageAnswer(image_key=task.image_key, masks=tuple(masks))
