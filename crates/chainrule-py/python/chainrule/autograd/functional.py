"""Derivatives of functions at points, as ``torch.autograd.functional``."""

from .. import _native
from .._grad_mode import enable_grad


def _many(of):
    return (of,) if isinstance(of, _native.Tensor) else tuple(of)


def _like(single, found):
    return found[0] if single else tuple(found)


def _start(inputs, create_graph):
    """The inputs as tensors to differentiate by, kept in their graph if that goes on."""
    return [x.clone() if create_graph and x.requires_grad else x.detach().requires_grad_()
            for x in _many(inputs)]


def _finish(tensors, create_graph):
    return [t if create_graph else t.detach() for t in tensors]


def _pull(ys, xs, vs, strict, create_graph):
    from . import grad

    return grad(ys, xs, vs, create_graph=create_graph, allow_unused=not strict,
                materialize_grads=not strict)


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """The value of ``func`` and vᵀJ."""
    with enable_grad():
        xs = _start(inputs, create_graph)
        outputs = func(*xs)
        ys = _many(outputs)
        vs = None if v is None else _many(v)
        found = _pull(ys, xs, vs, strict, create_graph)
    values = _finish(ys, create_graph)
    return (_like(isinstance(outputs, _native.Tensor), values),
            _like(isinstance(inputs, _native.Tensor), _finish(found, create_graph)))


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """The value of ``func`` and J v: the derivative of vᵀJ by its v."""
    from . import grad

    with enable_grad():
        xs = _start(inputs, create_graph)
        outputs = func(*xs)
        ys = _many(outputs)
        us = [_native.zeros_like(y).requires_grad_() for y in ys]
        pulled = grad(ys, xs, us, create_graph=True, allow_unused=not strict,
                      materialize_grads=not strict)
        vs = _many(v) if v is not None else [_native.ones_like(x) for x in xs]
        pairs = [(g, w) for g, w in zip(pulled, vs) if g.requires_grad]
        if pairs:
            pushed = grad([g for g, _ in pairs], us, [w for _, w in pairs],
                          create_graph=create_graph, materialize_grads=True)
        else:
            pushed = [_native.zeros_like(y) for y in ys]
    values = _finish(ys, create_graph)
    single = isinstance(outputs, _native.Tensor)
    return _like(single, values), _like(single, _finish(pushed, create_graph))


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy=None):
    """∂y/∂x with the axes of y before those of x; of several, a tuple for each."""
    with enable_grad():
        xs = _start(inputs, create_graph)
        outputs = func(*xs)
        ys = _many(outputs)
        blocks = []
        for y in ys:
            flat = y.reshape(-1)
            rows = [_pull(flat[i], xs, None, strict, create_graph) if y.requires_grad
                    else [_native.zeros_like(x) for x in xs] for i in range(flat.numel())]
            blocks.append(tuple(
                _native.stack([row[j] for row in rows]).reshape(tuple(y.shape) + tuple(x.shape))
                if rows else _native.zeros(tuple(y.shape) + tuple(x.shape), dtype=x.dtype)
                for j, x in enumerate(xs)
            ))
    blocks = [tuple(_finish(block, create_graph)) for block in blocks]
    if isinstance(inputs, _native.Tensor):
        blocks = [block[0] for block in blocks]
    return _like(isinstance(outputs, _native.Tensor), blocks)


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False,
            outer_jacobian_strategy=None):
    """The second derivatives of a function with one number as its value."""
    single = isinstance(inputs, _native.Tensor)

    def gradient(*xs):
        y = func(*xs)
        if y.numel() != 1:
            raise RuntimeError("`hessian` needs a function whose value is one number")
        return tuple(_pull(y.reshape(()), xs, None, strict, True))

    found = jacobian(gradient, _many(inputs), create_graph=create_graph, strict=strict)
    return found[0][0] if single else found


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """The value of ``func`` and vᵀH."""
    with enable_grad():
        xs = _start(inputs, create_graph)
        y = func(*xs)
        first = _pull(y, xs, None, strict, True)
        vs = _many(v) if v is not None else [_native.ones_like(x) for x in xs]
        pairs = [(g, w) for g, w in zip(first, vs) if g.requires_grad]
        if pairs:
            found = _pull([g for g, _ in pairs], xs, [w for _, w in pairs], strict, create_graph)
        else:
            found = [_native.zeros_like(x) for x in xs]
    return (_finish([y], create_graph)[0],
            _like(isinstance(inputs, _native.Tensor), _finish(found, create_graph)))


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """The value of ``func`` and H v, which is vᵀH, H being symmetric."""
    return vhp(func, inputs, v, create_graph, strict)
