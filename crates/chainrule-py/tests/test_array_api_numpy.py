"""The array API's functions that have no table of special cases, beside numpy's of the same name."""

import numpy as np
import pytest

from chainrule import array_api as xp

SHAPE = (2, 3, 4)
TYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
NUMBERS, FLOATS = TYPES[1:], TYPES[4:]

# Expressions of `x` [2, 3, 4], `y` [3, 4], `v` [6] and the index vector `i`, for all types, for those
# that are numbers, and for floating-point numbers.
ANY = """
xp.all(x); xp.all(x, axis=1); xp.any(x, axis=(0, 2), keepdims=True); xp.any(x, axis=-1)
xp.broadcast_to(y, (2, 3, 4)); xp.broadcast_arrays(x, y); xp.concat([x, x], axis=1)
xp.concat([x, y], axis=None); xp.stack([y, y], axis=-1); xp.expand_dims(x, axis=-2)
xp.squeeze(x[:1], axis=0); xp.squeeze(x[:1, :1], axis=(0, 1)); xp.flip(x); xp.flip(x, axis=(0, -1))
xp.permute_dims(x, (2, 0, 1)); xp.moveaxis(x, 0, -1); xp.moveaxis(x, (0, 1), (-1, 0))
xp.reshape(x, (4, -1)); xp.roll(x, 2); xp.roll(x, (1, -1), axis=(0, 2)); xp.repeat(x, 2, axis=1)
xp.repeat(v, xp.asarray([0, 1, 2, 0, 1, 3])); xp.repeat(y, 2); xp.tile(y, (2, 1, 2)); xp.tile(x, (2,))
xp.take(x, i, axis=2); xp.take(v, i); xp.tril(x); xp.triu(x, k=1); xp.tril(y, k=-1); xp.nonzero(x)
xp.where(xp.asarray([True, False, True, False]), x, y); xp.unique_all(x); xp.unique_counts(v)
xp.unique_inverse(y); xp.unique_values(x[:0]); xp.meshgrid(v, v[:2]); xp.meshgrid(v, v[:2], indexing='ij')
xp.linalg.matrix_transpose(x); xp.linalg.diagonal(x, offset=1); xp.linalg.diagonal(y, offset=-1)
xp.zeros_like(x); xp.ones_like(y); xp.empty_like(y) * 0 == 0; xp.full_like(y, 1); xp.equal(x, y)
"""
NUMERIC = """
xp.max(x); xp.max(x, axis=1, keepdims=True); xp.min(x, axis=(0, 1)); xp.min(x, axis=()); xp.argmax(x)
xp.argmax(x, axis=1, keepdims=True); xp.argmin(x, axis=-1); xp.sort(x); xp.sort(x, axis=0)
xp.argsort(v, stable=True); xp.sum(x, dtype=x.dtype); xp.sum(x, axis=(0, 2), dtype=x.dtype, keepdims=True)
xp.sum(x, axis=(), dtype=x.dtype); xp.prod(y, axis=0, dtype=y.dtype); xp.prod(y[:0], dtype=y.dtype)
xp.searchsorted(xp.sort(v), y); xp.searchsorted(xp.sort(v), y, side='right')
xp.searchsorted(v, y, sorter=xp.argsort(v)); xp.matmul(x, y.T); xp.matmul(y, v[:4]); xp.matmul(v, v)
xp.tensordot(x, y, axes=2); xp.tensordot(x, y, axes=((1, 2), (0, 1))); xp.tensordot(v, v, axes=0)
xp.vecdot(x, y); xp.vecdot(y, y, axis=0); xp.linalg.outer(v, v); xp.linalg.cross(x[..., :3], y[:, :3])
xp.linalg.trace(x, dtype=x.dtype); xp.linalg.trace(y, offset=1, dtype=y.dtype); xp.clip(x, 1, 5)
xp.clip(x, y, None); xp.clip(x, None, 2)
"""
FLOATING = """
xp.mean(x); xp.mean(x, axis=(0, 2), keepdims=True); xp.var(x, axis=1); xp.std(x); xp.mean(x, axis=())
xp.var(x, axis=0, correction=1.0); xp.std(x, axis=(1, 2), correction=1.0, keepdims=True)
xp.linalg.det(s); xp.linalg.inv(s); xp.linalg.slogdet(s); xp.linalg.solve(s, y); xp.linalg.solve(s, y[:, 0])
xp.linalg.cholesky(p); xp.linalg.cholesky(p, upper=True); xp.linalg.eigvalsh(p); xp.linalg.svdvals(x)
xp.linalg.matrix_norm(x); xp.linalg.matrix_norm(x, ord=1, keepdims=True); xp.linalg.matrix_norm(s, ord=-1)
xp.linalg.matrix_norm(x, ord=-2); xp.linalg.matrix_norm(x, ord=2); xp.linalg.matrix_norm(x, ord='nuc')
xp.linalg.matrix_norm(x, ord=xp.inf); xp.linalg.matrix_norm(x, ord=-xp.inf); xp.linalg.matrix_power(s, 3)
xp.linalg.matrix_power(s, -2); xp.linalg.matrix_power(s, 0); xp.linalg.matrix_rank(x); xp.linalg.pinv(x)
xp.linalg.matrix_rank(p, rtol=0.9); xp.linalg.pinv(x, rtol=0.5); xp.linalg.vector_norm(x)
xp.linalg.vector_norm(x, axis=(0, 2), ord=1); xp.linalg.vector_norm(x, axis=1, ord=xp.inf, keepdims=True)
xp.linalg.vector_norm(x, axis=1, ord=-xp.inf); xp.linalg.vector_norm(x, axis=1, ord=0)
xp.linalg.vector_norm(x, axis=-1, ord=3); xp.linalg.vector_norm(xp.abs(x) + 1, axis=-1, ord=-1)
"""
MADE = """
xp.arange(5); xp.arange(2, 9, 3); xp.arange(5, 0, -2); xp.arange(5, 0); xp.arange(0.0, 2.0, 0.5)
xp.arange(3, dtype=xp.uint8); xp.eye(3); xp.eye(2, 4, k=1); xp.eye(3, 2, k=-1); xp.eye(2, 0)
xp.linspace(0, 1, 5); xp.linspace(1, -1, 4, endpoint=False); xp.linspace(0, 1, 0); xp.linspace(3, 4, 1)
xp.full((2, 2), 7); xp.full((), True); xp.full(3, 0.5); xp.zeros((2, 0)); xp.ones(3, dtype=xp.int32)
xp.asarray([[1, 2], [3, 4]]); xp.asarray(True); xp.asarray([1, 2.5]); xp.asarray([]); xp.asarray(5)
"""


def cases(text, types):
    expressions = [e.strip() for e in text.replace("\n", ";").split(";") if e.strip()]
    return [(e, t) for e in expressions for t in types]


def inputs(dtype):
    """Numbers with repetitions, none of them special."""
    rng = np.random.default_rng(7)
    make = lambda *shape: rng.integers(0 if dtype in ("bool", "uint8") else -4, 6, shape)
    out = {"x": make(*SHAPE), "y": make(3, 4), "v": make(6)}
    if dtype in FLOATS:
        out = {name: a + 0.25 for name, a in out.items()}
        square = rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)
        out |= {"s": square, "p": square @ square.transpose(0, 2, 1) + np.eye(3)}
    out = {name: a.astype(dtype) for name, a in out.items()}
    return out | {"i": np.array([2, 0, 2])}


def leaves(y):
    return [leaf for part in y for leaf in leaves(part)] if isinstance(y, (tuple, list)) else [np.asarray(y)]


def check(expression, ours, theirs, floats):
    found = leaves(eval(expression, {"xp": xp}, ours))
    wanted = leaves(eval(expression, {"xp": np}, theirs))
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        assert (a.shape, a.dtype) == (b.shape, b.dtype if floats is None or b.dtype.kind != "f" else floats)
        if a.dtype.kind == "f" and a.size:
            eps = np.finfo(a.dtype).eps
            # Sums and factorisations of a few numbers, in another order.
            assert np.allclose(a, b, rtol=64 * eps, atol=64 * eps * max(1.0, np.abs(b).max())), (a, b)
        else:
            assert np.array_equal(a, b), (a, b)


@pytest.mark.parametrize("expression, dtype", cases(ANY, TYPES) + cases(NUMERIC, NUMBERS) + cases(FLOATING, FLOATS))
def test_as_numpy(expression, dtype):
    theirs = inputs(dtype)
    check(expression, {name: xp.asarray(a) for name, a in theirs.items()}, theirs, None)


@pytest.mark.parametrize("expression, _", cases(MADE, [None]))
def test_made_as_numpy(expression, _):
    check(expression, {}, {}, np.float32)  # our default; numpy's is float64


@pytest.mark.parametrize("dtype", FLOATS)
def test_factors(dtype):
    x = xp.asarray(inputs(dtype)["x"])
    p = xp.asarray(inputs(dtype)["p"])
    close = lambda a, b: np.allclose(a, b, atol=256 * xp.finfo(a.dtype).eps * 10)
    unit = lambda q: close(q.mT @ q, xp.eye(q.shape[-1], dtype=q.dtype))
    for a in (x, x.mT):
        for mode, width in (("reduced", min(a.shape[-2:])), ("complete", a.shape[-2])):
            q, r = xp.linalg.qr(a, mode=mode)
            assert q.shape[-1] == r.shape[-2] == width and unit(q) and close(q @ r, a)
            assert not np.tril(np.asarray(r), -1).any()
        for full in (True, False):
            u, s, vh = xp.linalg.svd(a, full_matrices=full)
            k = s.shape[-1]
            assert unit(u) and unit(vh.mT) and close(u[..., :k] * s[..., None, :] @ vh[..., :k, :], a)
            assert (u.shape[-1], vh.shape[-2]) == (a.shape[-2:] if full else (k, k))
    values, vectors = xp.linalg.eigh(p)
    assert unit(vectors) and close(vectors * values[..., None, :] @ vectors.mT, p)
    assert xp.linalg.svd(x)._fields == ("U", "S", "Vh") and xp.linalg.qr(x)._fields == ("Q", "R")


def test_what_numpy_has_only_lately():
    assert xp.clip(xp.arange(3)).tolist() == [0, 1, 2]
    x = xp.asarray([[1, 2, 3], [4, 5, 6]], dtype=xp.int32)
    assert xp.cumulative_sum(x, axis=1).tolist() == [[1, 3, 6], [4, 9, 15]]
    assert xp.cumulative_sum(x[0], include_initial=True).tolist() == [0, 1, 3, 6]
    assert xp.cumulative_sum(x, axis=0, include_initial=True, dtype=xp.float32).shape == (3, 3)
    assert [part.tolist() for part in xp.unstack(x, axis=-1)] == [[1, 4], [2, 5], [3, 6]]
    assert xp.sort(x, descending=True).tolist() == [[3, 2, 1], [6, 5, 4]]
    equal = xp.asarray([1, 0, 1, 0])
    assert xp.argsort(equal, descending=True).tolist() == [0, 2, 1, 3]
    nan = xp.unique_all(xp.asarray([xp.nan, 1.0, xp.nan, 1.0]))
    assert nan.counts.tolist() == [2, 1, 1] and nan.inverse_indices.tolist() == [1, 0, 2, 0]
    zeros = xp.unique_all(xp.asarray([0.0, -0.0]))
    assert zeros.values.shape == (1,) and zeros.indices.tolist() == [0]


def test_mistakes():
    x, v = xp.ones((2, 3)), xp.ones(3)
    mistakes = [
        (IndexError, lambda: xp.sum(x, axis=2)), (IndexError, lambda: xp.expand_dims(x, axis=4)),
        (IndexError, lambda: xp.concat([x, x], axis=2)), (IndexError, lambda: xp.flip(x, axis=-3)),
        (ValueError, lambda: xp.squeeze(x, axis=0)), (ValueError, lambda: xp.take(x, xp.asarray([0]))),
        (ValueError, lambda: xp.cumulative_sum(x)), (ValueError, lambda: xp.nonzero(xp.asarray(1))),
        (ValueError, lambda: xp.matmul(x, xp.asarray(1.0))), (ValueError, lambda: xp.vecdot(x, xp.ones(2))),
        (ValueError, lambda: xp.linalg.cross(x, xp.ones((2, 2)))), (ValueError, lambda: xp.tril(v)),
        (ValueError, lambda: xp.meshgrid(v, indexing="yx")), (ValueError, lambda: xp.zeros(2, device="gpu")),
        (ValueError, lambda: xp.arange(1, 2, 0)), (ValueError, lambda: xp.linalg.qr(x, mode="r")),
        (ValueError, lambda: xp.searchsorted(v, v, side="middle")), (ValueError, lambda: xp.moveaxis(x, (0, 1), 0)),
        (TypeError, lambda: xp.where(x, x, x)), (TypeError, lambda: xp.sin([1.0])),
        (TypeError, lambda: xp.linalg.det(xp.ones((2, 2), dtype=xp.int32))), (ValueError, lambda: xp.linalg.inv(v)),
        (TypeError, lambda: xp.take(v, xp.asarray([0.0]))), (TypeError, lambda: xp.result_type(1, 2.0)),
    ]  # fmt: skip
    for kind, mistake in mistakes:
        with pytest.raises(kind):
            mistake()


def test_what_is_computed_can_be_differentiated():
    x = xp.asarray([0.5, 2.0, -1.0]).requires_grad_()
    y = xp.sum(xp.clip(xp.exp(x), max=3.0) * xp.linalg.vector_norm(xp.stack([x, 2 * x]), axis=0))
    y.backward()
    assert x.grad is not None and all(xp.isfinite(x.grad))
