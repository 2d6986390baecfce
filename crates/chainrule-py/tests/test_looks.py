"""Figures, drawings of graphs, formulas."""

import xml.etree.ElementTree as xml

import numpy as np
import pytest

import chainrule as cr
from chainrule import plot, symbolic


def texts(svg):
    root = xml.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")]


def test_a_figure_shows_what_is_given():
    x = cr.linspace(0, 6, 50)
    figure = plot.line(x, x.sin(), label="sine", title="Waves", xlabel="time t")
    figure.scatter(x, np.cos(np.linspace(0, 6, 50)), label="cosine", marker="s", color="C2")
    figure.note(1.57, 1.0, "top").hline(0.0, dash=":").ylabel("height").fact("n = 50")
    shown = texts(figure._repr_svg_())
    for text in ("Waves", "time t", "height", "sine", "cosine", "top", "n = 50"):
        assert text in shown
    assert repr(figure) == "<Figure 'Waves' of 3 marks>"


def test_every_mark_gives_a_picture():
    x, y = [1.0, 2.0, 3.0], cr.tensor([2.0, 1.0, 4.0])
    z = cr.randn(8, 9)
    figures = [
        plot.line(y), plot.steps(x, y), plot.scatter(x, y, c=y, cmap="RdBu"), plot.bar("abc", y),
        plot.fill_between(x, y, y + 1, opacity=0.3), plot.hist(cr.randn(200), bins=10, density=True),
        plot.errorbar(x, y, 0.5), plot.heatmap(z), plot.contour(z, levels=5, square=True),
        plot.contourf(z, range(9), range(8), levels=[-1.0, 0.0, 1.0]),
        plot.Figure("way").path(x, y).vline(2), plot.line(x, y, yscale="log").xlim(0, 5),
    ]  # fmt: skip
    for figure in figures:
        xml.fromstring(figure.svg("dark"))
    whole = plot.grid(figures, columns=4, title="All")
    assert "All" in texts(whole.svg("light"))


def test_figures_go_into_files(tmp_path):
    figure = plot.line([1.0, 2.0])
    figure.save(tmp_path / "a.svg").save(tmp_path / "a.png", scale=1)
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="svg or .png"):
        figure.save(tmp_path / "a.pdf")
    with pytest.raises(OSError):
        figure.save(tmp_path / "no" / "a.svg")


def test_wrong_figures():
    with pytest.raises(ValueError, match="2 abscissae for 3"):
        plot.line([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="two axes"):
        plot.heatmap([1.0, 2.0])
    with pytest.raises(ValueError, match="colour"):
        plot.line([1.0], color="#12")
    with pytest.raises(ValueError, match="theme"):
        plot.line([1.0]).svg("blue")
    with pytest.raises(TypeError):
        plot.line([1.0], nonsense=1)
    xml.fromstring(plot.line([float("nan"), float("inf")]).svg())
    assert "<script>" not in plot.line([1.0], title="<script>").svg()


def test_a_graph_is_drawn(tmp_path):
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = (x.tanh() * 3).sum()
    drawing = cr.draw(y, "Mine")
    assert "Mine" in texts(drawing._repr_svg_())
    assert any("tanh" in text for text in texts(drawing.svg("dark")))
    assert drawing.dot().startswith("digraph") and "<html" in drawing.html()
    for ending, begin in (("svg", b"<svg"), ("png", b"\x89PNG"), ("dot", b"digraph"), ("html", b"<!")):
        drawing.save(tmp_path / f"g.{ending}")
        assert (tmp_path / f"g.{ending}").read_bytes().startswith(begin)
    with pytest.raises(ValueError, match="not as"):
        drawing.save("g.txt")
    assert "nodes" in repr(cr.draw(y, gradients=False, constants=True))


def test_formulas_are_differentiated():
    d = symbolic.d("3x^2-4x")
    assert d == "6*x - 4" and d.latex == "6 x - 4" and d.pretty == "6x − 4"
    assert d._repr_latex_() == "$6 x - 4$" and repr(d) == 'Formula("6*x - 4")'
    assert symbolic.d("3x^2-4x", order=2) == "6"
    assert d(2.0).item() == 8.0 and d(x=cr.tensor([1.0, 2.0])).tolist() == [2.0, 8.0]
    assert symbolic.gradient("x^2 y")["y"] == "x^2"
    f = symbolic.parse("x sin(x)")
    assert f.variables == ["x"]
    x = cr.tensor(0.7, dtype=cr.float64, requires_grad=True)
    f(x).backward()
    assert abs(f.d()(0.7).item() - x.grad.item()) < 1e-6
    assert symbolic.parse("x + x").simplify() == "2*x"


def test_steps_name_their_rules():
    steps = symbolic.d("3x^2-4x").steps()
    for rule in ("sum rule", "constant multiple rule", "power rule"):
        assert rule in steps
    depth, equation, rule = symbolic.d("sin(x^2)").lines(latex=True)[0]
    assert depth == 0 and "\\sin" in equation and rule.startswith("chain rule")
    with pytest.raises(ValueError, match="no derivative"):
        symbolic.parse("x").steps()


def test_wrong_formulas():
    with pytest.raises(ValueError, match=r"\^|here|\*"):
        symbolic.d("3x^")
    with pytest.raises(TypeError, match="x, y"):
        symbolic.d("x y")
    with pytest.raises(ValueError):
        symbolic.parse("x y")(1.0)
    with pytest.raises(TypeError, match="2 values"):
        symbolic.parse("x")(1.0, 2.0)
