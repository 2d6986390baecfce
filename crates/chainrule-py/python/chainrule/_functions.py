"""Functions of torch that are a few others: products, joins, statistics, selections.

Each is written in terms of recorded operations, so that derivatives of any order come out.
"""

import math

from . import _native
from ._native import Tensor, arange, cat, stack, where, zeros
from ._returns import ValuesAndIndices


def _axis(x, dim):
    if not -x.ndim <= dim < max(x.ndim, 1):
        x.unbind(dim)  # raises the error that explains
    return dim % max(x.ndim, 1)


# Products.


def outer(input, vec2):
    """The products of all pairs of elements of two vectors, [m] and [n], as [m, n]."""
    return input.unsqueeze(1) * vec2.unsqueeze(0)


def inner(input, other):
    """Sums of products over the last axes of both."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    return tensordot(input, other, dims=([-1], [-1]))


def vdot(input, other):
    """Σ xᵢ yᵢ of two vectors."""
    return input.dot(other)


def tensordot(a, b, dims=2):
    """Sums of products over axes of both: the last ``dims`` and the first, or two lists of axes."""
    if isinstance(dims, int):
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = ([d % a.ndim for d in dims[0]], [d % b.ndim for d in dims[1]])
    kept_a = [i for i in range(a.ndim) if i not in first]
    kept_b = [i for i in range(b.ndim) if i not in second]
    shape = [a.shape[i] for i in kept_a] + [b.shape[i] for i in kept_b]
    n = math.prod(a.shape[i] for i in first)
    left = a.permute(kept_a + first).reshape(-1 if n else math.prod(shape), n)
    right = b.permute(second + kept_b).reshape(n, -1 if n else math.prod(shape))
    return (left @ right).reshape(shape)


def kron(input, other):
    """The Kronecker product."""
    rank = max(input.ndim, other.ndim)
    a = input.reshape([1] * (rank - input.ndim) + list(input.shape))
    b = other.reshape([1] * (rank - other.ndim) + list(other.shape))
    shape = [m * n for m, n in zip(a.shape, b.shape)]
    left = a.reshape([n for m in a.shape for n in (m, 1)])
    right = b.reshape([n for m in b.shape for n in (1, m)])
    return (left * right).reshape(shape)


def cross(input, other, dim=-1):
    """The vector product along an axis of length 3."""
    axis = _axis(input, dim)
    if input.shape[axis] != 3:
        raise RuntimeError(f"`cross` needs an axis of length 3, this has {input.shape[axis]}")
    ahead = lambda x, by: x.roll(-by, axis)
    return ahead(input, 1) * ahead(other, 2) - ahead(input, 2) * ahead(other, 1)


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """β input + α A B."""
    return beta * input + alpha * (mat1 @ mat2)


def addmv(input, mat, vec, *, beta=1, alpha=1):
    """β input + α A v."""
    return beta * input + alpha * (mat @ vec)


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """β input + α A B, for each matrix of a batch."""
    return beta * input + alpha * (batch1 @ batch2)


def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value · a b."""
    return input + value * (tensor1 * tensor2)


def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value · a / b."""
    return input + value * (tensor1 / tensor2)


def dist(input, other, p=2):
    """The p-norm of the difference."""
    return (input - other).norm(p)


def cdist(x1, x2, p=2.0):
    """The p-norms of the differences of all pairs of rows."""
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, dim=-1)


# Joins and shapes.


def atleast_1d(input):
    """With an axis, if there is none."""
    return input.reshape(1) if input.ndim == 0 else input


def atleast_2d(input):
    """With two axes, if there are fewer."""
    return atleast_1d(input).unsqueeze(0) if input.ndim < 2 else input


def atleast_3d(input):
    """With three axes, if there are fewer."""
    return atleast_2d(input).unsqueeze(-1) if input.ndim < 3 else input


def hstack(tensors):
    """Side by side: along the second axis, of vectors along the first."""
    parts = [atleast_1d(x) for x in tensors]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors):
    """One below the other: along the first axis of at least two."""
    return cat([atleast_2d(x) for x in tensors], 0)


def dstack(tensors):
    """One behind the other: along the third axis of at least three."""
    return cat([atleast_3d(x) for x in tensors], 2)


def column_stack(tensors):
    """Vectors as columns, matrices side by side."""
    return hstack([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors])


def block_diag(*tensors):
    """The matrix with these matrices along its diagonal."""
    blocks = [atleast_2d(x) for x in tensors]
    width, rows, left = sum(b.shape[1] for b in blocks), [], 0
    for b in blocks:
        n, m = b.shape
        right = width - left - m
        rows.append(cat([zeros(n, left, dtype=b.dtype), b, zeros(n, right, dtype=b.dtype)], 1))
        left += m
    return cat(rows, 0)


def broadcast_tensors(*tensors):
    """All tensors stretched to one shape."""
    shape = _native.broadcast_shapes(*(tuple(x.shape) for x in tensors))
    return tuple(x.broadcast_to(shape) for x in tensors)


def meshgrid(*tensors, indexing="ij"):
    """The coordinates of all points of a grid, from those along each axis."""
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"`indexing` is \"ij\" or \"xy\", not {indexing!r}")
    swapped = indexing == "xy" and len(tensors) > 1
    order = [1, 0, *range(2, len(tensors))] if swapped else range(len(tensors))
    place = {axis: i for i, axis in enumerate(order)}
    shape = [tensors[axis].numel() for axis in order]
    lengths = lambda i: [-1 if j == place[i] else 1 for j in range(len(tensors))]
    return tuple(x.reshape(lengths(i)).expand(shape) for i, x in enumerate(tensors))


def tensor_split(input, indices_or_sections, dim=0):
    """The axis cut into so many parts of nearly equal length, or at places."""
    n = input.shape[_axis(input, dim)]
    if isinstance(indices_or_sections, int):
        size, extra = divmod(n, indices_or_sections)
        lengths = [size + (i < extra) for i in range(indices_or_sections)]
    else:
        cuts = [0, *(min(i, n) if i >= 0 else max(n + i, 0) for i in indices_or_sections), n]
        lengths = [max(b - a, 0) for a, b in zip(cuts, cuts[1:])]
    return input.split(lengths, dim)


def repeat_interleave(input, repeats, dim=None):
    """Each element of an axis several times in a row."""
    if dim is None:
        input, dim = input.reshape(-1), 0
    n = input.shape[_axis(input, dim)]
    times = repeats.tolist() if isinstance(repeats, Tensor) else repeats
    times = [times] * n if isinstance(times, int) else times * n if len(times) == 1 else times
    index = [i for i, k in enumerate(times) for _ in range(k)]
    return input.index_select(dim, _native.tensor(index, dtype=_native.int64))


def rot90(input, k=1, dims=(0, 1)):
    """Turned by k right angles in the plane of two axes."""
    a, b = (_axis(input, d) for d in dims)
    k %= 4
    if k == 1:
        return input.flip(b).transpose(a, b)
    if k == 2:
        return input.flip((a, b))
    return input.flip(a).transpose(a, b) if k == 3 else input.clone()


def fliplr(input):
    """Backwards along the second axis."""
    return input.flip(1)


def flipud(input):
    """Backwards along the first axis."""
    return input.flip(0)


def diff(input, n=1, dim=-1):
    """The differences of neighbours along an axis, n times."""
    for _ in range(n):
        length = input.shape[_axis(input, dim)]
        input = input.narrow(dim, 1, length - 1) - input.narrow(dim, 0, length - 1)
    return input


def trapezoid(y, x=None, *, dx=1.0, dim=-1):
    """The integral along an axis by the trapezoidal rule."""
    n = y.shape[_axis(y, dim)]
    width = dx if x is None else diff(x, dim=dim if x.ndim > 1 else -1)
    return ((y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)) * width / 2).sum(dim)


# Statistics.


def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """NaN and infinities replaced by numbers."""
    largest = 3.4028234663852886e38 if input.dtype is _native.float32 else 1.7976931348623157e308
    y = where(input.isnan(), _native.full_like(input, nan), input)
    y = where(y == math.inf, _native.full_like(y, largest if posinf is None else posinf), y)
    return where(y == -math.inf, _native.full_like(y, -largest if neginf is None else neginf), y)


def nansum(input, dim=None, keepdim=False):
    """The sum of what is not NaN."""
    return where(input.isnan(), _native.zeros_like(input), input).sum(dim, keepdim)


def nanmean(input, dim=None, keepdim=False):
    """The mean of what is not NaN."""
    counted = (~input.isnan()).to(input.dtype).sum(dim, keepdim)
    return nansum(input, dim, keepdim) / counted


def count_nonzero(input, dim=None):
    """The number of elements that are not 0."""
    return (input != 0).sum(dim)


def aminmax(input, *, dim=None, keepdim=False):
    """The smallest and the largest element."""
    return input.amin(dim, keepdim), input.amax(dim, keepdim)


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The variance and the mean."""
    options = dict(unbiased=unbiased, keepdim=keepdim, correction=correction)
    return input.var(dim, **options), input.mean(dim, keepdim)


def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """The standard deviation and the mean."""
    options = dict(unbiased=unbiased, keepdim=keepdim, correction=correction)
    return input.std(dim, **options), input.mean(dim, keepdim)


def median(input, dim=None, keepdim=False):
    """The lower of the middle elements, of all or along an axis with its index."""
    if dim is None:
        return median(input.reshape(-1), 0).values
    order = input.argsort(dim)
    index = order.narrow(dim, (input.shape[_axis(input, dim)] - 1) // 2, 1)
    values = input.gather(dim, index)
    if not keepdim:
        values, index = values.squeeze(dim), index.squeeze(dim)
    return ValuesAndIndices(values, index)


def quantile(input, q, dim=None, keepdim=False):
    """The value below which a fraction q lies, between neighbours in proportion."""
    x, axis = (input.reshape(-1), 0) if dim is None else (input, _axis(input, dim))
    single = not isinstance(q, Tensor) or q.ndim == 0
    fractions = [float(q)] if single else q.tolist()
    ordered, n, found = x.sort(axis).values, x.shape[axis], []
    for fraction in fractions:
        place = fraction * (n - 1)
        below = min(int(place), n - 1)
        low = ordered.select(axis, below)
        high = ordered.select(axis, min(below + 1, n - 1))
        y = low + (high - low) * (place - below)
        if keepdim:
            y = y.reshape([1] * input.ndim) if dim is None else y.unsqueeze(axis)
        found.append(y)
    return found[0] if single else stack(found)


def cov(input, *, correction=1):
    """The covariances of rows."""
    x = atleast_2d(input)
    centred = x - x.mean(1, keepdim=True)
    return (centred @ centred.t() / (x.shape[1] - correction)).squeeze()


def corrcoef(input):
    """The correlations of rows."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    spread = c.diagonal().sqrt()
    return c / spread.unsqueeze(1) / spread.unsqueeze(0)


def logcumsumexp(input, dim):
    """ln of the running sums of eˣ along an axis."""
    peak = input.detach().amax(dim, keepdim=True)
    return (input - peak).exp().cumsum(dim).log() + peak


# Numbers one by one.


def heaviside(input, values):
    """0 below 0, 1 above, ``values`` at 0."""
    step = (input > 0).to(input.dtype)
    return where(input == 0, values.to(input.dtype).broadcast_to(input.shape), step)


def sinc(input):
    """sin(πx)/(πx), and 1 at 0."""
    zero = input == 0
    x = where(zero, _native.ones_like(input), input) * math.pi
    return where(zero, _native.ones_like(x), x.sin() / x)


def deg2rad(input):
    """Degrees as radians."""
    return input * (math.pi / 180)


def rad2deg(input):
    """Radians as degrees."""
    return input * (180 / math.pi)


def rsub(input, other, *, alpha=1):
    """other − α input."""
    return other - alpha * input


def float_power(input, exponent):
    """The power in float64."""
    other = exponent.double() if isinstance(exponent, Tensor) else exponent
    return input.double() ** other


# Selections.


def take_along_dim(input, indices, dim=None):
    """Elements by indices along an axis, as ``gather`` with broadcasting."""
    if dim is None:
        return input.reshape(-1).gather(0, indices.reshape(-1))
    shape = list(_native.broadcast_shapes(
        *([n if i != _axis(input, dim) else 1 for i, n in enumerate(x.shape)] for x in (input, indices))
    ))  # fmt: skip
    axis = _axis(input, dim)
    fit = lambda x: x.broadcast_to([x.shape[axis] if i == axis else n for i, n in enumerate(shape)])
    return fit(input).gather(dim, fit(indices))


def _rows(input, dim, index):
    shape = list(input.shape)
    shape[_axis(input, dim)] = index.numel()
    column = [1] * input.ndim
    column[_axis(input, dim)] = -1
    return index.reshape(column).expand(shape)


def index_add(input, dim, index, source, *, alpha=1):
    """A copy with rows of ``source`` added at indices of an axis."""
    return input.scatter_add(dim, _rows(input, dim, index), source * alpha)


def index_copy(input, dim, index, source):
    """A copy with rows of ``source`` at indices of an axis."""
    return input.scatter(dim, _rows(input, dim, index), source)


def index_fill(input, dim, index, value):
    """A copy with a number at indices of an axis."""
    return input.scatter(dim, _rows(input, dim, index), value)


def index_put(input, indices, values, accumulate=False):
    """A copy with values where the indices point, or added there."""
    if not accumulate:
        copied = input.clone()
        copied[tuple(indices)] = values
        return copied
    places = arange(input.numel()).reshape(tuple(input.shape))[tuple(indices)]
    added = values.broadcast_to(places.shape).reshape(-1)
    flat = input.reshape(-1).scatter_add(0, places.reshape(-1), added)
    return flat.reshape(tuple(input.shape))


def tril_indices(row, col, offset=0):
    """The rows and columns of a lower triangle."""
    pairs = [(i, j) for i in range(row) for j in range(min(i + offset + 1, col))]
    return _native.tensor([[i for i, _ in pairs], [j for _, j in pairs]], dtype=_native.int64)


def triu_indices(row, col, offset=0):
    """The rows and columns of an upper triangle."""
    pairs = [(i, j) for i in range(row) for j in range(max(i + offset, 0), col)]
    return _native.tensor([[i for i, _ in pairs], [j for _, j in pairs]], dtype=_native.int64)


def logspace(start, end, steps, base=10.0, *, dtype=None, requires_grad=False):
    """``base`` to powers at equal distances."""
    powers = _native.linspace(start, end, steps, dtype=_native.float64)
    y = (base**powers).to(dtype or _native.get_default_dtype())
    return y.requires_grad_() if requires_grad else y


def distinct(input):
    """The distinct elements in order, the first index of each, where each element stands among them,
    and how often each occurs. No NaN equals another.
    """
    flat = input.detach().reshape(-1)
    n, order = flat.shape[0], flat.argsort(0)
    in_order = flat[order]
    new = cat([_native.ones(min(n, 1), dtype=_native.bool), in_order[1:] != in_order[:-1]], 0)
    first = arange(n)[new]
    place = zeros(n, dtype=_native.int64).scatter(0, order, new.cumsum(0) - 1)
    counts = cat([first[1:], _native.full((min(n, 1),), n)], 0) - first
    return in_order[new], order[new], place.reshape(tuple(input.shape)), counts


def unique(input, sorted=True, return_inverse=False, return_counts=False):
    """The distinct elements in order; also where each stands among them, and how often."""
    values, _, inverse, counts = distinct(input)
    found = [values] + [inverse] * return_inverse + [counts] * return_counts
    return found[0] if len(found) == 1 else tuple(found)


def bincount(input, weights=None, minlength=0):
    """How often each whole number occurs, or the sums of its weights."""
    n = max(minlength, (input.max().item() + 1) if input.numel() else 0)
    ones = _native.ones_like(input) if weights is None else weights
    return zeros(n, dtype=ones.dtype).scatter_add(0, input, ones)


def is_tensor(obj):
    """Whether an object is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input):
    """Whether elements are floating-point numbers."""
    return input.is_floating_point()


# Those that torch has as methods too.
METHODS = """outer inner vdot kron cross addmm addmv baddbmm addcmul addcdiv dist tensor_split
repeat_interleave rot90 fliplr flipud diff nan_to_num nansum nanmean count_nonzero aminmax median
quantile cov corrcoef logcumsumexp heaviside sinc deg2rad rad2deg float_power take_along_dim index_add
index_copy index_fill index_put unique bincount""".split()

for _name in METHODS:
    setattr(Tensor, _name, globals()[_name])

ger, trapz, row_stack = outer, trapezoid, vstack
FUNCTIONS = METHODS + """tensordot cdist atleast_1d atleast_2d atleast_3d hstack vstack dstack
column_stack block_diag broadcast_tensors meshgrid trapezoid var_mean std_mean rsub tril_indices
triu_indices logspace is_tensor is_floating_point ger trapz row_stack""".split()
