"""The problems of `crates/chainrule-fit/tests/mgh.rs` by scipy, for the counts in `docs/nist.md`.

    python tools/mgh_scipy.py        # scipy 1.17.1, numpy 2.4.6, Python 3.11

Derivatives are by complex steps, so exact up to rounding; tolerances are 1e-15 (the smallest that
`lm` takes is machine epsilon) and evaluations 100000.
"""

import warnings

import numpy as np
import scipy
from scipy.optimize import least_squares

warnings.filterwarnings("ignore")
sqrt = np.sqrt


def modulus(z):
    return np.where(z.real < 0, -z, z)


def helical(x):
    angle = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0.0)
    return np.array([10 * (x[2] - 10 * angle), 10 * (sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
HALF = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989]
GAUSS = np.array(HALF + HALF[:7][::-1])
MEYER = np.array([34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872.0])
KO_Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KO_U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
OSBORNE = np.array([
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
    0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406])


def steps(n):
    return np.arange(1, n + 1).astype(float)


def bard(x):
    u = steps(15)
    v = 16 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def gulf(x):
    t = steps(99) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return np.exp(-(modulus(y - x[1]) ** x[2]) / x[0]) - t


def box(x):
    t = 0.1 * steps(10)
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def brown_dennis(x):
    t = steps(20) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def osborne(x):
    t = 10 * (steps(33) - 1)
    return OSBORNE - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs(x):
    t = 0.1 * steps(13)
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


PROBLEMS = [
    ("Rosenbrock", [-1.2, 1], 0, lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])),
    ("Freudenstein-Roth", [0.5, -2], 0, lambda x: np.array([
        -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]])),
    ("Powell, badly scaled", [0, 1], 0, lambda x: np.array([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])),
    ("Brown, badly scaled", [1, 1], 0, lambda x: np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])),
    ("Beale", [1, 1], 0, lambda x: np.array([c - x[0] * (1 - x[1] ** i) for i, c in ((1, 1.5), (2, 2.25), (3, 2.625))])),
    ("Jennrich-Sampson", [0.3, 0.4], 124.362, lambda x: 2 + 2 * steps(10) - (np.exp(steps(10) * x[0]) + np.exp(steps(10) * x[1]))),
    ("helical valley", [-1, 0, 0], 0, helical),
    ("Bard", [1, 1, 1], 8.21487e-3, bard),
    ("Gaussian", [0.4, 1, 0], 1.12793e-8, lambda x: x[0] * np.exp(-x[1] * ((8 - steps(15)) / 2 - x[2]) ** 2 / 2) - GAUSS),
    ("Meyer", [0.02, 4000, 250], 87.9458, lambda x: x[0] * np.exp(x[1] / (45 + 5 * steps(16) + x[2])) - MEYER),
    ("Gulf", [5, 2.5, 0.15], 0, gulf),
    ("Box, three-dimensional", [0, 10, 20], 0, box),
    ("Powell, singular", [3, -1, 0, 1], 0, lambda x: np.array([
        x[0] + 10 * x[1], sqrt(5) * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, sqrt(10) * (x[0] - x[3]) ** 2])),
    ("Wood", [-3, -1, -3, -1], 0, lambda x: np.array([
        10 * (x[1] - x[0] ** 2), 1 - x[0], sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
        sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / sqrt(10)])),
    ("Kowalik-Osborne", [0.25, 0.39, 0.415, 0.39], 3.07505e-4, lambda x: KO_Y - x[0] * (KO_U**2 + KO_U * x[1]) / (KO_U**2 + KO_U * x[2] + x[3])),
    ("Brown-Dennis", [25, 5, -5, -1], 85822.2, brown_dennis),
    ("Osborne 1", [0.5, 1.5, -1, 0.01, 0.02], 5.46489e-5, osborne),
    ("Biggs EXP6", [1, 2, 1, 1, 1, 1], 0, biggs),
]


def main():
    print("scipy", scipy.__version__, "numpy", np.__version__)
    eps = np.finfo(float).eps
    for method in ("lm", "trf", "dogbox"):
        runs, solved, missed = 0, 0, []
        for name, start, least, f in PROBLEMS:
            for factor in (1, 10, 100):
                x = factor * np.array(start, dtype=float)
                if not np.isfinite(np.sum(f(x) ** 2)) or len(f(x)) < len(x):
                    continue
                runs += 1
                try:
                    r = least_squares(f, x, jac="cs", method=method, ftol=eps, xtol=eps, gtol=eps, max_nfev=100000, x_scale="jac")
                    good = 2 * r.cost <= least * (1 + 1e-4) + 1e-10
                except Exception:
                    good = False
                solved += good
                if not good:
                    missed.append(f"{name} x{factor}")
        print(method, solved, "of", runs, "missed:", "; ".join(missed))


main()
