"""Evaluates the Python package's comparisons with torch, and stores what comes out.

    python tools/golden_py.py

writes crates/chainrule-py/tests/golden/golden.json. Made with torch 2.15.0 on a processor.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

HOME = Path(__file__).parents[1] / "crates" / "chainrule-py" / "tests"
sys.path.insert(0, str(HOME))
sys.dont_write_bytecode = True

from golden import cases  # noqa: E402


def rounded(of, digits):
    """Numbers with as many digits as their type has, to keep the file small."""
    if isinstance(of, float):
        return float(f"{of:.{digits}g}")
    if isinstance(of, list):
        return [rounded(x, digits) for x in of]
    if isinstance(of, dict):
        return {name: rounded(x, digits) for name, x in of.items()}
    return of


def plain(x):
    return {
        "shape": list(x.shape),
        "dtype": str(x.dtype).split(".")[-1],
        "value": x.detach().reshape(-1).tolist(),
    }


def main():
    warnings.simplefilter("ignore")
    golden = {"comparisons": [], "making": [], "statements": [], "mistakes": [], "printed": []}
    for expression, specs, dtype in cases.comparisons():
        with sdpa_kernel(SDPBackend.MATH):  # the others have no second derivatives
            found = cases.evaluated(torch, expression, specs, dtype)
        golden["comparisons"].append(rounded(found, 17 if dtype == "float64" else 9))
    for expression in cases.MAKING:
        golden["making"].append(plain(eval(expression, {"torch": torch})))
    for statements, name in cases.STATEMENTS:
        names = {"torch": torch}
        exec(statements, names)
        golden["statements"].append(plain(eval(name, names)))
    for expression in cases.MISTAKES:
        try:
            eval(expression, {"torch": torch})
            golden["mistakes"].append("none")
        except Exception as error:
            classes = [c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"]
            golden["mistakes"].append(classes[0])
    for expression in cases.PRINTED:
        golden["printed"].append(repr(eval(expression, {"torch": torch})))
    lines = [
        f' "{name}": [\n  ' + ",\n  ".join(json.dumps(x, separators=(",", ":")) for x in rows) + "\n ]"
        for name, rows in golden.items()
    ]
    (HOME / "golden" / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
