//! Lines in a picture of logarithmic axes, size to the right and time up.
//!
//! A decade is as long on both axes, so what grows in proportion is a straight line at 45°.

use super::chart::{decade, text, time};

/// Pixels of a decade, and the picture's edges around the axes.
const DECADE: f64 = 84.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 68.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;

/// A named line of points (size, nanoseconds).
pub(super) struct Line {
    pub label: &'static str,
    pub colour: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// The axes: the powers of ten at their ends.
#[derive(Debug, PartialEq)]
struct Axes {
    size: [i32; 2],
    time: [i32; 2],
}

impl Axes {
    /// The shortest with whole decades around all points.
    fn around(points: &[(f64, f64)]) -> Axes {
        let ends = |of: fn(&(f64, f64)) -> f64| {
            let values = || points.iter().map(|point| of(point).log10());
            let from = values().fold(f64::INFINITY, f64::min).floor() as i32;
            let to = values().fold(f64::NEG_INFINITY, f64::max).ceil() as i32;
            [from, to.max(from + 1)]
        };
        Axes { size: ends(|(size, _)| *size), time: ends(|(_, ns)| *ns) }
    }

    fn width(&self) -> f64 {
        DECADE * f64::from(self.size[1] - self.size[0])
    }

    fn height(&self) -> f64 {
        DECADE * f64::from(self.time[1] - self.time[0])
    }

    fn x(&self, size: f64) -> f64 {
        LEFT + DECADE * (size.log10() - f64::from(self.size[0]))
    }

    fn y(&self, ns: f64) -> f64 {
        TOP + DECADE * (f64::from(self.time[1]) - ns.log10())
    }
}

/// The whole picture.
pub(super) fn svg(lines: &[Line]) -> String {
    let points: Vec<_> = lines.iter().flat_map(|line| line.points.iter().copied()).collect();
    if points.is_empty() {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n".into();
    }
    let axes = Axes::around(&points);
    let (width, height) = (LEFT + axes.width() + RIGHT, TOP + axes.height() + BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, DejaVu Sans, sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    svg += &grid(&axes);
    svg += &legend(lines);
    for line in lines {
        svg += &drawn(line, &axes);
    }
    svg + "</svg>\n"
}

/// A line for each decade of both axes, and what it stands for.
fn grid(axes: &Axes) -> String {
    let (right, bottom) = (LEFT + axes.width(), TOP + axes.height());
    let mut svg = String::new();
    for power in axes.size[0]..=axes.size[1] {
        let x = axes.x(10f64.powi(power));
        svg += &format!("<path d=\"M{x:.1} {TOP}V{bottom:.1}\" stroke=\"#dee2e6\"/>\n");
        svg += &text(x, bottom + 20.0, "12", "middle", &power_of_ten(power));
    }
    for power in axes.time[0]..=axes.time[1] {
        let y = axes.y(10f64.powi(power));
        svg += &format!("<path d=\"M{LEFT} {y:.1}H{right:.1}\" stroke=\"#dee2e6\"/>\n");
        svg += &text(LEFT - 8.0, y + 4.0, "12", "end", &decade(power));
    }
    svg + &text((LEFT + right) / 2.0, bottom + 40.0, "13", "middle", "N")
}

/// A colour and a name for each line, in the empty corner of small sizes and long times.
fn legend(lines: &[Line]) -> String {
    let mut svg = String::new();
    for (at, Line { label, colour, .. }) in lines.iter().enumerate() {
        let y = TOP + 18.0 + 20.0 * at as f64;
        let x = LEFT + 14.0;
        svg += &format!("<path d=\"M{x} {y}h18\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
        svg += &format!("<circle cx=\"{}\" cy=\"{y}\" r=\"3.5\" fill=\"{colour}\"/>\n", x + 9.0);
        svg += &text(x + 26.0, y + 4.5, "13", "start", label);
    }
    svg
}

/// A line through its points, with the time of the last one.
fn drawn(line: &Line, axes: &Axes) -> String {
    let colour = line.colour;
    let place = |(size, ns): &(f64, f64)| (axes.x(*size), axes.y(*ns));
    let places: Vec<(f64, f64)> = line.points.iter().map(place).collect();
    let pairs: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut svg = format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
        pairs.join(" ")
    );
    for (x, y) in &places {
        svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n");
    }
    if let Some(((x, y), (_, ns))) = places.last().zip(line.points.last()) {
        svg += &text(x + 9.0, y + 4.0, "11", "start", &time(*ns));
    }
    svg
}

/// 10 with its exponent.
pub(super) fn power_of_ten(power: i32) -> String {
    let raised = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| c.to_digit(10).map_or('⁻', |digit| raised[digit as usize]);
    match power {
        0 => "1".into(),
        1 => "10".into(),
        _ => format!("10{}", power.to_string().chars().map(digit).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decade_is_as_long_on_both_axes() {
        let axes = Axes::around(&[(10.0, 2e3), (1e3, 9e4)]);
        assert_eq!(axes, Axes { size: [1, 3], time: [3, 5] });
        assert_eq!((axes.x(10.0), axes.x(1e3)), (LEFT, LEFT + 2.0 * DECADE));
        assert_eq!((axes.y(1e5), axes.y(1e3)), (TOP, TOP + 2.0 * DECADE));
        assert_eq!(Axes::around(&[(10.0, 10.0)]), Axes { size: [1, 2], time: [1, 2] });
    }

    #[test]
    fn powers_of_ten_are_raised() {
        let powers = [0, 1, 6, 12, -3].map(power_of_ten);
        assert_eq!(powers, ["1", "10", "10⁶", "10¹²", "10⁻³"]);
    }

    #[test]
    fn every_point_is_drawn() {
        let line = |label, points| Line { label, colour: "#d6336c", points };
        let picture = svg(&[line("a < b", vec![(10.0, 1e3), (100.0, 1e4)]), line("c", vec![])]);
        assert_eq!(picture.matches("<circle").count(), 2 + 2);
        assert!(picture.contains("a &lt; b") && picture.contains(">10.0 µs<"));
        assert!(svg(&[]).starts_with("<svg"));
    }
}
