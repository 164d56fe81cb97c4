"""SAM's image encoder on torch, with the weights of segment_anything's and nothing else of it; it knows no file.

The same algebra as `segment_anything.modeling.ImageEncoderViT`, rearranged:

- Windows that reach beyond the picture are padded after the projection to queries, keys and values, where padding
  equals the bias, so that no padding is ever multiplied.
- The weights of global attention (12 heads × 4096 × 4096 numbers for ViT-B) never exist as a whole. On a CPU they are
  made in parts that stay in its caches; on a GPU the terms of relative position become further dimensions of queries
  and keys, q·k + h·onehot(y) + w·onehot(x), so that the fused attention of torch can be used.
- With bf16 or fp16, matrix products take rounded numbers; the sum over the blocks and all norms stay fp32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference_container.segmenters.architectures import PIXEL_MEAN, PIXEL_STD, SamArchitecture

_PART_NUMBERS = 1 << 21  # of attention weights at once on a CPU: 8 MB in fp32


@dataclass(frozen=True, slots=True)
class _Block:
    """The weights of one block by their names there, and its tables of relative positions (side, side, head width)."""

    weights: dict[str, Tensor]
    window: int  # 0 attends to everything
    rows: Tensor
    columns: Tensor

    def linear(self, name: str, x: Tensor) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return functional.linear(x.to(weight.dtype), weight, self.weights[f"{name}.bias"])

    def norm(self, name: str, x: Tensor) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return functional.layer_norm(x, weight.shape, weight, self.weights[f"{name}.bias"], 1e-6)


class FastImageEncoder:
    """An image encoder, ready to run on one device with one kind of number."""

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        architecture: SamArchitecture,
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        is_fused: bool | None = None,
        is_compiled: bool = False,
    ) -> None:
        """`weights` are those of an `ImageEncoderViT`; `is_fused` uses torch's fused attention (default: on a GPU)."""
        self._architecture = architecture
        self._dtype = dtype
        self._is_fused = device.type != "cpu" if is_fused is None else is_fused
        state = {name: _placed(name, tensor, device, dtype) for name, tensor in weights.items()}
        self._patch = state["patch_embed.proj.weight"].flatten(1)
        self._position = (state["pos_embed"] + state["patch_embed.proj.bias"].float()).flatten(1, 2)
        self._neck = {name.removeprefix("neck."): tensor for name, tensor in state.items() if name.startswith("neck.")}
        self._blocks = [self._block(state, number) for number in range(architecture.depth)]
        self._mean = torch.tensor(PIXEL_MEAN, device=device).view(3, 1, 1)
        self._std = torch.tensor(PIXEL_STD, device=device).view(3, 1, 1)
        self._run = torch.compile(self.forward) if is_compiled else self.forward

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Features (1, channels, grid, grid) of uint8 pixels (height, width, 3) that are no larger than the frame."""
        side = self._architecture.side_px
        values = (pixels.to(self._mean.device).permute(2, 0, 1) - self._mean) / self._std
        return self._run(functional.pad(values, (0, side - values.shape[2], 0, side - values.shape[1]))[None])

    def forward(self, frames: Tensor) -> Tensor:
        """Features (B, channels, grid, grid), fp32, of normalised frames (B, 3, side, side)."""
        return self.forward_twice(frames)[0]

    def forward_twice(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The features, and what leaves the first block that attends to everything (B, width, grid, grid).

        SAM-HQ makes its outlines of the latter. Without such a block, it is what leaves the last one.
        """
        grid, patch = self._architecture.grid, self._architecture.patch_px
        patches = frames.view(-1, 3, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
        x = functional.linear(patches.flatten(2).to(self._dtype), self._patch).float() + self._position
        early = None
        for block in self._blocks:
            x = x + block.linear("attn.proj", self._attended(block, block.norm("norm1", x)))
            hidden = functional.gelu(block.linear("mlp.lin1", block.norm("norm2", x)))
            x = x + block.linear("mlp.lin2", hidden)
            early = x if early is None and block.window == 0 else early
        seen = x if early is None else early
        return self._necked(x), seen.transpose(1, 2).reshape(len(x), -1, grid, grid)

    def _attended(self, block: _Block, x: Tensor) -> Tensor:
        """What each token (B, N, C) takes from the others, before the projection of the heads."""
        architecture, batch = self._architecture, x.shape[0]
        qkv = block.linear("attn.qkv", x)
        if block.window == 0:
            return _joined(self._attention(block, _split(qkv, architecture.heads), architecture.grid), batch)
        grid, window = architecture.grid, block.window
        count = -(-grid // window)
        padding = count * window - grid
        qkv = qkv.view(batch, grid, grid, -1)
        if padding:
            padded = block.weights["attn.qkv.bias"].repeat(batch, count * window, count * window, 1)
            padded[:, :grid, :grid] = qkv
            qkv = padded
        windows = (
            qkv.view(batch, count, window, count, window, -1).transpose(2, 3).reshape(-1, window**2, qkv.shape[-1])
        )
        out = self._attention(block, _split(windows, architecture.heads), window)
        out = _joined(out, len(windows)).view(batch, count, count, window, window, -1).transpose(2, 3)
        return out.reshape(batch, grid + padding, grid + padding, -1)[:, :grid, :grid].flatten(1, 2)

    def _attention(self, block: _Block, qkv: tuple[Tensor, Tensor, Tensor], side: int) -> Tensor:
        """softmax(q kᵀ / √D + rows + columns) v of (heads of all windows, side², D)."""
        q, k, v = qkv
        squares = q.view(-1, side, side, q.shape[-1])
        rows = torch.matmul(squares.transpose(0, 1).flatten(1, 2), block.rows.transpose(1, 2))
        rows = rows.view(side, -1, side, side).transpose(0, 1)  # (…, row, column, row of the key)
        columns = torch.matmul(squares.permute(2, 0, 1, 3).flatten(1, 2), block.columns.transpose(1, 2))
        columns = columns.view(side, -1, side, side).permute(1, 2, 0, 3)  # (…, row, column, column of the key)
        attend = _attend_fused if self._is_fused else _attend_in_parts
        return attend(q * q.shape[-1] ** -0.5, k, v, rows, columns)

    def _necked(self, x: Tensor) -> Tensor:
        grid, neck = self._architecture.grid, self._neck
        x = functional.linear(x.to(self._dtype), neck["0.weight"].flatten(1)).float()
        x = functional.layer_norm(x, x.shape[-1:], neck["1.weight"], neck["1.bias"], 1e-6)
        x = x.transpose(1, 2).reshape(len(x), -1, grid, grid)
        x = functional.conv2d(x.to(self._dtype), neck["2.weight"], padding=1).float()
        x = functional.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], neck["3.weight"], neck["3.bias"], 1e-6)
        return x.permute(0, 3, 1, 2)

    def _block(self, state: dict[str, Tensor], number: int) -> _Block:
        prefix = f"blocks.{number}."
        weights = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        is_global = number in self._architecture.global_blocks or self._architecture.window == 0
        side = self._architecture.grid if is_global else self._architecture.window
        steps = torch.arange(side, device=weights["attn.rel_pos_h"].device)
        offsets = steps[:, None] - steps[None, :] + side - 1
        tables = [weights.pop(f"attn.rel_pos_{axis}")[offsets].to(self._dtype) for axis in "hw"]
        return _Block(weights, 0 if is_global else side, *tables)


def _placed(name: str, tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Weights and biases of products as the products take them; norms and positions in fp32."""
    is_kept = (
        "norm" in name or "pos" in name or name in ("neck.1.weight", "neck.1.bias", "neck.3.weight", "neck.3.bias")
    )
    return tensor.detach().to(device, torch.float32 if is_kept else dtype)


def _split(qkv: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """(B, N, 3 · heads · D) as three times (B · heads, N, D)."""
    q, k, v = qkv.view(*qkv.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4).flatten(1, 2).unbind(0)
    return q, k, v


def _joined(x: Tensor, batch: int) -> Tensor:
    """(B · heads, N, D) as (B, N, heads · D)."""
    return x.view(batch, -1, *x.shape[1:]).transpose(1, 2).flatten(2)


def _attend_fused(q: Tensor, k: Tensor, v: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    side = rows.shape[1]
    one = torch.eye(side, device=k.device, dtype=k.dtype)
    places = torch.cat([one.repeat_interleave(side, 0), one.repeat(side, 1)], dim=1)  # (side², 2 side)
    width = q.shape[-1] + 2 * side
    rest = q.new_zeros(1, 1, -width % 8)  # fused kernels want dimensions in eights
    query = torch.cat([q, rows.flatten(1, 2), columns.flatten(1, 2), rest.expand(*q.shape[:2], -1)], dim=-1)
    key = torch.cat([k, places.expand(len(k), -1, -1), rest.expand(*k.shape[:2], -1)], dim=-1)
    return functional.scaled_dot_product_attention(query[None], key[None], v[None], scale=1.0)[0]


def _attend_in_parts(q: Tensor, k: Tensor, v: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    side = rows.shape[1]
    height = min(side, max(1, _PART_NUMBERS // side**3))  # rows of queries at once
    heads = max(1, _PART_NUMBERS // side**4)
    out = torch.empty_like(q)
    for head in range(0, len(q), heads):
        some = slice(head, head + heads)
        keys = k[some].transpose(1, 2)
        for row in range(0, side, height):
            here = slice(row * side, (row + height) * side)
            weights = q[some, here] @ keys
            table = weights.view(len(weights), -1, side, side, side)
            table += rows[some, row : row + height, :, :, None]
            table += columns[some, row : row + height, :, None, :]
            torch.bmm(weights.softmax(-1), v[some], out=out[some, here])
    return out
