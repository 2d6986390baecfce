//! Derivatives by central differences, extrapolated to step 0.
//!
//! A central difference with step h has the error c₁h² + c₂h⁴ + …, so that differences for a
//! falling sequence of steps can be combined into better and better ones (Ridders' scheme, which
//! also estimates the error). Several sequences are tried, and the best one is taken: the function
//! may vary over any length.

use std::f64::consts;

/// Each step is so many times shorter than the one before.
const SHRINK: f64 = 1.6;

/// A derivative by differences.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// How far off the value may be.
    pub(super) doubt: f64,
    /// The size of a derivative that is not small for the function.
    pub(super) scale: f64,
}

impl Estimate {
    /// Whether `value` is as near as the estimate can tell.
    pub(super) fn allows(&self, value: f64) -> bool {
        (value - self.value).abs() <= 4.0 * self.doubt && self.doubt < 1e-3
    }

    /// How far `value` is from the estimate, relative to the larger of both; derivatives that are
    /// small for the function count as far off as large ones. NaN is infinitely far.
    pub(super) fn error(&self, value: f64) -> f64 {
        if value == self.value {
            return 0.0;
        }
        let size = value.abs().max(self.value.abs()).max(self.scale);
        let error = (value - self.value).abs() / size;
        if error.is_nan() || !value.is_finite() { f64::INFINITY } else { error }
    }
}

/// The derivative of `f` at `x` by the coordinates in `by`, one or two of them.
pub(super) fn derivative(f: &dyn Fn(&[f64]) -> f64, x: &[f64], by: &[usize]) -> Estimate {
    let size = |i: usize| x[i].abs().max(1.0);
    let unit: Vec<f64> = by.iter().map(|&i| size(i)).collect();
    let none = Estimate { value: f64::NAN, doubt: f64::INFINITY, scale: 0.0 };
    let starts = [0.5, 0.05, 5e-3, 5e-4, 5e-5];
    let near = by.iter().map(|&i| x[i].abs() / unit[0].max(1.0)).fold(0.0, f64::max) * 0.1;
    let near = starts.iter().map(|s| s * near).filter(|s| *s > 1e-12);
    let all = starts.into_iter().chain(near).map(|start| sequence(f, x, by, &unit, start));
    all.fold(none, |best, next| if next.doubt < best.doubt { next } else { best })
}

/// The extrapolated difference over steps that begin with `start` units.
fn sequence(
    f: &dyn Fn(&[f64]) -> f64,
    x: &[f64],
    by: &[usize],
    unit: &[f64],
    start: f64,
) -> Estimate {
    let mut best = Estimate { value: f64::NAN, doubt: f64::INFINITY, scale: 0.0 };
    let mut last: Vec<f64> = vec![];
    let mut h = start;
    for _ in 0..12 {
        let (difference, size, noise) = quotient(f, x, by, unit, h);
        h /= SHRINK;
        if !difference.is_finite() {
            last.clear();
            continue;
        }
        let scale = size / unit.iter().product::<f64>();
        let mut row = vec![difference];
        let mut factor = SHRINK * SHRINK;
        for (k, older) in last.iter().enumerate() {
            let better = (row[k] * factor - older) / (factor - 1.0);
            let doubt = (better - row[k]).abs().max((better - older).abs()) + noise;
            factor *= SHRINK * SHRINK;
            row.push(better);
            if doubt < best.doubt {
                best = Estimate { value: better, doubt, scale };
            }
        }
        // From here on rounding only adds.
        let settled =
            row.len() > 2 && (row[row.len() - 1] - last[last.len() - 1]).abs() > 4.0 * best.doubt;
        last = row;
        if settled {
            break;
        }
    }
    best
}

/// The difference quotient with a step of `h` units, the largest value it is made of, and how much
/// of it is rounding.
fn quotient(
    f: &dyn Fn(&[f64]) -> f64,
    x: &[f64],
    by: &[usize],
    unit: &[f64],
    h: f64,
) -> (f64, f64, f64) {
    let at = |steps: &[(usize, f64)]| {
        let mut x = x.to_vec();
        for &(i, step) in steps {
            x[i] += step;
        }
        f(&x)
    };
    // Steps that are exact differences of numbers.
    let exact = |k: usize| (x[by[k]] + h * unit[k]) - x[by[k]];
    let a = exact(0);
    let (values, steps, number) = match by {
        [i] => {
            let [p, m] = [a, -a].map(|s| at(&[(*i, s)]));
            (vec![p, m], 2.0 * a, p - m)
        }
        [i, j, ..] if i == j => {
            let [p, m, z] = [a, -a, 0.0].map(|s| at(&[(*i, s)]));
            (vec![p, m, z], a * a, (p - z) - (z - m))
        }
        [i, j, ..] => {
            let b = exact(1);
            let [pp, pm, mp, mm] =
                [(a, b), (a, -b), (-a, b), (-a, -b)].map(|(s, t)| at(&[(*i, s), (*j, t)]));
            (vec![pp, pm, mp, mm], 4.0 * a * b, (pp - pm) - (mp - mm))
        }
        [] => (vec![], 1.0, f64::NAN),
    };
    let size = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    (number / steps, size, 4.0 * f64::EPSILON * size / steps.abs())
}

/// What a function of one number does at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// Nothing special.
    Smooth,
    /// Its slope jumps from the first to the second number, or is infinite on a side.
    Kink(f64, f64),
    /// It is not defined on one side.
    Edge,
}

/// Looks at f on both sides of 0, at distances that fall from 10⁻³ to 10⁻⁷ units: at a kink the
/// two slopes differ by as much at the last distance as at the first, elsewhere in proportion to
/// the distance.
pub(super) fn place(f: &dyn Fn(f64) -> f64, unit: f64) -> Place {
    let middle = f(0.0);
    let sides = |h: f64| ((middle - f(-h)) / h, (f(h) - middle) / h);
    let (far, near) = (1e-3 * unit, 1e-7 * unit);
    let ((a, b), (left, right)) = (sides(far), sides(near));
    if left.is_nan() || right.is_nan() || !f(near).is_finite() || !f(-near).is_finite() {
        return Place::Edge;
    }
    let (first, last) = (b - a, right - left);
    let size = [f(far), f(-far), middle].iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let rounding = 1e3 * f64::EPSILON * size / near;
    let between = {
        let (left, right) = sides(1e-5 * unit);
        right - left
    };
    let stays = |x: f64| x.abs() > consts::FRAC_1_SQRT_2 * first.abs() && x * last > 0.0;
    match last.abs() > rounding && stays(last) && stays(between) {
        true => Place::Kink(left, right),
        false => Place::Smooth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_known_functions() {
        let f = |x: &[f64]| (x[0] * x[1]).sin() + x[0].powi(3);
        let (x, y) = (0.7f64, -1.3f64);
        for (by, expected, tolerance) in [
            (&[0][..], y * (x * y).cos() + 3.0 * x * x, 1e-11),
            (&[1], x * (x * y).cos(), 1e-11),
            (&[0, 0], -y * y * (x * y).sin() + 6.0 * x, 1e-8),
            (&[0, 1], (x * y).cos() - x * y * (x * y).sin(), 1e-8),
        ] {
            let found = derivative(&f, &[x, y], by);
            assert!(found.error(expected) < tolerance, "{by:?}: {found:?}, {expected}");
        }
    }

    /// Over any length, near poles and edges of the domain, and around 0.
    #[test]
    fn steps_are_chosen() {
        let cases: &[(fn(f64) -> f64, f64, f64)] = &[
            (f64::ln, 1e-6, 1e6),
            (|x| 1.0 / x, 1e-6, -1e12),
            (|x| (1e4 * x).sin(), 0.3, 1e4 * (3e3f64).cos()),
            (|x| (1e-4 * x).exp(), 5e3, 1e-4 * 0.5f64.exp()),
            (|x| x * x * x, 0.0, 0.0),
            (f64::cos, 1e-8, -1e-8),
            (f64::sqrt, 1e-9, 0.5 / 1e-9f64.sqrt()),
        ];
        for (n, (f, x, expected)) in cases.iter().enumerate() {
            let found = derivative(&|x| f(x[0]), &[*x], &[0]);
            assert!(found.error(*expected) < 1e-8, "{n}: {found:?}, {expected}");
        }
    }

    #[test]
    fn kinks_and_edges() {
        assert_eq!(place(&f64::abs, 1.0), Place::Kink(-1.0, 1.0));
        assert!(matches!(place(&|x| x.abs().sqrt(), 1.0), Place::Kink(..)));
        assert!(matches!(place(&f64::ceil, 1.0), Place::Kink(..)));
        assert!(matches!(place(&|x| x.max(0.0) + 5.0 * x, 1.0), Place::Kink(..)));
        assert_eq!(place(&f64::sqrt, 1.0), Place::Edge);
        for f in [
            |x: f64| (x + 1.0).exp(),
            |x| 3.0 * x + 1e6,
            |x| x * x.abs(),
            |x| (x - 1e-4).abs(),
            |_| 2.0,
            |x| x * x,
        ] {
            assert_eq!(place(&f, 1.0), Place::Smooth);
        }
    }
}
