"""Methods of ``Tensor`` that are Python: printing, numpy, and forms that end in an underscore.

A method ``f_`` gives the handle what ``f`` makes. Other handles on the same numbers do not change:
``y = x[0]; y.add_(1)`` leaves ``x`` as it was, unlike in torch, where ``y`` would be a view.
"""

import functools

from . import _functions, _native, _print
from ._native import Tensor


def _in_place(name):
    make = getattr(Tensor, name)

    @functools.wraps(make, assigned=("__name__", "__doc__"), updated=())
    def method(self, *arguments, **options):
        self._rebind(make(self, *arguments, **options))
        return self

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"``{name}`` in place: this handle stands for the result from now on."
    return method


IN_PLACE = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_or", "bitwise_xor", "cbrt", "ceil", "clamp", "copysign", "cos", "cosh", "cumprod",
    "cumsum", "digamma", "div", "erf", "erfc", "exp", "exp2", "expm1", "eq", "floor", "floor_divide",
    "fmod", "frac", "ge", "gt", "hypot", "le", "lerp", "lgamma", "log", "log10", "log1p", "log2",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "lt", "masked_fill", "mul",
    "ne", "neg", "pow", "reciprocal", "relu", "remainder", "round", "rsqrt", "scatter", "scatter_add",
    "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "squeeze", "sub", "t", "tan", "tanh",
    "transpose", "tril", "triu", "trunc", "unsqueeze", "xlogy", "addmm", "addcmul", "addcdiv",
    "index_add", "index_copy", "index_fill", "index_put", "nan_to_num",
]  # fmt: skip

# These have become methods when their module was loaded.
assert _functions.METHODS

for _name in IN_PLACE:
    setattr(Tensor, _name + "_", _in_place(_name))


def zero_(self):
    """Zeros from now on."""
    self._rebind(_native.zeros_like(self))
    return self


def fill_(self, value):
    """One number everywhere from now on."""
    self._rebind(_native.full_like(self, value))
    return self


def copy_(self, src):
    """The numbers of ``src`` from now on, in this tensor's shape and type."""
    self._rebind(_native.as_tensor(src))
    return self


def normal_(self, mean=0.0, std=1.0):
    """Normal random numbers from now on."""
    self._rebind(_native.randn_like(self) * std + mean)
    return self


def uniform_(self, low=0.0, high=1.0):
    """Uniform random numbers from ``low`` to ``high`` from now on."""
    self._rebind(_native.rand_like(self) * (high - low) + low)
    return self


def numpy(self, *, force=False):
    """The numbers as an array of numpy: the same memory, read-only. ``.copy()`` it to write."""
    import numpy

    if self.requires_grad and not force:
        raise RuntimeError(
            "numpy would lose the gradients of a tensor that requires them\n"
            "  hint: use `.detach().numpy()`, or `.numpy(force=True)`"
        )
    return numpy.asarray(self._memory())


def to_numpy(self, dtype=None, copy=False):
    """The numbers as an array, whether or not gradients are required: for plots and tables."""
    array = numpy(self, force=True)
    return array.astype(dtype) if dtype is not None else array.copy() if copy else array


def __array__(self, dtype=None, copy=None):
    array = numpy(self)
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError("another element type needs a copy")
        return array.astype(dtype)
    return array.copy() if copy else array


def __array_wrap__(self, array, context=None, return_scalar=False):
    return _native.as_tensor(array)


def __repr__(self):
    return _print.text(self)


def __format__(self, spec):
    if self.ndim == 0 and not self.requires_grad and spec:
        return format(self.item(), spec)
    if spec:
        return format(self.item(), spec) if self.numel() == 1 else format(str(self), spec)
    return str(self)


def __deepcopy__(self, memo):
    copied = _native.tensor(self, requires_grad=self.requires_grad and self.is_leaf)
    memo[id(self)] = copied
    return copied


def _restored(numbers, shape, dtype, requires_grad):
    return _native._from_bytes(numbers, shape, dtype).requires_grad_(requires_grad)


def __reduce_ex__(self, protocol):
    if self.requires_grad and not self.is_leaf:
        raise RuntimeError(
            "a computed tensor that requires gradients cannot be stored\n"
            "  hint: store `.detach()` of it"
        )
    return _restored, (self._bytes(), tuple(self.shape), self.dtype, self.requires_grad)


class Size(int):
    """The number of elements, as in the array API standard; called, the shape, as in torch."""

    _shape = ()

    def __call__(self, dim=None):
        return self._shape if dim is None else self._shape[dim]


def _size(self):
    """The number of elements. ``x.size()`` is the shape and ``x.size(0)`` one length, as in torch."""
    size = Size(self.numel())
    size._shape = self.shape
    return size


def __array_namespace__(self, *, api_version=None):
    """The functions of the Python array API standard for tensors: ``chainrule.array_api``."""
    from . import array_api

    if api_version not in (None, *array_api.VERSIONS):
        raise ValueError(f"the array API standard is here in {array_api.VERSIONS}, not {api_version!r}")
    return array_api


def to_device(self, device, /, *, stream=None):
    """This tensor: the only device is ``"cpu"``."""
    return self.to(device=device)


def new_tensor(self, data, *, dtype=None, requires_grad=False):
    """A tensor of given numbers, of this one's type."""
    return _native.tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)


def new_zeros(self, *size, dtype=None, requires_grad=False):
    """Zeros of this tensor's type."""
    return _native.zeros(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)


def new_ones(self, *size, dtype=None, requires_grad=False):
    """Ones of this tensor's type."""
    return _native.ones(*size, dtype=dtype or self.dtype, requires_grad=requires_grad)


def new_full(self, size, fill_value, *, dtype=None, requires_grad=False):
    """One number everywhere, of this tensor's type."""
    return _native.full(size, fill_value, dtype=dtype or self.dtype, requires_grad=requires_grad)


METHODS = [
    zero_, fill_, copy_, normal_, uniform_, numpy, to_numpy, __array__, __array_wrap__, __repr__,
    __format__, __deepcopy__, __reduce_ex__, __array_namespace__, to_device, new_tensor, new_zeros, new_ones, new_full,
]  # fmt: skip

for _method in METHODS:
    setattr(Tensor, _method.__name__, _method)

Tensor.size = property(_size)

ALIASES = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "absolute": "abs", "arccos": "acos", "arcsin": "asin", "arctan": "atan", "arctan2": "atan2",
    "arccosh": "acosh", "arcsinh": "asinh", "arctanh": "atanh", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne", "clip": "clamp",
    "fix": "trunc", "concat": "cat", "swapaxes": "transpose", "moveaxis": "movedim", "mm": "matmul",
    "bmm": "matmul", "mv": "matmul",
}  # fmt: skip

for _new, _old in ALIASES.items():
    if hasattr(Tensor, _old):
        setattr(Tensor, _new, getattr(Tensor, _old))

# Arrays of numpy leave operators to tensors.
Tensor.__array_priority__ = 1000
