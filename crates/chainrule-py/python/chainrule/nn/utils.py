"""Gradients that are bounded, and parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable

from .. import _native
from .._native import Tensor, _optim

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters",
]  # fmt: skip


def _list(parameters):
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0,
    error_if_nonfinite: bool = False, foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """All gradients times min(1, c/(‖g‖ + 10⁻⁶)), ‖g‖ their Euclidean norm together (Pascanu et al.
    2013); gives ‖g‖ before, computed with the next step."""
    if norm_type != 2.0:
        raise NotImplementedError(f"gradients are bounded by their 2-norm, not {norm_type}")
    norm = _optim.clip_gradients(_list(parameters), float(max_norm), False)
    if error_if_nonfinite and not bool(norm.isfinite()):
        raise RuntimeError(
            "The total norm of order 2.0 for gradients from `parameters` is non-finite, so it "
            "cannot be clipped."
        )
    return norm


def clip_grad_value_(
    parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None
) -> None:
    """Each element of the gradients to [−c, c]."""
    _optim.clip_gradients(_list(parameters), float(clip_value), True)


def parameters_to_vector(parameters: Iterable[Tensor] | Tensor) -> Tensor:
    """All parameters as one vector."""
    return _native.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor] | Tensor) -> None:
    """Gives parameters the values of a vector."""
    from .._grad_mode import no_grad

    start = 0
    with no_grad():
        for p in parameters:
            n = p.numel()
            p.copy_(vec[start : start + n].reshape(tuple(p.shape)))
            start += n
