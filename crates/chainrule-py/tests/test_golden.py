"""What torch gives, we give: values, gradients, second gradients, types, errors, texts.

The results of torch are stored in ``golden/golden.json``, made by ``tools/golden_py.py``; no torch
is needed here.
"""

import json
import math
from pathlib import Path

import pytest

import chainrule as torch
from golden import cases

GOLDEN = json.loads((Path(__file__).parent / "golden" / "golden.json").read_text())

# Relative to the largest number of a result: rounding of each library in each of a few operations.
# Functions in float32 have 2 ULP here and up to 4 in torch.
TOLERANCE = {"float64": 2e-11, "float32": 2e-5, "int64": 0, "int32": 0, "uint8": 0, "bool": 0}
# Torch's trigamma is a short series; ours agrees with scipy's to the last digits.
ROUGH = {"torch.lgamma(x)": 2e-9, "torch.digamma(x)": 2e-9, "torch.polygamma(1, x)": 2e-9}


def near(ours, theirs, dtype, least=0.0):
    if len(ours) != len(theirs):
        return False
    scale = max((abs(t) for t in theirs if math.isfinite(t)), default=0.0)
    bound = max(TOLERANCE[dtype], least) * max(scale, 1.0)
    same = lambda a, b: a == b or math.isnan(a) and math.isnan(b) or abs(a - b) <= bound
    return all(same(a, b) for a, b in zip(ours, theirs))


def zeros_for_none(gradients, of):
    """No gradient and a gradient of zeros say the same."""
    return [[0.0] * len(b) if a is None and b is not None else a for a, b in zip(gradients, of)]


COMPARISONS = list(cases.comparisons())


@pytest.mark.parametrize("i", range(len(COMPARISONS)), ids=[f"{e}:{d}" for e, _, d in COMPARISONS])
def test_expression(i):
    expression, specs, dtype = COMPARISONS[i]
    theirs = GOLDEN["comparisons"][i]
    ours = cases.evaluated(torch, expression, specs, dtype)
    assert (ours["shape"], ours["dtype"]) == (theirs["shape"], theirs["dtype"])
    exact = theirs["dtype"] in ("int64", "bool")
    type_, rough = theirs["dtype"] if exact else dtype, ROUGH.get(expression, 0)
    assert near(ours["value"], theirs["value"], type_, rough), (ours, theirs)
    for order in ("grads", "second"):
        empty = [None] * len(specs)
        a, b = ours.get(order, empty), theirs.get(order, empty)
        a, b = zeros_for_none(a, b), zeros_for_none(b, a)
        for mine, other in zip(a, b):
            assert mine is other is None or near(mine, other, dtype, rough), (
                order, ours, theirs
            )


def plain(x):
    name = str(x.dtype).split(".")[-1]
    return list(x.shape), name, x.detach().reshape(-1).tolist()


@pytest.mark.parametrize("i", range(len(cases.MAKING)), ids=cases.MAKING)
def test_making(i):
    shape, dtype, value = plain(eval(cases.MAKING[i], {"torch": torch}))
    theirs = GOLDEN["making"][i]
    assert (shape, dtype) == (theirs["shape"], theirs["dtype"])
    assert near(value, theirs["value"], dtype), (value, theirs)


@pytest.mark.parametrize("i", range(len(cases.STATEMENTS)), ids=[s for s, _ in cases.STATEMENTS])
def test_in_place(i):
    statements, name = cases.STATEMENTS[i]
    names = {"torch": torch}
    exec(statements, names)
    shape, dtype, value = plain(eval(name, names))
    theirs = GOLDEN["statements"][i]
    assert (shape, dtype) == (theirs["shape"], theirs["dtype"])
    assert near(value, theirs["value"], dtype), (value, theirs)


@pytest.mark.parametrize("i", range(len(cases.MISTAKES)), ids=cases.MISTAKES)
def test_mistake(i):
    expected = GOLDEN["mistakes"][i]
    if expected == "none":
        pytest.fail("torch accepts this: it is no mistake")
    with pytest.raises(Exception) as raised:
        eval(cases.MISTAKES[i], {"torch": torch})
    names = [c.__name__ for c in type(raised.value).__mro__]
    assert expected in names, (expected, raised.value)


@pytest.mark.parametrize("i", range(len(cases.PRINTED)), ids=cases.PRINTED)
def test_text(i):
    ours = repr(eval(cases.PRINTED[i], {"torch": torch}))
    assert ours == GOLDEN["printed"][i].replace("torch.", "chainrule.")
