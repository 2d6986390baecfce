"""Tensors that modules learn or keep."""

from __future__ import annotations

from typing import Any

from .. import _native
from .._native import Tensor, _layers

__all__ = ["Buffer", "Parameter"]

Parameter = _layers.Parameter


def _repr(self):
    return "Parameter containing:\n" + Tensor.__repr__(self)


def _deepcopy(self, memo):
    copied = Parameter(self.detach().clone(), self.requires_grad)
    memo[id(self)] = copied
    return copied


def _restored(numbers, shape, dtype, requires_grad):
    return Parameter(_native._from_bytes(numbers, shape, dtype), requires_grad)


def _reduce(self, protocol):
    return _restored, (self._bytes(), tuple(self.shape), self.dtype, self.requires_grad)


Parameter.__repr__ = _repr
Parameter.__deepcopy__ = _deepcopy
Parameter.__reduce_ex__ = _reduce


class Buffer:
    """Marks a tensor that a module keeps but does not learn: ``self.mean = Buffer(zeros(3))``."""

    def __init__(self, data: Any, *, persistent: bool = True) -> None:
        self.data, self.persistent = data, persistent
