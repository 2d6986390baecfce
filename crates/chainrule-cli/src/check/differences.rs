//! Derivatives by central differences, extrapolated to step 0.
//!
//! A central difference with step h has the error c₁h² + c₂h⁴ + …, so that differences for a
//! falling sequence of steps can be combined into better and better ones (Ridders' scheme, which
//! also estimates the error). Several sequences are tried, and the best one is taken: the function
//! may vary over any length.
//!
//! Reference: C. J. F. Ridders, *Accurate computation of F′(x) and F′(x)F″(x)*, Advances in
//! Engineering Software 4 (1982).

/// Each step is so many times shorter than the one before.
const SHRINK: f64 = 1.6;

/// A derivative by differences.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// How far off the value may be.
    pub(crate) doubt: f64,
    /// The size of a derivative that is not small for the function.
    pub(crate) scale: f64,
    /// The size of the function's values, over the same lengths.
    size: f64,
}

impl Estimate {
    /// No estimate.
    pub(crate) const NONE: Estimate =
        Estimate { value: f64::NAN, doubt: f64::INFINITY, scale: 0.0, size: 0.0 };

    /// Whether `value` is as near as the estimate can tell.
    pub(crate) fn allows(&self, value: f64) -> bool {
        let gap = (value - self.value).abs();
        gap <= 10.0 * self.doubt && self.doubt <= 1e-3 * self.value.abs().max(self.size).max(1.0)
    }

    /// How far `value` is from the estimate, relative to the larger of both; derivatives that are
    /// small for the function count as far off as large ones. NaN is infinitely far.
    pub(crate) fn error(&self, value: f64) -> f64 {
        if value == self.value {
            return 0.0;
        }
        let size = value.abs().max(self.value.abs()).max(self.scale);
        let error = (value - self.value).abs() / size;
        if error.is_nan() || !value.is_finite() { f64::INFINITY } else { error }
    }
}

/// The derivative of `f` at `x` by the coordinates in `by`, one or two of them.
pub(crate) fn derivative(f: &dyn Fn(&[f64]) -> f64, x: &[f64], by: &[usize]) -> Estimate {
    let unit: Vec<f64> = by.iter().map(|&i| x[i].abs().max(1.0)).collect();
    let along = |step: f64| {
        let mut x = x.to_vec();
        by.iter().zip(&unit).for_each(|(&i, unit)| x[i] += step * unit);
        f(&x)
    };
    let rounding = rounding(&along);
    let size = f(x).abs() / unit.iter().product::<f64>();
    let stencil = Stencil { f, x, by, unit, rounding };
    let starts = [0.5, 0.05, 5e-3, 5e-4, 5e-5, 5e-7, 5e-9];
    let near = by.iter().zip(&stencil.unit).map(|(&i, u)| x[i].abs() / u).fold(0.0, f64::max);
    let near = starts.iter().map(|s| 0.1 * s * near).filter(|s| *s > 1e-12);
    let (mut best, mut change) = (Estimate::NONE, 0.0);
    for start in starts.into_iter().chain(near) {
        let (next, its_change) = stencil.sequence(start);
        // Relative, so that steps over many waves do not win with a small number; but where the
        // function does not change at all there is nothing to be relative to.
        let better = match change == 0.0 || its_change == 0.0 {
            true => next.doubt < best.doubt,
            false => {
                let [new, old] = [(next, its_change), (best, change)];
                new.0.doubt / (new.0.value.abs() + new.1)
                    < old.0.doubt / (old.0.value.abs() + old.1)
            }
        };
        if better {
            (best, change) = (next, its_change);
        }
    }
    let changes = starts[..5].iter().map(|&h| stencil.quotient(h)).filter(|q| q.value.is_finite());
    let scale = changes.map(|q| q.change).filter(|c| *c > 0.0).fold(f64::INFINITY, f64::min);
    Estimate { scale: if scale.is_finite() { scale } else { 0.0 }, size, ..best }
}

/// How far rounding moves the values of f around 0: the typical second difference over steps that
/// are far too small to change the value otherwise. One jump is not typical.
fn rounding(f: &dyn Fn(f64) -> f64) -> f64 {
    let values: Vec<f64> = (-4..=4).map(|k| f(f64::from(k) * 1e-13)).collect();
    let bend = |w: &[f64]| ((w[2] - w[1]) - (w[1] - w[0])).abs();
    let mut bends: Vec<f64> = values.windows(3).map(bend).filter(|b| b.is_finite()).collect();
    bends.sort_by(|a, b| b.total_cmp(a));
    bends.get(2).copied().unwrap_or(0.0)
}

/// Where a function is evaluated: around `x`, in the coordinates `by`, each with its unit.
struct Stencil<'a> {
    f: &'a dyn Fn(&[f64]) -> f64,
    x: &'a [f64],
    by: &'a [usize],
    unit: Vec<f64>,
    /// How far rounding moves the values.
    rounding: f64,
}

/// A difference quotient.
struct Quotient {
    value: f64,
    /// How much the function changes in the stencil, divided by the same steps.
    change: f64,
    /// How much of the value may be rounding.
    noise: f64,
}

impl Stencil<'_> {
    /// The extrapolated quotient over steps that begin with `start` units, and the change.
    fn sequence(&self, start: f64) -> (Estimate, f64) {
        let (mut best, mut change) = (Estimate::NONE, 0.0);
        let (mut last, mut h): (Vec<f64>, f64) = (vec![], start);
        for _ in 0..12 {
            let quotient = self.quotient(h);
            h /= SHRINK;
            if !quotient.value.is_finite() {
                last.clear();
                continue;
            }
            let mut row = vec![quotient.value];
            let mut factor = SHRINK * SHRINK;
            for (k, older) in last.iter().enumerate() {
                let better = (row[k] * factor - older) / (factor - 1.0);
                let spread = (better - row[k]).abs().max((better - older).abs());
                factor *= SHRINK * SHRINK;
                row.push(better);
                if spread + quotient.noise < best.doubt {
                    let doubt = spread + quotient.noise;
                    (best, change) =
                        (Estimate { value: better, doubt, ..Estimate::NONE }, quotient.change);
                }
            }
            // From here on rounding only adds.
            let [new, old] = [&row, &last].map(|all| all.last().copied().unwrap_or(f64::NAN));
            let settled = row.len() > 2 && (new - old).abs() > 4.0 * best.doubt;
            last = row;
            if settled {
                break;
            }
        }
        (best, change)
    }

    /// The value with each coordinate moved.
    fn at(&self, steps: &[(usize, f64)]) -> f64 {
        let mut x = self.x.to_vec();
        for &(i, step) in steps {
            x[i] += step;
        }
        (self.f)(&x)
    }

    /// The quotient with steps of `h` units.
    fn quotient(&self, h: f64) -> Quotient {
        // Steps that are exact differences of numbers.
        let step = |k: usize| (self.x[self.by[k]] + h * self.unit[k]) - self.x[self.by[k]];
        let a = step(0);
        let middle = self.at(&[]);
        let (values, steps, number) = match *self.by {
            [i] => {
                let [p, m] = [a, -a].map(|s| self.at(&[(i, s)]));
                (vec![p, m], 2.0 * a, p - m)
            }
            [i, j, ..] if i == j => {
                let [p, m] = [a, -a].map(|s| self.at(&[(i, s)]));
                (vec![p, m], a * a, (p - middle) - (middle - m))
            }
            [i, j, ..] => {
                let b = step(1);
                let [pp, pm, mp, mm] =
                    [(a, b), (a, -b), (-a, b), (-a, -b)].map(|(s, t)| self.at(&[(i, s), (j, t)]));
                (vec![pp, pm, mp, mm], 4.0 * a * b, (pp - pm) - (mp - mm))
            }
            [] => (vec![], 1.0, f64::NAN),
        };
        let most = |of: &dyn Fn(f64) -> f64| values.iter().fold(0.0, |m: f64, &v| m.max(of(v)));
        let steps = steps.abs();
        let noise = (4.0 * f64::EPSILON * most(&f64::abs)).max(self.rounding) / steps;
        Quotient { value: number / steps, change: most(&|v| (v - middle).abs()) / steps, noise }
    }
}

/// What a function of one number does at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// Nothing special.
    Smooth,
    /// Its slope jumps from the first to the second number.
    Kink(f64, f64),
    /// It jumps, or is infinitely steep.
    Jump,
    /// It is not defined on one side.
    Edge,
}

/// Looks at f on both sides of 0, at distances h that fall by tens. The difference of the two
/// slopes falls with h where f is smooth, stays the same at a kink, and grows at a jump or a cusp.
/// Rounding grows too, but not so evenly.
pub(crate) fn place(f: &dyn Fn(f64) -> f64, unit: f64) -> Place {
    let middle = f(0.0);
    let near = 1e-7 * unit;
    if !f(near).is_finite() || !f(-near).is_finite() {
        return Place::Edge;
    }
    let rounding = rounding(&|step| f(step * unit));
    // For each distance: the slopes, and their difference unless it may be rounding.
    let looks: Vec<(f64, f64, Option<f64>)> = (3..=10)
        .map(|k| {
            let h = 10f64.powi(-k) * unit;
            let (before, after) = (f(-h), f(h));
            let size = before.abs().max(after.abs()).max(middle.abs());
            let (left, right) = ((middle - before) / h, (after - middle) / h);
            let least = (1e3 * f64::EPSILON * size).max(100.0 * rounding) / h;
            let bend = right - left;
            (left, right, Some(bend).filter(|b| b.abs() > least))
        })
        .collect();
    // What the value itself bends by at the first distance; a jump is no small part of that.
    let first = looks[0].2.unwrap_or(0.0).abs();
    let found = looks.windows(4).enumerate().find_map(|(n, four)| {
        let bends: Vec<f64> = four.iter().map_while(|look| look.2).collect();
        let [a, b, c, d] = bends[..] else { return None };
        let ratios = [b / a, c / b, d / c];
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let mut later = looks[n + 4..].iter().filter_map(|look| look.2);
        let stays = later.all(|e| e.abs() > 0.5 * d.abs());
        let large = least < 1.5 || d.abs() * 10f64.powi(-3 - n as i32) > 1e-2 * first;
        (least > 0.5 && most < 1.1 * least && stays && large).then_some((least, four[3]))
    });
    match found {
        Some((ratio, _)) if ratio > 1.5 => Place::Jump,
        Some((_, (left, right, _))) => Place::Kink(left, right),
        None => Place::Smooth,
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
        type Case = (fn(f64) -> f64, f64, f64);
        let cases: &[Case] = &[
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
        assert!(matches!(place(&|x| x.abs().sqrt(), 1.0), Place::Jump));
        assert!(matches!(place(&f64::ceil, 1.0), Place::Jump));
        assert!(matches!(place(&|x| x.max(0.0) + 5.0 * x, 1.0), Place::Kink(..)));
        assert_eq!(place(&f64::sqrt, 1.0), Place::Edge);
        assert!(matches!(place(&|x| 0.01 * x.abs() + 100.0 * x * x + 1.0, 1.0), Place::Kink(..)));
        for f in [
            |x: f64| (x + 1.0).exp(),
            |x: f64| (1e6 * (x + 1.0)).sin(),
            |x: f64| (x + 700.0).exp() / 1e300 + x,
            |x: f64| ((x + 5.0).tanh() - 1.0) * 1e3,
            |x| 3.0 * x + 1e6,
            |x: f64| x * x.abs(),
            |x: f64| (x - 1e-4).abs(),
            |_| 2.0,
            |x| x * x,
        ] {
            assert_eq!(place(&f, 1.0), Place::Smooth);
        }
    }
}
