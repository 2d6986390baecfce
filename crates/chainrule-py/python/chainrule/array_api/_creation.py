"""Making arrays."""

import builtins

from .. import _native
from .._native import Tensor, float32, float64, int64
from ._types import KINDS, _dtype, array, on_cpu


def _float():
    return _native.get_default_dtype()


def _of(dtype, default):
    return default if dtype is None else _dtype(dtype)


def _shape(shape):
    return (shape,) if isinstance(shape, int) else tuple(shape)


def asarray(obj, /, *, dtype=None, device=None, copy=None):
    """An array of a number, of nested sequences, or of another array.

    ``copy=True`` makes sure that memory is not shared, ``copy=False`` that it is, or raises.
    """
    on_cpu(device)
    if isinstance(obj, Tensor):
        y = obj if dtype is None else obj.to(_dtype(dtype))
        if copy is False and y is not obj:
            raise ValueError("another element type needs a copy; say `copy=None`")
        return y.clone() if copy and y is obj else y
    foreign = hasattr(obj, "__array_interface__"), hasattr(obj, "__dlpack__")
    if any(foreign):
        x = (_native.from_numpy if foreign[0] else _native.from_dlpack)(obj, copy=copy)
        if copy is False and dtype not in (None, x.dtype):
            raise ValueError("another element type needs a copy; say `copy=None`")
        return x if dtype is None else x.to(_dtype(dtype))
    if copy is False:
        raise ValueError("numbers of Python have to be copied; say `copy=None`")
    return _native.tensor(obj, dtype=None if dtype is None else _dtype(dtype))


def from_dlpack(x, /, *, device=None, copy=None):
    """An array of another library, without a copy where its memory allows."""
    on_cpu(device)
    return _native.from_dlpack(x, copy=copy)


def arange(start, /, stop=None, step=1, *, dtype=None, device=None):
    """``start``, ``start + step``, … before ``stop``; with one number, from 0 to before it."""
    on_cpu(device)
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError("`arange` needs a step that is not 0")
    whole = all(isinstance(n, int) for n in (start, stop, step))
    dtype = _of(dtype, int64 if whole else _float())
    if (stop - start) / step <= 0:
        return _native.zeros(0, dtype=dtype)
    if whole:
        return _native.arange(start, stop, step, dtype=dtype)
    numbers = _native.arange(0, -(-(stop - start) // step), dtype=float64) * float(step) + float(start)
    return numbers.to(dtype)


def linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True):
    """``num`` numbers at equal distances from ``start`` to ``stop``, which is left out if asked."""
    on_cpu(device)
    if num < 0:
        raise ValueError("`linspace` needs a number of elements that is not negative")
    if endpoint or num == 0:
        y = _native.linspace(start, stop, num, dtype=float64)
    else:
        y = _native.linspace(start, stop, num + 1, dtype=float64)[:-1]
    return y.to(_of(dtype, _float()))


def full(shape, fill_value, *, dtype=None, device=None):
    """One number everywhere; its type is that of the number."""
    on_cpu(device)
    kind = builtins.bool if isinstance(fill_value, builtins.bool) else type(fill_value)
    default = {builtins.bool: _native.bool, int: int64}.get(kind, _float())
    return _native.full(_shape(shape), fill_value, dtype=_of(dtype, default))


def zeros(shape, *, dtype=None, device=None):
    """Zeros."""
    return full(shape, 0, dtype=_of(dtype, _float()), device=device)


def ones(shape, *, dtype=None, device=None):
    """Ones."""
    return full(shape, 1, dtype=_of(dtype, _float()), device=device)


def empty(shape, *, dtype=None, device=None):
    """An array whose numbers do not matter; they are zeros."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(x, /, fill_value, *, dtype=None, device=None):
    """One number everywhere, in the shape and type of an array."""
    array("full_like", x, "any")
    return full(x.shape, fill_value, dtype=_of(dtype, x.dtype), device=device)


def zeros_like(x, /, *, dtype=None, device=None):
    """Zeros in the shape and type of an array."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x, /, *, dtype=None, device=None):
    """Ones in the shape and type of an array."""
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(x, /, *, dtype=None, device=None):
    """Zeros in the shape and type of an array, which need not be that."""
    return zeros_like(x, dtype=dtype, device=device)


def eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None):
    """1 on the k-th diagonal (above the main one if k > 0), 0 elsewhere."""
    on_cpu(device)
    row, column = _native.arange(n_rows), _native.arange(n_rows if n_cols is None else n_cols)
    return (column.unsqueeze(0) - row.unsqueeze(1) == k).to(_of(dtype, _float()))


def meshgrid(*arrays, indexing="xy"):
    """The coordinates of all points of a grid, as a list with an array for each axis."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"`indexing` is \"xy\" or \"ij\", not {indexing!r}")
    if any(x.dtype is not arrays[0].dtype for x in arrays):
        raise ValueError("`meshgrid` takes arrays of one type")
    from .._functions import meshgrid as grid

    return list(grid(*arrays, indexing=indexing)) if arrays else []


def _triangle(name):
    def function(x, /, *, k=0):
        if array(name, x, "any").ndim < 2:
            raise ValueError(f"`{name}` takes an array with two axes or more")
        return getattr(x, name)(k)

    side = "lower" if name == "tril" else "upper"
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {side} triangle of each matrix, from the k-th diagonal, 0 elsewhere."
    return function


tril, triu = _triangle("tril"), _triangle("triu")

__all__ = [
    "asarray", "from_dlpack", "arange", "linspace", "full", "zeros", "ones", "empty", "full_like",
    "zeros_like", "ones_like", "empty_like", "eye", "meshgrid", "tril", "triu",
]  # fmt: skip
