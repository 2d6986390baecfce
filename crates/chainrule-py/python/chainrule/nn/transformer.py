"""Attention and the layers of transformers (Vaswani et al. 2017)."""

from __future__ import annotations

import copy
from typing import Any

from .. import _native
from .._native import Tensor
from . import functional as F
from . import init
from .containers import ModuleList
from .layers import Dropout, LayerNorm, Linear, _parameter
from .module import Module


class MultiheadAttention(Module):
    """softmax(Q Kᵀ/√d + mask) V of several heads, and the weights averaged over them.

    Inputs are [length, batch, width], or [batch, length, width] with ``batch_first``.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
        add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
        vdim: int | None = None, batch_first: bool = False, device: Any = None,
        dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if add_bias_kv or add_zero_attn or {kdim, vdim} - {None, embed_dim}:
            raise NotImplementedError("keys and values have the width of queries, and no more")
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError("embed_dim must be divisible by num_heads")
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.dropout, self.batch_first = dropout, batch_first
        self.in_proj_weight = _parameter((3 * embed_dim, embed_dim), dtype)
        init.xavier_uniform_(self.in_proj_weight)
        self.register_parameter(
            "in_proj_bias", _parameter((3 * embed_dim,), dtype) if bias else None
        )
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        if bias:
            init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None,
        average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        if need_weights and not average_attn_weights:
            raise NotImplementedError("weights are averaged over heads")
        if key_padding_mask is not None and key_padding_mask.dtype != _native.bool:
            raise TypeError("a key padding mask is of truth values, true where nobody may look")
        output, weights = F.multi_head_attention(
            query, key, value, self.num_heads, self.in_proj_weight, self.in_proj_bias,
            self.out_proj.weight, self.out_proj.bias, batch_first=self.batch_first,
            dropout_p=self.dropout, training=self.training,
            is_causal=is_causal and attn_mask is None, key_padding_mask=key_padding_mask,
            attn_mask=attn_mask,
        )  # fmt: skip
        return output, weights if need_weights else None


class TransformerEncoderLayer(Module):
    """Attention and a network of two layers, each added to its input.

    x ← norm1(x + attention(x)), x ← norm2(x + feed(x)); with ``norm_first``, which trains more
    stably, x ← x + attention(norm1(x)), x ← x + feed(norm2(x)) (Xiong et al. 2020).
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Any = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None,
        dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if isinstance(activation, str):
            if activation not in ("relu", "gelu"):
                raise RuntimeError(f"activation should be relu/gelu, not {activation}")
            activation = getattr(F, activation)
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm_first, self.activation = norm_first, activation
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None, is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        def attend(x):
            found, _ = self.self_attn(
                x, x, x, key_padding_mask=src_key_padding_mask, need_weights=False,
                attn_mask=src_mask, is_causal=is_causal,
            )  # fmt: skip
            return self.dropout1(found)

        def feed(x):
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        if self.norm_first:
            x = src + attend(self.norm1(src))
            return x + feed(self.norm2(x))
        x = self.norm1(src + attend(src))
        return self.norm2(x + feed(x))


class TransformerEncoder(Module):
    """Several copies of a layer, one after the other."""

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, **options: Any
    ) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


class PositionalEmbedding(Module):
    """Adds a learnt vector for each position to [batch, length, width]; normal with deviation 0.02
    at first, as in GPT-2."""

    def __init__(self, length: int, width: int, dtype: _native.dtype | None = None) -> None:
        super().__init__()
        self.weight = _parameter((length, width), dtype)
        init.normal_(self.weight, 0.0, 0.02)

    def forward(self, input: Tensor) -> Tensor:
        return input + self.weight[: input.shape[-2]]


class PositionalEncoding(Module):
    """Adds sines and cosines of positions to [batch, length, width], then drops out."""

    def __init__(
        self, length: int, width: int, dropout: float = 0.1, dtype: _native.dtype | None = None
    ) -> None:
        super().__init__()
        self.register_buffer("table", F.sinusoids(length, width, dtype), persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        return self.dropout(input + self.table[: input.shape[-2]])
