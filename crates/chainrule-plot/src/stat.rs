//! The few statistics that figures need by themselves: extents, bins, quantiles, ranks.

/// The least and the largest finite value, if there is one.
pub(crate) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |pair, v| {
        Some(pair.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v))))
    })
}

/// The finite values in ascending order.
pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile of ascending values at `p`, interpolated linearly.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = p.clamp(0.0, 1.0) * last as f64;
    let (low, part) = (place as usize, place.fract());
    sorted[low] * (1.0 - part) + sorted[(low + 1).min(last)] * part
}

/// Middles, counts or densities, and the width of bins.
pub(crate) fn histogram(values: &[f64], bins: usize, dense: bool) -> (Vec<f64>, Vec<f64>, f64) {
    let sorted = sorted(values);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
        return (Vec::new(), Vec::new(), 1.0);
    };
    let n = sorted.len() as f64;
    if high - low <= 1e-12 * low.abs().max(high.abs()) || !(high - low).is_finite() {
        let size = if dense { 1.0 } else { n };
        return (vec![low], vec![size], low.abs().max(1.0) * 0.1);
    }
    let spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
    let by_spread = (high - low) / (2.0 * spread / n.cbrt());
    let rule = if by_spread.is_finite() { by_spread.max(n.log2() + 1.0) } else { n.log2() + 1.0 };
    let bins = if bins == 0 { (rule.ceil() as usize).clamp(1, 60) } else { bins.min(1000) };
    let thick = (high - low) / bins as f64;
    let mut size = vec![0.0; bins];
    for v in &sorted {
        size[(((v - low) / thick) as usize).min(bins - 1)] +=
            if dense { 1.0 / (n * thick) } else { 1.0 };
    }
    ((0..bins).map(|k| low + (k as f64 + 0.5) * thick).collect(), size, thick)
}

/// The standard normal quantile, by Acklam's rational approximation; relative error below 1.2e-9.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.69683028665376,
        220.9460984245205,
        -275.9285104469687,
        138.357751867269,
        -30.66479806614716,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -54.47609879822406,
        161.5858368580409,
        -155.6989798598866,
        66.80131188771972,
        -13.28068155288572,
        1.0,
    ];
    const C: [f64; 6] = [
        -0.007784894002430293,
        -0.3223964580411365,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] =
        [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0];
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    match p {
        p if !(0.0..=1.0).contains(&p) => f64::NAN,
        p if p < 0.02425 => {
            let q = (-2.0 * p.ln()).sqrt();
            horner(&C, q) / horner(&D, q)
        }
        p if p > 1.0 - 0.02425 => -normal_quantile(1.0 - p),
        p => {
            let q = p - 0.5;
            q * horner(&A, q * q) / horner(&B, q * q)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bin() {
        let values: Vec<f64> = (0..100).map(|k| f64::from(k % 17)).chain([f64::NAN]).collect();
        let (at, counts, _) = histogram(&values, 0, false);
        assert_eq!(counts.iter().sum::<f64>(), 100.0);
        assert_eq!(at.len(), counts.len());
        let (_, density, thick) = histogram(&values, 10, true);
        assert!((density.iter().sum::<f64>() * thick - 1.0).abs() < 1e-12);
        assert_eq!(histogram(&[2.0; 5], 0, false).1, [5.0]);
        assert!(histogram(&[], 0, false).0.is_empty());
    }

    #[test]
    fn normal_quantiles() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959963984540054), (0.01, -2.3263478740408408)] {
            assert!((normal_quantile(p) - z).abs() < 5e-9, "{p}");
        }
        assert!(normal_quantile(1e-3) + normal_quantile(1.0 - 1e-3) == 0.0);
        assert!(normal_quantile(f64::NAN).is_nan());
    }
}
