"""What the project's README says about Python is true."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.skipif(not README.exists(), reason="outside the repository")
def test_the_readmes_program_runs():
    text = README.read_text().split("## From Python")[1]
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    names = {}
    exec(program, names)
    (said,) = re.findall(r"^x\.grad +# (.*)$", program, re.MULTILINE)
    assert repr(names["x"].grad) == said
    assert names["x"].tolist() == [0.0, 1.0, 2.0, 0.0]
