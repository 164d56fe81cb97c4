"""How many prompts a decoder answers at once, and what follows when the memory is too small. It knows no model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch

from inference_container.segmenter import Candidate
from inference_container.segmenters.sam_prompts import alike
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.prompt import Prompt

_LOG = logging.getLogger(__name__)
_AT_ONCE_MAX = 64  # on a GPU

Answers = list[tuple[Candidate, ...]]


class PromptBatches:
    """One prompt at a time on a CPU, those of one kind together on a GPU.

    One by one is as fast on a CPU, and makes each answer independent of the others to the last bit. `at_once_max` is
    halved for good each time the memory does not hold a batch; `shortages` counts how often that was.
    """

    def __init__(self, device: torch.device) -> None:
        self.at_once_max = 1 if device.type == "cpu" else _AT_ONCE_MAX
        self.shortages = 0

    def answers(self, prompts: Sequence[Prompt], decode: Callable[[Sequence[Prompt]], Answers]) -> Answers:
        """The candidates of each prompt, in the order of the prompts; `decode` takes prompts of one kind.

        Raises ModelFailure when the memory does not hold a single prompt.
        """
        found: dict[int, tuple[Candidate, ...]] = {}
        for indices in alike(prompts):
            kind = self._answers_of_kind([prompts[index] for index in indices], decode)
            found.update(zip(indices, kind, strict=True))
        return [found[index] for index in range(len(prompts))]

    def _answers_of_kind(self, prompts: Sequence[Prompt], decode: Callable[[Sequence[Prompt]], Answers]) -> Answers:
        found: Answers = []
        while len(found) < len(prompts):
            batch = prompts[len(found) : len(found) + self.at_once_max]
            try:
                found += decode(batch)
            except torch.OutOfMemoryError as error:
                self._shrink(len(batch), error)
        return found

    def _shrink(self, tried: int, error: torch.OutOfMemoryError) -> None:
        self.shortages += 1
        if tried == 1:
            raise ModelFailure(Code.MODEL_FAILED, detail=f"one prompt does not fit the memory: {error}") from error
        torch.cuda.empty_cache()
        self.at_once_max = tried // 2
        _LOG.warning("%d prompts do not fit the memory; from now on %d at once", tried, self.at_once_max)
