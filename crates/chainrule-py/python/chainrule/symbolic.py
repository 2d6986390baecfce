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

from __future__ import annotations

from collections.abc import Sequence

from typing import Any

from ._native import _symbolic

__all__ = ["Formula", "d", "gradient", "parse"]

Formula: Any = _symbolic.Formula


def parse(text: Any, variables: Sequence[str] = ()) -> Any:
    """Reads a formula; ``variables`` are names of variables, whatever else they mean."""
    return text if isinstance(text, Formula) else Formula(text, list(variables))


def d(formula: Any, by: str | None = None, order: int = 1) -> Any:
    """The derivative of a formula by a variable, which may be left out if there is one."""
    found: Any = parse(formula)
    for _ in range(order):
        found = found.d(by)
    return found


def gradient(formula: Any, by: Sequence[str] | None = None) -> dict[str, Any]:
    """The partial derivatives by all variables, or by those named, as a dict."""
    whole = parse(formula)
    return {name: whole.d(name) for name in by or whole.variables}
