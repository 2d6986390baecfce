"""The lecture's notebook, executed: every output is the one that the notebook has.

The printed vectors of the lecture are quoted from a document that lost spaces: torch prints
``[  0., 208., 416., 624.]``, all numbers in one width, and so do we.
"""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = Path(__file__).parents[1] / "examples" / "lecture.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Pairs of cells: as the notebook has them, and as they ran."""
    home = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
            patch.setenv(name, str(home))
        ran = nbformat.read(NOTEBOOK, as_version=4)
        nbclient.NotebookClient(ran, timeout=120, allow_errors=True).execute()
    kept = nbformat.read(NOTEBOOK, as_version=4)
    pairs = list(zip(kept.cells, ran.cells))
    return [(a, b) for a, b in pairs if a.cell_type == "code"]


def said(cell):
    """What a cell printed, gave, or failed with; pictures apart."""
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
    given = [
        o.data["text/plain"]
        for o in cell.outputs
        if o.output_type == "execute_result" and "image/png" not in o.data
    ]
    return printed, given, [e.ename for e in errors(cell)]


def errors(cell):
    return [o for o in cell.outputs if o.output_type == "error"]


def test_every_output_is_the_lectures(cells):
    for kept, ran in cells:
        assert said(ran) == said(kept), kept.source


def test_both_errors_say_what_is_wrong_and_what_to_do(cells):
    found = [pair for kept, ran in cells for pair in zip(errors(kept), errors(ran))]
    assert len(found) == 2
    for kept, ran in found:
        assert ran.evalue.startswith(kept.evalue) and "hint:" in ran.evalue


def test_the_plots_are_drawn(cells):
    drawn = ["image/png" in o.get("data", {}) for kept, ran in cells for o in ran.outputs]
    assert sum(drawn) == 2
