"""Compare the derivatives that `chainrule d` prints with SymPy's.

Every formula of crates/chainrule/tests/formulas.txt is differentiated by both. SymPy reads our
canonical text of the formula, differentiates it, and both derivatives are evaluated at twenty points.

    python tools/check_derivatives.py [path of the chainrule command]

Needs SymPy (looked at with 1.14). Prints each disagreement and the number of agreements.
"""

import json
import math
import pathlib
import re
import subprocess
import sys

import sympy as sp

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMAND = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/chainrule")

x, y = sp.symbols("x y", real=True)
half = sp.Rational(1, 2)


class floor(sp.Function):
    """The floor, with derivative 0 between its jumps (SymPy's own has none)."""

    @classmethod
    def eval(cls, u):
        if u.is_number:
            return sp.floor(u)

    def fdiff(self, argindex=1):
        return sp.Integer(0)


class sign(sp.Function):
    """The sign, with derivative 0 on both sides of its jump."""

    @classmethod
    def eval(cls, u):
        if u.is_number:
            return sp.sign(u)

    def fdiff(self, argindex=1):
        return sp.Integer(0)


def magnitude(u):
    return u * sign(u)


def ceiling(u):
    return -floor(-u)


def sigmoid(u):
    return 1 / (1 + sp.exp(-u))


def gelu_tanh(u):
    inner = sp.sqrt(2 / sp.pi) * (u + sp.Float("0.044715", 30) * u**3)
    return u * (1 + sp.tanh(inner)) / 2


def trunc(u):
    return sign(u) * floor(magnitude(u))


def round_even(u):
    # Ties have measure zero; no point of the comparison is one.
    return floor(u + half)


def larger(u, v):
    return sp.Piecewise((u, u > v), (v, True))


def smaller(u, v):
    return sp.Piecewise((u, u < v), (v, True))


def real_cbrt(u):
    return sign(u) * magnitude(u) ** sp.Rational(1, 3)


NAMES = {
    "x": x, "y": y, "pi": sp.pi, "e": sp.E, "tau": 2 * sp.pi,
    "abs": magnitude, "sign": sign, "recip": lambda u: 1 / u, "square": lambda u: u**2,
    "sqrt": sp.sqrt, "rsqrt": lambda u: 1 / sp.sqrt(u), "cbrt": real_cbrt,
    "exp": sp.exp, "exp2": lambda u: 2**u, "expm1": lambda u: sp.exp(u) - 1,
    "ln": sp.log, "log2": lambda u: sp.log(u) / sp.log(2), "log10": lambda u: sp.log(u) / sp.log(10),
    "log1p": lambda u: sp.log(1 + u),
    "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "sec": sp.sec, "csc": sp.csc, "cot": sp.cot,
    "asin": sp.asin, "acos": sp.acos, "atan": sp.atan, "atan2": sp.atan2,
    "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh,
    "asinh": sp.asinh, "acosh": sp.acosh, "atanh": sp.atanh,
    "sigmoid": sigmoid, "logit": lambda u: sp.log(u / (1 - u)),
    "softplus": lambda u: sp.log(1 + sp.exp(u)), "logsigmoid": lambda u: -sp.log(1 + sp.exp(-u)),
    "relu": lambda u: sp.Piecewise((u, u > 0), (0, True)),
    "leaky_relu": lambda u: sp.Piecewise((u, u > 0), (u / 100, True)),
    "elu": lambda u: sp.Piecewise((u, u > 0), (sp.exp(u) - 1, True)),
    "gelu": lambda u: u * sp.erfc(-u / sp.sqrt(2)) / 2, "gelu_tanh": gelu_tanh,
    "silu": lambda u: u * sigmoid(u), "mish": lambda u: u * sp.tanh(sp.log(1 + sp.exp(u))),
    "softsign": lambda u: u / (1 + magnitude(u)),
    "erf": sp.erf, "erfc": sp.erfc, "lgamma": sp.loggamma, "digamma": sp.digamma,
    "polygamma": sp.polygamma,
    "floor": floor, "ceil": ceiling, "round": round_even, "trunc": trunc,
    "frac": lambda u: u - trunc(u), "fmod": lambda u, v: u - v * trunc(u / v),
    "maximum": larger, "minimum": smaller,
    "max": lambda *all: __import__("functools").reduce(larger, all),
    "min": lambda *all: __import__("functools").reduce(smaller, all),
    "hypot": lambda u, v: sp.sqrt(u**2 + v**2),
    "copysign": lambda u, v: magnitude(u) * sign(v),
    "logaddexp": lambda u, v: sp.log(sp.exp(u) + sp.exp(v)), "xlogy": lambda u, v: u * sp.log(v),
    "Piecewise": sp.Piecewise, "Eq": sp.Eq,
}


def cases(text):
    """Innermost braces first: {a if c; b otherwise} becomes a call of Piecewise."""
    inner = re.compile(r"\{([^{}]*)\}")

    def one(match):
        parts = []
        for part in match.group(1).split("; "):
            if part.endswith(" otherwise"):
                parts.append(f"({part.removesuffix(' otherwise')}, True)")
            else:
                value, condition = part.rsplit(" if ", 1)
                if " = " in condition:
                    condition = "Eq({}, {})".format(*condition.split(" = "))
                parts.append(f"({value}, {condition})")
        return f"Piecewise({', '.join(parts)})"

    while inner.search(text):
        text = inner.sub(one, text)
    return text


def read(text):
    text = cases(text).replace("^", "**")
    # Whole numbers and decimals as exact fractions.
    text = re.sub(r"(?<![\w.])(\d+\.?\d*(?:e-?\d+)?)", r"Rational('\1')", text)
    return eval(text, {"__builtins__": {}}, {**NAMES, "Rational": sp.Rational})


def points(low, high, offset):
    return [low + (high - low) * math.modf(offset + 0.618033988749895 * i)[0] for i in range(1, 21)]


def main():
    agree, disagree = 0, 0
    for line in (ROOT / "crates/chainrule/tests/formulas.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        text, low, high = line.split(" ; ")
        names = [n for n in ("x", "y") if re.search(rf"(?<![a-z]){n}|{n}(?![a-z])", text)]
        run = subprocess.run(
            [COMMAND, "d", text, "--wrt", ",".join(names) or "x", "--json"],
            capture_output=True, text=True, check=True,
        )
        told = json.loads(run.stdout)
        f = read(told["formula"])
        right = True
        for derivative in told["derivatives"]:
            by = derivative["wrt"][0]
            ours = read(derivative["formula"])
            theirs = sp.diff(f, NAMES[by])
            for a, b in zip(points(float(low), float(high), 0.1), points(float(low), float(high), 0.7)):
                at = {x: a, y: b}
                u, v = (complex(sp.sympify(g).subs(at).doit().evalf(30)) for g in (ours, theirs))
                if abs(u - v) > 1e-9 * (1 + abs(v)):
                    print(f"{text}: d/d{by} = {derivative['formula']} is {u} at {at}, SymPy's {v}")
                    right = False
                    break
        agree, disagree = agree + right, disagree + (not right)
    print(f"{agree} formulas agree, {disagree} do not")
    return disagree > 0


if __name__ == "__main__":
    sys.exit(main())
