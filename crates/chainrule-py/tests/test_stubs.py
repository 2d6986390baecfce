"""The stored type stubs are those of the package, and a type checker understands them."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule

HOME = Path(__file__).parents[1]
TOOL = HOME.parents[1] / "tools" / "stubs_py.py"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other Pythons sign some methods differently")
def test_stored_stubs_are_up_to_date():
    spec = importlib.util.spec_from_file_location("stubs_py", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for name, text in tool.stubs().items():
        stored = (HOME / "python" / "chainrule" / name).read_text()
        assert stored == text, f"run tools/stubs_py.py: {name} is old"


PROGRAM = """
import chainrule as cr
x = cr.arange(4.0, requires_grad=True)
y: cr.Tensor = 2 * cr.dot(x, x) + cr.tanh(x).sum(dim=0, keepdim=True)
y.backward()
with cr.no_grad():
    z = x[0:2] @ x[:2]
names: tuple[int, ...] = z.shape
values: cr.Tensor = cr.sort(x).values
cr.autograd.grad(y, x)
w: cr.Tensor = cr.array_api.sin(cr.array_api.linalg.inv(cr.eye(2))) + cr.tensor([1], dtype=cr.int32)
x.no_such_method()
"""


def test_a_type_checker_understands_them(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    rules = {"typeCheckingMode": "standard", "extraPaths": [str(Path(chainrule.__file__).parents[1])]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(rules))
    ran = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--project", str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    errors = [text for text in ran.stdout.splitlines() if " error: " in text]
    assert len(errors) == 1 and "no_such_method" in errors[0], ran.stdout + ran.stderr
