//! The log-likelihood of a mixture of Gaussians, as ADBench defines it (Šrajer, Kukelova &
//! Fitzgibbon 2018): Σᵢ ln Σₖ exp(αₖ + Σ qₖ − ½‖Lₖ(xᵢ − μₖ)‖²) with a Wishart prior on Lₖ, whose
//! diagonal is e^q and whose strict lower triangle is filled column by column.

use std::f64::consts::PI;

use chainrule::op::Unary;
use chainrule::{Error, Real, Tensor, cat, value_and_grad};

use crate::work::{Inputs, Row, results, row};

type Parameters = (Tensor, Tensor, Tensor);

struct Mixture {
    x: Tensor,
    /// Where each element of a factor stands among 0, the diagonal and the numbers below it.
    places: Tensor,
    constant: f64,
}

impl Mixture {
    fn new(x: &Tensor, components: usize) -> Mixture {
        let (n, d) = (x.shape()[0], x.shape()[1]);
        let mut places = vec![0i64; d * d];
        let diagonal = (0..d).map(|i| (i, i));
        let below = (0..d).flat_map(|column| (column + 1..d).map(move |row| (row, column)));
        for (place, (row, column)) in (1..).zip(diagonal.chain(below)) {
            places[row * d + column] = place;
        }
        let dof = d as f64 + 1.0;
        let ln_gamma_d = 0.25 * (d * (d - 1)) as f64 * PI.ln()
            + (1..=d)
                .map(|j| Real::map(&(0.5 * dof + 0.5 * (1.0 - j as f64)), Unary::lgamma))
                .sum::<f64>();
        let prior = -0.5 * dof * d as f64 * 2f64.ln() - ln_gamma_d;
        let constant = -0.5 * (n * d) as f64 * (2.0 * PI).ln() - components as f64 * prior;
        Mixture { x: x.clone(), places: Tensor::from(places), constant }
    }

    fn value(&self, (alphas, means, icf): &Parameters) -> Result<Tensor, Error> {
        let (n, k, d) =
            (self.x.shape()[0] as i64, means.shape()[0] as i64, means.shape()[1] as i64);
        let (q, below) = (icf.i((.., ..d)), icf.i((.., d..)));
        let scale = q.exp();
        let zero = Tensor::full([k, 1], 0.0);
        let numbers = cat(&[&zero, &scale, &below], 1)?;
        let factors = numbers.index_select(1, &self.places).reshape([k, d, d]);
        // Lₖ(x − μₖ) for all components at once: x times all factors, minus what they make of μₖ.
        let z = self.x.matmul(&factors.reshape([k * d, d]).t()).reshape([n, k, d]);
        let z = z - (&factors * means.unsqueeze(1)).sum_axis(2, false);
        let exponents = alphas + q.sum_axis(1, false) - 0.5 * z.square().sum_axis(2, false);
        let likelihood =
            exponents.logsumexp(1, false).sum() - n as f64 * alphas.logsumexp(0, false);
        let prior = 0.5 * (scale.square().sum() + below.square().sum());
        Ok(likelihood + prior + self.constant)
    }
}

fn parts(given: &Inputs<'_>) -> Result<(Mixture, Parameters), String> {
    let [x, alphas, means, icf] = given.all(["x", "alphas", "means", "icf"])?;
    Ok((Mixture::new(&x, alphas.len()), (alphas, means, icf)))
}

/// The value.
pub(crate) fn objective(given: &Inputs<'_>) -> Result<Row, String> {
    let (mixture, at) = parts(given)?;
    row(move || results([("y", &mixture.value(&at)?)]))
}

/// Value and gradient.
pub(crate) fn slope(given: &Inputs<'_>) -> Result<Row, String> {
    let (mixture, at) = parts(given)?;
    row(move || {
        let (y, g) = value_and_grad(|p: &Parameters| mixture.value(p), &at)?;
        results([("y", &y), ("galphas", &g.0), ("gmeans", &g.1), ("gicf", &g.2)])
    })
}
