"""One image on its way through the model server: read, think, finish. It knows no thread and no other image.

Reading downloads and decodes (or finds the embedding that an earlier request left), thinking is all that the model
does, finishing draws and encodes the masks and keeps the embedding. Each step may run in another thread than the last.

Prompts are always answered on an embedding as it is kept: a fresh one is packed and unpacked first, so that a mask does
not depend on whether the image was seen before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from inference_container.automask import find_everything
from inference_container.embeddings import Embeddings, Made, Name
from inference_container.images import ImageSource, read_picture
from inference_container.masks import encode_mask
from inference_container.segmenter import Candidate, Picture, Segmenter, chosen
from inference_container.telemetry import Count, Phase, Telemetry
from maskmill.core.automask import FoundMask
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.prompt import MaskChoice
from maskmill.core.shard import ImageAnswer, ImageTask, MaskAnswer, PromptTask


@dataclass(frozen=True, slots=True)
class Read:
    """What thinking starts from: a picture, or the packed embedding of one, or both to search for everything."""

    picture: Picture | None
    packed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Thought:
    """The model's answers, not yet drawn: the candidates of each prompt, everything found, the embedding to keep."""

    candidates: list[tuple[Candidate, ...]]
    found: tuple[FoundMask, ...] = ()
    packed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of the images of one shard; `deadline` is a reading of `clock`."""

    segmenter: Segmenter[Any]
    source: ImageSource
    embeddings: Embeddings
    telemetry: Telemetry
    clock: Callable[[], float]
    deadline: float

    def read(self, task: ImageTask) -> Read:
        """The picture at the size at which the engine looks at it, or its packed embedding."""
        self.check_time()
        name, packed = self._name(task), None
        if name is not None:
            with self.telemetry.phase(Phase.DOWNLOAD):
                packed = self.embeddings.find(name)
        is_enough = packed is not None and task.everything is None
        return Read(None if is_enough else self._picture(task), packed)

    def think(self, task: ImageTask, read: Read) -> Thought:
        """Everything that needs the model; all prompts are answered in one call."""
        self.check_time()
        embedding, packed = self._embedding(task, read)
        self.check_time()
        candidates: list[tuple[Candidate, ...]] = []
        found: tuple[FoundMask, ...] = ()
        with self.telemetry.phase(Phase.SEGMENT):
            if task.prompts:
                candidates = self.segmenter.segment(embedding, [prompt.prompt for prompt in task.prompts])
            if task.everything is not None and read.picture is not None:
                how = (task.everything, self.check_time)
                found = find_everything(self.segmenter, read.picture, *how, embedding=embedding)
        return Thought(candidates, found, packed)

    def finish(self, task: ImageTask, thought: Thought) -> ImageAnswer:
        """The answer, after the embedding is kept where the caller asked for it."""
        with self.telemetry.phase(Phase.ENCODE):
            masks = tuple(map(self._mask, task.prompts, thought.candidates))
        name = self._name(task)
        if name is not None and thought.packed is not None:
            self.embeddings.save(name, thought.packed)
        return ImageAnswer(image_key=task.image_key, masks=masks, found=thought.found)

    def check_time(self) -> None:
        """Raises ModelFailure (`model_timeout`) after the deadline."""
        if self.clock() >= self.deadline:
            raise ModelFailure(Code.MODEL_TIMEOUT)

    def _name(self, task: ImageTask) -> Name | None:
        return None if task.embedding is None else Name(task.embedding, self.segmenter.version)

    def _picture(self, task: ImageTask) -> Picture:
        """The picture at the size at which the engine looks at it, or whole where it is looked at more closely."""
        is_whole = task.everything is not None and task.everything.crop_layers > 0
        reduce_to = None if is_whole else self.segmenter.working_size(task.size)
        timed = _TimedSource(self.source, self.clock)
        began = self.clock()
        try:
            return read_picture(timed, task.address, task.size, reduce_to)
        finally:
            self.telemetry.spend(Phase.DOWNLOAD, timed.seconds)
            self.telemetry.spend(Phase.DECODE, self.clock() - began - timed.seconds)

    def _embedding(self, task: ImageTask, read: Read) -> tuple[Any, bytes | None]:
        """The embedding as it is kept, and packed; a kept one that the segmenter does not know is made again."""
        name = self._name(task)
        if name is not None and read.packed is not None:
            try:
                return self.segmenter.unpack(read.packed, task.size), read.packed
            except ModelFailure:
                self.embeddings.forget(name)
        make = partial(self._made, read.picture or self._picture(task))
        if name is None:
            made = make()
        else:
            made = self.embeddings.make_once(name, make, timeout_s=self.deadline - self.clock())
        if made.packed is None:
            return made.embedding, None
        return self.segmenter.unpack(made.packed, task.size), made.packed

    def _made(self, picture: Picture) -> Made:
        with self.telemetry.phase(Phase.EMBED):
            embedding = self.segmenter.embed(picture)
            packed = self.segmenter.pack(embedding)
        self.telemetry.add(Count.EMBEDS)
        return Made(embedding, packed)

    def _mask(self, prompt: PromptTask, candidates: tuple[Candidate, ...]) -> MaskAnswer:
        """The chosen candidate and, after it, as many others as were asked for, the best first."""
        self.check_time()
        best = chosen(candidates, prompt.choice)
        order = sorted(range(len(candidates)), key=lambda at: (candidates[at] is not best, -candidates[at].score))
        kept = order[: prompt.top_k]
        mask, *others = [encode_mask(candidates[at].draw(), candidates[at].score) for at in kept]
        choices = tuple(MaskChoice(str(at)) for at in kept) if others else ()
        return MaskAnswer(mask_key=prompt.mask_key, mask=mask, others=tuple(others), choices=choices)


@dataclass(slots=True)
class _TimedSource:
    """An ImageSource that says how long it took."""

    source: ImageSource
    clock: Callable[[], float]
    seconds: float = 0.0

    def read(self, address: str, *, bytes_max: int) -> bytes:
        began = self.clock()
        try:
            return self.source.read(address, bytes_max=bytes_max)
        finally:
            self.seconds += self.clock() - began
