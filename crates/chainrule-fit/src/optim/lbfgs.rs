//! The quasi-Newton method with a short memory.

use chainrule_core::{DType, Tensor, cat, grad, no_grad, realize, stack};

use super::Optimiser;
use super::group::{Group, IntoParameters, number};
use super::line_search::{Point, strong_wolfe};
use super::state::{Loading, count, exact};
use crate::error::{Result, fail};

/// L-BFGS (Nocedal 1980; Liu and Nocedal 1989), for smooth losses of whole batches.
///
/// From the last k steps s and changes y of the gradient, the two-loop recursion makes the
/// direction −H g without any matrix, where H approaches the inverse Hessian:
///
/// ```text
/// q ← −g;           for each pair, newest first:   α = sᵀq / yᵀs,   q ← q − α y
/// r ← (sᵀy/yᵀy) q;  for each pair, oldest first:   r ← r + (α − yᵀr / yᵀs) s
/// ```
///
/// Pairs with yᵀs ≤ 10⁻¹⁰ are left out. Without line search a step is η r (the first: at most as
/// long as makes the gradient's sum of magnitudes 1); with it, η r is the first trial of a search
/// for the strong Wolfe conditions. One [`step_with`](Optimiser::step_with) makes up to
/// [`max_iter`](LbfgsOptions::max_iter) of these iterations, and needs the loss at each point:
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::optim::{Lbfgs, LbfgsOptions, Optimiser};
/// let x = Tensor::from([-1.2, 1.0]).requires_grad();
/// let options = LbfgsOptions { strong_wolfe: true, max_iter: 100, ..LbfgsOptions::default() };
/// let mut lbfgs = Lbfgs::new([&x], 1.0, options);
/// lbfgs.step_with(&mut || {
///     let (a, b) = (x.i(0), x.i(1));
///     Ok((1.0 - &a).square() + 100.0 * (b - a.square()).square())
/// })?;
/// assert!(x.to_vec::<f64>()?.iter().all(|x| (x - 1.0).abs() < 1e-6));
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
///
/// `step`, `minimise` and `record` are errors that say so. There is one group and no weight decay.
#[derive(Clone, Debug)]
pub struct Lbfgs {
    group: Group,
    options: LbfgsOptions,
    iterations: u64,
    evaluations: u64,
    /// Pairs (y, s, 1/yᵀs), oldest first.
    memory: Vec<[Tensor; 3]>,
    /// sᵀy/yᵀy of the newest pair.
    scale: Tensor,
    /// The last direction, how far it was gone, and the gradient where it began.
    last: (Tensor, f64, Tensor),
}

/// How long and how exactly [`Lbfgs`] works in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbfgsOptions {
    /// Iterations of a step; 20 by default.
    pub max_iter: usize,
    /// Evaluations of a step; 5/4 of `max_iter` by default.
    pub max_eval: Option<usize>,
    /// The step ends where no element of the gradient is larger; 10⁻⁷ by default.
    pub tolerance_grad: f64,
    /// The step ends where loss or parameters change less; 10⁻⁹ by default.
    pub tolerance_change: f64,
    /// k, the pairs that are kept; 100 by default.
    pub history: usize,
    /// Whether to search along the line; false by default.
    pub strong_wolfe: bool,
}

impl Default for LbfgsOptions {
    fn default() -> LbfgsOptions {
        LbfgsOptions {
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history: 100,
            strong_wolfe: false,
        }
    }
}

/// Where an iteration is.
struct Here {
    f: f64,
    g: Tensor,
    /// The largest magnitude in g.
    largest: f64,
}

type Loss<'a> = &'a mut dyn FnMut() -> Result<Tensor>;

impl Lbfgs {
    /// For `parameters`, with the rate η (usually 1).
    pub fn new(parameters: impl IntoParameters, rate: f64, options: LbfgsOptions) -> Lbfgs {
        Lbfgs::over_group(Group::new(parameters, rate), options)
    }

    /// For one group.
    pub fn over_group(group: Group, options: LbfgsOptions) -> Lbfgs {
        let dtype = match group.parameters.iter().any(|p| p.dtype() == DType::F64) {
            true => DType::F64,
            false => DType::F32,
        };
        let n: usize = group.parameters.iter().map(Tensor::len).sum();
        let zeros = Tensor::zeros_of([n], dtype);
        let scale = number(1.0, dtype);
        let last = (zeros.clone(), 0.0, zeros);
        Lbfgs { group, options, iterations: 0, evaluations: 0, memory: vec![], scale, last }
    }

    /// How often the loss was evaluated in all.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    fn dtype(&self) -> DType {
        self.last.0.dtype()
    }

    /// Loss and gradient at the parameters as they are; also the loss as it was recorded.
    fn evaluate(&mut self, loss: Loss<'_>) -> Result<(Tensor, Here)> {
        let y = loss()?;
        let parameters = self.group.parameters.iter().collect::<Vec<_>>();
        let gradients = grad(&y, &parameters)?;
        let (g, largest) = no_grad(|| {
            let flat = |g: &Tensor| g.reshape([-1]).to_dtype(self.dtype());
            let flat: Vec<Tensor> = gradients.iter().map(flat).collect();
            let g = cat(&flat.iter().collect::<Vec<_>>(), 0)?;
            let g = if self.group.maximize { -g } else { g };
            let largest = g.abs().max();
            Ok::<_, chainrule_core::Error>((g, largest))
        })?;
        realize(&[&y, &g, &largest])?;
        self.evaluations += 1;
        let f = y.item::<f64>()?;
        let f = if self.group.maximize { -f } else { f };
        Ok((y, Here { f, g, largest: largest.item()? }))
    }

    /// θ ← x + t d.
    fn place(&self, x: &[Tensor], t: f64, d: &Tensor) -> Result<()> {
        let mut from = 0;
        no_grad(|| {
            let step = d * number(t, d.dtype());
            for (p, x) in self.group.parameters.iter().zip(x) {
                let part = step.slice(0, from..from + p.len());
                p.assign(&(x + part.reshape(p.shape()).to_dtype(p.dtype())))?;
                from += p.len();
            }
            Ok(())
        })
    }

    /// Remembers the last step, if the gradient grew along it.
    fn remember(&mut self, g: &Tensor) -> Result<()> {
        let (d, t, before) = &self.last;
        let y = g - before;
        let s = d * number(*t, d.dtype());
        let (ys, yy) = (y.dot(&s), y.dot(&y));
        realize(&[&ys, &yy, &y, &s])?;
        if ys.item::<f64>()? > 1e-10 && self.options.history > 0 {
            if self.memory.len() >= self.options.history {
                self.memory.remove(0);
            }
            let rho = 1.0 / &ys;
            self.scale = ys / yy;
            realize(&[&rho, &self.scale])?;
            self.memory.push([y, s, rho]);
        }
        Ok(())
    }

    /// −H g, by the two-loop recursion.
    fn direction(&self, g: &Tensor) -> Tensor {
        let mut q = -g;
        let mut alphas = vec![];
        for [y, s, rho] in self.memory.iter().rev() {
            let alpha = s.dot(&q) * rho;
            q = q - y * &alpha;
            alphas.push(alpha);
        }
        let mut r = q * &self.scale;
        for ([y, s, rho], alpha) in self.memory.iter().zip(alphas.iter().rev()) {
            let beta = y.dot(&r) * rho;
            r = &r + s * (alpha - beta);
        }
        r
    }

    /// The direction and the first trial step from `here`, with the slope there.
    fn aim(&mut self, here: &Here) -> Result<(Tensor, f64, f64)> {
        let first = self.iterations == 1;
        no_grad(|| {
            if !first {
                self.remember(&here.g)?;
            }
            let d = if first { -&here.g } else { self.direction(&here.g) };
            let slope = here.g.dot(&d);
            let size = here.g.abs().sum();
            realize(&[&d, &slope, &size])?;
            let rate = self.group.rate;
            let t = if first { (1.0 / size.item::<f64>()?).min(1.0) * rate } else { rate };
            Ok((d, t, slope.item()?))
        })
    }

    /// The step in the direction `d` that a line search finds.
    fn search(
        &mut self,
        (d, t, slope): (&Tensor, f64, f64),
        here: &Here,
        most: usize,
        loss: Loss<'_>,
    ) -> Result<(f64, Here)> {
        let x: Vec<Tensor> = self.group.parameters.iter().map(Tensor::detach).collect();
        let start = Point { t: 0.0, f: here.f, slope, gradient: here.g.clone() };
        let width = no_grad(|| d.abs().max().item::<f64>())?;
        let nearest = self.options.tolerance_change / width;
        let (point, _) = strong_wolfe(&start, t, nearest, most, &mut |t| {
            self.place(&x, t, d)?;
            let (_, at) = self.evaluate(loss)?;
            let slope = no_grad(|| at.g.dot(d).item::<f64>())?;
            Ok(Point { t, f: at.f, slope, gradient: at.g })
        })?;
        self.place(&x, point.t, d)?;
        let largest = no_grad(|| point.gradient.abs().max().item())?;
        Ok((point.t, Here { f: point.f, g: point.gradient, largest }))
    }

    fn check(&self) -> Result<()> {
        let (rate, decay) = (self.group.rate, self.group.weight_decay);
        if !(rate.is_finite() && rate >= 0.0) {
            fail!("the learning rate {rate} is not a number ≥ 0; choose another");
        }
        if decay != 0.0 {
            fail!("L-BFGS has no weight decay, but its group asks for {decay}; leave 0");
        }
        Ok(())
    }
}

/// What L-BFGS answers to whoever brings a gradient.
fn needs_the_loss<T>() -> Result<T> {
    fail!("L-BFGS evaluates the loss at several points of a step; use `step_with`")
}

impl Optimiser for Lbfgs {
    fn groups(&self) -> Vec<&Group> {
        vec![&self.group]
    }

    fn groups_mut(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn record(&mut self, _: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        needs_the_loss()
    }

    fn step(&mut self) -> Result<()> {
        needs_the_loss()
    }

    fn minimise(&mut self, _: &Tensor, _: &[&Tensor]) -> Result<()> {
        needs_the_loss()
    }

    fn step_with(&mut self, loss: Loss<'_>) -> Result<Tensor> {
        self.check()?;
        if self.group.parameters.iter().all(|p| p.len() == 0) {
            return loss();
        }
        let options = self.options;
        let most = options.max_eval.unwrap_or(options.max_iter.saturating_mul(5) / 4);
        let before = self.evaluations;
        let (first, mut here) = self.evaluate(loss)?;
        if here.largest <= options.tolerance_grad {
            return Ok(first);
        }
        for n in 1..=options.max_iter {
            self.iterations += 1;
            let (d, mut t, slope) = self.aim(&here)?;
            self.last = (d.clone(), t, here.g.clone());
            if slope > -options.tolerance_change {
                break;
            }
            let old = here.f;
            if options.strong_wolfe {
                let left = most.saturating_sub((self.evaluations - before) as usize);
                (t, here) = self.search((&d, t, slope), &here, left, loss)?;
                self.last.1 = t;
            } else {
                let x: Vec<Tensor> = self.group.parameters.iter().map(Tensor::detach).collect();
                self.place(&x, t, &d)?;
                if n < options.max_iter {
                    here = self.evaluate(loss)?.1;
                }
            }
            let moved = no_grad(|| d.abs().max().item::<f64>())? * t.abs();
            if (self.evaluations - before) as usize >= most
                || here.largest <= options.tolerance_grad
                || moved <= options.tolerance_change
                || (here.f - old).abs() < options.tolerance_change
            {
                break;
            }
        }
        realize(&self.group.parameters.iter().collect::<Vec<_>>())?;
        Ok(first)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let (d, t, g) = &self.last;
        let n = d.len();
        let all = |i: usize, shape: &[usize]| {
            let parts: Vec<&Tensor> = self.memory.iter().map(|pair| &pair[i]).collect();
            // Tensors of one shape and type can be stacked.
            stack(&parts, 0).unwrap_or_else(|_| Tensor::zeros_of(shape, self.dtype()))
        };
        let state = [
            ("rate", exact(self.group.rate)),
            ("n_iter", count(self.iterations)),
            ("func_evals", count(self.evaluations)),
            ("d", d.clone()),
            ("t", exact(*t)),
            ("prev_flat_grad", g.clone()),
            ("h_diag", self.scale.clone()),
            ("old_dirs", all(0, &[0, n])),
            ("old_stps", all(1, &[0, n])),
            ("ro", all(2, &[0])),
        ];
        state.map(|(name, tensor)| (name.to_string(), tensor)).to_vec()
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let pairs = state.iter().find(|(name, _)| name == "ro").map_or(0, |(_, ro)| ro.len());
        if pairs > self.options.history {
            fail!(
                "the saved state has {pairs} pairs, but the history is {}; make it longer",
                self.options.history
            );
        }
        let mut expected = self.state();
        for (name, tensor) in &mut expected {
            match name.as_str() {
                "old_dirs" | "old_stps" => {
                    *tensor = Tensor::zeros_of([pairs, self.last.0.len()], self.dtype());
                }
                "ro" => *tensor = Tensor::zeros_of([pairs], self.dtype()),
                _ => (),
            }
        }
        let loading = Loading::new(state, &expected)?;
        let rows = |name: &str| Ok::<_, crate::Error>(loading.tensor(name)?.unbind(0)?);
        let (ys, steps, ro) = (rows("old_dirs")?, rows("old_stps")?, rows("ro")?);
        let (rate, t) = (loading.number("rate")?, loading.number("t")?);
        let (iterations, evaluations) = (loading.count("n_iter")?, loading.count("func_evals")?);
        self.last = (loading.tensor("d")?, t, loading.tensor("prev_flat_grad")?);
        self.scale = loading.tensor("h_diag")?;
        self.memory = ys.into_iter().zip(steps).zip(ro).map(|((y, s), r)| [y, s, r]).collect();
        (self.group.rate, self.iterations, self.evaluations) = (rate, iterations, evaluations);
        Ok(())
    }
}
