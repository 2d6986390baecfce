//! Figures as SVG and PNG.

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
