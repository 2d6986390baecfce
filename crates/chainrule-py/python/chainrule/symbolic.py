"""Formulas and their derivatives as formulas.

    >>> d("3x^2 - 4x")
    Formula("6*x - 4")
    >>> print(d("x sin(x)").steps())
    d/dx[x sin x] = sin(x) d/dx[x] + x d/dx[sin x]   product rule
      d/dx[sin x] = cos x   derivative of sin
    = x cos x + sin x
    >>> d("x^y", by="y").latex
    'x^{y} \\\\ln x'

A ``Formula`` is read from text as a person writes it, has ``variables``, ``latex``, ``pretty`` and
``simplify()``, can be called with numbers or tensors (``f(x=2.0)``), and shows itself in notebooks.
"""

from ._native import _symbolic

__all__ = ["Formula", "d", "gradient", "parse"]

Formula = _symbolic.Formula


def parse(text, variables=()):
    """Reads a formula; ``variables`` are names of variables, whatever else they mean."""
    return text if isinstance(text, Formula) else Formula(text, list(variables))


def d(formula, by=None, order=1):
    """The derivative of a formula by a variable, which may be left out if there is one."""
    found = parse(formula)
    for _ in range(order):
        found = found.d(by)
    return found


def gradient(formula, by=None):
    """The partial derivatives by all variables, or by those named, as a dict."""
    formula = parse(formula)
    return {name: formula.d(name) for name in by or formula.variables}
