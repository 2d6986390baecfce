"""Layers: options and parameters here, what they compute in ``functional``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import _native
from .._native import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


def _options(text, **values):
    """``text`` and the options that are not at their default: ``name=(value, default)``."""
    more = [f"{name}={value}" for name, (value, usual) in values.items() if value != usual]
    return ", ".join([text, *more] if text else more)


def _parameter(shape, dtype):
    return Parameter(_native.zeros(*shape, dtype=dtype or _native.get_default_dtype()))


class Identity(Module):
    """x, whatever arguments it was made with."""

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x Wᵀ + b, with W [out, in] and b [out] uniform on ±1/√in at first.

        >>> Linear(3, 2)(ones(5, 3)).shape
        (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = _parameter((out_features, in_features), dtype)
        self.register_parameter("bias", _parameter((out_features,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        bound = 1 / math.sqrt(max(self.in_features, 1))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Embedding(Module):
    """A table of vectors [count, width], standard normal at first; that of ``padding_idx`` is zero
    and gets no gradient."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        _weight: Tensor | None = None, device: Any = None, dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx
        self.weight = _parameter((num_embeddings, embedding_dim), dtype)
        if _weight is None:
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight)

    def reset_parameters(self) -> None:
        """Draws the vectors anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            rows = _native.arange(self.num_embeddings).unsqueeze(1)
            with _native_no_grad():
                self.weight.copy_(self.weight.masked_fill(rows == self.padding_idx, 0.0))

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """The layer with given vectors, which are not learnt if ``freeze``."""
        made = cls(*embeddings.shape, padding_idx=padding_idx, _weight=embeddings)
        made.requires_grad_(not freeze)
        return made

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        return _options(text, padding_idx=(self.padding_idx, None))


def _native_no_grad():
    from .._grad_mode import no_grad

    return no_grad()


class Dropout(Module):
    """In training x m/(1 − p) with m 0 with probability p, else 1 (Srivastava et al. 2014)."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Flatten(Module):
    """Axes ``start_dim`` to ``end_dim`` as one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        shape, dim = list(input.shape), self.dim % input.ndim
        return input.reshape(*shape[:dim], *self.unflattened_size, *shape[dim + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


# Normalisation.


class LayerNorm(Module):
    """(x − μ)/√(σ² + ε) · w + b over the last axes (Ba et al. 2016)."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5,
        elementwise_affine: bool = True, bias: bool = True, device: Any = None,
        dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape, self.eps = tuple(shape), eps
        self.elementwise_affine = elementwise_affine
        affine = elementwise_affine
        for name, there in (("weight", affine), ("bias", affine and bias)):
            made = _parameter(self.normalized_shape, dtype) if there else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Factors 1 and summands 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


class RMSNorm(Module):
    """x/√(mean x² + ε) · w over the last axes (Zhang and Sennrich 2019)."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None,
        elementwise_affine: bool = True, device: Any = None, dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape, self.eps = tuple(shape), eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter(
            "weight", _parameter(self.normalized_shape, dtype) if elementwise_affine else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Factors 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


class _BatchNorm(Module):
    """(x − μ)/√(σ² + ε) · w + b of each channel over batch and space (Ioffe and Szegedy 2015).

    Running statistics r ← (1 − m) r + m s are used in evaluation; with momentum None they are means
    over all batches.
    """

    _space = 1

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True, device: Any = None,
        dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name in ("weight", "bias"):
            made = _parameter((num_features,), dtype) if affine else None
            self.register_parameter(name, made)
        kept, dtype = track_running_stats, dtype or _native.get_default_dtype()
        mean, var = (make(num_features, dtype=dtype) for make in (_native.zeros, _native.ones))
        self.register_buffer("running_mean", mean if kept else None)
        self.register_buffer("running_var", var if kept else None)
        self.register_buffer("num_batches_tracked", _native.tensor(0) if kept else None)
        if affine:
            init.ones_(self.weight)

    def reset_running_stats(self) -> None:
        """Mean 0 and variance 1, from no batch."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Factors 1 and summands 0, and fresh statistics."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        running = None
        if self.track_running_stats:
            running = self.running_mean, self.running_var, self.num_batches_tracked
        training = self.training or running is None
        return _native._layers.batch_norm(
            input, running, self.weight, self.bias, training, self.momentum, self.eps, self._space
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """(x − μ)/√(σ² + ε) · w + b of each channel over the batch and the length, in training; with
    running statistics in evaluation. For [n, channels] and [n, channels, length]."""


class BatchNorm2d(_BatchNorm):
    """(x − μ)/√(σ² + ε) · w + b of each channel over the batch and the image, in training; with
    running statistics in evaluation. For [n, channels, height, width]."""

    _space = 2


# Convolutions.


class _Conv(Module):
    _space, _transposed = 1, False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1, padding: int | str | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0, dilation: int | Sequence[int] = 1, groups: int = 1,
        bias: bool = True, padding_mode: str = "zeros", dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_mode != "zeros":
            raise ValueError("padding is with zeros; pad the input otherwise")
        if groups <= 0 or in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")

        def axes(value):
            return (value,) * self._space if isinstance(value, int) else tuple(value)

        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = map(axes, (kernel_size, stride, dilation))
        self.padding = padding if isinstance(padding, str) else axes(padding)
        self.output_padding, self.padding_mode = axes(output_padding), padding_mode
        ends = (in_channels, out_channels) if self._transposed else (out_channels, in_channels)
        self.weight = _parameter((ends[0], ends[1] // groups, *self.kernel_size), dtype)
        self.register_parameter("bias", _parameter((out_channels,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on ±1/√(fan in)."""
        bound = 1 / math.sqrt(max(math.prod(self.weight.shape[1:]), 1))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        zeros, ones = (0,) * self._space, (1,) * self._space
        return _options(
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}",
            padding=(self.padding, zeros), dilation=(self.dilation, ones),
            output_padding=(self.output_padding, zeros), groups=(self.groups, 1),
            bias=(self.bias is not None, True),
        )  # fmt: skip


class Conv1d(_Conv):
    """Convolution along one axis: [n, in, length] to [n, out, length]."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1, padding: int | str | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: Any = None, dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias,
            padding_mode, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        function = F.conv1d if self._space == 1 else F.conv2d
        return function(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class Conv2d(Conv1d):
    """Convolution along two axes: [n, in, height, width] to [n, out, height, width].

        >>> Conv2d(3, 8, 3, stride=2, padding=1)(ones(4, 3, 9, 9)).shape
        (4, 8, 5, 5)
    """

    _space = 2


class ConvTranspose1d(_Conv):
    """The adjoint of a convolution along one axis."""

    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1, padding: int | str | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0, groups: int = 1, bias: bool = True,
        dilation: int | Sequence[int] = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation,
            groups, bias, padding_mode, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        if output_size is not None:
            raise NotImplementedError("give output_padding instead of output_size")
        function = F.conv_transpose1d if self._space == 1 else F.conv_transpose2d
        return function(
            input, self.weight, self.bias, self.stride, self.padding, self.output_padding,
            self.groups, self.dilation,
        )  # fmt: skip


class ConvTranspose2d(ConvTranspose1d):
    """The adjoint of a convolution along two axes."""

    _space = 2


# Pooling.


class _Pool(Module):
    _function: Callable[..., Tensor]

    def __init__(
        self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
        padding: int | str | Sequence[int] = 0, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self._options = padding, options

    def forward(self, input: Tensor) -> Tensor:
        function = type(self)._function
        return function(input, self.kernel_size, self.stride, self.padding, **self._options)

    def extra_repr(self) -> str:
        text = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return ", ".join([text, *(f"{name}={value}" for name, value in self._options.items())])


class MaxPool1d(_Pool):
    """The largest of each window along one axis."""

    _function = staticmethod(F.max_pool1d)

    def __init__(
        self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
        padding: int | str | Sequence[int] = 0, dilation: int | Sequence[int] = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, dilation=dilation, ceil_mode=ceil_mode)
        if return_indices:
            raise NotImplementedError("pooling does not give the places of maxima")


class MaxPool2d(MaxPool1d):
    """The largest of each window of an image."""

    _function = staticmethod(F.max_pool2d)


class AvgPool1d(_Pool):
    """The mean of each window along one axis."""

    _function = staticmethod(F.avg_pool1d)

    def __init__(
        self, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None,
        padding: int | str | Sequence[int] = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad
        )


class AvgPool2d(AvgPool1d):
    """The mean of each window of an image."""

    _function = staticmethod(F.avg_pool2d)


class AdaptiveAvgPool2d(Module):
    """Means of nearly equal parts: an image of the size asked for."""

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
