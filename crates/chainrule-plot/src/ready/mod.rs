//! Figures that lectures and fits need, made from numbers.
//!
//! Each function takes plain slices and returns a [`Figure`](crate::Figure), which can still be
//! changed before it is drawn.
//!
//! - [`calculus`]: a function with its derivative, secants, the error of difference quotients.
//! - [`descent`]: losses, the search for a learning rate, the path over a surface.
//! - [`regression`]: data with their curve, residuals, predictions, coefficients, correlations.
//! - [`classification`]: ROC curves, confusion matrices, decision boundaries.
//!
//! ```
//! use chainrule_plot::{Theme, ready::regression};
//! let figure = regression::predicted_observed(&[1.0, 2.0, 3.0], &[1.1, 1.9, 3.2], "litres");
//! assert!(figure.svg(Theme::Auto).contains("observed (litres)"));
//! ```

pub mod calculus;
pub mod classification;
pub mod descent;
pub mod regression;

/// `name (unit)`, or the name alone.
fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_string() } else { format!("{name} ({unit})") }
}

/// The least and the largest finite value of several slices.
fn reach(slices: &[&[f64]]) -> (f64, f64) {
    crate::stat::extent(slices.iter().flat_map(|slice| slice.iter().copied())).unwrap_or((0.0, 1.0))
}
