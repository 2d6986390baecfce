"""Activations as modules."""

from __future__ import annotations

from .._native import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "ELU", "GELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "LogSoftmax",
    "Mish", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
]  # fmt: skip


def _plain(name, function):
    class Activation(Module):
        def __init__(self, inplace=False):
            super().__init__()
            self.inplace = inplace

        def forward(self, input):
            return function(input)

    Activation.__name__ = Activation.__qualname__ = name
    Activation.__doc__ = function.__doc__
    return Activation


ReLU = _plain("ReLU", F.relu)
ReLU6 = _plain("ReLU6", F.relu6)
SELU = _plain("SELU", F.selu)
SiLU = _plain("SiLU", F.silu)
Mish = _plain("Mish", F.mish)
Tanh = _plain("Tanh", F.tanh)
Sigmoid = _plain("Sigmoid", F.sigmoid)
Softsign = _plain("Softsign", F.softsign)
LogSigmoid = _plain("LogSigmoid", F.logsigmoid)
Hardsigmoid = _plain("Hardsigmoid", F.hardsigmoid)
Hardswish = _plain("Hardswish", F.hardswish)


class LeakyReLU(Module):
    __doc__ = F.leaky_relu.__doc__

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    __doc__ = F.elu.__doc__

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    __doc__ = F.gelu.__doc__

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    __doc__ = F.softplus.__doc__

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardtanh(Module):
    __doc__ = F.hardtanh.__doc__

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Softmax(Module):
    __doc__ = F.softmax.__doc__

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    __doc__ = F.log_softmax.__doc__

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)
