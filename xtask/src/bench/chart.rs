//! The comparison as a picture: a group of bars per row on a logarithmic axis of time.
//!
//! A bar's length is a number of decades above the left edge, so only ends compare, not lengths. An
//! upright stroke is the row's limit.

use super::Run;
use super::engines::Library;
use super::measure::{Measured, Outcome, median};
use super::table::figures;

const WIDTH: f64 = 960.0;
/// Where the axis begins and ends; titles stand left of it, a number needs room right of it.
const LEFT: f64 = 350.0;
const RIGHT: f64 = 900.0;
const TOP: f64 = 64.0;
const BAR: f64 = 11.0;
const GAP: f64 = 12.0;

/// The axis: powers of ten of nanoseconds at its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    /// The shortest with whole decades around all times.
    fn around(times: impl Iterator<Item = f64>) -> Axis {
        let (least, most) =
            times.fold((f64::MAX, 0.0), |(a, b): (f64, f64), t| (a.min(t), b.max(t)));
        if most <= 0.0 {
            return Axis { from: 3, to: 6 };
        }
        // A bar of no length at all would be lost.
        let from = (least / 1.5).log10().floor() as i32;
        Axis { from, to: (most.log10().ceil() as i32).max(from + 1) }
    }

    fn x(self, ns: f64) -> f64 {
        let part = (ns.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        LEFT + part * (RIGHT - LEFT)
    }
}

/// The libraries that were timed in a row, with their medians.
fn bars(measured: &Measured) -> Vec<(&'static Library, f64)> {
    let timed = measured.outcomes.iter().filter_map(|(library, outcome)| match outcome {
        Outcome::Timed(times) => Some((*library, median(times))),
        _ => None,
    });
    timed.collect()
}

/// The whole picture.
pub(super) fn svg(run: &Run) -> String {
    let groups: Vec<_> = run.rows.iter().map(|row| (row, bars(row))).collect();
    let axis = Axis::around(groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, ns)| *ns)));
    let height = |bars: &[_]| BAR * bars.len().max(1) as f64 + GAP;
    let bottom = TOP + groups.iter().map(|(_, bars)| height(bars)).sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" \
         height=\"{0}\" font-family=\"Helvetica, Arial, DejaVu Sans, sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        bottom + 32.0
    );
    svg += &legend(run);
    svg += &grid(axis, bottom);
    let mut y = TOP;
    for (measured, bars) in &groups {
        let limit = run.limits.and_then(|limits| measured.row.limit(limits));
        svg += &group(measured, bars, limit, axis, y + GAP / 2.0);
        y += height(bars);
    }
    svg + "</svg>\n"
}

/// A colour and a name for each library, in one line.
fn legend(run: &Run) -> String {
    let mut svg = String::new();
    let mut x = 16.0;
    for (library, _) in &run.engines {
        let Library { label, colour, .. } = library;
        svg +=
            &format!("<rect x=\"{x}\" y=\"15\" width=\"11\" height=\"11\" fill=\"{colour}\"/>\n");
        svg += &text(x + 16.0, 25.0, "13", "start", label);
        x += 34.0 + 7.5 * label.chars().count() as f64;
    }
    svg += &format!("<path d=\"M{x} 14v13\" stroke=\"#212529\" stroke-width=\"2\"/>\n");
    svg + &text(x + 8.0, 25.0, "13", "start", "limit of the machine")
}

/// An upright line and a time for each decade.
fn grid(axis: Axis, bottom: f64) -> String {
    let mut svg = String::new();
    for power in axis.from..=axis.to {
        let x = axis.x(10f64.powi(power));
        svg += &format!("<path d=\"M{x:.1} {TOP}V{bottom:.1}\" stroke=\"#dee2e6\"/>\n");
        for y in [TOP - 8.0, bottom + 18.0] {
            svg += &text(x, y, "12", "middle", &decade(power));
        }
    }
    svg
}

/// A power of ten of nanoseconds.
pub(super) fn decade(power: i32) -> String {
    let (unit, scale) = unit(power);
    format!("{:.0} {unit}", 10f64.powi(power) / scale)
}

/// A time in three figures.
pub(super) fn time(ns: f64) -> String {
    let (unit, scale) = unit(ns.log10().floor() as i32);
    format!("{} {unit}", figures(ns / scale))
}

/// The unit that suits a power of ten of nanoseconds, and how many of these it has.
fn unit(power: i32) -> (&'static str, f64) {
    match power {
        ..3 => ("ns", 1e0),
        3..6 => ("µs", 1e3),
        6..9 => ("ms", 1e6),
        9.. => ("s", 1e9),
    }
}

/// A row's title, its bars one below the other, and its limit across them.
fn group(
    measured: &Measured,
    bars: &[(&Library, f64)],
    limit: Option<f64>,
    axis: Axis,
    top: f64,
) -> String {
    let row = measured.row;
    let height = BAR * bars.len().max(1) as f64;
    let middle = top + height / 2.0 + 4.5;
    let mut svg = text(LEFT - 12.0, middle, "13", "end", row.title);
    svg += &text(8.0, middle, "13", "start", row.name);
    let mut texts = String::new();
    for (at, (library, ns)) in bars.iter().enumerate() {
        let (y, end) = (top + BAR * at as f64, axis.x(*ns));
        svg += &format!(
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>\n",
            end - LEFT,
            BAR - 1.0,
            library.colour
        );
        texts += &text(end + 4.0, y + BAR - 2.0, "10", "start", &time(*ns));
    }
    let inside = |x: &f64| (LEFT..=RIGHT).contains(x);
    if let Some(x) = limit.map(|ns| axis.x(ns)).filter(inside) {
        let (y, height) = (top - 2.0, height + 3.0);
        svg += &format!(
            "<path d=\"M{x:.1} {y:.1}v{height:.1}\" stroke=\"#212529\" stroke-width=\"2\"/>\n"
        );
    }
    svg + &texts
}

pub(super) fn text(x: f64, y: f64, size: &str, anchor: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
         fill=\"#212529\">{text}</text>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_holds_all_times_in_whole_decades() {
        let axis = Axis::around([2e3, 9e6].into_iter());
        assert_eq!(axis, Axis { from: 3, to: 7 });
        assert_eq!((axis.x(1e3), axis.x(1e5), axis.x(1e7)), (LEFT, (LEFT + RIGHT) / 2.0, RIGHT));
        assert_eq!(Axis::around([1e3, 1e3].into_iter()), Axis { from: 2, to: 3 });
        assert_eq!(Axis::around(std::iter::empty()), Axis { from: 3, to: 6 });
    }

    #[test]
    fn times_have_units() {
        let decades = [2, 3, 5, 6, 9, 10].map(decade);
        assert_eq!(decades, ["100 ns", "1 µs", "100 µs", "1 ms", "1 s", "10 s"]);
        let times = [406.0, 1140.0, 24.3e6, 2.5e9].map(time);
        assert_eq!(times, ["406 ns", "1.14 µs", "24.3 ms", "2.50 s"]);
    }

    #[test]
    fn signs_of_markup_are_escaped() {
        assert!(text(0.0, 0.0, "13", "end", "a < b & c").contains(">a &lt; b &amp; c<"));
    }
}
