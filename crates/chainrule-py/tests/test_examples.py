"""The examples learn what they say."""

import pathlib
import sys
import xml.etree.ElementTree as xml

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def test_names(examples, capsys):
    import names

    # Two epochs of a fifth of the names, from 3.30 of a model that knows nothing.
    assert names.main(["--quick"]) < 2.75
    assert "made up" in capsys.readouterr().out


def test_digits(examples, tmp_path):
    import digits

    picture = tmp_path / "confusion.svg"
    # One of ten would be read rightly by chance.
    assert digits.main(["--epochs", "4", "--plot", str(picture)]) > 0.9
    xml.fromstring(picture.read_text())
