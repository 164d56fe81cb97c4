"""A shard from request to answer, as a stream of images; it knows no HTTP and no engine.

While the model thinks about one image, the next ones are read and the last ones are drawn and encoded. Only a few
images are on their way at once, whatever the size of the shard. An image that fails is an entry of the answer with a
stable code; it never fails its shard, and neither does one that hangs: at the deadline the others are answered.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from inference_container.embeddings import Embeddings
from inference_container.images import ImageSource
from inference_container.segmenter import Segmenter
from inference_container.steps import Read, Steps, Thought
from inference_container.telemetry import Count, Telemetry
from maskmill.core.errors import Code, MaskmillError, ModelFailure, message_of
from maskmill.core.image import Refusal
from maskmill.core.limits import MODEL_ANSWER_BYTES_MAX
from maskmill.core.shard import ImageAnswer, ImageTask, ShardAnswer, ShardRequest

_LOG = logging.getLogger(__name__)
_MASK_OVERHEAD_BYTES = 512
_ANSWER_BYTES_MAX = MODEL_ANSWER_BYTES_MAX // 2  # JSON escapes a backslash, which run lengths may hold, as two
_PIXEL_BYTES = 4  # what an image may weigh while it is read, for each of its pixels
_FINISHERS = 2
_AHEAD = 4  # images that may be on their way beside those that are being read


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many threads read and think, and how many bytes of pictures one shard may hold at once.

    An image that alone is larger than `pictures_bytes_max` travels alone.
    """

    readers: int = 2
    thinkers: int = 1
    pictures_bytes_max: int = 512 * 1024 * 1024


class Workshop:
    """What the shards of one server share: threads, images, embeddings. Safe to use from several threads.

    The model has threads of its own, because a runtime keeps a pool of workers for every thread that calls it.
    """

    def __init__(
        self,
        source: ImageSource,
        embeddings: Embeddings,
        telemetry: Telemetry,
        *,
        bounds: Bounds,
        clock: Callable[[], float],
    ) -> None:
        self.bounds = bounds
        self.clock = clock
        self._source = source
        self._embeddings = embeddings
        self._telemetry = telemetry
        self._thinking: dict[int, float] = {}
        self._failed_in_row = 0
        self._readers = ThreadPoolExecutor(bounds.readers, "read")
        self._thinkers = ThreadPoolExecutor(bounds.thinkers, "think")
        self._finishers = ThreadPoolExecutor(_FINISHERS, "finish")

    def answer(self, request: ShardRequest, segmenter: Segmenter[Any], *, deadline: float) -> ShardAnswer:
        """The answers of all images, in the order of the request.

        Images that `deadline` (a reading of the clock) leaves no time for are answered with `model_timeout`.
        """
        began = self.clock()
        steps = Steps(segmenter, self._source, self._embeddings, self._telemetry, self.clock, deadline)
        answers = _Stream(self, steps, request.images).run()
        self._count(request, answers)
        worked_ms = round(max(0.0, self.clock() - began) * 1000)
        return ShardAnswer(segmenter=segmenter.version, images=answers, worked_ms=worked_ms)

    def thinking_s(self) -> float:
        """For how long the model has been at the image that it has been at for longest."""
        return max((self.clock() - since for since in list(self._thinking.values())), default=0.0)

    @property
    def failed_in_row(self) -> int:
        """How many of the last images the model itself broke on; no known refusal of an image counts."""
        return self._failed_in_row

    def close(self) -> None:
        """Let go of the threads; returns at once."""
        for pool in (self._readers, self._thinkers, self._finishers):
            pool.shutdown(wait=False, cancel_futures=True)

    def read(self, steps: Steps, task: ImageTask) -> Future[Read]:
        return self._readers.submit(steps.read, task)

    def think(self, steps: Steps, task: ImageTask, read: Read) -> Future[Thought]:
        return self._thinkers.submit(self._thought, steps, task, read)

    def finish(self, steps: Steps, task: ImageTask, thought: Thought) -> Future[ImageAnswer]:
        return self._finishers.submit(steps.finish, task, thought)

    def _thought(self, steps: Steps, task: ImageTask, read: Read) -> Thought:
        thread = threading.get_ident()
        self._thinking[thread] = self.clock()
        try:
            thought = steps.think(task, read)
        except MaskmillError:
            raise
        except Exception:
            self._failed_in_row += 1
            raise
        finally:
            del self._thinking[thread]
        self._failed_in_row = 0
        return thought

    def _count(self, request: ShardRequest, answers: tuple[ImageAnswer, ...]) -> None:
        self._telemetry.add(Count.IMAGES, len(request.images))
        self._telemetry.add(Count.PROMPTS, sum(len(task.prompts) for task in request.images))
        self._telemetry.add(Count.MASKS, sum(len(answer.masks) + len(answer.found) for answer in answers))
        for answer in answers:
            if answer.error is not None:
                self._telemetry.fail(answer.error.code)


class _Step(Enum):
    READ = auto()
    THINK = auto()
    FINISH = auto()


@dataclass(frozen=True, slots=True)
class _Image:
    """An image on its way: its place in the request, and the step that it is in."""

    place: int
    task: ImageTask
    step: _Step

    @property
    def weight_bytes(self) -> int:
        return self.task.size.pixels * _PIXEL_BYTES

    def at(self, step: _Step) -> _Image:
        return replace(self, step=step)


@dataclass(slots=True)
class _Stream:
    """One shard at work; all of it runs in the thread of its request, the steps run elsewhere."""

    workshop: Workshop
    steps: Steps
    tasks: tuple[ImageTask, ...]
    bytes_left: int = _ANSWER_BYTES_MAX
    answers: dict[int, ImageAnswer] = field(default_factory=dict)
    moving: dict[Future[Any], _Image] = field(default_factory=dict)

    def run(self) -> tuple[ImageAnswer, ...]:
        waiting = deque(_Image(place, task, _Step.READ) for place, task in enumerate(self.tasks))
        while waiting or self.moving:
            while waiting and self._has_room(waiting[0]):
                image = waiting.popleft()
                self.moving[self.workshop.read(self.steps, image.task)] = image
            left_s = max(0.0, self.steps.deadline - self.workshop.clock())
            done, _ = wait(self.moving, left_s, FIRST_COMPLETED)
            if not done:
                break
            for future in sorted(done, key=lambda one: self.moving[one].place):
                self._advance(future, self.moving.pop(future))
        late = ModelFailure(Code.MODEL_TIMEOUT)
        for future, image in self.moving.items():
            future.cancel()
            self._refuse(image, late)
        for image in waiting:
            self._refuse(image, late)
        return tuple(self.answers[place] for place in range(len(self.tasks)))

    def _has_room(self, image: _Image) -> bool:
        if not self.moving:
            return True
        if len(self.moving) >= self.workshop.bounds.readers + _AHEAD:
            return False
        weight = image.weight_bytes + sum(other.weight_bytes for other in self.moving.values())
        return weight <= self.workshop.bounds.pictures_bytes_max

    def _advance(self, future: Future[Any], image: _Image) -> None:
        """Send an image to its next step, or put down its answer."""
        try:
            outcome = future.result()
            if image.step is _Step.READ:
                self.moving[self.workshop.think(self.steps, image.task, outcome)] = image.at(_Step.THINK)
            elif image.step is _Step.THINK:
                self.moving[self.workshop.finish(self.steps, image.task, outcome)] = image.at(_Step.FINISH)
            else:
                self._spend(outcome)
                self.answers[image.place] = outcome
        except Exception as error:  # noqa: BLE001 - the edge of one image: it must not cost the other images
            self._refuse(image, error)

    def _refuse(self, image: _Image, error: Exception) -> None:
        if isinstance(error, MaskmillError):
            _LOG.warning("image %s failed: %s", image.task.image_key, error)
            refusal = Refusal(code=error.code, message=error.message)
        else:
            _LOG.error("image %s failed", image.task.image_key, exc_info=error)
            refusal = Refusal(code=Code.MODEL_FAILED, message=message_of(Code.MODEL_FAILED))
        self.answers[image.place] = ImageAnswer(image_key=image.task.image_key, error=refusal)

    def _spend(self, answer: ImageAnswer) -> None:
        drawn = [mask for entry in answer.masks for mask in (entry.mask, *entry.others)]
        drawn += [found.mask for found in answer.found]
        size = sum(len(mask.rle.counts) + _MASK_OVERHEAD_BYTES for mask in drawn)
        if size > self.bytes_left:
            raise ModelFailure(Code.INVALID_MASK, detail="the answer of the whole shard became too large")
        self.bytes_left -= size
