//! Rules that see the rows and columns of a parameter.

use chainrule_core::{DType, Tensor};

use super::adam::norm;
use super::rule::{Decay, Now, Rule};

/// Adam without momentum whose v is the product of a row and a column (Shazeer and Stern 2018): for
/// a matrix n × m it keeps n + m numbers instead of n m.
///
/// With w = t^γ, ρ = min(η, 1/√t), and RMS(x) = ‖x‖/√(number of elements),
///
/// ```text
/// r ← r + w (mean of g² along rows − r)          c ← c + w (mean of g² along columns − c)
/// v = r c / max(mean r, ε₁)                      u = g / √max(v, ε₁²)
/// θ ← (1 − η λ) θ − ρ max(ε₂, RMS(θ)) u / max(1, RMS(u)/d)
/// ```
///
/// The last two axes are factored; with fewer than two, v ← v + w (g² − v). This is torch's reading
/// of the paper. The usual rate is 10⁻².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adafactor {
    /// γ ≤ 0; −0.8 by default.
    pub beta2_decay: f64,
    /// ε₁, by default the distance from 1 to the next number of the element type; and ε₂, 10⁻³.
    pub epsilons: (Option<f64>, f64),
    /// d; 1 by default.
    pub clip: f64,
}

impl Default for Adafactor {
    fn default() -> Adafactor {
        Adafactor { beta2_decay: -0.8, epsilons: (None, 1e-3), clip: 1.0 }
    }
}

impl Adafactor {
    fn first_epsilon(&self, dtype: DType) -> f64 {
        self.epsilons.0.unwrap_or(match dtype {
            DType::F32 => f64::from(f32::EPSILON),
            _ => f64::EPSILON,
        })
    }
}

impl Rule for Adafactor {
    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        if p.rank() < 2 {
            return vec![("variance", p.zeros_like())];
        }
        let zeros = |axis: usize| {
            let mut shape = p.shape().to_vec();
            shape[axis] = 1;
            Tensor::zeros_of(&shape, p.dtype())
        };
        vec![("row_var", zeros(p.rank() - 1)), ("col_var", zeros(p.rank() - 2))]
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        let t = t as f64;
        vec![t.powf(self.beta2_decay), rate.min(1.0 / t.sqrt())]
    }

    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let [weight, rho] = [0, 1].map(|i| &now.numbers[i]);
        let epsilon = self.first_epsilon(p.dtype());
        let squares = g.square();
        let variance = match slots {
            [row, column] => {
                let towards = |old: &Tensor, axis: i64| {
                    let mean = squares.mean_axis(axis, true);
                    old + (mean - old) * weight
                };
                (*row, *column) = (towards(row, -1), towards(column, -2));
                &*row / row.mean_axis(-2, true).maximum(epsilon) * &*column
            }
            _ => {
                slots[0] = &slots[0] + (squares - &slots[0]) * weight;
                slots[0].clone()
            }
        };
        let update = g * variance.maximum(epsilon * epsilon).rsqrt();
        let root = (p.len() as f64).sqrt().max(1.0);
        let alpha = (norm(p) / root).maximum(self.epsilons.1) * rho;
        let denominator = (norm(&update) / (root * self.clip)).maximum(1.0);
        update * (alpha / denominator)
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        let bad = !(self.beta2_decay <= 0.0 && self.clip >= 1.0 && self.epsilons.1 >= 0.0);
        bad.then(|| "Adafactor needs γ ≤ 0, d ≥ 1 and ε ≥ 0; choose other options".into())
    }
}

/// How [`Muon`] scales its rate for a matrix of A rows and B columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MuonScale {
    /// √max(1, A/B), as Jordan has it.
    #[default]
    Original,
    /// 0.2 √max(A, B): steps as long as AdamW's (Liu et al. 2025).
    MatchRmsAdamW,
    /// √(A/B) (Bernstein 2025).
    SpectralUnclamped,
}

/// Momentum made orthogonal (Jordan et al. 2024): the step is near U Vᵀ, where m = U Σ Vᵀ. For the
/// matrices inside a network; other parameters need another optimiser beside it
/// ([`Together`](super::Together)).
///
/// ```text
/// m ← μ m + (1 − μ) g                           n = μ m + (1 − μ) g    (Nesterov; else n = m)
/// X ← n / max(‖n‖, ε), then k times:  A = X Xᵀ,  X ← a X + (b A + c A²) X
/// θ ← (1 − η λ) θ − η s X
/// ```
///
/// The quintic a x + b x³ + c x⁵ drives all singular values to about 1 (between 0.7 and 1.2): its
/// coefficients are chosen for the slope at 0, not to converge. Where torch computes X in bfloat16,
/// this does in the parameter's own type. The usual rate is 10⁻³, and [`over`](Rule::over) gives
/// λ = 0.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// μ; 0.95 by default.
    pub momentum: f64,
    /// Whether to look ahead; true by default.
    pub nesterov: bool,
    /// a, b and c.
    pub coefficients: (f64, f64, f64),
    /// ε; 10⁻⁷ by default.
    pub epsilon: f64,
    /// k; 5 by default.
    pub steps: usize,
    /// s.
    pub scale: MuonScale,
}

impl Default for Muon {
    fn default() -> Muon {
        Muon {
            momentum: 0.95,
            nesterov: true,
            coefficients: (3.4445, -4.7750, 2.0315),
            epsilon: 1e-7,
            steps: 5,
            scale: MuonScale::default(),
        }
    }
}

impl Muon {
    fn orthogonal(&self, n: &Tensor) -> Tensor {
        let (a, b, c) = self.coefficients;
        let tall = n.shape()[0] > n.shape()[1];
        let turn = |x: Tensor| if tall { x.t() } else { x };
        let mut x = turn(n / norm(n).maximum(self.epsilon));
        for _ in 0..self.steps {
            let gram = x.matmul(&x.t());
            let update = &gram * b + gram.matmul(&gram) * c;
            x = &x * a + update.matmul(&x);
        }
        turn(x)
    }

    fn factor(&self, p: &Tensor) -> f64 {
        let [rows, columns] = [0, 1].map(|axis| p.shape()[axis].max(1) as f64);
        match self.scale {
            MuonScale::Original => (rows / columns).max(1.0).sqrt(),
            MuonScale::MatchRmsAdamW => 0.2 * rows.max(columns).sqrt(),
            MuonScale::SpectralUnclamped => (rows / columns).sqrt(),
        }
    }
}

impl Rule for Muon {
    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn default_decay(&self) -> f64 {
        0.1
    }

    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        vec![("momentum_buffer", p.zeros_like())]
    }

    fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate]
    }

    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let mu = self.momentum;
        slots[0] = &slots[0] * mu + g * (1.0 - mu);
        let along = if self.nesterov { &slots[0] * mu + g * (1.0 - mu) } else { slots[0].clone() };
        self.orthogonal(&along) * self.factor(p) * &now.numbers[0]
    }

    fn complaint(&self, p: &Tensor) -> Option<String> {
        if self.steps >= 100 {
            return Some(format!("Muon with {} iterations; 5 are usual, 99 the most", self.steps));
        }
        (p.rank() != 2).then(|| {
            format!(
                "Muon moves matrices, but a parameter has the shape {:?}; give it to AdamW, with \
                 `Together`",
                p.shape()
            )
        })
    }
}
