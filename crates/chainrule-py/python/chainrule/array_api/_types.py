"""Element types: what they are called, how they combine, which function takes which."""

import builtins

from .. import _native
from .._native import Tensor, float32, float64, int32, int64, uint8

bool = _native.bool

# The order of promotion within a kind.
KINDS = {
    "bool": (bool,),
    "unsigned integer": (uint8,),
    "signed integer": (int32, int64),
    "real floating": (float32, float64),
    "complex floating": (),
}
KINDS["integral"] = KINDS["unsigned integer"] + KINDS["signed integer"]
KINDS["numeric"] = KINDS["integral"] + KINDS["real floating"]
KINDS["any"] = KINDS["bool"] + KINDS["numeric"]
KINDS["bool or integral"] = KINDS["bool"] + KINDS["integral"]

# Kinds of which two types have a common one.
_JOINT = ("bool", "integral", "real floating")


def _kind(dtype):
    return next(kind for kind in _JOINT if dtype in KINDS[kind])


def _common(types, where):
    kinds = {_kind(t) for t in types}
    if len(kinds) > 1:
        names = " and ".join(sorted({t.name for t in types}))
        raise TypeError(
            f"{where} takes types of one kind, not {names}\n"
            "  hint: the standard promotes truth values, integers and floating-point numbers each "
            "among themselves; convert with `astype`"
        )
    return max(types, key=KINDS[kinds.pop()].index)


def array(name, x, kind):
    """``x`` if it is an array whose elements are of a kind."""
    if not isinstance(x, Tensor):
        raise TypeError(f"`{name}` takes an array, not {type(x).__name__}")
    if x.dtype not in KINDS[kind]:
        raise TypeError(f"`{name}` takes an array of a {kind} type, not {x.dtype.name}")
    return x


def _suits(number, dtype):
    if isinstance(number, builtins.bool):
        return dtype is bool
    if isinstance(number, int):
        return dtype is not bool
    return isinstance(number, float) and dtype in KINDS["real floating"]


def beside(name, number, x):
    """A Python number as an array that stands beside ``x``, if it is of the same kind."""
    if not _suits(number, x.dtype):
        raise TypeError(f"`{name}` of {x.dtype.name} and a Python {type(number).__name__}")
    if x.dtype in KINDS["integral"]:
        limits = iinfo(x.dtype)
        if not limits.min <= number <= limits.max:
            raise OverflowError(f"{number} is outside the range of {x.dtype.name}")
    return _native.full((), number, dtype=x.dtype)


def pair(name, x1, x2, kind):
    """Both arrays, of one type of a kind."""
    if not isinstance(x1, Tensor) and isinstance(x2, Tensor):
        x1 = beside(name, x1, x2)
    elif not isinstance(x2, Tensor) and isinstance(x1, Tensor):
        x2 = beside(name, x2, x1)
    x1, x2 = array(name, x1, kind), array(name, x2, kind)
    dtype = _common((x1.dtype, x2.dtype), f"`{name}`")
    return x1.to(dtype), x2.to(dtype)


def axis_of(name, axis, rank):
    """The number of an axis, counted from the first."""
    if not -rank <= axis < rank:
        raise IndexError(f"axis {axis} does not exist in `{name}` of an array with {rank} axes")
    return axis % rank


def result_type(*arrays_and_dtypes):
    """The type that the standard's tables give for these arrays and types together.

    Python numbers among them take part with their kind. Types of different kinds are an error.
    """
    types, numbers = [], []
    for one in arrays_and_dtypes:
        if isinstance(one, (builtins.bool, int, float)):
            numbers.append(one)
        else:
            types.append(one.dtype if isinstance(one, Tensor) else _dtype(one))
    if not types:
        raise TypeError("`result_type` needs an array or a type")
    common = _common(types, "`result_type`")
    for number in numbers:
        if not _suits(number, common):
            raise TypeError(f"`result_type` of {common.name} and a Python {type(number).__name__}")
    return common


def _dtype(of):
    if isinstance(of, _native.dtype):
        return of
    raise TypeError(f"{of!r} is no element type of this namespace")


def can_cast(from_, to, /):
    """Whether the standard's tables promote the first type (or an array's) to the second."""
    source = from_.dtype if isinstance(from_, Tensor) else _dtype(from_)
    return _kind(source) == _kind(_dtype(to)) and result_type(source, to) is to


def isdtype(dtype, kind):
    """Whether a type is another, or of a kind, or one of several of both.

    The kinds are ``"bool"``, ``"signed integer"``, ``"unsigned integer"``, ``"integral"``,
    ``"real floating"``, ``"complex floating"`` and ``"numeric"``.
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str):
        if kind not in KINDS or kind in ("any", "bool or integral"):
            raise ValueError(f"{kind!r} is no kind of element types")
        return dtype in KINDS[kind]
    return dtype is _dtype(kind)


def astype(x, dtype, /, *, copy=True, device=None):
    """The elements converted: fractions are cut off towards 0, integers wrap around."""
    array("astype", x, "any")
    on_cpu(device)
    y = x.to(_dtype(dtype))
    return y.clone() if copy and y is x else y


def on_cpu(device):
    """Refuses every device but the processor."""
    if device not in (None, "cpu"):
        raise ValueError(f"there is no device {device!r}; arrays are on \"cpu\"")


class finfo:
    """What a floating-point type can hold: ``bits``, ``eps``, ``max``, ``min``, ``smallest_normal``."""

    def __init__(self, type, /):
        self.dtype = type.dtype if isinstance(type, Tensor) else _dtype(type)
        if self.dtype not in KINDS["real floating"]:
            raise TypeError(f"{self.dtype.name} is no floating-point type")
        digits, largest = (24, 128) if self.dtype is float32 else (53, 1024)
        self.bits = 8 * self.dtype.itemsize
        self.eps = 2.0 ** (1 - digits)
        self.max = (2.0 - self.eps) * 2.0 ** (largest - 1)
        self.min = -self.max
        self.smallest_normal = 2.0 ** (2 - largest)


class iinfo:
    """What an integer type can hold: ``bits``, ``max`` and ``min``."""

    def __init__(self, type, /):
        self.dtype = type.dtype if isinstance(type, Tensor) else _dtype(type)
        if self.dtype not in KINDS["integral"]:
            raise TypeError(f"{self.dtype.name} is no integer type")
        self.bits = 8 * self.dtype.itemsize
        signed = self.dtype in KINDS["signed integer"]
        self.max = 2 ** (self.bits - signed) - 1
        self.min = -(2 ** (self.bits - 1)) if signed else 0


__all__ = [
    "bool", "uint8", "int32", "int64", "float32", "float64", "result_type", "can_cast", "isdtype",
    "astype", "finfo", "iinfo",
]  # fmt: skip
