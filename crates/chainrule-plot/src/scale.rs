//! Axes as numbers: from values to places, ticks that a person would choose, and their labels.
//!
//! A linear axis has ticks at multiples of 1, 2 or 5 times a power of ten; the finest of these
//! steps is taken whose labels fit. A logarithmic axis has ticks at powers of ten and small ones
//! between; where it spans less than two decades, 1, 2 and 5 times the powers carry labels too.
//! Very large and very small numbers are written with one common power at the end of the axis.
//!
//! ```
//! use chainrule_plot::scale::{Scale, Span};
//! let span = Span::new(Scale::Linear, -1.0, 1.0);
//! let ticks = span.ticks(5, |_| true);
//! let labels: Vec<_> = ticks.major.iter().map(|tick| &*tick.1).collect();
//! assert_eq!(labels, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
//! ```
//!
//! Not here: dates, and powers other than ten.

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// In proportion.
    #[default]
    Linear,
    /// In proportion to their logarithm; values that are not positive have no place.
    Log,
}

/// A range of an axis. Its ends are finite and apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// How values are spread.
    pub scale: Scale,
    /// The value at the start.
    pub low: f64,
    /// The value at the end.
    pub high: f64,
}

/// The ticks of an axis, all inside its range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ticks {
    /// Values with their labels.
    pub major: Vec<(f64, String)>,
    /// Values without.
    pub minor: Vec<f64>,
    /// The factor by which the labels are to be multiplied, such as `×10⁶`; empty for 1.
    pub power: String,
}

impl Span {
    /// The range from `low` to `high`, mended if it has no extent or no place on the scale.
    pub fn new(scale: Scale, low: f64, high: f64) -> Span {
        let most = match scale {
            Scale::Linear => 1e305,
            Scale::Log => f64::MAX,
        };
        let sane = |v: f64, or: f64| if v.is_nan() { or } else { v.clamp(-most, most) };
        let (a, b) = (sane(low, 0.0), sane(high, 1.0));
        let (low, high) = (a.min(b), a.max(b));
        match scale {
            Scale::Linear => {
                let size = low.abs().max(high.abs());
                if size < 1e-300 {
                    return Span { scale, low: -1.0, high: 1.0 };
                }
                let narrow = high - low < size * 1e-9;
                let pad = if narrow { size * if low == high { 0.1 } else { 1e-9 } } else { 0.0 };
                Span { scale, low: low - pad, high: high + pad }
            }
            Scale::Log => {
                let high = if high > 0.0 { high.clamp(1e-306, 1e307) } else { 1.0 };
                let low = if low > 0.0 { low.clamp(1e-307, high) } else { high / 1e3 };
                let pad = if high / low < 1.0 + 1e-6 { 2.0 } else { 1.0 };
                Span { scale, low: low / pad, high: high * pad }
            }
        }
    }

    /// The same range with `part` of its length added at each end that asks for it.
    pub fn padded(self, part: f64, (at_low, at_high): (bool, bool)) -> Span {
        let (low, high) = (self.forward(self.low), self.forward(self.high));
        let pad = (high - low) * part;
        let back = |v: f64| match self.scale {
            Scale::Linear => v,
            Scale::Log => 10f64.powf(v),
        };
        let low = if at_low { back(low - pad) } else { self.low };
        let high = if at_high { back(high + pad) } else { self.high };
        Span::new(self.scale, low, high)
    }

    fn forward(self, v: f64) -> f64 {
        match self.scale {
            Scale::Linear => v,
            Scale::Log => v.log10(),
        }
    }

    /// Where `v` lies: 0 at the low end, 1 at the high end; not finite where it has no place.
    pub fn place(self, v: f64) -> f64 {
        let (low, high) = (self.forward(self.low), self.forward(self.high));
        (self.forward(v) - low) / (high - low)
    }

    /// About `count` ticks, and no more of them than `fits` admits.
    pub fn ticks(self, count: usize, fits: impl Fn(&Ticks) -> bool) -> Ticks {
        let mut last = Ticks::default();
        let most = count.clamp(2, 20);
        for count in (1..=2 * most).rev() {
            last = match self.scale {
                Scale::Linear => self.linear(count),
                Scale::Log => self.log(count),
            };
            if last.major.len() <= most + 1 && fits(&last) {
                return last;
            }
        }
        last.major.truncate(1);
        last
    }

    fn linear(self, count: usize) -> Ticks {
        let step = step((self.high - self.low) / count as f64);
        let values = multiples(self.low, self.high, step);
        let largest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs())).max(step);
        let exponent = floor_log10(largest);
        let power = if (-3..=5).contains(&exponent) { 0 } else { exponent };
        let decimals = (power - floor_log10(step)).clamp(0, 12) as usize;
        let unit = Decimal::power(power);
        let label = |v: f64| number(unit.divide(v), decimals);
        Ticks {
            major: values.iter().map(|v| (*v, label(*v))).collect(),
            minor: Vec::new(),
            power: if power == 0 { String::new() } else { format!("×10{}", superscript(power)) },
        }
    }

    fn log(self, count: usize) -> Ticks {
        let (first, last) = (floor_log10(self.low), floor_log10(self.high) + 1);
        let decades = self.high.log10() - self.low.log10();
        if decades < 0.7 {
            return self.linear(count);
        }
        let inside = |v: &f64| (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(v);
        let all = |digits: &[f64]| -> Vec<f64> {
            let of = |e: i32| digits.iter().map(move |d| d * Decimal::power(e).value());
            (first..=last).flat_map(of).filter(inside).collect()
        };
        if decades < 2.6 && (-3..=4).contains(&first) {
            let digits: &[f64] = match count as f64 / decades {
                0.0..1.6 => &[1.0],
                1.6..2.4 => &[1.0, 3.0],
                _ => &[1.0, 2.0, 5.0],
            };
            let major = all(digits).into_iter().map(|v| (v, short(v, 3))).collect();
            return Ticks {
                major,
                minor: all(&[2., 3., 4., 5., 6., 7., 8., 9.]),
                ..Ticks::default()
            };
        }
        let every = (decades / count as f64).ceil().max(1.0) as i32;
        let powers = (first..=last).filter(|e| e.rem_euclid(every) == 0);
        let labelled = powers.map(|e| (Decimal::power(e).value(), format!("10{}", superscript(e))));
        let major = labelled.filter(|(v, _)| inside(v)).collect();
        let minor = match every {
            1 if decades < 7.0 => all(&[2., 3., 4., 5., 6., 7., 8., 9.]),
            1 => Vec::new(),
            _ if decades < 60.0 => all(&[1.0]),
            _ => Vec::new(),
        };
        Ticks { major, minor, power: String::new() }
    }
}

/// A power of ten as a product of two, because 10³⁰⁵ and 10⁻³⁰⁵ have no common range of exponents.
#[derive(Clone, Copy)]
struct Decimal(f64, f64);

impl Decimal {
    fn power(e: i32) -> Decimal {
        Decimal(10f64.powi(e / 2), 10f64.powi(e - e / 2))
    }

    fn value(self) -> f64 {
        self.0 * self.1
    }

    fn divide(self, v: f64) -> f64 {
        v / self.0 / self.1
    }
}

fn floor_log10(v: f64) -> i32 {
    let e = v.log10().floor() as i32;
    if Decimal::power(e + 1).divide(v) >= 1.0 - 1e-12 { e + 1 } else { e }
}

/// The least of 1, 2, 5 times a power of ten that is not below `least`.
fn step(least: f64) -> f64 {
    let unit = Decimal::power(floor_log10(least));
    let part = unit.divide(least);
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| *nice >= part * (1.0 - 1e-9));
    nice.unwrap_or(10.0) * unit.value()
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let slack = 1e-9;
    let first = (low / step - slack).ceil();
    let last = (high / step + slack).floor();
    let many = ((last - first).max(-1.0) as usize + 1).min(100);
    (0..many).map(|k| (first + k as f64) * step + 0.0).collect()
}

/// `v` with so many decimals and a true minus sign.
pub fn number(v: f64, decimals: usize) -> String {
    let text = format!("{v:.decimals$}");
    let zero = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    match text.strip_prefix('-') {
        Some(digits) if !zero => format!("−{digits}"),
        Some(digits) => digits.to_string(),
        None => text,
    }
}

/// `v` with so many significant digits, as a power of ten where that is shorter.
pub fn short(v: f64, digits: usize) -> String {
    if !v.is_finite() {
        return if v.is_nan() {
            "NaN".into()
        } else if v > 0.0 {
            "∞".into()
        } else {
            "−∞".into()
        };
    }
    if v == 0.0 {
        return "0".into();
    }
    let digits = digits.max(1);
    let text = format!("{:.*e}", digits - 1, v);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').replace('-', "−"),
        false => text.replace('-', "−"),
    };
    if (-4..6).contains(&exponent) {
        return trimmed(&format!("{v:.*}", (digits as i32 - 1 - exponent).max(0) as usize));
    }
    let mantissa = trimmed(mantissa);
    let power = format!("10{}", superscript(exponent));
    if mantissa == "1" { power } else { format!("{mantissa}×{power}") }
}

/// An integer in superscript digits.
pub fn superscript(n: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raise = |c: char| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize]);
    n.to_string().chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(scale: Scale, low: f64, high: f64, count: usize) -> Vec<String> {
        let ticks = Span::new(scale, low, high).ticks(count, |_| true);
        ticks.major.into_iter().map(|tick| tick.1).chain([ticks.power]).collect()
    }

    #[test]
    fn ticks_are_those_a_person_would_choose() {
        assert_eq!(labels(Scale::Linear, 0.0, 100.0, 5), ["0", "20", "40", "60", "80", "100", ""]);
        assert_eq!(labels(Scale::Linear, 0.0, 0.031, 4), ["0.00", "0.01", "0.02", "0.03", ""]);
        assert_eq!(labels(Scale::Linear, 0.0, 3e-6, 3), ["0", "1", "2", "3", "×10⁻⁶"]);
        assert_eq!(labels(Scale::Linear, -2.5e8, 0.0, 3), ["−2", "−1", "0", "×10⁸"]);
        assert_eq!(labels(Scale::Log, 1e-3, 1.0, 5), ["10⁻³", "10⁻²", "10⁻¹", "10⁰", ""]);
        assert_eq!(labels(Scale::Log, 0.1, 6.0, 6), ["0.1", "0.2", "0.5", "1", "2", "5", ""]);
        assert_eq!(
            labels(Scale::Log, 1e-16, 1.0, 5),
            ["10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰", ""]
        );
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.5, "0.5"), (-1.0, "−1"), (1234.6, "1235"), (1e-7, "10⁻⁷"), (0.0, "0")];
        for (v, text) in cases.into_iter().chain([(2.5e9, "2.5×10⁹"), (f64::NAN, "NaN")]) {
            assert_eq!(short(v, 3), text, "{v}");
        }
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(superscript(-120), "⁻¹²⁰");
    }

    proptest! {
        #[test]
        fn ticks_lie_inside_and_differ(a in -300f64..300.0, b in -300f64..300.0, s: bool, log: bool,
                                       count in 2usize..12) {
            let low = 10f64.powf(a) * if s { -1.0 } else { 1.0 };
            let scale = if log { Scale::Log } else { Scale::Linear };
            let span = Span::new(scale, low, 10f64.powf(b));
            prop_assert!(span.low < span.high && (span.high - span.low).is_finite());
            let ticks = span.ticks(count, |_| true);
            prop_assert!(!ticks.major.is_empty() && ticks.major.len() <= 2 * count + 2);
            for pair in ticks.major.windows(2) {
                prop_assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1, "{:?}", ticks);
            }
            for (v, _) in &ticks.major {
                prop_assert!((-1e-6..=1.0 + 1e-6).contains(&span.place(*v)));
            }
        }
    }
}
