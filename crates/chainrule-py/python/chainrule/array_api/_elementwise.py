"""Functions of each element: the standard's names and kinds, and the tensors' methods behind them."""

from .. import _native
from .._native import Tensor
from ._types import KINDS, array, beside, pair

# The function, the kind of elements that it takes, and the method that computes it.
ONE = [
    ("abs", "numeric", "abs"), ("acos", "real floating", "acos"), ("acosh", "real floating", "acosh"),
    ("asin", "real floating", "asin"), ("asinh", "real floating", "asinh"),
    ("atan", "real floating", "atan"), ("atanh", "real floating", "atanh"),
    ("bitwise_invert", "bool or integral", "bitwise_not"), ("ceil", "numeric", "ceil"),
    ("cos", "real floating", "cos"), ("cosh", "real floating", "cosh"),
    ("exp", "real floating", "exp"), ("expm1", "real floating", "expm1"),
    ("floor", "numeric", "floor"), ("isfinite", "numeric", "isfinite"),
    ("isinf", "numeric", "isinf"), ("isnan", "numeric", "isnan"), ("log", "real floating", "log"),
    ("log1p", "real floating", "log1p"), ("log2", "real floating", "log2"),
    ("log10", "real floating", "log10"), ("logical_not", "bool", "logical_not"),
    ("negative", "numeric", "neg"), ("positive", "numeric", "__pos__"), ("round", "numeric", "round"),
    ("sign", "numeric", "sign"), ("sin", "real floating", "sin"), ("sinh", "real floating", "sinh"),
    ("square", "numeric", "square"), ("sqrt", "real floating", "sqrt"),
    ("tan", "real floating", "tan"), ("tanh", "real floating", "tanh"),
    ("trunc", "numeric", "trunc"),
]  # fmt: skip

TWO = [
    ("add", "numeric", "add"), ("atan2", "real floating", "atan2"),
    ("bitwise_and", "bool or integral", "bitwise_and"),
    ("bitwise_left_shift", "integral", "bitwise_left_shift"),
    ("bitwise_or", "bool or integral", "bitwise_or"),
    ("bitwise_right_shift", "integral", "bitwise_right_shift"),
    ("bitwise_xor", "bool or integral", "bitwise_xor"), ("copysign", "real floating", "copysign"),
    ("divide", "numeric", "div"), ("equal", "any", "eq"), ("floor_divide", "numeric", "floor_divide"),
    ("greater", "numeric", "gt"), ("greater_equal", "numeric", "ge"), ("hypot", "real floating", "hypot"),
    ("less", "numeric", "lt"), ("less_equal", "numeric", "le"), ("logaddexp", "real floating", "logaddexp"),
    ("logical_and", "bool", "logical_and"), ("logical_or", "bool", "logical_or"),
    ("logical_xor", "bool", "logical_xor"), ("maximum", "numeric", "maximum"),
    ("minimum", "numeric", "minimum"), ("multiply", "numeric", "mul"), ("not_equal", "any", "ne"),
    ("pow", "numeric", "pow"), ("remainder", "numeric", "remainder"), ("subtract", "numeric", "sub"),
]  # fmt: skip


def _one(name, kind, method):
    compute = getattr(Tensor, method)

    def function(x, /):
        return compute(array(name, x, kind))

    return function


def _two(name, kind, method):
    compute = getattr(Tensor, method)

    def function(x1, x2, /):
        return compute(*pair(name, x1, x2, kind))

    return function


for _make, _table in ((_one, ONE), (_two, TWO)):
    for _name, _kind, _method in _table:
        _function = _make(_name, _kind, _method)
        _function.__name__ = _function.__qualname__ = _name
        _function.__module__ = __name__
        _whole = getattr(Tensor, _method).__doc__ or f"The function `{_name}`."
        _of = "any type" if _kind == "any" else f"a {_kind} type"
        _function.__doc__ = f"{_whole}\n\nElement by element, of arrays of {_of}."
        globals()[_name] = _function


def signbit(x, /):
    """Whether the sign is −: of a negative number, −0, and NaN with that sign."""
    array("signbit", x, "real floating")
    return _native.ones_like(x).copysign(x.detach()) < 0


def clip(x, /, min=None, max=None):
    """Numbers below ``min`` become ``min``, above ``max`` become ``max``; the type stays.

    The bounds are numbers or arrays that broadcast, or None.
    """
    y = array("clip", x, "numeric")
    for bound, choose in ((min, Tensor.maximum), (max, Tensor.minimum)):
        if bound is None:
            continue
        if not isinstance(bound, Tensor):
            floats = y.dtype in KINDS["real floating"]
            bound = beside("clip", float(bound) if floats else bound, y)
        y = choose(*pair("clip", y, bound, "numeric"))
    return y.to(x.dtype) if y is not x else x.clone()


__all__ = [name for name, *_ in ONE + TWO] + ["signbit", "clip"]
