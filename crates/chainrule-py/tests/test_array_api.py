"""The namespace of the array API standard, against the standard's own tables."""

import itertools
import math

import array_api_tables as tables
import pytest

import chainrule as cr
from chainrule import array_api as xp

TYPES = [xp.bool, xp.uint8, xp.int32, xp.int64, xp.float32, xp.float64]
FLOATS = [xp.float32, xp.float64]
KINDS = {
    "bool": TYPES[:1], "integral": TYPES[1:4], "real floating": FLOATS, "numeric": TYPES[1:],
    "bool or integral": TYPES[:4], "any": TYPES,
}  # fmt: skip
COMMON = {
    tuple(getattr(xp, t) for t in row[:2]): getattr(xp, row[2])
    for words in [tables.PROMOTION.split()]
    for row in zip(words[::3], words[1::3], words[2::3])
}


# Special cases.


def expected(word, x, y=math.nan):
    """The number that a word for a result means for these arguments."""
    numbers = {
        "x": x, "-x": -x, "y": y, "-y": -y, "|x|": abs(x), "-|x|": -abs(x), "|y|": abs(y),
        "π": math.pi, "-π": -math.pi, "π/2": math.pi / 2, "-π/2": -math.pi / 2, "π/4": math.pi / 4,
        "-π/4": -math.pi / 4, "3π/4": 3 * math.pi / 4, "-3π/4": -3 * math.pi / 4,
        "true": True, "false": False,
    }  # fmt: skip
    if word == "even":
        return math.copysign(2 * round(x / 2), x)
    return numbers[word] if word in numbers else float(word)


def same(found, wanted, eps, word):
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if math.isnan(wanted):
        return math.isnan(found)
    if "π" in word:
        return abs(found - wanted) <= 4 * eps * abs(wanted)
    return found == wanted and math.copysign(1, found) == math.copysign(1, wanted)


def check(name, words, results, dtype):
    samples = [tables.ARGUMENTS[word] for word in words]
    columns = [xp.asarray(list(column), dtype=dtype) for column in zip(*itertools.product(*samples))]
    found = getattr(xp, name)(*columns)
    assert found.dtype is (xp.bool if results[0] in ("true", "false") else dtype)
    eps = xp.finfo(dtype).eps
    for value, *arguments in zip(found.tolist(), *(column.tolist() for column in columns)):
        right = any(same(value, expected(word, *arguments), eps, word) for word in results)
        assert right, f"{name}{tuple(arguments)} is {value}, not {' or '.join(results)}"


def named(cases):
    return [pytest.param(*case, id=f"{case[0]}({', '.join(case[1])})={'|'.join(case[2])}") for case in cases]


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda t: t.name)
@pytest.mark.parametrize("name, words, results", named(tables.sentences(tables.ONE, 1)))
def test_special_cases_of_one_argument(name, words, results, dtype):
    check(name, words, results, dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda t: t.name)
@pytest.mark.parametrize("name, words, results", named(tables.sentences(tables.TWO, 2)))
def test_special_cases_of_two_arguments(name, words, results, dtype):
    check(name, words, results, dtype)


def test_every_function_of_elements_that_has_special_cases_is_in_the_tables():
    there = {name for name, *_ in tables.sentences(tables.ONE, 1) + tables.sentences(tables.TWO, 2)}
    own = {row[0] for row in xp._elementwise.ONE + xp._elementwise.TWO} | {"signbit"}
    without = {name for name in own if name.startswith(("bitwise", "logical"))}
    assert there == own - without


# Promotion.


def one(dtype, shape=(2,)):
    return xp.ones(shape, dtype=dtype)


@pytest.mark.parametrize("a, b", itertools.product(TYPES, TYPES), ids=lambda t: t.name)
def test_the_tables_of_promotion(a, b):
    joint = COMMON.get((a, b))
    shapes = [(2,), ()]
    if joint is None:
        for f in (xp.result_type, lambda *_: xp.concat([one(a), one(b)]), lambda *_: xp.where(one(xp.bool), one(a), one(b))):
            with pytest.raises(TypeError, match="kind"):
                f(a, b)
        assert not xp.can_cast(a, b)
    else:
        assert xp.result_type(a, b) is joint and xp.result_type(one(a), b) is joint
        assert xp.can_cast(a, b) == (joint is b)
        assert xp.concat([one(a), one(b)]).dtype is xp.stack([one(a), one(b)]).dtype is joint
        assert xp.where(one(xp.bool), one(a), one(b)).dtype is joint
    for name, kind, _ in xp._elementwise.TWO:
        f = getattr(xp, name)
        for left, right in itertools.product(shapes, shapes):
            x, y = one(a, left), one(b, right)
            if joint is None or a not in KINDS[kind] or b not in KINDS[kind]:
                with pytest.raises(TypeError):
                    f(x, y)
                continue
            truth = name.startswith(("equal", "not_equal", "less", "greater", "logical"))
            divided = xp.float32 if name == "divide" and joint in KINDS["integral"] else joint
            assert f(x, y).dtype is (xp.bool if truth else divided), name


OPERATORS = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "%": lambda x, y: x % y,
    "//": lambda x, y: x // y, "**": lambda x, y: x**y, "&": lambda x, y: x & y, "|": lambda x, y: x | y,
    "^": lambda x, y: x ^ y, "<<": lambda x, y: x << y, ">>": lambda x, y: x >> y,
}  # fmt: skip


@pytest.mark.parametrize("sign", OPERATORS)
def test_operators_promote_by_the_tables_and_keep_the_type_beside_numbers(sign):
    f = OPERATORS[sign]
    kind = "bool or integral" if sign in "&|^" else "integral" if sign in ("<<", ">>") else "numeric"
    for (a, b), joint in COMMON.items():
        if a in KINDS[kind] and not (a is xp.bool and sign in ("<<", ">>")):
            assert f(one(a), one(b)).dtype is joint
    for a in KINDS[kind]:
        number = True if a is xp.bool else 1
        assert f(one(a), number).dtype is f(number, one(a)).dtype is a
        if a in FLOATS:
            assert f(one(a), 1.5).dtype is f(1.5, one(a)).dtype is a


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.name)
def test_functions_take_numbers_of_the_arrays_kind(dtype):
    for number, suits in ((True, KINDS["bool"]), (1, KINDS["numeric"]), (1.5, FLOATS)):
        if dtype in suits:
            assert xp.equal(one(dtype), number).dtype is xp.bool
            assert xp.where(one(xp.bool), number, one(dtype)).dtype is dtype
            assert xp.result_type(one(dtype), number) is dtype
        else:
            with pytest.raises(TypeError):
                xp.equal(one(dtype), number)
            with pytest.raises(TypeError):
                xp.result_type(one(dtype), number)
    for x, number in ((one(xp.uint8), 256), (one(xp.uint8), -1), (one(xp.int32), 2**31)):
        with pytest.raises(OverflowError, match="range"):
            xp.add(x, number)
        with pytest.raises(OverflowError, match="range"):
            x + number


@pytest.mark.parametrize("dtype", TYPES, ids=lambda t: t.name)
def test_functions_of_one_array_take_the_kinds_that_they_should(dtype):
    x = one(dtype)
    for name, kind, _ in xp._elementwise.ONE:
        if dtype not in KINDS[kind]:
            with pytest.raises(TypeError, match=kind):
                getattr(xp, name)(x)
        else:
            truth = name.startswith("is") or name == "logical_not"
            assert getattr(xp, name)(x).dtype is (xp.bool if truth else dtype), name
    for name in ("mean", "var", "std"):
        if dtype not in FLOATS:
            with pytest.raises(TypeError):
                getattr(xp, name)(x)
    if dtype in KINDS["numeric"]:
        total = dtype if dtype in FLOATS else xp.int64
        assert xp.sum(x).dtype is xp.prod(x).dtype is xp.cumulative_sum(x).dtype is total
        assert xp.sum(x, dtype=xp.float64).dtype is xp.float64
        assert xp.max(x).dtype is xp.sort(x).dtype is dtype
        assert xp.argmax(x).dtype is xp.argsort(x).dtype is xp.searchsorted(x, x).dtype is xp.int64
    assert xp.any(x).dtype is xp.all(x).dtype is xp.bool


# What types are.


def test_kinds_and_limits():
    for kind in ("bool", "integral", "real floating", "numeric"):
        assert [t for t in TYPES if xp.isdtype(t, kind)] == KINDS[kind]
    assert xp.isdtype(xp.uint8, "unsigned integer") and not xp.isdtype(xp.uint8, "signed integer")
    assert xp.isdtype(xp.int32, ("bool", xp.int32)) and not xp.isdtype(xp.float32, "complex floating")
    with pytest.raises(ValueError, match="kind"):
        xp.isdtype(xp.int32, "integers")
    for dtype, least, largest in ((xp.uint8, 0, 255), (xp.int32, -(2**31), 2**31 - 1), (xp.int64, -(2**63), 2**63 - 1)):
        limits = xp.iinfo(dtype)
        assert (limits.min, limits.max, limits.bits) == (least, largest, 8 * dtype.itemsize)
        ends = xp.asarray([least, largest], dtype=dtype)
        assert ends.tolist() == [least, largest]
    for dtype in FLOATS:
        limits = xp.finfo(dtype)
        assert xp.isfinite(xp.asarray(limits.max, dtype=dtype)) and limits.min == -limits.max
        assert xp.isinf(xp.asarray(limits.max, dtype=dtype) * 1.001)
        one_more = xp.asarray(1.0, dtype=dtype) + limits.eps
        assert one_more > 1 and one_more + limits.eps / 4 == one_more
        assert xp.asarray(limits.smallest_normal, dtype=dtype) > 0
    for wrong in (lambda: xp.iinfo(xp.float32), lambda: xp.finfo(xp.int32), lambda: xp.astype(one(xp.bool), "int32")):
        with pytest.raises(TypeError):
            wrong()


@pytest.mark.parametrize("a, b", itertools.product(TYPES, TYPES), ids=lambda t: t.name)
def test_every_type_converts_to_every_other(a, b):
    x = xp.asarray([0, 1], dtype=a)
    assert xp.astype(x, b).tolist() == [type(v)(v) for v in xp.asarray([0, 1], dtype=b).tolist()]
    assert (xp.astype(x, a, copy=False) is x) and xp.astype(x, a) is not x


def test_information():
    info = xp.__array_namespace_info__()
    assert info.dtypes() == {t.name: t for t in TYPES}
    assert info.dtypes(kind=("bool", "real floating")) == {t.name: t for t in [xp.bool, *FLOATS]}
    assert info.default_dtypes()["indexing"] is xp.int64 and info.devices() == [info.default_device()]
    assert all(info.capabilities().values())
    x = xp.zeros(3)
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2023.12") is xp
    with pytest.raises(ValueError, match="2024"):
        x.__array_namespace__(api_version="2024.12")
    assert xp.__array_api_version__ == "2023.12" and x.device == "cpu" and x.to_device("cpu") is x
    assert x.size == 3 and x.size() == (3,) and x.size(0) == 3


def test_names_that_are_missing_are_absent():
    """Every name of the standard is here, or is one that the documentation says is not."""
    standard = """e inf nan newaxis pi __array_namespace_info__ __array_api_version__ arange asarray
    empty empty_like eye from_dlpack full full_like linspace meshgrid ones ones_like tril triu zeros
    zeros_like astype broadcast_arrays broadcast_to can_cast finfo iinfo isdtype result_type abs acos
    acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
    bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1 floor
    floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p log2
    log10 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply negative
    not_equal positive pow real remainder round sign signbit sin sinh square sqrt subtract tan tanh
    trunc take matmul matrix_transpose tensordot vecdot concat expand_dims flip moveaxis permute_dims
    repeat reshape roll squeeze stack tile unstack argmax argmin nonzero searchsorted where unique_all
    unique_counts unique_inverse unique_values argsort sort cumulative_sum max mean min prod std sum
    var all any bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64
    complex128 linalg fft""".split()
    missing = {name for name in standard if not hasattr(xp, name)}
    assert missing == {
        "conj", "imag", "real", "int8", "int16", "uint16", "uint32", "uint64", "complex64", "complex128", "fft",
    }  # fmt: skip
    assert all(name in xp.__doc__ for name in missing)
    assert set(xp.__all__) == set(standard) - missing
    extension = """cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power
    matrix_rank matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot
    vector_norm""".split()
    assert set(xp.linalg.__all__) == set(extension)
    for module, names in ((xp, xp.__all__), (xp.linalg, extension)):
        for name in names:
            of = getattr(module, name)
            assert not callable(of) or of.__doc__, name
