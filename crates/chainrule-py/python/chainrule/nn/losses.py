"""Losses as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._native import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "GaussianNLLLoss",
    "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "MarginRankingLoss",
    "MultiLabelSoftMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss",
    "TripletMarginLoss",
]  # fmt: skip


class _Loss(Module):
    """A loss with options: those of the function of the same name."""

    _function: Callable[..., Tensor]
    #: Options before ``reduction`` in the constructor, with their defaults; weights are buffers.
    _options = {}
    _weights = ("weight", "pos_weight")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        names = [*self._options, "reduction"]
        known = {"size_average", "reduce"}
        if len(args) > len(names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        values = {**self._options, "reduction": "mean", **dict(zip(names, args)), **kwargs}
        for name, value in values.items():
            if name in known:
                if value is not None:
                    raise TypeError(f"{name} is no longer an option: give reduction instead")
            elif name not in names:
                raise TypeError(f"{type(self).__name__} has no option {name}")
            elif name in self._weights:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *inputs: Any) -> Tensor:
        options = {name: getattr(self, name) for name in [*self._options, "reduction"]}
        return type(self)._function(*inputs, **options)


def _loss(name, function, **options):
    body = {"_function": staticmethod(function), "_options": options, "__doc__": function.__doc__}
    return type(name, (_Loss,), {**body, "__module__": __name__})


MSELoss = _loss("MSELoss", F.mse_loss)
L1Loss = _loss("L1Loss", F.l1_loss)
SmoothL1Loss = _loss("SmoothL1Loss", F.smooth_l1_loss, beta=1.0)
HuberLoss = _loss("HuberLoss", F.huber_loss, delta=1.0)
CrossEntropyLoss = _loss(
    "CrossEntropyLoss", F.cross_entropy, weight=None, ignore_index=-100, label_smoothing=0.0
)
NLLLoss = _loss("NLLLoss", F.nll_loss, weight=None, ignore_index=-100)
BCELoss = _loss("BCELoss", F.binary_cross_entropy, weight=None)
BCEWithLogitsLoss = _loss(
    "BCEWithLogitsLoss", F.binary_cross_entropy_with_logits, weight=None, pos_weight=None
)
KLDivLoss = _loss("KLDivLoss", F.kl_div, log_target=False)
PoissonNLLLoss = _loss("PoissonNLLLoss", F.poisson_nll_loss, log_input=True, full=False)
GaussianNLLLoss = _loss("GaussianNLLLoss", F.gaussian_nll_loss, full=False)
SoftMarginLoss = _loss("SoftMarginLoss", F.soft_margin_loss)
MultiLabelSoftMarginLoss = _loss(
    "MultiLabelSoftMarginLoss", F.multilabel_soft_margin_loss, weight=None
)
HingeEmbeddingLoss = _loss("HingeEmbeddingLoss", F.hinge_embedding_loss, margin=1.0)
MarginRankingLoss = _loss("MarginRankingLoss", F.margin_ranking_loss, margin=0.0)
CosineEmbeddingLoss = _loss("CosineEmbeddingLoss", F.cosine_embedding_loss, margin=0.0)
TripletMarginLoss = _loss(
    "TripletMarginLoss", F.triplet_margin_loss, margin=1.0, p=2.0, eps=1e-6, swap=False
)
