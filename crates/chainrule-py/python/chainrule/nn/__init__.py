"""Layers, losses and what models consist of, with torch's names and semantics.

    >>> net = Sequential(Linear(2, 16), Tanh(), Linear(16, 3))
    >>> loss = CrossEntropyLoss()(net(randn(8, 2)), randint(0, 3, (8,)))
    >>> loss.backward()

A module owns its parameters and options; what it computes is one of the layers of the Rust library,
so that values, gradients and initial values are the same there and here. State dictionaries have
torch's names and go to and from safetensors files with ``save`` and ``load``.

Not here: 3-D convolutions, group and instance norms, sparse embeddings, packed sequences.
"""

from __future__ import annotations

from . import activations, functional, init, losses, utils
from .activations import *  # noqa: F403
from .containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .layers import (
    AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv1d, Conv2d,
    ConvTranspose1d, ConvTranspose2d, Dropout, Embedding, Flatten, Identity, LayerNorm, Linear,
    MaxPool1d, MaxPool2d, RMSNorm, Unflatten,
)  # fmt: skip
from .losses import *  # noqa: F403
from .module import Module
from .parameter import Buffer, Parameter
from .recurrent import GRU, LSTM, RNN
from .transformer import (
    MultiheadAttention, PositionalEmbedding, PositionalEncoding, TransformerEncoder,
    TransformerEncoderLayer,
)  # fmt: skip

__all__ = [
    "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Buffer", "Conv1d",
    "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "Dropout", "Embedding", "Flatten", "GRU",
    "Identity", "LSTM", "LayerNorm", "Linear", "MaxPool1d", "MaxPool2d", "Module", "ModuleDict",
    "ModuleList", "MultiheadAttention", "Parameter", "ParameterDict", "ParameterList",
    "PositionalEmbedding", "PositionalEncoding", "RMSNorm", "RNN", "Sequential",
    "TransformerEncoder", "TransformerEncoderLayer", "Unflatten", "functional", "init", "utils",
]  # fmt: skip
__all__ += activations.__all__
__all__ += losses.__all__

for _value in list(globals().values()):
    if isinstance(_value, type) and _value.__module__.startswith(__name__ + "."):
        _value.__module__ = __name__
del _value
