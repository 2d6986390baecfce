"""Layers and losses as functions, as ``torch.nn.functional``. Each calls one of the Rust layers."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _native
from .._native import Tensor, _layers, _losses

__all__ = [
    "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "batch_norm", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d",
    "cosine_embedding_loss", "cross_entropy", "dropout", "elu", "embedding", "gaussian_nll_loss",
    "gelu", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss", "kl_div",
    "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax", "logsigmoid",
    "margin_ranking_loss", "max_pool1d", "max_pool2d", "mish", "mse_loss",
    "multi_head_attention", "multilabel_soft_margin_loss", "nll_loss", "one_hot",
    "poisson_nll_loss", "relu", "relu6", "rms_norm", "rotary",
    "scaled_dot_product_attention", "selu", "sigmoid", "silu",
    "sinusoids", "smooth_l1_loss", "soft_margin_loss", "softmax", "softplus", "softsign", "tanh",
    "triplet_margin_loss",
]  # fmt: skip


def _axes(value, count):
    return [value] * count if isinstance(value, int) else list(value)


# Maps.


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b for x […, in], W [out, in]."""
    return _layers.linear(input, weight, bias)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Rows W[i] of a table [count, width]; that of ``padding_idx`` gets no gradient."""
    if padding_idx is not None and padding_idx < 0:
        padding_idx += weight.shape[0]
    return _layers.embedding(input, weight, padding_idx)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """For each class its unit vector, in int64."""
    count = int(tensor.max().item()) + 1 if num_classes == -1 else num_classes
    return (tensor.unsqueeze(-1) == _native.arange(count)).to(_native.int64)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """x m/(1 − p) with m 0 with probability p, else 1; x itself unless ``training``."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return _layers.dropout(input, p, training)


# Convolutions and pooling.


def _conv(count, x, weight, bias, stride, padding, dilation, groups):
    if weight.ndim != count + 2:
        raise RuntimeError(
            f"a weight for {count} axes of space has {count + 2} axes, not {weight.ndim}"
        )
    stride, dilation = _axes(stride, count), _axes(dilation, count)
    if padding == "valid":
        padding = 0
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:])]
        for axis, (n, most) in enumerate(zip(total, total)):
            if n % 2:
                # torch puts the odd zero behind.
                shape = list(x.shape)
                shape[axis - count] = 1
                x = _native.cat([x, _native.zeros(shape, dtype=x.dtype)], axis - count)
        padding = [n // 2 for n in total]
    return _layers.conv(x, weight, bias, stride, _axes(padding, count), dilation, groups)


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Σ w[o, c, i] x[n, c, j·stride + i·dilation − padding] + b[o]; x [n, in, length]."""
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The same along two axes; x [n, in, height, width], w [out, in/groups, kh, kw]."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def _transposed(count, x, weight, bias, stride, padding, output_padding, groups, dilation):
    parts = [_axes(v, count) for v in (stride, padding, output_padding, dilation)]
    return _layers.conv_transpose(x, weight, bias, *parts, groups)


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0, output_padding: int | Sequence[int] = 0,
    groups: int = 1, dilation: int | Sequence[int] = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of a convolution along one axis; w [in, out/groups, k]."""
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0, output_padding: int | Sequence[int] = 0,
    groups: int = 1, dilation: int | Sequence[int] = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of a convolution along two axes; w [in, out/groups, kh, kw]."""
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _no_rounding_up(ceil_mode):
    if ceil_mode:
        raise NotImplementedError("pooling does not round up: pad the input instead of ceil_mode")


def _max_pool(count, x, kernel, stride, padding, dilation, ceil_mode, return_indices):
    _no_rounding_up(ceil_mode)
    if return_indices:
        raise NotImplementedError("pooling does not give the places of maxima")
    kernel = _axes(kernel, count)
    stride = kernel if stride is None else _axes(stride, count)
    return _layers.max_pool(x, kernel, stride, _axes(padding, count), _axes(dilation, count))


def max_pool1d(
    input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """The largest of each window; equal ones share the gradient."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor:  # fmt: skip
    """The largest of each window; equal ones share the gradient."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(count, x, kernel, stride, padding, ceil_mode, count_include_pad):
    _no_rounding_up(ceil_mode)
    kernel = _axes(kernel, count)
    stride = kernel if stride is None else _axes(stride, count)
    return _layers.avg_pool(x, kernel, stride, _axes(padding, count), count_include_pad)


def avg_pool1d(
    input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[int] = 0, ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[int] = 0, ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window."""
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    """Means of nearly equal parts: an image of the size asked for."""
    size = _axes(output_size, 2)
    size = [n if given is None else given for given, n in zip(size, input.shape[-2:])]
    return _layers.adaptive_avg_pool2d(input, size)


# Normalisation.


def layer_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None,
    bias: Tensor | None = None, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x − μ)/√(σ² + ε) · w + b over the last axes (Ba et al. 2016)."""
    return _layers.layer_norm(input, _axes(normalized_shape, 1), weight, bias, eps)


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:  # fmt: skip
    """x/√(mean x² + ε) · w over the last axes (Zhang and Sennrich 2019)."""
    return _layers.rms_norm(input, _axes(normalized_shape, 1), weight, eps)


def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None,
    weight: Tensor | None = None, bias: Tensor | None = None, training: bool = False,
    momentum: float | None = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x − μ)/√(σ² + ε) · w + b of each channel over batch and space (Ioffe and Szegedy 2015).

    In training the running statistics r become (1 − m) r + m s.
    """
    running = None
    if running_mean is not None:
        running = running_mean, running_var, _native.tensor(0)
    elif not training:
        raise ValueError("Expected running_mean and running_var in evaluation")
    space = 2 if input.ndim == 4 else 1
    return _layers.batch_norm(input, running, weight, bias, training, momentum, eps, space)


# Activations.


def _activation(name, text):
    def function(input, inplace=False):
        return _layers.activation(name, input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    return function


relu = _activation("relu", "max(x, 0).")
selu = _activation("selu", "λ x above 0, else λ α (eˣ − 1) (Klambauer et al. 2017).")
silu = _activation("silu", "x σ(x).")
mish = _activation("mish", "x tanh(ln(1 + eˣ)).")
tanh = _activation("tanh", "tanh x.")
sigmoid = _activation("sigmoid", "σ(x) = 1/(1 + e⁻ˣ).")
softsign = _activation("softsign", "x/(1 + |x|).")
logsigmoid = _activation("logsigmoid", "ln σ(x).")
relu6 = _activation("relu6", "x within [0, 6], else the nearer end.")
hardsigmoid = _activation("hardsigmoid", "(x + 3)/6 within [0, 1].")
hardswish = _activation("hardswish", "x times the hard sigmoid.")


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x above 0, else s x."""
    return _layers.activation("leaky_relu", input, float(negative_slope))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, else α (eˣ − 1)."""
    return _layers.activation("elu", input, float(alpha))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Φ(x); with ``approximate="tanh"`` Φ by tanh."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _layers.activation("gelu_tanh" if approximate == "tanh" else "gelu", input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(βx))/β, which does not overflow."""
    if beta == 1.0:
        return _layers.activation("softplus", input)
    return _layers.activation("softplus", input * beta) / beta


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x within [min, max], else the nearer end."""
    if (min_val, max_val) == (-1.0, 1.0):
        return _layers.activation("hardtanh", input)
    return input.clamp(min_val, max_val)


def softmax(input: Tensor, dim: int, dtype: _native.dtype | None = None) -> Tensor:
    """eˣ/Σeˣ along an axis."""
    return _layers.softmax(input if dtype is None else input.to(dtype), dim, False)


def log_softmax(input: Tensor, dim: int, dtype: _native.dtype | None = None) -> Tensor:
    """x − ln Σeˣ along an axis."""
    return _layers.softmax(input if dtype is None else input.to(dtype), dim, True)


# Attention and positions.


def multi_head_attention(
    query: Tensor, key: Tensor, value: Tensor, heads: int, in_proj_weight: Tensor,
    in_proj_bias: Tensor | None, out_proj_weight: Tensor, out_proj_bias: Tensor | None, *,
    batch_first: bool = False, dropout_p: float = 0.0, training: bool = True,
    is_causal: bool = False, key_padding_mask: Tensor | None = None,
    attn_mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """softmax(Q Kᵀ/√d + mask) V of several heads, and the weights averaged over them.

    Masks are truth values, true where nobody may look, or numbers that are added.
    """
    others = None if query is key and key is value else (key, value)
    return _layers.attention(
        query, others, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, heads,
        batch_first, dropout_p, training, is_causal, key_padding_mask, attn_mask,
    )  # fmt: skip


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(scale Q Kᵀ + mask) V for Q […, queries, d], K […, keys, d], V […, keys, width].

    The mask is of truth values, true where a query may look, or of numbers that are added; without
    ``scale`` it is 1/√d. With ``enable_gqa`` several heads of queries (axis −3) share one of keys.
    A query that may look nowhere gets zeros.
    """
    if not 0.0 <= dropout_p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    return _layers.scaled_dot_product(
        query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa
    )


def sinusoids(length: int, width: int, dtype: _native.dtype | None = None) -> Tensor:
    """sin(t/10000^(2i/d)) and cos(…) side by side, [length, width] (Vaswani et al. 2017)."""
    return _layers.sinusoids(length, width, dtype or _native.get_default_dtype())


def rotary(input: Tensor) -> Tensor:
    """Pairs of each vector turned by its position's angles (Su et al. 2021)."""
    return _layers.rotary(input)


# Losses.


def _reduced(lost, weight, reduction):
    if weight is not None:
        lost = lost * weight
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return lost if reduction == "none" else lost.mean() if reduction == "mean" else lost.sum()


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """(x − y)²."""
    return _losses.mse(input, target, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """|x − y|."""
    return _losses.l1(input, target, reduction)


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """d²/(2β) for |d| < β, else |d| − β/2, with d = x − y."""
    return _losses.smooth_l1(input, target, float(beta), reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """d²/2 for |d| ≤ δ, else δ (|d| − δ/2), with d = x − y (Huber 1964)."""
    return _losses.huber(input, target, float(delta), reduction)


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """−ln softmax(z)[c] of logits z [n, C, …], for classes c or probabilities of them."""
    return _losses.cross_entropy(
        input, target, weight, ignore_index, label_smoothing, reduction, False
    )


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """−x[c] of log-probabilities x [n, C, …] at classes c."""
    return _losses.cross_entropy(input, target, weight, ignore_index, 0.0, reduction, True)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """−y ln x − (1 − y) ln(1 − x) of probabilities x; logarithms count at least −100."""
    if weight is not None:
        return _reduced(_losses.bce(input, target, "none"), weight, reduction)
    return _losses.bce(input, target, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """(1 − y) z + ln(1 + e⁻ᶻ) of logits z, where ``pos_weight`` multiplies the term of y."""
    if weight is not None:
        lost = _losses.bce_with_logits(input, target, pos_weight, "none")
        return _reduced(lost, weight, reduction)
    return _losses.bce_with_logits(input, target, pos_weight, reduction)


def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """y (ln y − x) of log-probabilities x; ``batchmean`` is the divergence of a batch."""
    return _losses.kl_div(input, target, log_target, reduction)


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """eˣ − y x, or x − y ln x unless ``log_input``."""
    return _losses.poisson_nll(input, target, log_input, full, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor, full: bool = False, reduction: str = "mean"
) -> Tensor:
    """(ln v + (x − y)²/v)/2."""
    return _losses.gaussian_nll(input, target, var, full, reduction)


def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """ln(1 + e^(−yx)) for y = ±1."""
    return _losses.soft_margin(input, target, reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """The mean over classes of the binary cross-entropies of logits."""
    return _losses.multilabel_soft_margin(input, target, weight, reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """x for y = 1, max(0, margin − x) for y = −1."""
    return _losses.hinge_embedding(input, target, float(margin), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, −y (a − b) + margin)."""
    return _losses.margin_ranking(input1, input2, target, float(margin), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 − cos for y = 1, max(0, cos − margin) for y = −1."""
    return _losses.cosine_embedding(input1, input2, target, float(margin), reduction)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, d(a, p) − d(a, n) + margin) with the p-norm of differences."""
    return _losses.triplet_margin(
        anchor, positive, negative, float(margin), float(p), eps, swap, reduction
    )
