//! Figures and drawings of graphs, by `chainrule_plot`.

use std::path::Path;

use chainrule::draw::{Drawing, draw};
use chainrule_plot::figure::Axis;
use chainrule_plot::scale::Scale;
use chainrule_plot::theme::Map;
use chainrule_plot::{Dash, Figure, Grid, Ink, Legend, Mark, Marker, Panel, Theme};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::sure;
use crate::tensor::Arg;

fn wrong(what: String) -> PyErr {
    PyValueError::new_err(what)
}

fn theme(name: &str) -> PyResult<Theme> {
    Ok(match name {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        "auto" => Theme::Auto,
        _ => return Err(wrong(format!("a theme is light, dark or auto, not {name}"))),
    })
}

/// A colour: `C0` for the first series, `#rrggbb`, or a name.
fn ink(text: &str) -> PyResult<Ink> {
    let series = text.strip_prefix('C').and_then(|n| n.parse::<usize>().ok());
    if let Some(n) = series {
        return Ok(Ink::Series(n));
    }
    let hex = match text {
        "black" | "k" => return Ok(Ink::Text),
        "gray" | "grey" => return Ok(Ink::Muted),
        "blue" | "b" => return Ok(Ink::Series(0)),
        "red" | "r" => return Ok(Ink::Series(1)),
        "green" | "g" => return Ok(Ink::Series(2)),
        _ => text.strip_prefix('#').filter(|hex| hex.len() == 6 && hex.is_ascii()),
    };
    let parsed = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match parsed {
        Some(rgb) => Ok(Ink::Rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)),
        None => Err(wrong(format!("a colour is \"C0\", \"#0072b2\" or a name, not {text}"))),
    }
}

/// More bins than a figure has pixels are of no use.
const MOST_BINS: usize = 4000;

/// What a panel draws.
#[pyclass(name = "Mark", module = "chainrule.plot", frozen)]
struct PyMark(Mark);

/// The mark of this kind of these lists of numbers.
fn of(kind: &str, data: &[Vec<f64>], columns: usize, levels: &[f64]) -> PyResult<Mark> {
    let list = |i: usize| data.get(i).map_or(&[][..], Vec::as_slice);
    let number = |i: usize| list(i).first().copied().unwrap_or(f64::NAN);
    let grid = || match data.len() {
        1 => Grid::matrix(list(0), columns.max(1)),
        _ => Grid { x: list(1).to_vec(), y: list(2).to_vec(), values: list(0).to_vec() },
    };
    Ok(match kind {
        "line" => Mark::line(list(0), list(1)),
        "steps" => Mark::steps(list(0), list(1)),
        "points" => Mark::points(list(0), list(1)),
        "coloured" => Mark::coloured(list(0), list(1), list(2)),
        "band" => Mark::band(list(0), list(1), list(2)),
        "bars" => Mark::bars(list(0), (0, 1)),
        "histogram" if columns > MOST_BINS => {
            return Err(wrong(format!("a histogram has at most {MOST_BINS} bins, not {columns}")));
        }
        "histogram" => Mark::histogram(list(0), columns.max(1), number(1) == 1.0),
        "errors" => Mark::errors(list(0), list(1), list(2)),
        "heat" => Mark::heat(grid()),
        "contour" => Mark::contour(grid(), levels),
        "filled" => Mark::filled(grid(), levels),
        "path" => Mark::path(list(0), list(1)),
        "level" => Mark::level(number(0)),
        "upright" => Mark::upright(number(0)),
        _ => return Err(wrong(format!("there is no mark {kind}"))),
    })
}

/// A mark with its looks.
#[pyfunction]
#[pyo3(signature = (
    kind, data, *, columns=0, levels=vec![], label="", color=None, width=None, dash=None,
    opacity=None, marker=None, radius=None, cmap=None
))]
#[allow(clippy::too_many_arguments)]
fn mark(
    kind: &str,
    data: Vec<Vec<f64>>,
    columns: usize,
    levels: Vec<f64>,
    label: &str,
    color: Option<&str>,
    width: Option<f64>,
    dash: Option<&str>,
    opacity: Option<f64>,
    marker: Option<&str>,
    radius: Option<f64>,
    cmap: Option<&str>,
) -> PyResult<PyMark> {
    let mut mark = of(kind, &data, columns, &levels)?;
    mark.label = label.into();
    mark.ink = color.map(ink).transpose()?.or(mark.ink);
    mark.width = width.unwrap_or(mark.width);
    mark.opacity = opacity.unwrap_or(mark.opacity);
    mark.radius = radius.unwrap_or(mark.radius);
    mark.dash = match dash {
        None => mark.dash,
        Some("-" | "solid") => Dash::Solid,
        Some("--" | "dashed") => Dash::Dashed,
        Some(":" | "dotted") => Dash::Dotted,
        Some(other) => return Err(wrong(format!("a line is \"-\", \"--\" or \":\", not {other}"))),
    };
    mark.marker = match marker {
        None => mark.marker,
        Some("o") => Marker::Circle,
        Some("s") => Marker::Square,
        Some("^") => Marker::Triangle,
        Some("D" | "d") => Marker::Diamond,
        Some("x" | "+") => Marker::Cross,
        Some(other) => return Err(wrong(format!("a marker is o, s, ^, D or x, not {other}"))),
    };
    mark.map = match cmap {
        None => mark.map,
        Some("viridis") => Map::Viridis,
        Some("diverging" | "RdBu") => Map::Diverging,
        Some("blues" | "Blues") => Map::Blues,
        Some(other) => return Err(wrong(format!("a map is viridis, RdBu or Blues, not {other}"))),
    };
    Ok(PyMark(mark))
}

/// An axis: label, whether it is logarithmic, ends, names.
type AxisOf = (String, bool, Option<f64>, Option<f64>, Vec<String>);

fn axis((label, log, low, high, names): AxisOf) -> Axis {
    let scale = if log { Scale::Log } else { Scale::Linear };
    Axis { label, scale, low, high, names, ..Axis::default() }
}

/// A panel: marks, title, axes, notes, facts, legend, whether it is square.
type PanelOf =
    (Vec<Py<PyMark>>, String, AxisOf, AxisOf, Vec<(f64, f64, String)>, Vec<String>, String, bool);

fn panel(of: PanelOf) -> PyResult<Panel> {
    let (marks, title, x, y, notes, facts, legend, square) = of;
    let legend = match &*legend {
        "auto" => Legend::Auto,
        "above" => Legend::Above,
        "right" => Legend::Right,
        "none" => Legend::None,
        other => return Err(wrong(format!("a legend is auto, above, right or none: {other}"))),
    };
    let marks = marks.iter().map(|mark| mark.get().0.clone()).collect();
    let made =
        Panel { title, x: axis(x), y: axis(y), marks, facts, legend, square, ..Panel::default() };
    Ok(notes.iter().fold(made, |made, (x, y, text)| made.note(*x, *y, text)))
}

/// A figure that has been put together.
#[pyclass(name = "Made", module = "chainrule.plot", frozen)]
struct PyFigure(Figure);

#[pymethods]
impl PyFigure {
    #[new]
    fn new(panels: Vec<PanelOf>, columns: usize, title: &str, size: (f64, f64)) -> PyResult<Self> {
        let panels = panels.into_iter().map(panel).collect::<PyResult<Vec<_>>>()?;
        let figure = match panels.len() {
            1 => Figure::of(panels.into_iter().next().unwrap_or_default()),
            _ => Figure::grid(panels, columns.max(1), size),
        };
        Ok(PyFigure(figure.title(title).size(size.0, size.1)))
    }

    fn svg(&self, name: &str) -> PyResult<String> {
        let theme = theme(name)?;
        sure(|| self.0.svg(theme))
    }

    fn png<'py>(&self, py: Python<'py>, name: &str, scale: f64) -> PyResult<Bound<'py, PyBytes>> {
        let theme = theme(name)?;
        let bytes = sure(|| self.0.png(theme, scale))?.map_err(|e| wrong(e.to_string()))?;
        Ok(PyBytes::new(py, &bytes))
    }
}

/// Writes a file, whole or not at all.
#[pyfunction]
fn write(path: std::path::PathBuf, bytes: &[u8]) -> PyResult<()> {
    let path: &Path = &path;
    chainrule::fit::atomic::write(path, bytes).map_err(|e| PyOSError::new_err(e.to_string()))
}

/// The graph behind a tensor, with values and gradients, as a picture.
#[pyclass(name = "Drawing", module = "chainrule", frozen)]
struct PyDrawing(Drawing);

#[pymethods]
impl PyDrawing {
    /// The picture as SVG, for a ground that is light, dark or auto.
    #[pyo3(signature = (theme="auto"))]
    fn svg(&self, theme: &str) -> PyResult<String> {
        let theme = self::theme(theme)?;
        sure(|| self.0.svg(theme))?.map_err(|e| wrong(e.to_string()))
    }

    /// The picture as PNG.
    #[pyo3(signature = (theme="light"))]
    fn png<'py>(&self, py: Python<'py>, theme: &str) -> PyResult<Bound<'py, PyBytes>> {
        let theme = self::theme(theme)?;
        let bytes = sure(|| self.0.png(theme))?.map_err(|e| wrong(e.to_string()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The graph in the language of Graphviz.
    fn dot(&self) -> PyResult<String> {
        sure(|| self.0.dot())
    }

    /// A page with the picture, in which nodes can be looked at.
    fn html(&self) -> PyResult<String> {
        sure(|| self.0.html())?.map_err(|e| wrong(e.to_string()))
    }

    fn _repr_svg_(&self) -> PyResult<String> {
        self.svg("auto")
    }

    fn __repr__(&self) -> String {
        format!("<Drawing of {} nodes>", self.0.nodes().len())
    }
}

/// Draws the graph behind `y`.
#[pyfunction]
#[pyo3(name = "draw", signature = (y, title, constants, movement, gradients, folded, lines))]
fn drawn(
    y: Arg,
    title: &str,
    constants: Option<bool>,
    movement: Option<bool>,
    gradients: Option<bool>,
    folded: Option<bool>,
    lines: Option<bool>,
) -> PyResult<PyDrawing> {
    let mut drawing = sure(|| draw(&y.0))?.title(title);
    type Change = fn(Drawing, bool) -> Drawing;
    let choices: [(Option<bool>, Change); 5] = [
        (constants, Drawing::constants),
        (movement, Drawing::movement),
        (gradients, Drawing::gradients),
        (folded, Drawing::folded),
        (lines, Drawing::lines),
    ];
    for (choice, change) in choices {
        if let Some(on) = choice {
            drawing = change(drawing, on);
        }
    }
    Ok(PyDrawing(drawing))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_plot")?;
    sub.add_class::<PyMark>()?;
    sub.add_class::<PyFigure>()?;
    sub.add_class::<PyDrawing>()?;
    sub.add_function(wrap_pyfunction!(mark, &sub)?)?;
    sub.add_function(wrap_pyfunction!(write, &sub)?)?;
    sub.add_function(wrap_pyfunction!(drawn, &sub)?)?;
    m.add_submodule(&sub)
}
