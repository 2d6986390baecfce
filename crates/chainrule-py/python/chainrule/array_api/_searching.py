"""Finding, sorting, and the sets of elements."""

from collections import namedtuple

from .. import _functions, _native
from .._native import Tensor, int64
from ._types import array, axis_of, pair


def _arg(name):
    def function(x, /, *, axis=None, keepdims=False):
        array(name, x, "numeric")
        if axis is not None:
            return getattr(x, name)(axis_of(name, axis, x.ndim), keepdims)
        y = getattr(x.reshape(-1), name)(0)
        return y.reshape((1,) * x.ndim) if keepdims else y

    which = "largest" if name == "argmax" else "smallest"
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The index of the first {which} element, of all in order or along an axis."
    return function


argmax, argmin = _arg("argmax"), _arg("argmin")


def nonzero(x, /):
    """The indices of the elements that are not 0, as an array for each axis."""
    if array("nonzero", x, "any").ndim == 0:
        raise ValueError("`nonzero` of an array without axes")
    return tuple(x.nonzero(as_tuple=True))


def where(condition, x1, x2, /):
    """The first array's element where the condition is true, else the second's."""
    array("where", condition, "bool")
    x1, x2 = pair("where", x1, x2, "any")
    return _native.where(condition, x1, x2)


def searchsorted(x1, x2, /, *, side="left", sorter=None):
    """Where elements of ``x2`` would be put into ``x1``, a sorted vector, to keep it sorted.

    Before elements that are equal (``side="left"``) or after them (``"right"``); ``sorter`` holds
    the indices that sort ``x1`` if it is not sorted.
    """
    if side not in ("left", "right"):
        raise ValueError(f"`side` is \"left\" or \"right\", not {side!r}")
    if sorter is not None:
        x1 = x1[sorter]
    x1, x2 = pair("searchsorted", x1, x2, "numeric")
    wanted, n = x2.reshape(-1), x1.shape[0]
    m = wanted.shape[0]
    # Both are sorted together. What stood first comes first among equals.
    first = [wanted, x1] if side == "left" else [x1, wanted]
    order = _native.cat(first, 0).argsort(0)
    ours = order >= m if side == "left" else order < n
    before = ours.cumsum(0)
    places = _native.zeros(n + m, dtype=int64).scatter(0, order, before)
    found = places[:m] if side == "left" else places[n:]
    return found.reshape(tuple(x2.shape))


def take(x, indices, /, *, axis=None):
    """Elements at the indices of a vector, along an axis."""
    array("take", x, "any")
    array("take", indices, "integral")
    if axis is None:
        if x.ndim != 1:
            raise ValueError("`take` from an array with several axes needs an axis")
        axis = 0
    return x.index_select(axis_of("take", axis, x.ndim), indices)


def argsort(x, /, *, axis=-1, descending=False, stable=True):
    """The indices that sort along an axis; equal elements keep their order."""
    return array("argsort", x, "numeric").argsort(axis_of("argsort", axis, x.ndim), descending)


def sort(x, /, *, axis=-1, descending=False, stable=True):
    """The elements in order along an axis; NaN counts as the largest."""
    return array("sort", x, "numeric").sort(axis_of("sort", axis, x.ndim), descending).values


UniqueAll = namedtuple("UniqueAll", "values indices inverse_indices counts")
UniqueCounts = namedtuple("UniqueCounts", "values counts")
UniqueInverse = namedtuple("UniqueInverse", "values inverse_indices")


def unique_all(x, /):
    """The distinct elements in order, the first index of each, where each element stands among them,
    and how often each occurs. No NaN equals another.
    """
    return UniqueAll(*_functions.distinct(array("unique_all", x, "any")))


def unique_counts(x, /):
    """The distinct elements in order, and how often each occurs."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x, /):
    """The distinct elements in order, and where each element stands among them."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x, /):
    """The distinct elements in order."""
    return unique_all(x).values


__all__ = [
    "argmax", "argmin", "nonzero", "where", "searchsorted", "take", "argsort", "sort", "unique_all",
    "unique_counts", "unique_inverse", "unique_values",
]  # fmt: skip
