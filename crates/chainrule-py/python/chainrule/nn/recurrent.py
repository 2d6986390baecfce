"""Networks that read a sequence and keep a state: tanh and relu RNN, GRU, LSTM.

    RNN   h ← φ(W x + b + U h + c)
    LSTM  i, f, o = σ(…), g = tanh(…) of the parts of W x + b + U h + c
          c ← f c + i g,  h ← o tanh c                     (Hochreiter and Schmidhuber 1997)
    GRU   r, z = σ(…), n = tanh(W x + b + r (U h + c)),  h ← (1 − z) n + z h     (Cho et al. 2014)
"""

from __future__ import annotations

import math
from typing import Any

from .. import _native
from .._native import Tensor, _layers
from . import init
from .layers import _options, _parameter
from .module import Module


class _Recurrent(Module):
    _gates, _cell = 1, "rnn_tanh"

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        device: Any = None, dtype: _native.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 0 <= dropout <= 1:
            raise ValueError("dropout should be a number in range [0, 1]")
        if hidden_size <= 0 or num_layers <= 0:
            raise ValueError("hidden_size and num_layers must be greater than zero")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first = bias, batch_first
        self.dropout, self.bidirectional = float(dropout), bidirectional
        self._names, wide = [], self._gates * hidden_size
        for layer in range(num_layers):
            inputs = hidden_size * (1 + bidirectional) if layer else input_size
            for back in [""] + (["_reverse"] if bidirectional else []):
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (wide, inputs), "weight_hh": (wide, hidden_size)
                }  # fmt: skip
                if bias:
                    shapes.update(bias_ih=(wide,), bias_hh=(wide,))
                for what, shape in shapes.items():
                    name = f"{what}_l{layer}{back}"
                    self._names.append(name)
                    self.register_parameter(name, _parameter(shape, dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on ±1/√hidden."""
        bound = 1 / math.sqrt(self.hidden_size)
        for name in self._names:
            init.uniform_(self._parameters[name], -bound, bound)

    def _run(self, input, h0, c0):
        return _layers.recurrent(
            self._cell, input, self.hidden_size, [self._parameters[name] for name in self._names],
            self.num_layers, self.bias, self.batch_first, self.bidirectional, self.dropout,
            self.training, h0, c0,
        )  # fmt: skip

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        output, h, _ = self._run(input, hx, None)
        return output, h.squeeze(1) if input.ndim == 2 and h.ndim == 3 else h

    def extra_repr(self) -> str:
        return _options(
            f"{self.input_size}, {self.hidden_size}",
            num_layers=(self.num_layers, 1), bias=(self.bias, True),
            batch_first=(self.batch_first, False), dropout=(self.dropout, 0.0),
            bidirectional=(self.bidirectional, False),
        )  # fmt: skip


class RNN(_Recurrent):
    """h ← φ(W x + b + U h + c) with φ tanh or relu; gives all states and the last."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        *args: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}': take 'tanh' or 'relu'.")
        self.__class__._check_options(kwargs)
        super().__init__(input_size, hidden_size, num_layers, *args, **kwargs)
        self.nonlinearity, self._cell = nonlinearity, "rnn_" + nonlinearity

    @staticmethod
    def _check_options(options):
        if options.pop("proj_size", 0):
            raise NotImplementedError("states are not projected")


class GRU(_Recurrent):
    """r, z = σ(…), n = tanh(W x + b + r (U h + c)), h ← (1 − z) n + z h."""

    _gates, _cell = 3, "gru"


class LSTM(_Recurrent):
    """Long short-term memory: gives all states and the last pair (h, c).

        >>> output, (h, c) = LSTM(3, 5, num_layers=2, batch_first=True)(ones(4, 7, 3))
        >>> output.shape, h.shape
        ((4, 7, 5), (2, 4, 5))
    """

    _gates, _cell = 4, "lstm"

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h0, c0 = (None, None) if hx is None else hx
        output, h, c = self._run(input, h0, c0)
        if input.ndim == 2 and h.ndim == 3:
            h, c = h.squeeze(1), c.squeeze(1)
        return output, (h, c)
