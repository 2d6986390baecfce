"""Linear algebra with derivatives: systems, factorisations, determinants, norms.

Axes before the last two are a batch. The names and results are those of ``torch.linalg``; ``svd``
gives the reduced form, and factors whose sign is arbitrary may differ in it.
"""

from ._native import Tensor
from ._native import _linalg as _native_linalg

for _name in dir(_native_linalg):
    if not _name.startswith("_"):
        globals()[_name] = getattr(_native_linalg, _name)

__all__ = [name for name in dir(_native_linalg) if not name.startswith("_")] + [
    "matrix_power", "multi_dot", "norm",
]  # fmt: skip


def norm(x, ord=None, dim=None, keepdim=False):
    """A norm of a vector or a matrix; without ``ord`` the root of the sum of squares."""
    if ord is None or isinstance(dim, int) or x.ndim == 1:
        return x.norm(2 if ord is None else ord, dim, keepdim)
    return _native_linalg.matrix_norm(x, ord)


def matrix_power(a, n):
    """A to a whole power, by squaring."""
    if n < 0:
        return matrix_power(_native_linalg.inv(a), -n)
    if n == 0:
        from ._native import eye

        return eye(a.shape[-1], dtype=a.dtype).expand(*a.shape)
    half = matrix_power(a, n // 2) if n > 1 else None
    square = half @ half if half is not None else None
    return a if n == 1 else square @ a if n % 2 else square


def multi_dot(tensors):
    """The product of several matrices, from the left."""
    product: Tensor = tensors[0]
    for factor in tensors[1:]:
        product = product @ factor
    return product
