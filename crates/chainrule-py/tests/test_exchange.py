"""Numbers that come from elsewhere and go there."""

import copy
import io
import pickle

import numpy as np
import pytest

import chainrule as cr


def test_an_array_is_the_tensors_memory_and_cannot_be_written_to():
    x = cr.arange(6.0).reshape(2, 3)
    a = x.realize().numpy()
    assert a.base is not None and not a.flags.writeable and a.dtype == np.float32
    assert a.__array_interface__["data"][0] == x.numpy().__array_interface__["data"][0]
    assert np.array_equal(np.asarray(x.t()), a.T)
    del x
    assert a.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", ">f4"])
def test_every_kind_of_array_comes_in(dtype):
    a = np.array([[0, 1, 2], [3, 0, 5]]).astype(dtype)
    for view in (a, a.T, a[:, ::-1], a[::2, 1:], a[0], a[1, 2], a[:0]):
        x = cr.tensor(view)
        assert tuple(x.shape) == view.shape
        assert np.array_equal(np.asarray(x), view.astype(np.asarray(x).dtype))
    a[:] = 1
    assert cr.from_numpy(np.ascontiguousarray(a.astype("f4"))).dtype is cr.float32


def test_what_came_in_does_not_change_with_the_array():
    a = np.zeros(3)
    x = cr.from_numpy(a)
    a[:] = 7
    assert x.tolist() == [0.0, 0.0, 0.0]


def test_numpy_and_tensors_in_one_expression():
    a, x = np.ones(3, "f4"), cr.arange(3.0)
    for mixed in (a * x, x * a, a + x - a, np.float32(2) * x, x / np.float64(2), a @ x, a > x):
        assert isinstance(mixed, cr.Tensor)
    assert isinstance(np.sin(x), cr.Tensor)
    assert np.allclose(np.sin(x), np.sin([0, 1, 2]))
    assert (a == x).tolist() == [False, True, False]


def test_dlpack_both_ways():
    x = cr.arange(6.0).reshape(2, 3)
    a = np.from_dlpack(x)
    assert a.tolist() == x.tolist() and not a.flags.writeable
    b = np.arange(12, dtype="i4").reshape(3, 4)[::2, ::-1]
    assert cr.from_dlpack(b).tolist() == b.tolist()
    assert x.__dlpack_device__() == (1, 0)
    capsule = x.__dlpack__()
    assert "dltensor" in repr(capsule) and "versioned" not in repr(capsule)
    assert "versioned" in repr(x.__dlpack__(max_version=(1, 0)))
    with pytest.raises(BufferError, match="detach"):
        cr.ones(2, requires_grad=True).__dlpack__()
    with pytest.raises(BufferError, match="processor"):
        x.__dlpack__(dl_device=(2, 0))


@pytest.mark.parametrize("kind", ["int8", "uint16", "int32", "int64", "uint64", "float32", "float64", "bool_"])
def test_arrow_columns_both_ways(kind):
    pa = pytest.importorskip("pyarrow")
    column = pa.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 1]).cast(getattr(pa, kind)())
    for part in (column, column[3:], column[9:], column[:0]):
        x = cr.from_arrow(part)
        assert x.tolist() == [type(x.tolist()[0])(v) for v in part.to_pylist()]
        back = pa.array(x)
        assert back.to_pylist() == x.tolist() and back.null_count == 0
    del x
    assert len(back) == 0


def test_missing_numbers_of_arrow_become_nan():
    pa = pytest.importorskip("pyarrow")
    x = cr.from_arrow(pa.array([1, None, 3]))
    assert x.dtype is cr.float64 and x.isnan().tolist() == [False, True, False]
    assert cr.tensor(pa.array([1.5, None], pa.float32())).isnan().tolist() == [False, True]
    for wrong, match in ((pa.array([True, None]), "missing"), (pa.array(["a"]), "format")):
        with pytest.raises((ValueError, TypeError), match=match):
            cr.from_arrow(wrong)
    with pytest.raises(ValueError, match="one axis"):
        pa.array(cr.ones(2, 2))


def test_gradients_are_not_lost_silently():
    x = cr.ones(2, requires_grad=True)
    for lose in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.sin(x)):
        with pytest.raises(RuntimeError, match="detach"):
            lose()
    assert x.numpy(force=True).tolist() == x.to_numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [cr.bool, cr.int64, cr.float32, cr.float64])
def test_copies_and_pickles(dtype):
    x = cr.tensor([[1, 0], [2, 3]], dtype=dtype)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), x.clone()):
        assert y.equal(x) and y.dtype is x.dtype and y is not x
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    p = cr.ones(2, requires_grad=True)
    assert pickle.loads(pickle.dumps(p)).requires_grad and copy.deepcopy(p).is_leaf
    with pytest.raises(RuntimeError, match="detach"):
        pickle.dump(p * 2, io.BytesIO())


def test_the_plot_of_a_parameter_just_works():
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    x = cr.linspace(0, 1, 5, requires_grad=True)
    (line,) = plt.plot(x, x**2)
    assert line.get_ydata().tolist() == (x**2).tolist()
    plt.close("all")
