"""The standard's extension for linear algebra. Axes before the last two are a batch."""

import math
from collections import namedtuple

from .. import _functions, _native
from .. import linalg as _ours
from ._types import array, axis_of, finfo, pair

EighResult = namedtuple("EighResult", "eigenvalues eigenvectors")
QRResult = namedtuple("QRResult", "Q R")
SlogdetResult = namedtuple("SlogdetResult", "sign logabsdet")
SVDResult = namedtuple("SVDResult", "U S Vh")


def matmul(x1, x2, /):
    """The matrix product over the last axes, leading axes broadcasting; vectors are rows and columns."""
    x1, x2 = pair("matmul", x1, x2, "numeric")
    if x1.ndim == 0 or x2.ndim == 0:
        raise ValueError("`matmul` of an array without axes")
    return x1 @ x2


def matrix_transpose(x, /):
    """With the last two axes exchanged."""
    if array("matrix_transpose", x, "any").ndim < 2:
        raise ValueError("`matrix_transpose` takes an array with two axes or more")
    return x.mT


def tensordot(x1, x2, /, *, axes=2):
    """Sums of products over axes of both: the last so many and the first, or two lists of axes."""
    x1, x2 = pair("tensordot", x1, x2, "numeric")
    return _functions.tensordot(x1, x2, axes)


def vecdot(x1, x2, /, *, axis=-1):
    """Sums of products along an axis."""
    x1, x2 = pair("vecdot", x1, x2, "numeric")
    axis_of("vecdot", axis, min(x1.ndim, x2.ndim))
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(f"`vecdot` along axes of lengths {x1.shape[axis]} and {x2.shape[axis]}")
    x1, x2 = (x.transpose(axis, -1) for x in (x1, x2))
    return (x1.unsqueeze(-2) @ x2.unsqueeze(-1)).squeeze(-1).squeeze(-1)


def _matrices(name, x):
    if array(name, x, "real floating").ndim < 2:
        raise ValueError(f"`{name}` takes matrices, not an array with {x.ndim} axes")
    return x


def cholesky(x, /, *, upper=False):
    """The triangular L with L Lᵀ = x, or its transpose, of positive definite matrices."""
    factor = _ours.cholesky(_matrices("cholesky", x))
    return factor.mT if upper else factor


def cross(x1, x2, /, *, axis=-1):
    """The vector product along an axis of length 3."""
    x1, x2 = pair("cross", x1, x2, "numeric")
    axis_of("cross", axis, min(x1.ndim, x2.ndim))
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError("`cross` needs an axis of length 3")
    x1, x2 = _functions.broadcast_tensors(x1, x2)
    return _functions.cross(x1, x2, axis)


def det(x, /):
    """The determinants."""
    return _ours.det(_matrices("det", x))


def diagonal(x, /, *, offset=0):
    """The elements along a diagonal of each matrix, above the main one if ``offset`` > 0."""
    if array("diagonal", x, "any").ndim < 2:
        raise ValueError("`diagonal` takes an array with two axes or more")
    x = x[..., max(-offset, 0) :, max(offset, 0) :]
    n = min(x.shape[-2:])
    place = _native.arange(n).unsqueeze(-1).broadcast_to((*x.shape[:-2], n, 1))
    return x[..., :n, :].gather(-1, place).squeeze(-1)


def eigh(x, /):
    """The eigenvalues of symmetric matrices, smallest first, and their vectors as columns."""
    return EighResult(*_ours.eigh(_matrices("eigh", x)))


def eigvalsh(x, /):
    """The eigenvalues of symmetric matrices, smallest first."""
    return _ours.eigvalsh(_matrices("eigvalsh", x))


def inv(x, /):
    """The inverses."""
    return _ours.inv(_matrices("inv", x))


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """A norm of each matrix: ``"fro"``, ``"nuc"``, ±1, ±2, ±inf."""
    _matrices("matrix_norm", x)
    if ord == -2:
        y = svdvals(x).amin(-1)
    elif ord in (-1, -math.inf):
        y = x.abs().sum(-2 if ord == -1 else -1).amin(-1)
    else:
        y = _ours.matrix_norm(x, ord)
    return y.unsqueeze(-1).unsqueeze(-1) if keepdims else y


def matrix_power(x, n, /):
    """Each matrix to a whole power."""
    return _ours.matrix_power(_matrices("matrix_power", x), n)


def matrix_rank(x, /, *, rtol=None):
    """How many singular values are larger than ``rtol`` times the largest."""
    values = svdvals(_matrices("matrix_rank", x))
    if rtol is None:
        rtol = max(x.shape[-2:]) * finfo(x.dtype).eps
    if isinstance(rtol, _native.Tensor):
        rtol = rtol.unsqueeze(-1)
    return (values > rtol * values.amax(-1, True)).sum(-1)


def outer(x1, x2, /):
    """The products of all pairs of elements of two vectors."""
    x1, x2 = pair("outer", x1, x2, "numeric")
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError("`outer` takes two vectors")
    return _functions.outer(x1, x2)


def pinv(x, /, *, rtol=None):
    """The pseudo-inverses; singular values below ``rtol`` times the largest count as 0."""
    if rtol is None:
        return _ours.pinv(_matrices("pinv", x))
    u, s, vh = _ours.svd(_matrices("pinv", x))
    least = (rtol if isinstance(rtol, float) else rtol.unsqueeze(-1)) * s.amax(-1, True)
    inverse = _native.where(s > least, 1 / s, _native.zeros_like(s))
    return vh.mT @ (inverse.unsqueeze(-1) * u.mT)


def _beside_identity(x):
    """[x, 1]: what orthonormal columns of ``x`` are completed from."""
    m = x.shape[-2]
    one = _native.eye(m, dtype=x.dtype).broadcast_to((*x.shape[:-2], m, m))
    return _native.cat([x, one], -1)


def qr(x, /, *, mode="reduced"):
    """The orthonormal Q and triangular R with Q R = x; Q is square if ``mode`` is "complete"."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"`mode` is \"reduced\" or \"complete\", not {mode!r}")
    _matrices("qr", x)
    if mode == "reduced":
        return QRResult(*_ours.qr(x))
    q, r = _ours.qr(_beside_identity(x))
    return QRResult(q, r[..., : x.shape[-1]])


def slogdet(x, /):
    """The signs of the determinants, and the logarithms of what is behind them."""
    return SlogdetResult(*_ours.slogdet(_matrices("slogdet", x)))


def solve(x1, x2, /):
    """The solution of x1 · y = x2, a vector if x2 has one axis, else matrices."""
    x1, x2 = pair("solve", x1, x2, "real floating")
    return _ours.solve(_matrices("solve", x1), x2)


def svd(x, /, *, full_matrices=True):
    """The singular values S, largest first, and orthonormal U and Vh with U diag(S) Vh = x.

    U and Vh are square, or, with ``full_matrices=False``, have as many columns and rows as S.
    """
    u, s, vh = _ours.svd(_matrices("svd", x))
    if full_matrices:
        u, vh = _completed(u), _completed(vh.mT).mT
    return SVDResult(u, s, vh)


def _completed(u):
    """Orthonormal columns with as many more as there are rows."""
    k = u.shape[-1]
    return u if k == u.shape[-2] else _native.cat([u, qr(u, mode="complete").Q[..., k:]], -1)


def svdvals(x, /):
    """The singular values, largest first."""
    return _ours.svdvals(_matrices("svdvals", x))


def trace(x, /, *, offset=0, dtype=None):
    """The sum along a diagonal of each matrix."""
    from ._statistics import sum as total

    array("trace", x, "numeric")
    return total(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """The norm of vectors along axes: (Σ |x|^ord)^(1/ord), with ±inf the extremes, 0 how many."""
    array("vector_norm", x, "real floating")
    from ._statistics import _axes, _kept

    axes = _axes("vector_norm", axis, x.ndim)
    if not axes:
        y = x.abs()
    elif ord < 0 and ord != -math.inf:
        y = (x.abs() ** ord).sum(axes) ** (1 / ord)
    else:
        y = x.norm(ord, axes)
    return _kept(y, x, axes, keepdims)


__all__ = [
    "matmul", "matrix_transpose", "tensordot", "vecdot", "cholesky", "cross", "det", "diagonal", "eigh",
    "eigvalsh", "inv", "matrix_norm", "matrix_power", "matrix_rank", "outer", "pinv", "qr", "slogdet",
    "solve", "svd", "svdvals", "trace", "vector_norm",
]  # fmt: skip
