"""The Python array API standard, version 2023.12, over the tensors of this package.

    >>> from chainrule import array_api as xp
    >>> x = xp.linspace(0.0, 1.0, 5)
    >>> x.__array_namespace__() is xp
    True

An array is a ``chainrule.Tensor``: what is computed with these functions is recorded like anything
else, and can be differentiated. The functions keep to the standard where torch's of the same name
do not: two arrays are promoted by the standard's tables, also where one has no axes; kinds do not
mix (an integer and a floating-point array are a ``TypeError``); functions take the kinds of
elements that the standard gives them. A Python number may stand for one of two arrays if it is of
the other's kind.

Element types: ``bool``, ``uint8``, ``int32``, ``int64``, ``float32`` and ``float64``.

Not here, and absent by name: the element types ``int8``, ``int16``, ``uint16``, ``uint32``,
``uint64``, ``complex64`` and ``complex128``; ``conj``, ``real`` and ``imag``, which are for complex
numbers; the extension ``fft``. Otherwise than the standard has it:

- sums and products of ``uint8`` are ``int64``, as there is no ``uint64``;
- operators are those of tensors, as in torch: kinds mix, and an array without axes takes the type
  of one of the same kind that has some;
- an array never changes: ``x[key] = y`` and ``x += y`` give ``x`` new numbers, and no other array
  sees them;
- ``copy=False`` succeeds only where nothing has to be copied.

The standard: <https://data-apis.org/array-api/2023.12>.
"""

from . import _creation, _elementwise, _manipulation, _searching, _statistics, linalg
from ._creation import *  # noqa: F403
from ._elementwise import *  # noqa: F403
from ._info import __array_namespace_info__
from ._manipulation import *  # noqa: F403
from ._searching import *  # noqa: F403
from ._statistics import *  # noqa: F403
from ._types import *  # noqa: F403
from ._types import bool  # noqa: A004
from .linalg import matmul, matrix_transpose, tensordot, vecdot

# What has been added since is not here, and what was there before is the same.
VERSIONS = ("2021.12", "2022.12", "2023.12")
__array_api_version__ = VERSIONS[-1]

e = 2.718281828459045
pi = 3.141592653589793
inf = float("inf")
nan = float("nan")
newaxis = None

from . import _types  # noqa: E402

__all__ = [
    *_types.__all__, *_creation.__all__, *_elementwise.__all__, *_manipulation.__all__,
    *_searching.__all__, *_statistics.__all__, "matmul", "matrix_transpose", "tensordot", "vecdot",
    "linalg", "e", "pi", "inf", "nan", "newaxis", "__array_api_version__", "__array_namespace_info__",
]  # fmt: skip
