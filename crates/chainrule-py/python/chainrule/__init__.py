"""Differentiate programs and fit models, with the names that numpy and torch use.

    >>> import chainrule as cr
    >>> x = cr.arange(4.0, requires_grad=True)
    >>> y = 2 * cr.dot(x, x)
    >>> y.backward()
    >>> x.grad
    tensor([ 0.,  4.,  8., 12.])

Tensors are computed when their numbers are asked for, and never change: methods that end in an
underscore, ``x += 1`` and ``x[i] = v`` give the *name* ``x`` a new tensor. Other names for the old
one keep it; there are no views through which a change shows elsewhere.
"""

from . import _native
from ._errors import AxisError, DTypeError, LinAlgError, ShapeError
from ._grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from ._native import *  # noqa: F403
from ._native import Tensor, __version__
from . import _functions, _methods  # noqa: F401
from ._print import set_printoptions
from . import autograd, linalg, special

# Every method is a function of the tensor too, as in torch.
_METHODS_ONLY = {
    "T", "mT", "backward", "data", "detach_", "dtype", "grad", "grad_fn", "is_leaf", "item", "name",
    "named", "ndim", "numpy", "register_hook", "requires_grad", "requires_grad_", "retain_grad",
    "shape", "to", "tolist", "type", "view", "where", "itemsize", "nbytes", "device", "size", "bool",
    "float", "long", "double", "int", "byte", "cpu", "dim", "is_contiguous", "contiguous", "expand", "repeat",
    "to_numpy", "new_tensor", "new_zeros", "new_ones", "new_full", "type_as", "view_as", "expand_as",
    "reshape_as", "realize", "element_size", "nelement", "to_device",
}  # fmt: skip

for _name in dir(Tensor):
    if not _name.startswith("_") and not _name.endswith("_") and _name not in _METHODS_ONLY:
        globals().setdefault(_name, getattr(Tensor, _name))
for _name in _functions.FUNCTIONS:
    globals()[_name] = getattr(_functions, _name)
del _name

double, long, int = _native.float64, _native.int64, _native.int32
bool = _native.bool
polygamma = special.polygamma
concat = concatenate = _native.cat
e, inf, nan, pi = 2.718281828459045, 1e400, 1e400 - 1e400, 3.141592653589793

from . import array_api, fit, func, nn, optim, plot, symbolic, utils
from ._program import Program, checkpoint, compile
from ._storage import load, load_file, save, save_file
from .func import vmap
from .plot import draw
