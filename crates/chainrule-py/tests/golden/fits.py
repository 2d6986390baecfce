"""Problems of fitting, as functions of the module that computes: numpy for scipy, or chainrule."""

import math

T = [0.25 * i for i in range(24)]
#: A decay with some waves for errors, and two outliers.
Y = [2.5 * math.exp(-0.6 * t) + 0.4 + 0.05 * math.sin(7 * t) for t in T]
WILD = [y + (3.0 if i in (5, 17) else 0.0) for i, y in enumerate(Y)]
SIGMA = [0.05 + 0.01 * (i % 4) for i in range(24)]


def decay(m):
    """a exp(−b t) + c."""
    return lambda t, a, b, c: a * m.exp(-b * t) + c


def residuals(m, t, y):
    """How far the decay of three numbers is from data."""
    return lambda x: x[0] * m.exp(-x[1] * t) + x[2] - y


def valley(m):
    """Rosenbrock's."""
    return lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def chained(m):
    """The valley's extension to several numbers."""
    return lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def bowl(m, goal):
    """A smooth bowl that is no parabola."""
    return lambda x, k: (m.cosh(x - goal)).sum() + k * (x**2).sum()


CURVES = {
    "plain": {},
    "weighted": {"sigma": SIGMA},
    "absolute": {"sigma": SIGMA, "absolute_sigma": True},
    "bounded": {"bounds": ([0.0, 0.7, 0.0], [10.0, 2.0, 10.0])},
}
SQUARES = {
    "linear": {},
    "soft_l1": {"loss": "soft_l1", "f_scale": 0.1},
    "huber": {"loss": "huber", "f_scale": 0.1},
    "cauchy": {"loss": "cauchy", "f_scale": 0.1},
    "arctan": {"loss": "arctan", "f_scale": 0.5},
    "bounded": {"bounds": ([-math.inf, 0.8, -math.inf], [2.0, math.inf, 0.6])},
}
MINIMA = {
    "BFGS": ("valley", [-1.2, 1.0], {}),
    "L-BFGS-B": ("chained", [1.3, 0.7, 0.8, 1.9, 1.2], {}),
    "bounded": ("valley", [-1.2, 1.0], {"bounds": [(-2.0, 0.5), (None, 0.1)]}),
    "Newton-CG": ("chained", [1.3, 0.7, 0.8, 1.9, 1.2], {}),
    "trust-exact": ("valley", [-1.2, 1.0], {}),
    "CG": ("bowl", [0.0, 0.0, 0.0], {"args": (0.3,)}),
    "Nelder-Mead": ("bowl", [0.0, 0.0, 0.0], {"args": (0.3,)}),
}
GOAL = [1.0, -2.0, 0.5]
