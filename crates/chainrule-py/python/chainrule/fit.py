"""Fits with scipy's signatures and exact derivatives.

Functions are written with tensors: ``chainrule`` operations on the vector of parameters, which is
float64. They are called once, to be recorded with their derivatives, and the search is Rust; so
what they do must not depend on numbers but through tensors. Data may be arrays of numpy, lists or
tensors.

    >>> t = [0.0, 1.0, 2.0, 3.0]
    >>> popt, pcov = curve_fit(lambda t, a, b: a * exp(-b * t), t, [5.0, 3.03, 1.84, 1.12], [1, 1])
    >>> found = minimize(lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, [-1.2, 1])

Not here: constraints other than bounds, sparse Jacobians, derivative-free methods but Nelder–Mead.
"""

from __future__ import annotations

import html
import inspect
import math
import warnings as _warnings
from collections.abc import Callable
from typing import Any

from . import _native
from ._native import Tensor, _solve

__all__ = [
    "CurveFit", "OptimizeResult", "OptimizeWarning", "curve_fit", "fit", "least_squares",
    "minimize",
]  # fmt: skip

CurveFit = _solve.CurveFit


class OptimizeWarning(UserWarning):
    """What one should know about a fit."""


class OptimizeResult(dict):
    """What a search found, as a dict whose keys are attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as cause:
            raise AttributeError(name) from cause

    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__

    def __dir__(self):
        return list(self)

    def __repr__(self):
        if not self:
            return "OptimizeResult()"
        width = max(map(len, self)) + 1
        return "\n".join(f"{name.rjust(width)}: {value!r}" for name, value in self.items())


def _column(x):
    """Data as a tensor of float64."""
    if not isinstance(x, Tensor) and hasattr(x, "to_numpy"):
        x = x.to_numpy()
    return _native.as_tensor(x, dtype=_native.float64)


def _numbers(x):
    return _column(x).detach().reshape(-1).tolist()


def _array(numbers, shape=None):
    """Numbers as an array of numpy, which scipy's users expect."""
    import numpy

    made = numpy.asarray(numbers, dtype=float)
    return made if shape is None else made.reshape(shape)


def _bounds(bounds, n):
    """Pairs of a lower and an upper bound, from either form that scipy has."""
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        bounds = zip(_spread(bounds.lb, n), _spread(bounds.ub, n))
    bounds, inf = list(bounds), math.inf

    def end(value, default):
        return default if value is None else float(value)

    # Pairs for each unknown, as `minimize` has them.
    if len(bounds) != n or any(not hasattr(b, "__len__") or len(b) != 2 for b in bounds):
        raise ValueError(f"bounds need a pair (lower, upper) for each of {n} unknowns")
    made = [(end(low, -inf), end(high, inf)) for low, high in bounds]
    for low, high in made:
        if not low <= high:
            raise ValueError("Each lower bound must be strictly less than each upper bound.")
    return made


def _plain(values):
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _spread(value, n):
    made = _plain(value) if hasattr(value, "__len__") else [value] * n
    return made * n if len(made) == 1 else made


def _sides(bounds, n):
    """(lower, upper) of `least_squares` and `curve_fit`, or an object with lb and ub."""
    if hasattr(bounds, "lb"):
        bounds = (bounds.lb, bounds.ub)
    if len(bounds) != 2:
        raise ValueError("`bounds` must contain 2 elements.")

    def side(value):
        if isinstance(value, (int, float)):
            return [float(value)] * n
        made = [float(v) for v in _plain(value)]
        if len(made) != n:
            raise ValueError("Inconsistent shapes between bounds and `x0`.")
        return made

    low, high = map(side, bounds)
    if any(not a < b for a, b in zip(low, high)):
        raise ValueError("Each lower bound must be strictly less than each upper bound.")
    if all(a == -math.inf for a in low) and all(b == math.inf for b in high):
        return []
    return list(zip(low, high))


def _tolerances(**given):
    return {name: float(value) for name, value in given.items() if value is not None}


def least_squares(
    fun: Callable[..., Any], x0: Any, jac: Any = "exact", bounds: Any = (-math.inf, math.inf),
    method: str = "trf", ftol: float | None = None, xtol: float | None = None,
    gtol: float | None = None, x_scale: Any = 1.0, loss: str = "linear", f_scale: float = 1.0,
    diff_step: Any = None, tr_solver: Any = None, tr_options: Any = None, jac_sparsity: Any = None,
    max_nfev: int | None = None, verbose: Any = 0, args: Any = (),
    kwargs: dict[str, Any] | None = None,
) -> OptimizeResult:  # fmt: skip
    """Minimises ½ Σ c² ρ(rᵢ(x)²/c²) for the residuals r = ``fun(x, *args)``, between bounds.

    ``method``: trf and lm are Levenberg and Marquardt's, dogbox is Powell's dogleg. ``loss``:
    linear, huber, soft_l1, cauchy, arctan or tukey, of the scale c = ``f_scale``. Derivatives are
    exact, whatever ``jac`` says; without tolerances the search goes on as far as digits go.

        >>> least_squares(lambda x: stack([x[0] - 1, 10 * (x[1] - x[0] ** 2)]), [-1.2, 1.0]).x
        array([1., 1.])
    """
    start, kwargs = _numbers(x0), kwargs or {}
    how = {
        "method": method, "loss": loss, "f_scale": float(f_scale),
        "bounds": _sides(bounds, len(start)),
    }  # fmt: skip
    if any(not low <= x <= high for x, (low, high) in zip(start, how["bounds"])):
        raise ValueError("`x0` is infeasible.")
    if f_scale <= 0:
        raise ValueError("`f_scale` must be positive.")
    how.update(_tolerances(ftol=ftol, xtol=xtol, gtol=gtol))
    if max_nfev is not None:
        how["max_steps"] = int(max_nfev)
    given = [_moved(a) for a in args]

    def residuals(x):
        return _column_of(fun(x, *given, **kwargs), "fun")

    found = _solve.least_squares(residuals, start, how)
    columns = found["jac"]
    jacobian = _array(columns).T if columns else _array([])
    residue = _array(found["fun"])
    weights = _slopes(loss, residue, float(f_scale))
    gradient = jacobian.T @ (weights * residue) if columns else _array([])
    rests = found["active"]
    ends = how["bounds"] or [(0, 0)] * len(start)
    mask = [
        0 if not at else -1 if x <= low else 1 for x, at, (low, _) in zip(found["x"], rests, ends)
    ]
    free = [abs(g) for g, at in zip(gradient, rests) if not at]
    return OptimizeResult(
        x=_array(found["x"]), cost=found["cost"], fun=residue, jac=jacobian, grad=gradient,
        optimality=float(max(free, default=0.0)), active_mask=mask, nfev=found["nfev"], njev=found["njev"],
        status=_STATUS.get(found["word"], -1), message=found["message"], success=found["success"],
    )  # fmt: skip


_STATUS = {"converged": 1, "max_steps": 0}


def _slopes(loss, residue, scale):
    """ρ′ of each residual, for the gradient of the cost."""
    if loss == "linear":
        return 1.0
    z = (residue / scale) ** 2
    return {
        "huber": lambda: (z <= 1) + (z > 1) / (abs(residue) / scale).clip(1e-300),
        "soft_l1": lambda: (1 + z) ** -0.5,
        "cauchy": lambda: 1 / (1 + z),
        "arctan": lambda: 1 / (1 + z**2),
        "tukey": lambda: (1 - z).clip(0) ** 2,
    }[loss]()


def _moved(x):
    """An argument of the user's function: arrays are tensors."""
    return _column(x) if hasattr(x, "__array_interface__") else x


def _column_of(y, name):
    if isinstance(y, (list, tuple)):
        y = _native.stack([_column(x) for x in y])
    if not isinstance(y, Tensor):
        raise TypeError(
            f"`{name}` gave {type(y).__name__} instead of a tensor\n  hint: write it with "
            f"operations of chainrule (chainrule.exp for numpy.exp), so that it can be differentiated"
        )
    return y


_METHODS = {
    "bfgs": "bfgs", "l-bfgs-b": "lbfgs", "lbfgs": "lbfgs", "cg": "cg", "newton-cg": "newton-cg",
    "trust-ncg": "newton-cg", "trust-krylov": "newton-cg", "trust-exact": "newton",
    "newton": "newton", "dogleg": "newton", "nelder-mead": "nelder-mead", "steepest": "steepest",
}  # fmt: skip


def minimize(
    fun: Callable[..., Any], x0: Any, args: Any = (), method: str | None = None, jac: Any = None,
    hess: Any = None, hessp: Any = None, bounds: Any = None, constraints: Any = (), tol: Any = None,
    callback: Any = None, options: dict[str, Any] | None = None,
) -> OptimizeResult:  # fmt: skip
    """Minimises ``fun(x, *args)``, one number of a vector x, with exact derivatives.

    ``method``: BFGS, L-BFGS-B (with bounds), CG, Newton-CG, trust-ncg, trust-exact or Nelder-Mead;
    by default BFGS, or L-BFGS-B where there are bounds. ``options``: maxiter, gtol. ``tol`` is the
    largest slope that counts as 0. ``jac``, ``hess`` and ``hessp`` are not needed.

        >>> minimize(lambda x: ((x - tensor([1.0, 2.0])) ** 2).sum(), [0.0, 0.0]).x
        array([1., 2.])
    """
    start = _numbers(x0)
    if constraints not in ((), [], None):
        raise ValueError("there are no constraints but bounds")
    name = method or ("BFGS" if bounds is None else "L-BFGS-B")
    chosen = _METHODS.get(str(name).lower())
    if chosen is None:
        raise ValueError(f"Unknown solver {name}: there are BFGS, L-BFGS-B, CG, Newton-CG, "
                         f"trust-ncg, trust-exact and Nelder-Mead")
    options, box = dict(options or {}), None
    if bounds is not None:
        pairs = _bounds(bounds, len(start))
        box = tuple(map(list, zip(*(pairs or []))))
    given = [_moved(a) for a in (args if isinstance(args, tuple) else (args,))]

    def value(x):
        y = fun(x, *given)
        y = y[0] if jac is True and isinstance(y, tuple) else y
        y = _column_of(y, "fun")
        return y.reshape(()) if y.numel() == 1 else y

    tolerance = options.get("gtol", tol)
    found = _solve.minimize(
        value, start, chosen, tolerance, options.get("maxiter"), box, options.get("maxcor", 10)
    )
    result = OptimizeResult(
        x=_array(found["x"]), fun=found["fun"], nit=found["nit"], nfev=found["nfev"],
        njev=found["njev"], nhev=found["nhev"], success=found["success"],
        status=0 if found["success"] else 1 if found["word"] == "max_steps" else 2,
        message=found["message"],
    )  # fmt: skip
    if found["jac"]:
        result["jac"] = _array(found["jac"])
    if callback is not None:
        callback(result.x)
    return result


def _names(f, count):
    """The names of the parameters of f(x, a, b, …)."""
    try:
        known = list(inspect.signature(f).parameters.values())[1:]
    except (TypeError, ValueError):
        known = []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in known if p.kind in plain]
    if count is None:
        if not names:
            raise ValueError("Unable to determine number of fit parameters: give p0.")
        return names
    return names[:count] + [f"p{i}" for i in range(len(names), count)]


def curve_fit(
    f: Callable[..., Any], xdata: Any, ydata: Any, p0: Any = None, sigma: Any = None,
    absolute_sigma: bool = False, check_finite: bool = True, bounds: Any = (-math.inf, math.inf),
    method: str | None = None, jac: Any = None, *, full_output: bool = False,
    nan_policy: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Fits y ≈ f(x, a, b, …): the parameters, and their covariance s² (JᵀJ)⁻¹.

    ``sigma`` are deviations of the observations; with ``absolute_sigma`` s² is 1. Without ``p0``
    many starts are tried, where scipy begins with ones.

        >>> popt, pcov = curve_fit(lambda x, a, b: a * x + b, [0.0, 1, 2, 3], [1.0, 3, 5, 7.1])
    """
    found = _curve(f, xdata, ydata, p0, sigma, bounds, method, check_finite, kwargs)
    if not found.success:
        raise RuntimeError(f"Optimal parameters not found: {found.message}")
    n = len(found.values)
    covariance = _array(found.covariance, (n, n))
    if absolute_sigma and found.sigma > 0:
        covariance = covariance / found.sigma**2
    if not all(math.isfinite(c) for c in covariance.ravel()):
        covariance = _array([math.inf] * (n * n), (n, n))
        what = "Covariance of the parameters could not be estimated"
        _warnings.warn(what, OptimizeWarning, stacklevel=2)
    popt = _array(found.values)
    if full_output:
        info = {"fvec": -_array(found.residuals), "nfev": found.steps}
        return popt, covariance, info, found.message, 1
    return popt, covariance


def _curve(f, xdata, ydata, p0, sigma, bounds, method, check_finite, options):
    y = _numbers(ydata)
    if check_finite and not all(map(math.isfinite, y)):
        raise ValueError("array must not contain infs or NaNs")
    start = None if p0 is None else _numbers(p0)
    names = _names(f, None if start is None else len(start))
    how: dict[str, Any] = {"bounds": _sides(bounds, len(names))}
    if method is not None:
        how["method"] = method
    if sigma is not None:
        deviations = _column(sigma)
        if deviations.ndim > 1:
            raise NotImplementedError("sigma is one deviation for each observation, no matrix")
        if deviations.ndim == 0:
            deviations = deviations.expand(len(y))
        deviations = deviations.tolist()
        if len(deviations) != len(y):
            raise ValueError("`sigma` has incorrect shape.")
        how["weights"] = [1.0 / s**2 for s in deviations]
    for name in ("ftol", "xtol", "gtol"):
        if options.get(name) is not None:
            how[name] = float(options[name])
    for name in ("maxfev", "max_nfev"):
        if options.get(name) is not None:
            how["max_steps"] = int(options[name])
    for name in ("loss", "f_scale"):
        if name in options:
            how[name] = options[name]
    if isinstance(xdata, (tuple, list)) and xdata and hasattr(xdata[0], "__len__"):
        x = type(xdata)(_column(part) for part in xdata)
    else:
        x = _column(xdata)

    def model(theta):
        return _column_of(f(x, *theta), "f").to(_native.float64).reshape(-1)

    return _solve.curve_fit(model, y, names, start, 0.95, how)


def fit(
    model: str, data: Any, y: Any = None, *, start: dict[str, float] | None = None,
    sigma: Any = None, bounds: dict[str, tuple[float, float]] | None = None, loss: str = "linear",
    f_scale: float = 1.0, method: str | None = None, confidence: float = 0.95,
) -> CurveFit:  # fmt: skip
    """Fits a formula such as ``"y = a exp(-b t) + c"`` to columns, with an honest report.

    ``data`` has the columns by name (a dict, or a table with ``columns``); names that are no
    columns are the parameters. ``start`` and ``bounds`` are dicts by name; without ``start`` many
    are tried. ``print`` the result for the report; it has ``values``, ``errors``, ``intervals``, ``r2``, ….

        >>> found = fit("y = a + b x", {"x": [0, 1, 2, 3], "y": [1, 3, 5, 7.1]})
        >>> found.names
        ['a', 'b']
    """
    text = model
    if "=" in text and y is None:
        y, _, text = text.partition("=")
        y = y.strip()
    names = list(data.columns) if hasattr(data, "columns") else list(data)
    if isinstance(y, str):
        if y not in names:
            raise ValueError(f"there is no column {y}; there are {', '.join(map(str, names))}")
        names.remove(y)
        y = data[y]
    if y is None:
        raise ValueError('say what to fit: "y = …", or give y')
    columns = [(str(name), _numbers(data[name])) for name in names]
    how = {"loss": loss, "f_scale": float(f_scale)}
    if method is not None:
        how["method"] = method
    if sigma is not None:
        how["weights"] = [1.0 / s**2 for s in _numbers(sigma)]
    begin = [(name, float(value)) for name, value in (start or {}).items()]
    if bounds:
        free = _free(text, [name for name, _ in columns], begin)
        how["bounds"] = [tuple(bounds.get(name, (-math.inf, math.inf))) for name in free]
    return _solve.formula_fit(text, columns, _numbers(y), begin, confidence, how)


def _free(text, columns, begin):
    declared = columns + [name for name, _ in begin]
    formula = _native._symbolic.Formula(text, declared)
    return [name for name in formula.variables if name not in columns]


def _predict(self, data=None, **columns):
    """The curve where the columns are: a dict of value, std_error, and (low, high) of the bands
    ``confidence`` and ``prediction``."""
    given = {**(dict(data) if data is not None else {}), **columns}
    pairs = [(name, _numbers(x)) for name, x in given.items()]
    rows = self._predict(pairs)
    value, error, confidence, prediction = zip(*rows) if rows else ((),) * 4
    return {"value": _array(value), "std_error": _array(error), "confidence": _array(confidence),
            "prediction": _array(prediction)}


def _repr_html_(self):
    return f"<pre>{html.escape(str(self))}</pre>"


CurveFit.predict, CurveFit._repr_html_ = _predict, _repr_html_
