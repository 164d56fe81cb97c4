"""What a prompt's shape cannot say of the mask in it: that it is one, and of which picture; it knows no segmenter."""

from __future__ import annotations

from maskmill.core.errors import FieldFault, InvalidInput, ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.prompt import Prompt
from maskmill.core.runs import runs_of


def check_mask(prompt: Prompt | None, *, size: Size | None = None) -> None:
    """A previous mask covers the size that it names, and that is `size` where one is known; raises InvalidInput."""
    if prompt is None or prompt.previous is None:
        return
    if size is not None and prompt.previous.size != size:
        words = f"the picture has {size.height_px} rows and {size.width_px} columns"
        raise InvalidInput(faults=(FieldFault("/prompt/previous/size", words),))
    try:
        for _ in runs_of(prompt.previous):
            pass
    except ModelFailure as error:
        fault = FieldFault("/prompt/previous/counts", f"no mask of this size as compressed COCO RLE: {error.detail}")
        raise InvalidInput(faults=(fault,)) from error
