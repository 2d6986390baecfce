"""Derivatives compared with differences of values."""

from .. import _native


class GradcheckError(RuntimeError):
    """A derivative that differences of values do not confirm."""


def _many(of):
    return (of,) if isinstance(of, _native.Tensor) else tuple(of)


def _rows(y, x):
    """∂y/∂x as rows over the elements of y, as numbers."""
    from . import grad

    flat, rows = y.reshape(-1), []
    for i in range(flat.numel()):
        (g,) = grad(flat[i], x, allow_unused=True)
        rows.append([0.0] * x.numel() if g is None else g.reshape(-1).tolist())
    return rows


def gradcheck(
    func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, check_forward_ad=False
):
    """Whether the derivatives of ``func`` agree with central differences at ``inputs``.

    Inputs that require gradients are checked; they should be float64.
    """
    xs = _many(inputs)
    ys = _many(func(*xs))
    for j, x in enumerate(xs):
        if not (isinstance(x, _native.Tensor) and x.requires_grad):
            continue
        shape, numbers = tuple(x.shape), x.detach().reshape(-1).tolist()

        def at(i, step):
            moved = list(numbers)
            moved[i] += step
            point = _native.tensor(moved, dtype=x.dtype).reshape(shape)
            point.requires_grad_()
            values = _many(func(*xs[:j], point, *xs[j + 1 :]))
            return [y.detach().reshape(-1).tolist() for y in values]

        columns = [(at(i, eps), at(i, -eps)) for i in range(len(numbers))]
        for k, y in enumerate(ys):
            if not y.requires_grad:
                continue
            for row, exact in enumerate(_rows(y, x)):
                for i, slope in enumerate(exact):
                    upper, lower = columns[i]
                    estimate = (upper[k][row] - lower[k][row]) / (2 * eps)
                    if abs(slope - estimate) <= atol + rtol * abs(estimate):
                        continue
                    if raise_exception:
                        raise GradcheckError(
                            f"the derivative of output {k} by input {j}, element {row} by element "
                            f"{i}, is {slope}, but differences of values say {estimate}"
                        )
                    return False
    return True


def gradgradcheck(
    func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True
):
    """The same for the derivatives of the derivatives."""
    from . import grad

    def first(*xs):
        ys = _many(func(*xs))
        wanted = [x for x in xs if isinstance(x, _native.Tensor) and x.requires_grad]
        vs = grad_outputs or [_native.ones_like(y) * 0.7 for y in ys]
        return grad(ys, wanted, vs, create_graph=True, materialize_grads=True)

    return gradcheck(
        first, inputs, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception
    )
