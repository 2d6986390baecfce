"""Initial values of parameters, in place, as ``torch.nn.init``.

With the fans of a weight [out, in, …], in·∏… and out·∏…, Xavier's variance is 2 g²/(fan in + fan
out) (Glorot and Bengio 2010) and Kaiming's g²/fan (He et al. 2015). Numbers are drawn in double
precision from the generator of ``manual_seed``, and are those that the Rust layers draw.
"""

from __future__ import annotations

from typing import Any

from .._grad_mode import no_grad
from .._native import Tensor, _layers

__all__ = [
    "calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_",
    "ones_", "orthogonal_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_",
    "zeros_",
]  # fmt: skip


def _drawn(tensor, kind, *numbers, fan_out=False):
    with no_grad():
        shape = list(tensor.shape)
        tensor.copy_(_layers.draw(kind, shape, tensor.dtype, *numbers, fan_out=fan_out))
    return tensor


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before a nonlinearity are larger: √2 for relu, 5/3 for tanh."""
    return _layers.gain(nonlinearity, 0.01 if param is None else float(param))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return _drawn(tensor, "constant", float(val))


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal of a matrix, zeros elsewhere."""
    from .. import _native

    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        tensor.copy_(_native.eye(*tensor.shape, dtype=tensor.dtype))
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform on [a, b)."""
    return _drawn(tensor, "uniform", float(a), float(b))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal."""
    return _drawn(tensor, "normal", float(mean), float(std))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Any = None,
) -> Tensor:  # fmt: skip
    """Normal, drawn again where it leaves [a, b]."""
    return _drawn(tensor, "trunc_normal", float(mean), float(std), float(a), float(b))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform with variance 2 g²/(fan in + fan out)."""
    return _drawn(tensor, "xavier_uniform", float(gain))


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with variance 2 g²/(fan in + fan out)."""
    return _drawn(tensor, "xavier_normal", float(gain))


def _fan(mode):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of fan_in, fan_out")
    return mode == "fan_out"


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:  # fmt: skip
    """Uniform with variance g²/fan, where ``a`` is the slope of leaky relu."""
    gain = calculate_gain(nonlinearity, a)
    return _drawn(tensor, "kaiming_uniform", gain, fan_out=_fan(mode))


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:  # fmt: skip
    """Normal with variance g²/fan, where ``a`` is the slope of leaky relu."""
    gain = calculate_gain(nonlinearity, a)
    return _drawn(tensor, "kaiming_normal", gain, fan_out=_fan(mode))


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """A matrix [out, ∏ others] with orthonormal rows or columns, whichever are fewer, times g."""
    return _drawn(tensor, "orthogonal", float(gain))
