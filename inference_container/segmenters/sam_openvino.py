"""SAM's image encoder on OpenVINO, built from the weights themselves; it knows no file, no prompt and no torch model.

The graph is written out, operation by operation, rather than traced from torch: a trace has to run the encoder once
(tens of seconds for the larger ones) and copies its weights, while this takes a fraction of a second and refers to the
mapped weights where they lie, so that a packaged model needs no second file for a second runtime. The algebra is that
of sam_encoder.py. OpenVINO fuses each attention, and of the global ones a few rows of queries are done at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import torch
from openvino import opset13 as ops

from inference_container.segmenter import Pixels
from inference_container.segmenters.architectures import PIXEL_MEAN, PIXEL_STD, SamArchitecture

_ROWS_AT_ONCE = 4  # of queries of global attention: small enough for the caches, large enough for the products
_EPSILON = 1e-6
_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}

Node = Any
Features = npt.NDArray[np.float32]


class OpenvinoImageEncoder:
    """An image encoder compiled for this processor; calls from several threads wait for each other."""

    def __init__(
        self,
        weights: Mapping[str, torch.Tensor],
        architecture: SamArchitecture,
        *,
        dtype: torch.dtype = torch.float32,
        threads: int | None = None,
    ) -> None:
        """`weights` are those of an `ImageEncoderViT` by their names; fp32 and bf16 are used where they lie."""
        config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": _PRECISIONS[dtype], "NUM_STREAMS": 1}
        if threads is not None:
            config["INFERENCE_NUM_THREADS"] = threads
        graph = _Graph(weights, architecture).build()
        self._request = ov.Core().compile_model(graph, "CPU", config).create_infer_request()
        self._lock = threading.Lock()
        self._side = architecture.side_px
        self._mean = np.array(PIXEL_MEAN, np.float32)
        self._std = np.array(PIXEL_STD, np.float32)

    def __call__(self, pixels: Pixels) -> Features:
        """Features (1, channels, grid, grid) of pixels (height, width, 3) of at most the frame's size."""
        height, width, _ = pixels.shape
        frame = np.zeros((1, 3, self._side, self._side), np.float32)
        frame[0, :, :height, :width] = ((pixels - self._mean) / self._std).transpose(2, 0, 1)
        with self._lock:
            features: Features = self._request.infer([frame])[0].copy()
        return features


class _Graph:
    """Writes the encoder down for OpenVINO; tokens are (1, N, C) throughout."""

    def __init__(self, weights: Mapping[str, torch.Tensor], architecture: SamArchitecture) -> None:
        self._weights = weights
        self._architecture = architecture

    def build(self) -> ov.Model:
        """The model: one normalised frame (1, 3, side, side) in, features (1, channels, grid, grid) out."""
        side, patch, grid = self._architecture.side_px, self._architecture.patch_px, self._architecture.grid
        frame = ops.parameter([1, 3, side, side], np.float32)
        x = ops.convolution(frame, self._constant("patch_embed.proj.weight"), [patch] * 2, [0, 0], [0, 0], [1, 1])
        x = ops.transpose(_reshaped(x, 1, self._architecture.width, grid * grid), _integers(0, 2, 1))
        position = self._numbers("pos_embed") + self._numbers("patch_embed.proj.bias")
        x = ops.add(x, _constant(position.reshape(1, grid * grid, -1)))
        for number in range(self._architecture.depth):
            x = self._block(x, number)
        return ov.Model([self._neck(x)], [frame], "sam-image-encoder")

    def _block(self, x: Node, number: int) -> Node:
        name = f"blocks.{number}"
        is_global = number in self._architecture.global_blocks or self._architecture.window == 0
        attended = self._linear(self._norm(x, f"{name}.norm1"), f"{name}.attn.qkv")
        attended = self._globally(attended, name) if is_global else self._in_windows(attended, name)
        x = ops.add(x, self._linear(attended, f"{name}.attn.proj"))
        hidden = ops.gelu(self._linear(self._norm(x, f"{name}.norm2"), f"{name}.mlp.lin1"), "erf")
        return ops.add(x, self._linear(hidden, f"{name}.mlp.lin2"))

    def _globally(self, qkv: Node, name: str) -> Node:
        grid = self._architecture.grid
        return self._attention(qkv, name, windows=1, side=grid)

    def _in_windows(self, qkv: Node, name: str) -> Node:
        """Attention within windows; where they reach beyond the picture, padding has the bias for a projection."""
        grid, window, width = self._architecture.grid, self._architecture.window, self._architecture.width
        count = -(-grid // window)
        padding = count * window - grid
        qkv = _reshaped(qkv, 1, grid, grid, 3 * width)
        if padding:
            bias = self._numbers(f"{name}.attn.qkv.bias")
            qkv = ops.concat([qkv, _constant(np.broadcast_to(bias, (1, grid, padding, 3 * width)))], 2)
            qkv = ops.concat([qkv, _constant(np.broadcast_to(bias, (1, padding, count * window, 3 * width)))], 1)
        tiles = ops.transpose(_reshaped(qkv, count, window, count, window, 3 * width), _integers(0, 2, 1, 3, 4))
        tiles = _reshaped(tiles, count * count, window * window, 3 * width)
        out = _reshaped(
            self._attention(tiles, name, windows=count * count, side=window), count, count, window, window, width
        )
        out = _reshaped(ops.transpose(out, _integers(0, 2, 1, 3, 4)), 1, count * window, count * window, width)
        if padding:
            out = ops.slice(out, _integers(0, 0), _integers(grid, grid), _integers(1, 1), _integers(1, 2))
        return _reshaped(out, 1, grid * grid, width)

    def _attention(self, qkv: Node, name: str, *, windows: int, side: int) -> Node:
        """softmax(q kᵀ / √D + rows + columns) v within each of the `windows` of side² tokens."""
        heads, width = self._architecture.heads, self._architecture.width
        depth = width // heads
        parts = ops.transpose(_reshaped(qkv, windows, side * side, 3, heads, depth), _integers(2, 0, 3, 1, 4))
        q, k, v = (ops.squeeze(part, _integers(0)) for part in ops.split(parts, ops.constant(0), 3).outputs())
        rows, columns = (self._relative(f"{name}.attn.rel_pos_{axis}", side) for axis in "hw")
        scaled = ops.multiply(q, ops.constant(np.float32(depth**-0.5)))
        height = side if windows > 1 or side % _ROWS_AT_ONCE else _ROWS_AT_ONCE
        out = []
        for row in range(0, side, height):
            here, there = _integers(row * side), _integers((row + height) * side)
            some = [ops.slice(x, here, there, _integers(1), _integers(2)) if height < side else x for x in (q, scaled)]
            squares = _reshaped(some[0], windows, heads, height, side, depth)
            by_row = ops.matmul(squares, _constant(rows[row : row + height]), False, True)
            turned = ops.transpose(squares, _integers(0, 1, 3, 2, 4))
            by_column = ops.matmul(turned, _constant(columns), False, True)
            by_column = ops.transpose(by_column, _integers(0, 1, 3, 2, 4))
            logits = _reshaped(ops.matmul(some[1], k, False, True), windows, heads, height * side, side, side)
            logits = ops.add(logits, _reshaped(by_row, windows, heads, height * side, side, 1))
            logits = ops.add(logits, _reshaped(by_column, windows, heads, height * side, 1, side))
            shares = ops.softmax(_reshaped(logits, windows, heads, height * side, side * side), -1)
            out.append(ops.matmul(shares, v, False, False))
        joined = out[0] if len(out) == 1 else ops.concat(out, 2)
        return _reshaped(ops.transpose(joined, _integers(0, 2, 1, 3)), windows, side * side, width)

    def _neck(self, x: Node) -> Node:
        architecture = self._architecture
        weight = _constant(self._numbers("neck.0.weight").reshape(architecture.channels, architecture.width))
        x = self._norm(ops.matmul(x, weight, False, True), "neck.1")
        x = _reshaped(
            ops.transpose(x, _integers(0, 2, 1)), 1, architecture.channels, architecture.grid, architecture.grid
        )
        x = ops.convolution(x, self._constant("neck.2.weight"), [1, 1], [1, 1], [1, 1], [1, 1])
        x = ops.mvn(x, _integers(1), True, _EPSILON, "inside_sqrt")
        weight, bias = (_constant(self._numbers(f"neck.3.{part}").reshape(1, -1, 1, 1)) for part in ("weight", "bias"))
        return ops.add(ops.multiply(x, weight), bias)

    def _linear(self, x: Node, name: str) -> Node:
        return ops.add(ops.matmul(x, self._constant(f"{name}.weight"), False, True), self._constant(f"{name}.bias"))

    def _norm(self, x: Node, name: str) -> Node:
        x = ops.mvn(x, _integers(-1), True, _EPSILON, "inside_sqrt")
        return ops.add(ops.multiply(x, self._constant(f"{name}.weight")), self._constant(f"{name}.bias"))

    def _relative(self, name: str, side: int) -> npt.NDArray[np.float32]:
        """A table of relative positions as (position of the query, position of the key, D)."""
        steps = np.arange(side)
        table: npt.NDArray[np.float32] = self._numbers(name)[steps[:, None] - steps[None, :] + side - 1]
        return table

    def _numbers(self, name: str) -> npt.NDArray[np.float32]:
        numbers: npt.NDArray[np.float32] = self._weights[name].float().numpy()
        return numbers

    def _constant(self, name: str) -> Node:
        """A weight where it lies; bf16 stays bf16 in memory."""
        tensor = self._weights[name]
        if tensor.dtype is not torch.bfloat16:
            return _constant(self._numbers(name))
        raw = ov.Tensor(tensor.contiguous().view(torch.uint16).numpy(), ov.Shape(list(tensor.shape)), ov.Type.bf16)
        return ops.convert(ov.op.Constant(raw, shared_memory=True), "f32")


def _constant(numbers: npt.NDArray[np.float32]) -> Node:
    return ops.constant(np.ascontiguousarray(numbers), shared_memory=True)


def _integers(*values: int) -> Node:
    return ops.constant(np.array(values, np.int64))


def _reshaped(x: Node, *shape: int) -> Node:
    return ops.reshape(x, _integers(*shape), False)
