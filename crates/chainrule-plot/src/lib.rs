//! Figures as SVG and PNG, written by us.
//!
//! # What one should see
//!
//! A figure is read before its caption. So texts never overlap and are never cut off, ticks are
//! numbers that a person would choose, a legend stands where no data are, colours can be told apart
//! by everyone, and a figure for a dark page is not a figure for a white one with its colours
//! reversed. Layout therefore knows the exact width of every text, and the tests measure it.
//!
//! ```
//! use chainrule_plot::{Axis, Figure, Mark, Panel, Theme};
//! let h: Vec<f64> = (0..17).map(|k| 10f64.powi(-k)).collect();
//! let error: Vec<f64> = h.iter().map(|h| h / 2.0 + 1e-16 / h).collect();
//! let panel = Panel::new("step h", "error")
//!     .x(Axis::log)
//!     .y(Axis::log)
//!     .with(Mark::line(&h, &error).label("forward difference"))
//!     .note(1e-8, 1e-8, "best");
//! let svg = Figure::of(panel).title("Rounding against truncation").svg(Theme::Auto);
//! assert!(svg.contains(">10⁻⁸</text>"));
//! ```
//!
//! # The way of the data
//!
//! ```text
//! Figure ─ layout ─ frames ─┬─ marks ──┬─ shapes ─ svg ─ png
//!   plain structs    sizes  ├─ axes    │    pixels, cut and thinned
//!                           └─ place ──┘    legends, notes
//! ```
//!
//! - [`figure`]: what can be drawn, as plain data. [`ready`]: the figures of lectures and of fits.
//! - [`scale`]: ranges and ticks. [`theme`]: colours. [`font`]: widths of text. [`mod@contour`]:
//!   levels.
//! - [`graph`]: layered drawings of graphs, as SVG, PNG and DOT.
//!
//! The crate knows slices of numbers, not tensors. A file stays small whatever the data: lines of
//! more than ten thousand points are thinned to what a screen can show. Data that are empty,
//! constant, not finite or of any magnitude give a figure, and texts from outside are escaped.
//!
//! # What is not here
//!
//! Interaction, three dimensions, dates, and pies. PNG is behind the feature `png`, on by default;
//! it brings resvg, without its text engine, because glyphs become outlines here.

mod axes;
pub mod contour;
pub mod figure;
pub mod font;
pub mod graph;
mod layout;
mod marks;
mod place;
#[cfg(feature = "png")]
mod png;
pub mod ready;
pub mod scale;
mod shape;
mod stat;
mod svg;
pub mod theme;

pub use figure::{Axis, Figure, Grid, Kind, Legend, Mark, Note, Panel};
pub use shape::{Dash, Marker};
pub use theme::{Ink, Map, Theme};

/// Why a figure could not be made, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(pub String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

#[cfg(not(feature = "png"))]
mod png {
    //! What stands in for PNG in a build without it.

    use crate::Error;

    pub(crate) fn render(_: &str, _: (f64, f64), _: f64) -> Result<Vec<u8>, Error> {
        Err(Error("this build has no PNG: write SVG, or build with the feature `png`".into()))
    }
}
