"""Figures as SVG and PNG, drawn by the Rust library: they show themselves in notebooks.

    >>> x = linspace(0, 6.3, 200)
    >>> figure = line(x, x.sin(), label="sin", title="Waves").line(x, x.cos(), label="cos")
    >>> figure.save("waves.svg")

Methods add to a figure and give it back. Options of all marks: ``label``, ``color`` ("C0",
"#0072b2", "red"), ``width``, ``dash`` ("-", "--", ":"), ``opacity``, ``marker`` ("o", "s", "^", "D", "x"),
``radius``, ``cmap`` ("viridis", "RdBu", "Blues"). Data are tensors, arrays or lists.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from . import _native
from ._native import Tensor, _plot

#: A tensor, an array of numpy, or nested lists of numbers.
ArrayLike = Any

__all__ = [
    "Figure", "bar", "contour", "contourf", "errorbar", "fill_between", "grid", "heatmap", "hist",
    "line", "scatter", "steps",
]  # fmt: skip


def _numbers(x):
    return _native.as_tensor(x, dtype=_native.float64).detach().reshape(-1).tolist()


def _pair(x, y):
    """Abscissae and ordinates; numbers from 0 where only one list is given."""
    if y is None:
        y = _numbers(x)
        return [float(i) for i in range(len(y))], y
    x, y = _numbers(x), _numbers(y)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} abscissae for {len(y)} ordinates")
    return x, y


def _matrix(z, x, y):
    z = z if isinstance(z, Tensor) else _native.as_tensor(z)
    if z.ndim != 2:
        raise ValueError(f"a grid of values has two axes, not {z.ndim}")
    rows, columns = z.shape
    if x is None and y is None:
        return [_numbers(z)], columns
    x = list(range(columns)) if x is None else _numbers(x)
    y = list(range(rows)) if y is None else _numbers(y)
    if len(x) != columns or len(y) != rows:
        raise ValueError(
            f"a grid of {rows} rows and {columns} columns has {len(y)} and {len(x)} places"
        )
    return [_numbers(z), list(map(float, x)), list(map(float, y))], columns


class Figure:
    """A pair of axes with what is drawn on it, or several in a grid (``grid``)."""

    def __init__(
        self, title: str = "", *, xlabel: str = "", ylabel: str = "", xscale: str = "linear",
        yscale: str = "linear", xlim: tuple[float, float] | None = None,
        ylim: tuple[float, float] | None = None, size: tuple[float, float] = (640, 420),
        legend: str = "auto", square: bool = False,
    ) -> None:  # fmt: skip
        self._marks, self._notes, self._facts = [], [], []
        self._panels: list[Figure] | None = None
        self._title, self._columns, self._size = title, 1, tuple(map(float, size))
        self._x = [xlabel, xscale == "log", *(xlim or (None, None)), []]
        self._y = [ylabel, yscale == "log", *(ylim or (None, None)), []]
        self._legend, self._square = legend, square
        for name in (xscale, yscale):
            if name not in ("linear", "log"):
                raise ValueError(f"a scale is linear or log, not {name}")

    # What is drawn.

    def _add(self, kind, data, look, **options):
        if self._panels is not None:
            raise ValueError("a grid of figures is drawn on through its figures")
        self._marks.append(_plot.mark(kind, data, **options, **look))
        return self

    def line(self, x: ArrayLike, y: ArrayLike | None = None, **look: Any) -> Figure:
        """A line through points."""
        return self._add("line", list(_pair(x, y)), look)

    def steps(self, x: ArrayLike, y: ArrayLike | None = None, **look: Any) -> Figure:
        """A line that jumps."""
        return self._add("steps", list(_pair(x, y)), look)

    def scatter(
        self, x: ArrayLike, y: ArrayLike | None = None, c: ArrayLike | None = None, **look: Any
    ) -> Figure:
        """Points; with ``c`` their colours stand for values."""
        x, y = _pair(x, y)
        return self._add("points", [x, y], look) if c is None else self._add(
            "coloured", [x, y, _numbers(c)], look
        )

    def fill_between(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, **look: Any) -> Figure:
        """The area between two curves."""
        return self._add("band", [_numbers(x), _numbers(low), _numbers(high)], look)

    def bar(self, names: Any, sizes: ArrayLike | None = None, **look: Any) -> Figure:
        """Bars of these sizes, side by side under their names."""
        if sizes is None:
            names, sizes = None, names
        if names is not None:
            self._x[4] = [str(name) for name in names]
        return self._add("bars", [_numbers(sizes)], look)

    def hist(self, values: ArrayLike, bins: int = 20, density: bool = False, **look: Any) -> Figure:
        """How many values fall into each of ``bins`` equal intervals."""
        return self._add(
            "histogram", [_numbers(values), [float(density)]], look, columns=bins
        )

    def errorbar(self, x: ArrayLike, y: ArrayLike, yerr: ArrayLike, **look: Any) -> Figure:
        """Points with intervals y ± yerr."""
        x, y, e = _numbers(x), _numbers(y), _numbers(yerr)
        e = e * len(y) if len(e) == 1 else e
        low, high = ([v - s for v, s in zip(y, e)], [v + s for v, s in zip(y, e)])
        self._add("errors", [x, low, high], {k: v for k, v in look.items() if k != "label"})
        return self._add("points", [x, y], look)

    def heatmap(
        self, z: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None, **look: Any
    ) -> Figure:
        """A cell of colour for each value of a matrix."""
        data, columns = _matrix(z, x, y)
        return self._add("heat", data, look, columns=columns)

    def contour(
        self, z: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None,
        levels: int | ArrayLike = 8, filled: bool = False, **look: Any,
    ) -> Figure:  # fmt: skip
        """Lines of equal value of a matrix, at these levels or at so many; or the areas between."""
        data, columns = _matrix(z, x, y)
        if isinstance(levels, int):
            least, most = min(data[0]), max(data[0])
            levels = [least + (most - least) * (i + 0.5) / levels for i in range(levels)]
        kind = "filled" if filled else "contour"
        return self._add(kind, data, look, columns=columns, levels=_numbers(levels))

    def contourf(
        self, z: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None,
        levels: int | ArrayLike = 8, **look: Any,
    ) -> Figure:  # fmt: skip
        """The areas between levels of a matrix."""
        return self.contour(z, x, y, levels, filled=True, **look)

    def path(self, x: ArrayLike, y: ArrayLike, **look: Any) -> Figure:
        """A way from point to point, with arrows."""
        return self._add("path", list(_pair(x, y)), look)

    def hline(self, y: float, **look: Any) -> Figure:
        """A level line across the frame."""
        return self._add("level", [[float(y)]], look)

    def vline(self, x: float, **look: Any) -> Figure:
        """An upright line across the frame."""
        return self._add("upright", [[float(x)]], look)

    def note(self, x: float, y: float, text: str) -> Figure:
        """A text near a point."""
        self._notes.append((float(x), float(y), str(text)))
        return self

    def fact(self, text: str) -> Figure:
        """A line of text in a corner where the data are not."""
        self._facts.append(str(text))
        return self

    # How it looks.

    def title(self, text: str) -> Figure:
        """What stands above."""
        self._title = str(text)
        return self

    def xlabel(self, text: str) -> Figure:
        """What the horizontal axis measures."""
        self._x[0] = str(text)
        return self

    def ylabel(self, text: str) -> Figure:
        """What the vertical axis measures."""
        self._y[0] = str(text)
        return self

    def xlim(self, low: float, high: float) -> Figure:
        """The ends of the horizontal axis."""
        self._x[2:4] = float(low), float(high)
        return self

    def ylim(self, low: float, high: float) -> Figure:
        """The ends of the vertical axis."""
        self._y[2:4] = float(low), float(high)
        return self

    def log(self, axes: str = "y") -> Figure:
        """Logarithmic axes: "x", "y" or "xy"."""
        self._x[1], self._y[1] = "x" in axes or self._x[1], "y" in axes or self._y[1]
        return self

    def size(self, width: float, height: float) -> Figure:
        """Width and height in pixels."""
        self._size = float(width), float(height)
        return self

    # What comes out.

    def _panel(self, title):
        return (
            self._marks, title, tuple(self._x), tuple(self._y), self._notes, self._facts,
            self._legend, self._square,
        )  # fmt: skip

    def _made(self):
        if self._panels is None:
            panels = [self._panel("")]
        else:
            panels = [figure._panel(figure._title) for figure in self._panels]
        return _plot.Made(panels, self._columns, self._title, self._size)

    def svg(self, theme: str = "auto") -> str:
        """The figure as SVG, for a ground that is light, dark or auto."""
        return self._made().svg(theme)

    def png(self, theme: str = "light", scale: float = 2.0) -> bytes:
        """The figure as PNG, ``scale`` dots for a pixel."""
        return self._made().png(theme, float(scale))

    def save(
        self, path: str | os.PathLike[str], theme: str | None = None, scale: float = 2.0
    ) -> Figure:
        """Writes the figure; the ending of the name says whether as .svg or .png."""
        name = os.fspath(path)
        if name.endswith(".svg"):
            _plot.write(name, self.svg(theme or "light").encode())
        elif name.endswith(".png"):
            _plot.write(name, self.png(theme or "light", scale))
        else:
            raise ValueError(f"a figure is written as .svg or .png, not as {name}")
        return self

    def _repr_svg_(self):
        return self.svg()

    def __repr__(self):
        panels = self._panels
        what = f"{len(self._marks)} marks" if panels is None else f"{len(panels)} panels"
        return f"<Figure {self._title!r} of {what}>"


_OPTIONS = {
    "title", "xlabel", "ylabel", "xscale", "yscale", "xlim", "ylim", "size", "legend", "square",
}  # fmt: skip


def _starting(name):
    method = getattr(Figure, name)

    def function(*data, **look):
        options = {key: look.pop(key) for key in list(look) if key in _OPTIONS}
        return method(Figure(**options), *data, **look)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"A new figure: {method.__doc__}\n\n    Options of ``Figure`` are taken too."
    return function


line = _starting("line")
steps = _starting("steps")
scatter = _starting("scatter")
fill_between = _starting("fill_between")
bar = _starting("bar")
hist = _starting("hist")
errorbar = _starting("errorbar")
heatmap = _starting("heatmap")
contour = _starting("contour")
contourf = _starting("contourf")


def grid(
    figures: Iterable[Any], columns: int = 2, title: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:  # fmt: skip
    """Several figures as one, row by row."""
    figures = list(figures)
    rows = -(-len(figures) // columns)
    made = Figure(title, size=size or (440 * columns, 320 * rows))
    made._panels, made._columns = figures, columns
    return made


def draw(
    y: Tensor, title: str = "", *, constants: bool | None = None, movement: bool | None = None,
    gradients: bool | None = None, folded: bool | None = None, lines: bool | None = None,
) -> Any:  # fmt: skip
    """The graph behind ``y``, with values and gradients, as a picture that notebooks show.

    It has ``svg()``, ``png()``, ``dot()``, ``html()`` and ``save(path)``. Options say whether
    constants, operations that only move elements, gradients and lines of the program are shown, and
    repeated parts folded.
    """
    return _plot.draw(y, title, constants, movement, gradients, folded, lines)


def _save(self, path):
    """Writes the picture; the ending of the name says whether as .svg, .png, .html or .dot."""
    name = os.fspath(path)
    kinds = {
        ".svg": lambda: self.svg("light"), ".png": self.png, ".html": self.html, ".dot": self.dot
    }  # fmt: skip
    made = kinds.get(os.path.splitext(name)[1])
    if made is None:
        raise ValueError(f"a drawing is written as .svg, .png, .html or .dot, not as {name}")
    content = made()
    _plot.write(name, content if isinstance(content, bytes) else content.encode())
    return self


_plot.Drawing.save = _save
