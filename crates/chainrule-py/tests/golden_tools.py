"""The tools that wrote the Rust crates' golden files with torch, run with chainrule in its place."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "crates/chainrule-fit/tests/golden"


def source(name, begin, end):
    """The lines of a tool from the one that begins with ``begin`` to before the one with ``end``."""
    lines = (ROOT / "tools" / name).read_text().split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith(begin))
    last = next(i for i, line in enumerate(lines) if line.startswith(end))
    # Lines before stand empty, so that errors name the tool's own.
    return compile("\n" * first + "\n".join(lines[first:last]), f"tools/{name}", "exec")


def optim():
    """What torch's optimisers and schedules do."""
    return json.loads((GOLDEN / "optim.json").read_text())
