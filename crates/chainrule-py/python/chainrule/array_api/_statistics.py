"""Sums, extrema, moments, and whether any or all elements are true."""

import math

from .. import _native
from ._types import _dtype, array, axis_of


def _axes(name, axis, rank):
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(axis_of(name, a, rank) for a in axes)


def _kept(y, x, axes, keepdims):
    if not keepdims:
        return y
    return y.reshape(tuple(1 if a in axes else n for a, n in enumerate(x.shape)))


def sum(x, /, *, axis=None, dtype=None, keepdims=False):
    """Σ x along axes. Of integers of any width in ``int64``; floating-point types stay."""
    y = array("sum", x, "numeric") if dtype is None else x.to(_dtype(dtype))
    axes = _axes("sum", axis, x.ndim)
    y = y.sum(axes) if axes else y.reshape(1, *y.shape).sum(0)
    return _kept(y if dtype is None else y.to(dtype), x, axes, keepdims)


def prod(x, /, *, axis=None, dtype=None, keepdims=False):
    """Π x along axes. Of integers of any width in ``int64``; floating-point types stay."""
    y = array("prod", x, "numeric") if dtype is None else x.to(_dtype(dtype))
    axes = _axes("prod", axis, x.ndim)
    others = [a for a in range(x.ndim) if a not in axes]
    n = math.prod(x.shape[a] for a in axes)
    shape = tuple(x.shape[a] for a in others)
    y = y.permute([*others, *axes]) if axes else y
    y = y.reshape(*shape, n).prod(len(shape))
    return _kept(y if dtype is None else y.to(dtype), x, axes, keepdims)


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """Running sums along an axis, which a vector's need not be said; perhaps with a 0 before them."""
    array("cumulative_sum", x, "numeric")
    if axis is None:
        if x.ndim != 1:
            raise ValueError("`cumulative_sum` of an array with several axes needs an axis")
        axis = 0
    axis = axis_of("cumulative_sum", axis, x.ndim)
    y = (x if dtype is None else x.to(_dtype(dtype))).cumsum(axis)
    y = y if dtype is None else y.to(dtype)
    if include_initial:
        shape = tuple(1 if a == axis else n for a, n in enumerate(x.shape))
        y = _native.cat([_native.zeros(shape, dtype=y.dtype), y], axis)
    return y


def _extremum(name, method):
    def function(x, /, *, axis=None, keepdims=False):
        array(name, x, "numeric")
        axes = _axes(name, axis, x.ndim)
        y = getattr(x, method)(axes) if axes else x.clone()
        return _kept(y, x, axes, keepdims)

    which = "largest" if name == "max" else "smallest"
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {which} element along axes; NaN if any element is."
    return function


max, min = _extremum("max", "amax"), _extremum("min", "amin")


def mean(x, /, *, axis=None, keepdims=False):
    """The arithmetic mean along axes; NaN of no elements."""
    array("mean", x, "real floating")
    axes = _axes("mean", axis, x.ndim)
    return _kept(x.mean(axes) if axes else x.clone(), x, axes, keepdims)


def var(x, /, *, axis=None, correction=0.0, keepdims=False):
    """The mean square distance from the mean along axes, the divisor being n − ``correction``."""
    array("var", x, "real floating")
    axes = _axes("var", axis, x.ndim)
    if axes:
        y = x.var(axes, correction=float(correction))
    else:
        y = x.reshape(1, *x.shape).var(0, correction=float(correction))
    return _kept(y, x, axes, keepdims)


def std(x, /, *, axis=None, correction=0.0, keepdims=False):
    """The root of the variance along axes."""
    return var(x, axis=axis, correction=correction, keepdims=keepdims).sqrt()


def _truth(name):
    def function(x, /, *, axis=None, keepdims=False):
        array(name, x, "any")
        y, axes = x.to(_native.bool), _axes(name, axis, x.ndim)
        for a in sorted(axes, reverse=True):
            y = getattr(y, name)(a)
        return _kept(y, x, axes, keepdims)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Whether {name} elements along axes are true, or not 0."
    return function


all, any = _truth("all"), _truth("any")

__all__ = ["sum", "prod", "cumulative_sum", "max", "min", "mean", "var", "std", "all", "any"]
