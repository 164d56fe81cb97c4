"""SAM's prompt encoder and mask decoder as one ONNX file, for the page; it knows no image, no size and no server.

    image_embeddings (1, channels, grid, grid)   as the server keeps them
    point_coords     (1, N, 2)                   x first, in pixels of the frame; any N, 0 with a mask alone
    point_labels     (1, N)                      1 object, 0 not the object, 2 and 3 a box's corners, -1 no point
    mask_input       (1, 1, 4 grid, 4 grid)      logits of a previous mask, looked at where
    has_mask_input   (1,)                        is 1, else 0
    masks            (1, 4, 4 grid, 4 grid)      logits: SAM's single answer, then its three candidates
    iou_predictions  (1, 4)                      their scores

The interface is that of segment_anything's own export without the upscaling to the size of the picture, which costs
more memory than all the rest. A prompt without a box ends with the point (0, 0) of label -1, as the server's has it.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from inference_container.segmenters.sam_decoder import FastMaskDecoder

OPSET = 17
_LARGE_NUMBERS = 256  # weights of fewer numbers stay fp32
_INPUTS = ("image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input")
_OUTPUTS = ("masks", "iou_predictions")


def export_decoder_onnx(model: Any, path: Path, *, half_weights: bool = True) -> None:
    """Write the decoder of a `segment_anything.modeling.Sam` to `path`.

    With `half_weights` weights are stored in half precision, which halves the file, and computed with in fp32.
    """
    side, grid = model.image_encoder.img_size, model.prompt_encoder.image_embedding_size[0]
    channels = model.prompt_encoder.embed_dim
    examples = (
        torch.zeros(1, channels, grid, grid),
        torch.tensor([[[side / 2, side / 3], [side / 4, side / 5], [0.0, 0.0]]]),
        torch.tensor([[1.0, 0.0, -1.0]]),
        torch.zeros(1, 1, 4 * grid, 4 * grid),
        torch.zeros(1),
    )
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer tells of every shape that it takes as constant, as it is meant to
        torch.onnx.export(
            _PromptDecoder(model).eval(),
            examples,
            file,  # type: ignore[arg-type]  # the declared type leaves out files, which are allowed
            input_names=list(_INPUTS),
            output_names=list(_OUTPUTS),
            dynamic_axes={"point_coords": {1: "points"}, "point_labels": {1: "points"}},
            opset_version=OPSET,
            dynamo=False,  # the newer exporter is slower, and its graphs are not faster
        )
    graph = onnx.load_from_string(file.getvalue())
    if half_weights:
        _halve_weights(graph)
    onnx.checker.check_model(graph)
    path.write_bytes(graph.SerializeToString())


class _PromptDecoder(torch.nn.Module):
    """Both halves in one, without a step that depends on what the numbers are."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._prompts = model.prompt_encoder
        self._side = model.image_encoder.img_size
        self._decoder = model.mask_decoder

    def forward(self, features: Tensor, points: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor) -> Any:
        prompts = self._prompts
        places = prompts.pe_layer._pe_encoding((points + 0.5) / self._side)
        tokens = places * (labels != -1).float()[..., None]
        kinds = [prompts.not_a_point_embed, *prompts.point_embeddings]
        for label, kind in enumerate(kinds, start=-1):
            tokens = tokens + kind.weight * (labels == label).float()[..., None]
        none = prompts.no_mask_embed.weight.reshape(1, -1, 1, 1)
        dense = has_mask * prompts.mask_downscaling(mask) + (1 - has_mask) * none
        position = prompts.get_dense_pe()  # here, because as a constant it would be a quarter of the file
        decode = FastMaskDecoder(self._decoder, position, folded_tokens_max=0, upscaled_at_once=None)
        return decode(decode.image_side(features, dense), tokens)


def _halve_weights(model: onnx.ModelProto) -> None:
    """Store large fp32 weights in half precision, each with a node that widens it again."""
    graph = model.graph
    widening = []
    for weight in graph.initializer:
        numbers = numpy_helper.to_array(weight)
        if weight.data_type == TensorProto.FLOAT and numbers.size >= _LARGE_NUMBERS:
            name, stored = weight.name, f"{weight.name}.half"
            weight.CopyFrom(numpy_helper.from_array(numbers.astype("float16"), stored))
            widening.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*widening, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
