//! Figures as data: panels in a grid, axes, and marks on them.
//!
//! Everything is a plain struct with public fields; the methods only save typing. What is left
//! empty is chosen when the figure is drawn: ranges from the data, colours from the palette, the
//! legend's place where the data are not.
//!
//! ```
//! use chainrule_plot::{Figure, Mark, Panel, Theme};
//! let x: Vec<f64> = (0..100).map(|k| f64::from(k) * 0.1).collect();
//! let y: Vec<f64> = x.iter().map(|x| x.sin()).collect();
//! let panel = Panel::new("x", "sin x").with(Mark::line(&x, &y).label("sine"));
//! let svg = Figure::of(panel).title("A wave").svg(Theme::Light);
//! assert!(svg.contains("<title>A wave</title>"));
//! ```

use crate::Error;
use crate::scale::Scale;
use crate::shape::{Dash, Marker};
use crate::svg::{self, Letters};
use crate::theme::{Ink, Map, Theme};

/// Panels in a grid under one title.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Width in pixels, from 160 to 4000.
    pub width: f64,
    /// Height in pixels, from 120 to 4000.
    pub height: f64,
    /// What stands above, and what an SVG is called.
    pub title: String,
    /// What an SVG tells readers who do not see it; not drawn.
    pub description: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// How many panels stand side by side.
    pub columns: usize,
    /// The rows' shares of the height; missing ones are 1.
    pub rows: Vec<f64>,
}

/// One pair of axes with what is drawn on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What stands above the frame.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn. Areas lie below lines, and lines below points, otherwise the order is kept.
    pub marks: Vec<Mark>,
    /// Texts at points.
    pub notes: Vec<Note>,
    /// Lines of text in a corner where the data are not, such as `R² = 0.93`.
    pub facts: Vec<String>,
    /// Where the legend is.
    pub legend: Legend,
    /// Whether the frame is a square.
    pub square: bool,
}

/// One axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// What it measures, with its unit.
    pub label: String,
    /// How values are spread.
    pub scale: Scale,
    /// Where it starts; from the data if not given.
    pub low: Option<f64>,
    /// Where it ends; from the data if not given.
    pub high: Option<f64>,
    /// Names of the values 0, 1, 2 …; where there are any, the axis has no other ticks.
    pub names: Vec<String>,
    /// Whether it runs from right to left, or downwards.
    pub reversed: bool,
}

/// Where a legend is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legend {
    /// Inside where the data are not, else above.
    #[default]
    Auto,
    /// Above the frame, in rows.
    Above,
    /// Right of the frame.
    Right,
    /// Nowhere.
    None,
}

/// A text near the point that it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The point.
    pub at: (f64, f64),
    /// The text. It is left out where it would overlap another one.
    pub text: String,
    /// Its colour.
    pub ink: Ink,
    /// Whether the point is marked with a dot.
    pub dot: bool,
}

/// Values over a rectangular lattice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// The columns' places, ascending.
    pub x: Vec<f64>,
    /// The rows' places, ascending.
    pub y: Vec<f64>,
    /// The values, row by row: that at `x[i]`, `y[j]` is `values[j * x.len() + i]`.
    pub values: Vec<f64>,
}

/// What a mark draws. Slices of unequal lengths are cut to the shortest; values that are not
/// finite, or not positive on a logarithmic axis, are gaps.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A line through points.
    Line {
        /// Abscissae.
        x: Vec<f64>,
        /// Ordinates.
        y: Vec<f64>,
    },
    /// Points.
    Points {
        /// Abscissae.
        x: Vec<f64>,
        /// Ordinates.
        y: Vec<f64>,
        /// Radii in pixels; all alike if empty.
        radii: Vec<f64>,
        /// Values shown as colours; all alike if empty.
        values: Vec<f64>,
    },
    /// The area between two curves.
    Band {
        /// Abscissae.
        x: Vec<f64>,
        /// The lower curve.
        low: Vec<f64>,
        /// The upper curve.
        high: Vec<f64>,
    },
    /// Bars from 0, or from the start of a logarithmic axis.
    Bars {
        /// The middles of the bars.
        at: Vec<f64>,
        /// Their lengths.
        size: Vec<f64>,
        /// Their common thickness, in the unit of `at`.
        thick: f64,
        /// Whether they lie.
        flat: bool,
    },
    /// Intervals with caps.
    Errors {
        /// Where they stand.
        at: Vec<f64>,
        /// Lower ends.
        low: Vec<f64>,
        /// Upper ends.
        high: Vec<f64>,
        /// Whether they lie.
        flat: bool,
    },
    /// A cell of colour for each value.
    Heat {
        /// The values.
        grid: Grid,
        /// The values at the ends of the map; those of the data if not given.
        range: Option<(f64, f64)>,
        /// Texts in the cells; none if empty.
        cells: Vec<String>,
    },
    /// Lines of equal value, or the areas between them.
    Contour {
        /// The values.
        grid: Grid,
        /// The levels, ascending.
        levels: Vec<f64>,
        /// Whether areas are drawn instead of lines.
        filled: bool,
    },
    /// A way from point to point, with arrows.
    Path {
        /// Abscissae.
        x: Vec<f64>,
        /// Ordinates.
        y: Vec<f64>,
    },
    /// A straight line across the frame.
    Rule {
        /// Where.
        at: f64,
        /// Whether it is upright, at an abscissa.
        upright: bool,
    },
}

/// A [`Kind`] with its looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// What is drawn.
    pub kind: Kind,
    /// Its entry in the legend, or the label of its colour bar; none if empty.
    pub label: String,
    /// Its colour; the next one of the palette if not given.
    pub ink: Option<Ink>,
    /// Its colours, where values have colours.
    pub map: Map,
    /// Whether colours that stand for values are explained by a bar at the right.
    pub bar: bool,
    /// Width of lines in pixels.
    pub width: f64,
    /// Dashes of lines.
    pub dash: Dash,
    /// From 0 to 1.
    pub opacity: f64,
    /// Radius of points in pixels.
    pub radius: f64,
    /// Form of points.
    pub marker: Marker,
}

impl Figure {
    /// A figure of one panel, 640 by 420.
    pub fn of(panel: Panel) -> Figure {
        Figure::grid(vec![panel], 1, (640.0, 420.0))
    }

    /// Panels row by row, so many side by side, in a figure of the given width and height.
    pub fn grid(panels: Vec<Panel>, columns: usize, (width, height): (f64, f64)) -> Figure {
        let (title, description) = (String::new(), String::new());
        Figure { width, height, title, description, panels, columns, rows: Vec::new() }
    }

    /// Sets the title.
    pub fn title(mut self, text: &str) -> Figure {
        self.title = text.to_string();
        self
    }

    /// Sets the description.
    pub fn describe(mut self, text: &str) -> Figure {
        self.description = text.to_string();
        self
    }

    /// Sets width and height.
    pub fn size(mut self, width: f64, height: f64) -> Figure {
        (self.width, self.height) = (width, height);
        self
    }

    /// The figure as a file in SVG.
    pub fn svg(&self, theme: Theme) -> String {
        self.write(theme, Letters::Text)
    }

    /// The figure as an SVG with outlines instead of texts: the same everywhere, but not to be
    /// searched.
    pub fn svg_outlined(&self, theme: Theme) -> String {
        self.write(theme, Letters::Outlines)
    }

    /// Shows the figure in a notebook. The Rust kernel of Jupyter calls it for the last value of a
    /// cell, and takes what stands between the marks as content of the kind that is named.
    pub fn evcxr_display(&self) {
        let svg = self.svg(Theme::Light);
        println!("EVCXR_BEGIN_CONTENT image/svg+xml\n{}\nEVCXR_END_CONTENT", svg.trim_end());
    }

    fn write(&self, theme: Theme, letters: Letters) -> String {
        let (width, height) = crate::layout::size(self);
        let named = [&self.title].into_iter().chain(self.panels.iter().map(|panel| &panel.title));
        let title = named.into_iter().find(|title| !title.is_empty());
        let title = title.map_or("Figure", String::as_str);
        let head = svg::Head { width, height, title, description: &self.description };
        svg::write(&head, &crate::layout::draw(self), theme, letters)
    }

    /// The figure as a file in PNG, with `scale` pixels for each unit of its size; 2 suits most
    /// screens.
    ///
    /// # Errors
    ///
    /// If the picture would have no pixels or more than 10⁸, or if the crate was built without
    /// `png`.
    pub fn png(&self, theme: Theme, scale: f64) -> Result<Vec<u8>, Error> {
        let theme = if theme == Theme::Auto { Theme::Light } else { theme };
        let svg = self.write(theme, Letters::Outlines);
        crate::png::render(&svg, crate::layout::size(self), scale)
    }
}

impl Panel {
    /// An empty panel with the labels of its axes.
    pub fn new(x: &str, y: &str) -> Panel {
        Panel { x: Axis::new(x), y: Axis::new(y), ..Panel::default() }
    }

    /// Sets the title.
    pub fn title(mut self, text: &str) -> Panel {
        self.title = text.to_string();
        self
    }

    /// Adds a mark.
    pub fn with(mut self, mark: Mark) -> Panel {
        self.marks.push(mark);
        self
    }

    /// Adds a note.
    pub fn note(mut self, x: f64, y: f64, text: &str) -> Panel {
        self.notes.push(Note { at: (x, y), text: text.to_string(), ink: Ink::Text, dot: false });
        self
    }

    /// Adds a line to the facts.
    pub fn fact(mut self, text: &str) -> Panel {
        self.facts.push(text.to_string());
        self
    }

    /// Makes the frame a square.
    pub fn square(mut self) -> Panel {
        self.square = true;
        self
    }

    /// Sets the legend's place.
    pub fn legend(mut self, legend: Legend) -> Panel {
        self.legend = legend;
        self
    }

    /// Changes the horizontal axis.
    pub fn x(mut self, change: impl FnOnce(Axis) -> Axis) -> Panel {
        self.x = change(self.x);
        self
    }

    /// Changes the vertical axis.
    pub fn y(mut self, change: impl FnOnce(Axis) -> Axis) -> Panel {
        self.y = change(self.y);
        self
    }
}

impl Axis {
    /// A linear axis over the data.
    pub fn new(label: &str) -> Axis {
        Axis { label: label.to_string(), ..Axis::default() }
    }

    /// Makes it logarithmic.
    pub fn log(mut self) -> Axis {
        self.scale = Scale::Log;
        self
    }

    /// Sets both ends.
    pub fn range(mut self, low: f64, high: f64) -> Axis {
        (self.low, self.high) = (Some(low), Some(high));
        self
    }

    /// Names the values 0, 1, 2 ….
    pub fn names<S: AsRef<str>>(mut self, names: &[S]) -> Axis {
        self.names = names.iter().map(|name| name.as_ref().to_string()).collect();
        self
    }

    /// Lets it run the other way.
    pub fn reversed(mut self) -> Axis {
        self.reversed = true;
        self
    }
}

impl Mark {
    /// A mark with the usual looks of its kind.
    pub fn new(kind: Kind) -> Mark {
        let opacity = match kind {
            Kind::Band { .. } => 0.2,
            Kind::Points { .. } => 0.85,
            _ => 1.0,
        };
        let ink = matches!(kind, Kind::Rule { .. }).then_some(Ink::Muted);
        let width =
            if matches!(kind, Kind::Rule { .. } | Kind::Contour { .. }) { 1.2 } else { 2.0 };
        let (label, map, dash, marker) = Default::default();
        Mark { kind, label, ink, map, bar: true, width, dash, opacity, radius: 3.5, marker }
    }

    /// A line through points.
    pub fn line(x: &[f64], y: &[f64]) -> Mark {
        Mark::new(Kind::Line { x: x.to_vec(), y: y.to_vec() })
    }

    /// A line in steps: `y[k]` holds from `x[k]` to `x[k + 1]`.
    pub fn steps(x: &[f64], y: &[f64]) -> Mark {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for (k, (x, y)) in x.iter().zip(y).enumerate() {
            if let Some(&last) = ys.last().filter(|_| k > 0) {
                xs.push(*x);
                ys.push(last);
            }
            xs.push(*x);
            ys.push(*y);
        }
        Mark::new(Kind::Line { x: xs, y: ys })
    }

    /// Points.
    pub fn points(x: &[f64], y: &[f64]) -> Mark {
        let (radii, values) = (Vec::new(), Vec::new());
        Mark::new(Kind::Points { x: x.to_vec(), y: y.to_vec(), radii, values })
    }

    /// Points whose colours stand for values.
    pub fn coloured(x: &[f64], y: &[f64], values: &[f64]) -> Mark {
        let (radii, values) = (Vec::new(), values.to_vec());
        Mark::new(Kind::Points { x: x.to_vec(), y: y.to_vec(), radii, values })
    }

    /// The area between two curves.
    pub fn band(x: &[f64], low: &[f64], high: &[f64]) -> Mark {
        Mark::new(Kind::Band { x: x.to_vec(), low: low.to_vec(), high: high.to_vec() })
    }

    /// Upright bars at 0, 1, 2 …: the `k`-th of `of` in each group.
    pub fn bars(size: &[f64], (k, of): (usize, usize)) -> Mark {
        let thick = 0.8 / of.max(1) as f64;
        let shift = (k as f64 + 0.5) * thick - 0.4;
        let at = (0..size.len()).map(|at| at as f64 + shift).collect();
        Mark::new(Kind::Bars { at, size: size.to_vec(), thick: thick * 0.92, flat: false })
    }

    /// Lying bars at 0, 1, 2 ….
    pub fn flat_bars(size: &[f64]) -> Mark {
        let at = (0..size.len()).map(|at| at as f64).collect();
        Mark::new(Kind::Bars { at, size: size.to_vec(), thick: 0.7, flat: true })
    }

    /// How many values fall into each of `bins` intervals of equal width; Sturges' and the
    /// Freedman–Diaconis rules, whichever has more, if `bins` is 0. With `density`, areas sum to 1.
    pub fn histogram(values: &[f64], bins: usize, density: bool) -> Mark {
        let (at, size, thick) = crate::stat::histogram(values, bins, density);
        Mark::new(Kind::Bars { at, size, thick, flat: false })
    }

    /// Upright intervals.
    pub fn errors(at: &[f64], low: &[f64], high: &[f64]) -> Mark {
        let (at, low, high) = (at.to_vec(), low.to_vec(), high.to_vec());
        Mark::new(Kind::Errors { at, low, high, flat: false })
    }

    /// Lying intervals.
    pub fn flat_errors(at: &[f64], low: &[f64], high: &[f64]) -> Mark {
        let (at, low, high) = (at.to_vec(), low.to_vec(), high.to_vec());
        Mark::new(Kind::Errors { at, low, high, flat: true })
    }

    /// A cell of colour for each value.
    pub fn heat(grid: Grid) -> Mark {
        Mark::new(Kind::Heat { grid, range: None, cells: Vec::new() })
    }

    /// Lines of equal value.
    pub fn contour(grid: Grid, levels: &[f64]) -> Mark {
        Mark::new(Kind::Contour { grid, levels: levels.to_vec(), filled: false })
    }

    /// The areas between lines of equal value.
    pub fn filled(grid: Grid, levels: &[f64]) -> Mark {
        Mark::new(Kind::Contour { grid, levels: levels.to_vec(), filled: true })
    }

    /// A way from point to point.
    pub fn path(x: &[f64], y: &[f64]) -> Mark {
        Mark::new(Kind::Path { x: x.to_vec(), y: y.to_vec() })
    }

    /// A straight line at height `y`.
    pub fn level(y: f64) -> Mark {
        Mark::new(Kind::Rule { at: y, upright: false })
    }

    /// A straight line at abscissa `x`.
    pub fn upright(x: f64) -> Mark {
        Mark::new(Kind::Rule { at: x, upright: true })
    }

    /// Sets the label.
    pub fn label(mut self, text: &str) -> Mark {
        self.label = text.to_string();
        self
    }

    /// Sets the colour.
    pub fn ink(mut self, ink: Ink) -> Mark {
        self.ink = Some(ink);
        self
    }

    /// Sets the map of colours.
    pub fn map(mut self, map: Map) -> Mark {
        self.map = map;
        self
    }

    /// Leaves the colour bar out.
    pub fn no_bar(mut self) -> Mark {
        self.bar = false;
        self
    }

    /// Sets the width of lines.
    pub fn width(mut self, width: f64) -> Mark {
        self.width = width;
        self
    }

    /// Draws lines in dashes.
    pub fn dashed(mut self) -> Mark {
        self.dash = Dash::Dashed;
        self
    }

    /// Draws lines in dots.
    pub fn dotted(mut self) -> Mark {
        self.dash = Dash::Dotted;
        self
    }

    /// Sets the opacity.
    pub fn opacity(mut self, opacity: f64) -> Mark {
        self.opacity = opacity;
        self
    }

    /// Sets form and radius of points.
    pub fn marker(mut self, marker: Marker, radius: f64) -> Mark {
        (self.marker, self.radius) = (marker, radius);
        self
    }
}

impl Grid {
    /// The values of a function over the lattice.
    pub fn of(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> Grid {
        let row = |y: &f64| x.iter().map(|x| f(*x, *y)).collect::<Vec<_>>();
        Grid { x: x.to_vec(), y: y.to_vec(), values: y.iter().flat_map(row).collect() }
    }

    /// A matrix, its rows at 0, 1, 2 ….
    pub fn matrix(values: &[f64], columns: usize) -> Grid {
        let columns = columns.max(1);
        let places = |n: usize| (0..n).map(|k| k as f64).collect();
        let rows = values.len() / columns;
        Grid { x: places(columns), y: places(rows), values: values[..rows * columns].to_vec() }
    }

    /// The value at a lattice point; NaN outside.
    pub fn at(&self, column: usize, row: usize) -> f64 {
        self.values.get(row * self.x.len() + column).copied().unwrap_or(f64::NAN)
    }

    /// The least and the largest finite value.
    pub fn extent(&self) -> Option<(f64, f64)> {
        crate::stat::extent(self.values.iter().copied())
    }
}
