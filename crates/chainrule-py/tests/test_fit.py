"""Fits against scipy's answers, certified values and closed forms."""

import json
import math
import pathlib

import numpy as np
import pytest

import chainrule as cr
from chainrule import fit
from golden import fits

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden/fits.json").read_text())


def near(a, b, tolerance):
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.all(abs(a - b) <= tolerance * (1 + abs(b)))


@pytest.mark.parametrize("name", fits.CURVES)
def test_scipy_fits_the_same_curve(name):
    options, wanted = fits.CURVES[name], GOLDEN["curves"][name]
    popt, pcov = fit.curve_fit(fits.decay(cr), fits.T, fits.Y, [1.0, 1.0, 1.0], **options)
    # Half of the digits of a double, since scipy's Jacobian is of differences.
    assert near(popt, wanted["popt"], 1e-7)
    if name == "bounded":
        assert pcov[1, 1] == 0.0  # a parameter at its bound counts as known
    else:
        assert near(pcov, wanted["pcov"], 1e-6)
    again, _ = fit.curve_fit(fits.decay(cr), np.array(fits.T), cr.tensor(fits.Y), **options)
    assert near(again, popt, 1e-6)  # without a start


@pytest.mark.parametrize("name", fits.SQUARES)
@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_scipy_finds_the_same_squares(name, method):
    options, wanted = fits.SQUARES[name], GOLDEN["squares"][name]
    t, wild = (cr.tensor(v, dtype=cr.float64) for v in (fits.T, fits.WILD))
    f = fits.residuals(cr, t, wild)
    found = fit.least_squares(f, [1.5, 1.0, 0.5], method=method, **options)
    assert found.success, found.message
    # scipy's minima of losses with corners are known to six digits.
    assert near(found.x, wanted["x"], 2e-5) and near(found.cost, wanted["cost"], 1e-8)
    assert found.optimality < 1e-6 and found.jac.shape == (24, 3) and found.fun.shape == (24,)
    if name == "bounded":
        assert found.active_mask == [1, -1, 1]


@pytest.mark.parametrize("method", fits.MINIMA)
def test_scipy_finds_the_same_minimum(method):
    which, start, options = fits.MINIMA[method]
    goal = cr.tensor(fits.GOAL, dtype=cr.float64)
    f = fits.bowl(cr, goal) if which == "bowl" else getattr(fits, which)(cr)
    name = None if method == "bounded" else method
    found = fit.minimize(f, start, method=name, **options)
    assert found.success and found.status == 0, found.message
    wanted = GOLDEN["minima"].get(method, {"x": [1.0] * len(start), "fun": 0.0})
    assert near(found.x, wanted["x"], 1e-5) and near(found.fun, wanted["fun"], 1e-8)
    assert isinstance(found.x, np.ndarray) and found.nfev >= found.nit > 0


# Misra1a of NIST's Statistical Reference Datasets, with its certified values.
MISRA_X = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1,
           760.0]  # fmt: skip
MISRA_Y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47,
           81.78]  # fmt: skip


def test_certified_values():
    model = lambda x, b1, b2: b1 * (1 - cr.exp(-b2 * x))  # noqa: E731
    popt, pcov = fit.curve_fit(model, MISRA_X, MISRA_Y, [500.0, 0.0001])
    assert near(popt, [2.3894212918e02, 5.5015643181e-04], 1e-9)
    assert abs(math.sqrt(pcov[0, 0]) / 2.7070075241 - 1) < 1e-8
    assert abs(math.sqrt(pcov[1, 1]) / 7.2668688436e-06 - 1) < 1e-8
    found = fit.fit("y = b1 (1 - exp(-b2 x))", {"x": MISRA_X, "y": MISRA_Y}, start={"b1": 250, "b2": 5e-4})
    assert found.names == ["b1", "b2"] and near(found.values, popt, 1e-9)
    assert abs(found.rss / 1.2455138894e-01 - 1) < 1e-9 and found.dof == 12
    assert found.success and found.r2 > 0.9999
    assert "&lt;0.0001" in found._repr_html_()
    assert "std. error" in str(found) and repr(found).startswith("CurveFit(b1=238.942")


def test_formulas_bounds_and_bands():
    t = [0.0, 1.0, 2.0, 3.0, 4.0]
    y = [1.0, 3.1, 4.9, 7.0, 9.1]
    line = fit.fit("a + b t", {"t": t}, y)
    # The straight line in closed form.
    slope = (np.dot(t, y) - 5 * np.mean(t) * np.mean(y)) / (np.dot(t, t) - 5 * np.mean(t) ** 2)
    assert near(line.values, [np.mean(y) - slope * 2, slope], 1e-9)
    s = math.sqrt(line.rss / 3)
    assert abs(line.errors[1] - s / math.sqrt(10)) < 1e-9
    at = line.predict(t=[2.0])
    assert abs(at["value"][0] - np.mean(y)) < 1e-9
    assert abs(at["std_error"][0] - s / math.sqrt(5)) < 1e-9
    low, high = at["confidence"][0]
    assert abs((high - low) / 2 - 3.182446305284 * s / math.sqrt(5)) < 1e-8  # t of 3 degrees, 95 %
    held = fit.fit("a + b t", {"t": t, "y": y}, cr.tensor(y), bounds={"b": (0.0, 1.5)})
    assert held.values[1] == 1.5 and any("bound" in w for w in held.warnings)
    robust = fit.fit("y = m", {"y": [1.0, 1.1, 0.9, 50.0]}, loss="huber", f_scale=0.1, start={"m": 1})
    assert robust.values[0] < 1.2


def test_several_columns_and_weights():
    x = (np.array([0.0, 1.0, 0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0, 3.0]))
    f = lambda x, a, b, c: a + b * x[0] + c * x[1]  # noqa: E731
    y = 1 + 2 * x[0] + 3 * x[1]
    popt, _ = fit.curve_fit(f, x, y, sigma=[1.0, 2.0, 1.0, 2.0, 1.0])
    assert near(popt, [1, 2, 3], 1e-9)
    popt, _, info, message, ok = fit.curve_fit(f, x, y, [0, 0, 0], full_output=True)
    assert ok == 1 and "converged" in message and abs(info["fvec"]).max() < 1e-9


def test_results_are_dicts_with_attributes():
    found = fit.minimize(lambda x: ((x - 1) ** 2).sum(), [0.0, 0.0])
    assert found["x"] is found.x and "success: True" in repr(found)
    with pytest.raises(AttributeError):
        _ = found.nothing
    seen = []
    fit.minimize(lambda x: (x**2).sum(), 3.0, callback=seen.append)
    assert len(seen) == 1


def test_errors():
    class Mine(Exception):
        pass

    def fails(x, *_):
        raise Mine("own")

    with pytest.raises(Mine, match="own"):
        fit.minimize(fails, [0.0])
    with pytest.raises(Mine, match="own"):
        fit.least_squares(fails, [0.0])
    with pytest.raises(Mine, match="own"):
        fit.curve_fit(fails, [0.0], [0.0], [1.0])
    with pytest.raises(TypeError, match="chainrule.exp for numpy.exp"):
        fit.minimize(lambda x: 3.0, [0.0])
    with pytest.raises(RuntimeError, match="one number"):
        fit.minimize(lambda x: x * 2, [0.0, 1.0])
    with pytest.raises(ValueError, match="Unknown solver COBYLA"):
        fit.minimize(lambda x: x.sum(), [0.0], method="COBYLA")
    with pytest.raises(ValueError, match="no constraints"):
        fit.minimize(lambda x: x.sum(), [0.0], constraints=[{"type": "eq"}])
    with pytest.raises(ValueError, match="pair"):
        fit.minimize(lambda x: x.sum(), [0.0], bounds=[0, 1])
    with pytest.raises(ValueError, match="infeasible"):
        fit.least_squares(lambda x: x, [3.0], bounds=(0, 1))
    with pytest.raises(ValueError, match="infs or NaNs"):
        fit.curve_fit(lambda x, a: a * x, [0.0, 1.0], [0.0, math.nan])
    with pytest.raises(ValueError, match="method"):
        fit.least_squares(lambda x: x, [1.0], method="newton")
    with pytest.raises(ValueError, match="scale|linear"):
        fit.least_squares(lambda x: x, [1.0], loss="l2")
    with pytest.raises(ValueError, match="no column z"):
        fit.fit("z = a x", {"x": [1.0], "y": [1.0]})
    with pytest.raises(ValueError, match="no parameter k"):
        fit.fit("y = a x", {"x": [1.0, 2], "y": [1.0, 2]}, start={"k": 1})
    with pytest.raises(ValueError):
        fit.fit("y = a x +", {"x": [1.0], "y": [1.0]})
    falls = fit.minimize(lambda x: -(x**4).sum() + x.sum(), [0.1, 0.2])
    assert not falls.success and falls.status == 2 and "falls without end" in falls.message
