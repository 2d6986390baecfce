"""Makes crates/chainrule-fit/tests/golden/glm.json: what statsmodels and scikit-learn say.

Run from the root of the repository:

    python tools/golden_glm.py

Made with Python 3.11, numpy 2.4.6, pandas 3.1.1, statsmodels 0.14.6 and scikit-learn 1.9.1. Penalised
models are fitted to standardised columns (population standard deviation) and carried back to the
units of the table; scikit-learn's alpha is n times our λ for ridge and λ for the lasso, and its C
is 1 / (n λ).
"""

import io
import json
import pathlib

import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

ROOT = pathlib.Path(__file__).parent.parent
DIABETES = pd.read_csv(ROOT / "data/diabetes.csv")
CANCER = pd.read_csv(ROOT / "data/breast_cancer.csv")

# The number of breaks in yarn during weaving (L. H. C. Tippett 1950, Technological Applications of
# Statistics), as in R's `warpbreaks`: nine looms for each wool and tension.
BREAKS = {
    ("A", "L"): [26, 30, 54, 25, 70, 52, 51, 26, 67],
    ("A", "M"): [18, 21, 29, 17, 12, 18, 35, 30, 36],
    ("A", "H"): [36, 21, 24, 18, 10, 43, 28, 15, 26],
    ("B", "L"): [27, 14, 29, 19, 29, 31, 41, 20, 44],
    ("B", "M"): [42, 26, 19, 16, 39, 28, 21, 39, 29],
    ("B", "H"): [20, 21, 24, 17, 13, 15, 15, 16, 28],
}


def case(name, table, target, model, names, estimates, errors=None, classes=None, **more):
    """One case: the table as a file of data/ or as text, and what is expected."""
    parameters = []
    for i, name_ in enumerate(names):
        row = {"name": name_, "estimate": float(estimates[i])}
        if errors is not None:
            row["std_error"] = float(errors[i])
        if classes is not None:
            row["class"] = classes[i]
        parameters.append(row)
    return {"case": name, **table, "target": target, "model": model, "parameters": parameters, **more}


def whole(fit, **more):
    return {"log_likelihood": fit.llf, "aic": fit.aic, **more}


def linear():
    x = sm.add_constant(DIABETES.drop(columns="progression"), prepend=False)
    fit = sm.OLS(DIABETES["progression"], x).fit()
    names = [*x.columns[:-1], "intercept"]
    return case("diabetes, least squares", {"file": "diabetes.csv"}, "progression", "linear", names,
                fit.params.values, fit.bse.values,
                **whole(fit, bic=fit.bic, deviance=fit.ssr, null_deviance=fit.centered_tss))


def standardised(table):
    mean, scale = table.mean(), table.std(ddof=0)
    return (table - mean) / scale, mean.values, scale.values


def in_units(weight, intercept, mean, scale):
    weight = np.ravel(weight) / scale
    return [*weight, float(np.ravel(intercept)[0]) - weight @ mean]


def penalised():
    x = DIABETES.drop(columns="progression")
    z, mean, scale = standardised(x)
    y, names = DIABETES["progression"], [*x.columns, "intercept"]
    ridge = Ridge(alpha=len(y) * 0.1, solver="cholesky").fit(z, y)
    lasso = Lasso(alpha=2.0, tol=1e-14, max_iter=1_000_000).fit(z, y)
    for name, model, fit in [("ridge", "ridge:0.1", ridge), ("lasso", "lasso:2", lasso)]:
        yield case(f"diabetes, {name}", {"file": "diabetes.csv"}, "progression", model, names,
                   in_units(fit.coef_, fit.intercept_, mean, scale))


FEATURES = ["mean_radius", "mean_texture", "mean_smoothness", "mean_concavity", "radius_error"]


def logistic():
    y = (CANCER["diagnosis"] == "malignant").astype(float)
    x = CANCER[FEATURES]
    fit = sm.Logit(y, sm.add_constant(x, prepend=False)).fit(method="newton", tol=1e-10, disp=0)
    names = [*FEATURES, "intercept"]
    yield case("breast cancer, logistic", {"file": "breast_cancer.csv"}, "diagnosis", "logistic",
               names, fit.params.values, fit.bse.values, features=FEATURES,
               **whole(fit, bic=fit.bic, deviance=-2 * fit.llf, null_deviance=-2 * fit.llnull))
    x = CANCER.drop(columns="diagnosis")
    z, mean, scale = standardised(x)
    n, penalty = len(y), 0.01
    fit = LogisticRegression(C=1 / (n * penalty), solver="newton-cholesky", tol=1e-13).fit(z, y)
    yield case("breast cancer, logistic with ridge", {"file": "breast_cancer.csv"}, "diagnosis",
               "logistic", [*x.columns, "intercept"],
               in_units(fit.coef_, fit.intercept_, mean, scale), ridge=penalty)


def softmax():
    level = pd.cut(DIABETES["progression"], [0, 100, 180, 1000], labels=["a", "b", "c"])
    table = DIABETES[["age", "bmi", "bp", "s5"]].assign(level=level)
    text = table.to_csv(index=False)
    table = pd.read_csv(io.StringIO(text))
    y = table["level"].map({"a": 0, "b": 1, "c": 2})
    x = sm.add_constant(table.drop(columns="level"), prepend=False)
    fit = sm.MNLogit(y, x).fit(method="newton", tol=1e-10, disp=0)
    columns = [*x.columns[:-1], "intercept"]
    return case("diabetes, three classes", {"rows": text}, "level", "softmax", columns * 2,
                fit.params.values.T.ravel(), fit.bse.values.T.ravel(),
                classes=["b"] * len(columns) + ["c"] * len(columns),
                **whole(fit, bic=fit.bic, deviance=-2 * fit.llf, null_deviance=-2 * fit.llnull))


def poisson():
    rows = [(n, wool, tension) for (wool, tension), all_ in BREAKS.items() for n in all_]
    table = pd.DataFrame(rows, columns=["breaks", "wool", "tension"])
    # The baselines are the first of the most frequent levels: A and H.
    x = pd.DataFrame({
        "wool=B": (table["wool"] == "B").astype(float),
        "tension=L": (table["tension"] == "L").astype(float),
        "tension=M": (table["tension"] == "M").astype(float),
    })
    x = sm.add_constant(x, prepend=False)
    fit = sm.GLM(table["breaks"], x, family=sm.families.Poisson()).fit(tol=1e-14)
    return case("warp breaks, Poisson", {"rows": table.to_csv(index=False)}, "breaks", "poisson",
                [*x.columns[:-1], "intercept"], fit.params.values, fit.bse.values,
                **whole(fit, bic=fit.bic_llf, deviance=fit.deviance,
                        null_deviance=fit.null_deviance))


cases = [linear(), *penalised(), *logistic(), softmax(), poisson()]
out = ROOT / "crates/chainrule-fit/tests/golden/glm.json"
out.write_text(json.dumps(cases, indent=1) + "\n")
for c in cases:
    print(c["case"], [round(p["estimate"], 4) for p in c["parameters"]])
