//! The derivative of a function of one number by differences, with an estimate of its error.
//!
//! The central difference D(h) = (s(x + h) − s(x − h))/2h is s′(x) + c₂h² + c₄h⁴ + …. From D(h) and
//! D(h/2) the first of these terms cancels, (4 D(h/2) − D(h))/3, from three steps the second too,
//! and so on (Richardson). A triangle of such combinations over halved steps shows by itself which
//! entry is best: the one that differs least from its neighbours, rounding included (Ridders,
//! *Accurate computation of F′(x) and F′(x)F″(x)*, Advances in Engineering Software, 1982). No step
//! has to be chosen.
//!
//! The same values give the slopes on either side. Their difference is h s″(x) + O(h³) where s is
//! smooth, and does not vanish with h at a kink.

use crate::error::Result;

/// What differences say of a derivative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// By how much the value may be wrong; ∞ if nothing is known.
    pub(super) error: f64,
    /// Whether the slopes on the two sides differ.
    pub(super) kink: bool,
}

impl Estimate {
    /// Whether there is a derivative to compare with.
    pub(super) fn exists(&self) -> bool {
        !self.kink && self.error <= 1e-3 * self.value.abs().max(1.0)
    }
}

/// The longest step is 2⁻⁴ of the scale, the shortest 2⁻¹⁷: rounding then leaves 10⁻¹⁰.
const STEPS: i32 = 14;
/// How many terms of the error are cancelled at most; more would only combine rounding errors.
const COLUMNS: usize = 6;
/// An estimate that is so good ends the search.
const ENOUGH: f64 = 1e-11;

/// The derivative of `s` at `x`, where its value is `middle`. Steps are in proportion to `scale`.
pub(super) fn slope(
    s: &dyn Fn(f64) -> Result<f64>,
    x: f64,
    middle: f64,
    scale: f64,
) -> Result<Estimate> {
    let mut best = Estimate { value: f64::NAN, error: f64::INFINITY, kink: false };
    let mut last: Vec<f64> = vec![];
    let mut jumps: Vec<f64> = vec![];
    for k in 0..STEPS {
        let h = scale * 2f64.powi(-4 - k);
        let (high, low) = (x + h, x - h);
        let (up, down) = (s(high)?, s(low)?);
        let row = (up - down) / (high - low);
        if !row.is_finite() {
            // Outside the domain, or beyond the largest number: begin again with shorter steps.
            (last, jumps) = (vec![], vec![]);
            continue;
        }
        // Each value is a sum with a few roundings.
        let noise = 4.0 * f64::EPSILON * (up.abs() + down.abs()) / h;
        let mut next = vec![row];
        for j in 0..last.len().min(COLUMNS) {
            let finer = next[j] + (next[j] - last[j]) / (4f64.powi(j as i32 + 1) - 1.0);
            let error = (finer - next[j]).abs().max((finer - last[j]).abs()) + noise;
            next.push(finer);
            if error < best.error {
                best = Estimate { value: finer, error, kink: false };
            }
        }
        last = next;
        jumps.push((up - middle) / (high - x) - (middle - down) / (x - low));
        best.kink = is_kink(&jumps, noise, best.value);
        if jumps.len() > 2 && !best.kink && best.error <= ENOUGH * best.value.abs().max(1.0) {
            break;
        }
    }
    Ok(best)
}

/// Whether differences of one-sided slopes, over halved steps, tend to another number than 0, or
/// grow.
fn is_kink(jumps: &[f64], noise: f64, slope: f64) -> bool {
    let [.., a, b, c] = jumps else { return false };
    // Without the term of order h.
    let (before, limit) = (2.0 * b - a, 2.0 * c - b);
    let stays = limit.abs() > 4.0 * (limit - before).abs();
    let grows = c.abs() > 1.2 * b.abs() && b.abs() > 1.2 * a.abs();
    (stays || grows) && c.abs().min(limit.abs()) > 8.0 * noise + 1e-6 * slope.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: impl Fn(f64) -> f64, x: f64) -> Estimate {
        slope(&|v| Ok(s(v)), x, s(x), x.abs().max(0.1)).expect("numbers")
    }

    #[test]
    fn the_estimate_of_the_error_holds() {
        type Pair = (fn(f64) -> f64, fn(f64) -> f64);
        let pairs: [Pair; 6] = [
            (f64::sin, f64::cos),
            (f64::exp, f64::exp),
            (f64::ln, f64::recip),
            (f64::recip, |x| -1.0 / (x * x)),
            (f64::sqrt, |x| 0.5 / x.sqrt()),
            (|x| 3.0 * x, |_| 3.0),
        ];
        for x in [1e-3, 0.04, 0.3, 1.0, 7.5, 30.0] {
            for (i, (s, d)) in pairs.iter().enumerate() {
                let (found, exact) = (at(s, x), d(x));
                let gap = (found.value - exact).abs();
                assert!(found.exists() && gap <= 4.0 * found.error, "{i} at {x}: {found:?}");
                // Rounding, at 1/x most of all: ε · 10³ over steps of 10⁻⁵.
                assert!(gap <= 1e-8 * exact.abs().max(1.0), "{i} at {x}: {found:?} {exact}");
            }
        }
    }

    #[test]
    fn kinks_jumps_and_edges_have_no_derivative() {
        for s in [f64::abs, |x: f64| x.max(0.0), f64::floor, f64::sqrt, |x: f64| x.abs().sqrt()] {
            let found = at(s, 0.0);
            assert!(!found.exists(), "{found:?}");
        }
        // A kink nearby is no kink here.
        let near = at(|x| (x - 1.003).abs(), 1.0);
        assert!(near.exists() && (near.value + 1.0).abs() < 1e-9, "{near:?}");
        assert!(at(|x| x * x.abs(), 0.0).exists());
    }
}
