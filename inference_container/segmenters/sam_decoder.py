"""SAM's mask decoder with the work on the image's side done once, or not at all; it knows no image and no file.

The same algebra as `segment_anything.modeling.MaskDecoder`, in another order. What the first layer needs of the image
is computed once for all prompts. Later layers multiply the few tokens of a prompt with the weights first and the many
tokens of the image afterwards: q·(W k) is (Wᵀ q)·k, and as long as a prompt has fewer than a score of tokens, the
second form costs less than half. Upscaling is a matrix product per token instead of two transposed convolutions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FOLDED_TOKENS_MAX = 16  # with more tokens than these it is cheaper to project the image


@dataclass(frozen=True, slots=True)
class ImageSide:
    """What the first layer needs of one image: tokens (1, N, C); keys, values and queries (1, heads, N, D)."""

    tokens: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor


class FastMaskDecoder:
    """The weights of a `MaskDecoder` for images of one grid, in the shapes in which they are used."""

    def __init__(
        self,
        decoder: Any,
        image_position: Tensor,
        *,
        folded_tokens_max: int = FOLDED_TOKENS_MAX,
        upscaled_at_once: int | None = 256,
    ) -> None:
        """`image_position` (1, C, grid, grid) is `PromptEncoder.get_dense_pe()`."""
        self._decoder = decoder
        self._grid = int(image_position.shape[-1])
        self._position = image_position.flatten(2).transpose(1, 2).contiguous()  # (1, N, C)
        self._folded_tokens_max = folded_tokens_max
        self._upscaled_at_once = upscaled_at_once
        self._mask_tokens = int(decoder.num_mask_tokens)
        self._outputs = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])[None]
        first, self._norm, _, second, _ = decoder.output_upscaling
        self._first, self._second = _as_linear(first), _as_linear(second)

    def image_side(self, features: Tensor, dense: Tensor) -> ImageSide:
        """Prepare an image (1, C, grid, grid) with the dense embedding of a mask, or of none (1, C, grid, grid)."""
        tokens = (features + dense).flatten(2).transpose(1, 2).contiguous()
        placed = tokens + self._position
        layer = self._decoder.transformer.layers[0]
        reading, writing = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
        return ImageSide(
            tokens=tokens,
            keys=_heads(reading.k_proj(placed), reading),
            values=_heads(reading.v_proj(tokens), reading),
            queries=_heads(writing.q_proj(placed), writing),
        )

    def __call__(self, image: ImageSide, sparse: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 4, 4 grid, 4 grid) and scores (B, 4) for the tokens (B, T, C) of B prompts on one image.

        The first of the four answers is SAM's single one, the others are its three candidates.
        """
        tokens = torch.cat([self._outputs.expand(sparse.shape[0], -1, -1), sparse], dim=1)
        queries, keys = tokens, image.tokens
        for number, layer in enumerate(self._decoder.transformer.layers):
            queries = self._among_tokens(layer, queries, tokens, is_first=number == 0)
            placed = None if number == 0 else keys + self._position
            reading, writing = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
            q = reading.q_proj(queries + tokens)
            if placed is None:
                read = reading.out_proj(_attend(_heads(q, reading), image.keys, image.values))
            else:
                read = self._read(reading, q, keys, placed)
            queries = layer.norm2(queries + read)
            queries = layer.norm3(queries + layer.mlp(queries))
            k, v = writing.k_proj(queries + tokens), writing.v_proj(queries)
            written = self._written(writing, image.queries if placed is None else placed, k, v, is_first=placed is None)
            keys = layer.norm4(keys + written)
        final = self._decoder.transformer.final_attn_token_to_image
        read = self._read(final, final.q_proj(queries + tokens), keys, keys + self._position)
        queries = self._decoder.transformer.norm_final_attn(queries + read)
        scores = self._decoder.iou_prediction_head(queries[:, 0])
        return self._masks(keys, queries[:, 1 : 1 + self._mask_tokens]), scores

    def _among_tokens(self, layer: Any, queries: Tensor, tokens: Tensor, *, is_first: bool) -> Tensor:
        if is_first:
            return layer.norm1(layer.self_attn(q=queries, k=queries, v=queries))  # type: ignore[no-any-return]
        placed = queries + tokens
        return layer.norm1(queries + layer.self_attn(q=placed, k=placed, v=queries))  # type: ignore[no-any-return]

    def _is_folded(self, tokens: int) -> bool:
        return tokens <= self._folded_tokens_max

    def _read(self, attention: Any, q: Tensor, keys: Tensor, placed: Tensor) -> Tensor:
        """Tokens attend to the image: q (B, T, D·heads) are their projected queries."""
        if not self._is_folded(q.shape[1]):
            k, v = attention.k_proj(placed), attention.v_proj(keys)
            return attention.out_proj(_attend(_heads(q, attention), _heads(k, attention), _heads(v, attention)))  # type: ignore[no-any-return]
        batch, count, _ = q.shape
        weight_k, weight_v = _by_head(attention.k_proj.weight, attention), _by_head(attention.v_proj.weight, attention)
        folded = _heads(q, attention) @ (weight_k * _scale(attention))  # (B, heads, T, C); k's bias shifts all alike
        logits = folded.flatten(1, 2) @ placed.transpose(1, 2)  # (B, heads · T, N)
        seen = (logits.softmax(-1) @ keys).view(batch, attention.num_heads, count, -1)
        values = seen @ weight_v.transpose(1, 2) + attention.v_proj.bias.view(attention.num_heads, 1, -1)
        return attention.out_proj(values.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _written(self, attention: Any, side: Tensor, k: Tensor, v: Tensor, *, is_first: bool) -> Tensor:
        """The image attends to tokens, whose projected keys and values are k and v (B, T, D·heads).

        `side` is the image's projected queries in the first layer, else its tokens with their positions.
        """
        k, v = _heads(k, attention), _heads(v, attention)
        batch, heads, count, _ = k.shape
        if not self._is_folded(count):
            queries = side if is_first else _heads(attention.q_proj(side), attention)
            return attention.out_proj(_attend(queries, k, v))  # type: ignore[no-any-return]
        k = k * _scale(attention)
        if is_first:
            logits = k @ side.transpose(2, 3)  # (B, heads, T, N)
        else:
            folded = (k @ _by_head(attention.q_proj.weight, attention)).flatten(1, 2)  # (B, heads · T, C)
            shift = (k @ attention.q_proj.bias.view(heads, -1, 1)).view(batch, heads * count, 1)
            logits = torch.baddbmm(shift, folded, side.transpose(1, 2).expand(batch, -1, -1))
            logits = logits.view(batch, heads, count, -1)
        weight = attention.out_proj.weight.view(-1, heads, v.shape[-1]).permute(1, 2, 0)  # (heads, D, C)
        values = (v @ weight).flatten(1, 2)  # (B, heads · T, C)
        shares = (
            logits.softmax(2).flatten(1, 2).transpose(1, 2)
        )  # softmax across the rows: tokens are too few along one
        return torch.baddbmm(attention.out_proj.bias, shares, values)

    def _masks(self, keys: Tensor, queries: Tensor) -> Tensor:
        """Logits (B, M, 4 grid, 4 grid) from the image's tokens (B, N, C) and those of M masks (B, M, C)."""
        layers = self._decoder.output_hypernetworks_mlps
        hyper = torch.stack([layer(queries[:, index]) for index, layer in enumerate(layers)], dim=2)  # (B, C / 8, M)
        parts = [keys] if self._upscaled_at_once is None else torch.split(keys, self._upscaled_at_once, 1)
        pixels = torch.cat([self._upscaled(part) @ hyper for part in parts], dim=1)  # of a token: coarse, then fine
        batch, grid = keys.shape[0], self._grid
        masks = pixels.view(batch, grid, grid, 2, 2, 2, 2, len(layers))
        return masks.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(batch, len(layers), 4 * grid, 4 * grid)

    def _upscaled(self, tokens: Tensor) -> Tensor:
        """The 4 × 4 pixels of each token: (B, 16 n, C / 8) of (B, n, C)."""
        norm = self._norm
        fine = functional.linear(tokens, *self._first).view(tokens.shape[0], -1, norm.weight.shape[0])
        fine = functional.gelu(functional.layer_norm(fine, norm.weight.shape, norm.weight, norm.bias, norm.eps))
        return functional.gelu(functional.linear(fine, *self._second)).view(tokens.shape[0], 16 * tokens.shape[1], -1)


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q kᵀ / √D) v of (B, heads, …, D), with the heads side by side: (B, T, heads · D)."""
    logits = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    return (logits.softmax(-1) @ v).transpose(1, 2).flatten(2)


def _heads(x: Tensor, attention: Any) -> Tensor:
    """(B, T, heads · D) as (B, heads, T, D)."""
    return x.view(x.shape[0], x.shape[1], attention.num_heads, -1).transpose(1, 2)


def _by_head(weight: Tensor, attention: Any) -> Tensor:
    """A projection's weight (heads · D, C) as (heads, D, C)."""
    return weight.view(attention.num_heads, -1, weight.shape[1])


def _scale(attention: Any) -> float:
    return 1.0 / math.sqrt(attention.internal_dim // attention.num_heads)


def _as_linear(convolution: Any) -> tuple[Tensor, Tensor]:
    """A transposed convolution of 2 × 2 with stride 2 as a layer whose outputs are (row, column, channel)."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
    return weight, convolution.bias.repeat(4)
