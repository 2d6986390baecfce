"""Writes crates/chainrule-py/tests/golden/fits.json: what scipy finds for the problems of fits.py.

Run from anywhere with Python 3, numpy and scipy 1.17: python tools/golden_py_fit.py. Tolerances are
as small as scipy bears, so that minima are compared and not where a search gave up.
"""

import json
import pathlib
import sys

import numpy as np
import scipy
from scipy import optimize

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "crates/chainrule-py/tests/golden"
sys.path.insert(0, str(GOLDEN))
import fits  # noqa: E402

t, y, wild = map(np.array, (fits.T, fits.Y, fits.WILD))
golden = {"scipy": scipy.__version__, "curves": {}, "squares": {}, "minima": {}}
for name, options in fits.CURVES.items():
    popt, pcov = optimize.curve_fit(
        fits.decay(np), t, y, [1.0, 1.0, 1.0], xtol=1e-14, ftol=1e-14, gtol=1e-14, **options
    )
    golden["curves"][name] = {"popt": popt.tolist(), "pcov": pcov.tolist()}
for name, options in fits.SQUARES.items():
    found = optimize.least_squares(
        fits.residuals(np, t, wild), [1.5, 1.0, 0.5], jac="3-point",
        xtol=1e-15, ftol=1e-15, gtol=1e-15, **options,
    )  # fmt: skip
    golden["squares"][name] = {"x": found.x.tolist(), "cost": float(found.cost)}
for name, (which, start, options) in fits.MINIMA.items():
    if which != "bowl" and "bounds" not in options:
        continue  # Rosenbrock's minimum is known.
    f = fits.bowl(np, np.array(fits.GOAL)) if which == "bowl" else getattr(fits, which)(np)
    method = "L-BFGS-B" if "bounds" in options else "BFGS"
    found = optimize.minimize(f, start, method=method, jac="3-point", tol=1e-14, **options)
    golden["minima"][name] = {"x": found.x.tolist(), "fun": float(found.fun)}
path = GOLDEN / "fits.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path.stat().st_size, "bytes")
