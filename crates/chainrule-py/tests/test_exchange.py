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


def address(x):
    return np.asarray(x).__array_interface__["data"][0]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("come_in", [cr.from_numpy, cr.from_dlpack])
def test_what_nobody_writes_to_is_not_copied(dtype, come_in):
    a = np.array([[0, 1, 2], [3, 0, 5]]).astype(dtype)
    own = a.__array_interface__["data"][0]
    assert address(come_in(a)) != own and address(come_in(a, copy=False)) == own
    if come_in is cr.from_dlpack and np.lib.NumpyVersion(np.__version__) < "2.1.0":
        return  # it could not say yet that an array is read-only
    a.flags.writeable = False
    x = come_in(a)
    assert address(x) == own and x.dtype.name == dtype and x.tolist() == a.tolist()
    assert address(come_in(a, copy=True)) != own
    assert address(come_in(a[:, :2])) != own and address(come_in(a[1:])) == own + 3 * a.itemsize
    assert address(come_in(a[:1])) == own and address(come_in(a.T[:, :1].T)) == own
    if come_in is cr.from_numpy:
        assert address(cr.tensor(a)) == address(cr.as_tensor(a)) == own
    del a
    assert (x + x).tolist() == (np.asarray(x).astype("f8") * 2).tolist() and (x == x).all()


def test_memory_that_is_shared_is_let_go_with_the_last_tensor():
    gone = []

    class Array(np.ndarray):
        def __del__(self):
            gone.append(True)

    a = np.arange(6.0).view(Array)
    x = cr.from_numpy(a, copy=False)
    y = x[1:]
    del a, x
    assert not gone and y.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    del y
    assert gone


@pytest.mark.parametrize("come_in", [cr.from_numpy, cr.from_dlpack])
def test_what_has_to_be_copied_is_no_tensor_without_a_copy(come_in):
    a = np.arange(12.0).reshape(3, 4)
    unaligned = np.frombuffer(bytes(25), "u1")[1:].view("f8")
    wrong = [a.T, a[:, 1:], a[::-1], a.astype("i2")] + [unaligned] * (come_in is cr.from_numpy)
    for part in wrong:
        with pytest.raises(ValueError, match="copy=None"):
            come_in(part, copy=False)
        assert come_in(part).tolist() == part.tolist()
    for empty in (a[:0], a[:, :0]):
        assert come_in(empty, copy=False).shape == empty.shape
    with pytest.raises(ValueError, match="copy=None"):
        cr.array_api.asarray([1.0], copy=False)
    assert address(cr.array_api.asarray(a, copy=False)) == a.__array_interface__["data"][0]


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
    for dtype in (cr.bool, cr.uint8, cr.int32, cr.int64, cr.float32, cr.float64):
        y = cr.tensor([[0, 1], [1, 0]], dtype=dtype)
        assert np.from_dlpack(y).dtype.name == dtype.name and cr.from_dlpack(y).dtype is dtype
        assert address(cr.from_dlpack(y)) == address(y)
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


def test_columns_of_arrow_stay_where_they_are():
    pa = pytest.importorskip("pyarrow")
    column = pa.array([1.5, 2.5, 3.5, 4.5])
    own = column.buffers()[1].address
    assert address(cr.from_arrow(column)) == own and address(cr.from_arrow(column[1:])) == own + 8
    x = cr.from_arrow(column)
    del column
    assert x.tolist() == [1.5, 2.5, 3.5, 4.5]
    before = pa.total_allocated_bytes()
    del x
    assert pa.total_allocated_bytes() < before


def test_tables_of_arrow_are_columns_by_name():
    pa = pytest.importorskip("pyarrow")
    pieces = pa.chunked_array([[1, 2], [], [3, None]])
    assert cr.from_arrow(pieces).isnan().tolist() == [False, False, False, True]
    assert cr.tensor(pieces[:3]).tolist() == [1, 2, 3]
    assert cr.from_arrow(pa.chunked_array([], pa.float64())).shape == (0,)
    table = pa.table({
        "x": pa.chunked_array([[1.0, 2.0], [3.0]]), "n": pa.array([1, 2, 3], pa.int32()),
        "truth": [True, False, True], "name": ["a", "b", "c"],
    })  # fmt: skip
    wanted = ["n", "truth", "x"]
    for part in (table, table[1:], table.combine_chunks().to_batches()[0].slice(1, 2)):
        found = cr.from_arrow(part, columns=wanted)
        assert sorted(found) == wanted and found["n"].dtype is cr.int32
        assert {k: x.tolist() for k, x in found.items()} == part.select(wanted).to_pydict()
    assert list(cr.from_arrow(table.select(["x"]))) == ["x"]
    with pytest.raises(TypeError, match=r'column "name"[\s\S]*columns'):
        cr.from_arrow(table)
    with pytest.raises(ValueError, match=r'column "t"[\s\S]*fill'):
        cr.from_arrow(pa.table({"t": [True, None]}))
    with pytest.raises(KeyError, match="weight"):
        cr.from_arrow(table, columns=["weight"])
    with pytest.raises(TypeError, match="by name"):
        cr.tensor(table.select(["x"]))

    class Failing:
        def __arrow_c_stream__(self, requested_schema=None):
            def batches():
                yield pa.record_batch({"x": [1.0]})
                raise OSError("the disk is gone")

            schema = pa.schema({"x": pa.float64()})
            return pa.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__()

    with pytest.raises(ValueError, match="the disk is gone"):
        cr.from_arrow(Failing())


def test_gradients_are_not_lost_silently():
    x = cr.ones(2, requires_grad=True)
    for lose in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.sin(x)):
        with pytest.raises(RuntimeError, match="detach"):
            lose()
    assert x.numpy(force=True).tolist() == x.to_numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [cr.bool, cr.uint8, cr.int32, cr.int64, cr.float32, cr.float64])
def test_copies_and_pickles(dtype):
    x = cr.tensor([[1, 0], [2, 3]], dtype=dtype)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), x.clone()):
        assert y.equal(x) and y.dtype is x.dtype and y is not x
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    p = cr.ones(2, requires_grad=True)
    assert pickle.loads(pickle.dumps(p)).requires_grad and copy.deepcopy(p).is_leaf
    with pytest.raises(RuntimeError, match="detach"):
        pickle.dump(p * 2, io.BytesIO())


def test_files_keep_the_type(tmp_path):
    state = {t.name: cr.tensor([[0, 1], [1, 0]], dtype=t) for t in (cr.bool, cr.uint8, cr.int32, cr.int64)}
    cr.save_file(state, tmp_path / "state.safetensors")
    for name, x in cr.load_file(tmp_path / "state.safetensors").items():
        assert x.dtype.name == name and x.equal(state[name])


def test_the_plot_of_a_parameter_just_works():
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    x = cr.linspace(0, 1, 5, requires_grad=True)
    (line,) = plt.plot(x, x**2)
    assert line.get_ydata().tolist() == (x**2).tolist()
    plt.close("all")
