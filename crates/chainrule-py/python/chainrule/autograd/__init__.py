"""Differentiation: ``grad``, ``backward``, functions with derivatives of their own, checks."""

from .. import _native
from .._grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from . import functional
from .function import Function
from .gradcheck import GradcheckError, gradcheck, gradgradcheck

__all__ = [
    "Function", "GradcheckError", "backward", "enable_grad", "functional", "grad", "gradcheck",
    "gradgradcheck", "inference_mode", "no_grad", "set_grad_enabled",
]  # fmt: skip


def _list(of):
    return [of] if isinstance(of, _native.Tensor) else list(of)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The derivatives of ``outputs`` by ``inputs``: Σ vᵢ ∂yᵢ/∂x for each x, as a tuple.

    ``grad_outputs`` are the vᵢ; outputs of one element have 1. With ``create_graph`` the results
    can be differentiated in turn. An input on which no output depends is an error, or None with
    ``allow_unused``, or zeros with ``materialize_grads``.

        >>> x = tensor(3.0, requires_grad=True)
        >>> grad(x ** 2, x)
        (tensor(6.),)
    """
    ys, xs = _list(outputs), _list(inputs)
    vs = [None] * len(ys) if grad_outputs is None else _list(grad_outputs)
    if len(vs) != len(ys):
        raise RuntimeError(f"{len(vs)} grad_outputs for {len(ys)} outputs")
    if is_grads_batched:
        n = len(vs[0])
        rows = [
            grad(ys, xs, [None if v is None else v[i] for v in vs], True, create_graph, allow_unused)
            for i in range(n)
        ]
        return tuple(None if g[0] is None else _native.stack(list(g)) for g in zip(*rows))
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    found = _native._grad(ys, xs, vs, create_graph, allow_unused)
    if materialize_grads:
        found = [_native.zeros_like(x) if g is None else g for g, x in zip(found, xs)]
    return tuple(found)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the derivatives of ``tensors`` to the ``grad`` of what they depend on."""
    ys = _list(tensors)
    vs = [None] * len(ys) if grad_tensors is None else _list(grad_tensors)
    for y, v in zip(ys, vs):
        y.backward(v, create_graph=create_graph, inputs=inputs)
