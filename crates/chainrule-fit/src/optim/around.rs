//! What stands around an optimiser: bounded gradients, several batches for one step, means of the
//! parameters, two optimisers as one.
//!
//! Each is an optimiser around another, and joins in the other's plan.

use chainrule_core::{DType, Tensor, no_grad, realize};

use super::group::{Group, number};
use super::state::{Loading, count};
use super::{Optimiser, check_gradients};
use crate::error::{Result, fail};

/// How to bound gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// All gradients times min(1, c/(‖g‖ + 10⁻⁶)), where ‖g‖ is the Euclidean norm of all elements
    /// of all gradients (Pascanu, Mikolov and Bengio 2013).
    Norm(f64),
    /// Each element to [−c, c].
    Value(f64),
}

/// Bounds `gradients`, lazily. For [`Clip::Norm`] returns the norm before, with no elements bounded
/// 0.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::optim::{Clip, clip};
/// let mut gradients = [Some(Tensor::from([3.0, 4.0])), None];
/// let norm = clip(&mut gradients, Clip::Norm(1.0))?.unwrap();
/// assert_eq!(norm.item::<f64>()?, 5.0);
/// assert!((gradients[0].as_ref().unwrap().to_vec::<f64>()?[1] - 0.8).abs() < 1e-6);
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
///
/// # Errors
/// If the bound is not a number ≥ 0.
pub fn clip(gradients: &mut [Option<Tensor>], clip: Clip) -> Result<Option<Tensor>> {
    let (Clip::Norm(bound) | Clip::Value(bound)) = clip;
    if bound.is_nan() || bound < 0.0 {
        fail!("gradients cannot be clipped at {bound}; give a number ≥ 0");
    }
    no_grad(|| match clip {
        Clip::Value(bound) => {
            for g in gradients.iter_mut().flatten() {
                *g = g.clamp(-bound, bound);
            }
            Ok(None)
        }
        Clip::Norm(bound) => {
            let given = || gradients.iter().flatten();
            let dtype = match given().any(|g| g.dtype() == DType::F64) || given().count() == 0 {
                true => DType::F64,
                false => DType::F32,
            };
            let squares = given().map(|g| g.square().sum().to_dtype(dtype));
            let norm = squares.reduce(|a, b| a + b).unwrap_or_else(|| number(0.0, dtype)).sqrt();
            let factor = (bound / (&norm + 1e-6)).minimum(1.0);
            for g in gradients.iter_mut().flatten() {
                *g = &*g * factor.to_dtype(g.dtype());
            }
            Ok(Some(norm))
        }
    })
}

/// The parts of [`Optimiser`] that are those of the optimiser inside.
macro_rules! inside {
    () => {
        fn groups(&self) -> Vec<&Group> {
            self.inner.groups()
        }
        fn groups_mut(&mut self) -> Vec<&mut Group> {
            self.inner.groups_mut()
        }
    };
}

/// An optimiser whose gradients are bounded; see [`Optimiser::clipped`].
#[derive(Clone, Debug)]
pub struct Clipped<O> {
    inner: O,
    clip: Clip,
    norm: Option<Tensor>,
}

impl<O: Optimiser> Clipped<O> {
    pub(super) fn new(inner: O, clip: Clip) -> Clipped<O> {
        Clipped { inner, clip, norm: None }
    }

    /// The norm of the last gradients before they were bounded, computed with the step; `None`
    /// where they are bounded by value, and before the first step.
    pub fn norm(&self) -> Option<&Tensor> {
        self.norm.as_ref()
    }
}

impl<O: Optimiser> Optimiser for Clipped<O> {
    inside! {}

    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        let mut gradients = gradients.to_vec();
        let norm = clip(&mut gradients, self.clip)?;
        let mut wanted = self.inner.record(&gradients)?;
        wanted.extend(norm.clone());
        self.norm = norm;
        Ok(wanted)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        self.inner.state()
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        self.inner.load_state(state)
    }
}

/// An optimiser that takes a step for every k gradients; see [`Optimiser::accumulated`].
#[derive(Clone, Debug)]
pub struct Accumulated<O> {
    inner: O,
    every: u64,
    done: u64,
    /// Sums and numbers of gradients.
    sums: Vec<(Tensor, u64)>,
}

impl<O: Optimiser> Accumulated<O> {
    pub(super) fn new(inner: O, every: usize) -> Accumulated<O> {
        let sums = inner.parameters().iter().map(|p| (p.zeros_like(), 0)).collect();
        Accumulated { inner, every: every.max(1) as u64, done: 0, sums }
    }

    /// Whether the next gradients complete a step.
    pub fn is_last(&self) -> bool {
        self.done + 1 >= self.every
    }
}

impl<O: Optimiser> Optimiser for Accumulated<O> {
    inside! {}

    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        check_gradients(&self.parameters(), gradients)?;
        let sums = self.sums.iter().zip(gradients).map(|((sum, n), g)| match g {
            Some(g) if *n == 0 => (g.detach(), 1),
            Some(g) => (no_grad(|| sum + g), n + 1),
            None => (sum.clone(), *n),
        });
        let sums: Vec<(Tensor, u64)> = sums.collect();
        if !self.is_last() {
            let wanted = sums.iter().map(|(sum, _)| sum.clone()).collect();
            self.done += 1;
            self.sums = sums;
            return Ok(wanted);
        }
        let mean = |(sum, n): &(Tensor, u64)| {
            (*n > 0).then(|| no_grad(|| sum * (1.0 / self.every as f64)))
        };
        let wanted = self.inner.record(&sums.iter().map(mean).collect::<Vec<_>>())?;
        self.done = 0;
        self.sums.iter_mut().for_each(|(sum, n)| (*sum, *n) = (sum.zeros_like(), 0));
        Ok(wanted)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = prefixed("inner", self.inner.state());
        state.push(("accumulated.done".into(), count(self.done)));
        for (i, (sum, n)) in self.sums.iter().enumerate() {
            state.push((format!("accumulated.{i}.sum"), sum.clone()));
            state.push((format!("accumulated.{i}.count"), count(*n)));
        }
        state
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let (inner, own) = split("inner", state);
        let loading = Loading::new(&own, &split("inner", &self.state()).1)?;
        let done = loading.count("accumulated.done")?;
        let mut sums = vec![];
        for i in 0..self.sums.len() {
            let n = loading.count(&format!("accumulated.{i}.count"))?;
            sums.push((loading.tensor(&format!("accumulated.{i}.sum"))?, n));
        }
        self.inner.load_state(&inner)?;
        (self.done, self.sums) = (done, sums);
        Ok(())
    }
}

/// An optimiser that keeps an exponential mean of the parameters; see [`Optimiser::averaged`].
#[derive(Clone, Debug)]
pub struct Averaged<O> {
    inner: O,
    decay: f64,
    updates: u64,
    /// The means; the parameters themselves while [`swapped`](Averaged::is_swapped).
    means: Vec<Tensor>,
    swapped: bool,
}

impl<O: Optimiser> Averaged<O> {
    pub(super) fn new(inner: O, decay: f64) -> Averaged<O> {
        let means = inner.parameters().iter().map(Tensor::detach).collect();
        Averaged { inner, decay, updates: 0, means, swapped: false }
    }

    /// Exchanges parameters and means: to evaluate with the means, and again to go on.
    ///
    /// # Errors
    /// If the evaluation of either fails.
    pub fn swap(&mut self) -> Result<()> {
        let parameters = self.inner.parameters();
        let values: Vec<Tensor> = parameters.iter().map(Tensor::detach).collect();
        realize(&values.iter().chain(&self.means).collect::<Vec<_>>())?;
        for (p, mean) in parameters.iter().zip(&self.means) {
            p.assign(mean)?;
        }
        self.means = values;
        self.swapped = !self.swapped;
        Ok(())
    }

    /// Whether the parameters hold the means at the moment.
    pub fn is_swapped(&self) -> bool {
        self.swapped
    }

    /// The means, one for each parameter.
    pub fn means(&self) -> Vec<Tensor> {
        match self.swapped {
            true => self.inner.parameters().iter().map(Tensor::detach).collect(),
            false => self.means.clone(),
        }
    }
}

impl<O: Optimiser> Optimiser for Averaged<O> {
    inside! {}

    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        if self.swapped {
            fail!("the parameters hold their means; call `swap` before the next step");
        }
        if !(0.0..=1.0).contains(&self.decay) {
            fail!("the decay {} of a mean is not in [0, 1]; choose another", self.decay);
        }
        let mut wanted = self.inner.record(gradients)?;
        let first = self.updates == 0;
        for (p, mean) in self.inner.parameters().iter().zip(&mut self.means) {
            let p = p.detach();
            *mean = no_grad(|| if first { p } else { &*mean + (p - &*mean) * (1.0 - self.decay) });
            wanted.push(mean.clone());
        }
        self.updates = self.updates.saturating_add(1);
        Ok(wanted)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = prefixed("inner", self.inner.state());
        state.push(("averaged.updates".into(), count(self.updates)));
        let means = self.means().into_iter().enumerate();
        state.extend(means.map(|(i, mean)| (format!("averaged.{i}.mean"), mean)));
        state
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        if self.swapped {
            fail!("the parameters hold their means; call `swap` before loading a state");
        }
        let (inner, own) = split("inner", state);
        let loading = Loading::new(&own, &split("inner", &self.state()).1)?;
        let updates = loading.count("averaged.updates")?;
        let means = (0..self.means.len())
            .map(|i| loading.tensor(&format!("averaged.{i}.mean")))
            .collect::<Result<Vec<Tensor>>>()?;
        self.inner.load_state(&inner)?;
        (self.updates, self.means) = (updates, means);
        Ok(())
    }
}

/// Two optimisers for different parameters as one: their groups follow each other, and a step of
/// both is one plan.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::optim::{AdamW, Muon, Optimiser, Rule, Together};
/// let w = Tensor::from([[1.0, 2.0], [0.0, 1.0]]).requires_grad();
/// let b = Tensor::from([0.5, 0.5]).requires_grad();
/// let mut both = Together(Muon::default().over([&w], 0.02), AdamW::default().over([&b], 1e-3));
/// both.minimise(&(w.sum() + b.square().sum()), &[])?;
/// assert_eq!(both.groups().len(), 2);
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Together<A, B>(
    /// The first.
    pub A,
    /// The second.
    pub B,
);

impl<A: Optimiser, B: Optimiser> Optimiser for Together<A, B> {
    fn groups(&self) -> Vec<&Group> {
        self.0.groups().into_iter().chain(self.1.groups()).collect()
    }

    fn groups_mut(&mut self) -> Vec<&mut Group> {
        self.0.groups_mut().into_iter().chain(self.1.groups_mut()).collect()
    }

    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        check_gradients(&self.parameters(), gradients)?;
        let (first, second) = gradients.split_at(self.0.parameters().len());
        let mut wanted = self.0.record(first)?;
        wanted.extend(self.1.record(second)?);
        Ok(wanted)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = prefixed("first", self.0.state());
        state.extend(prefixed("second", self.1.state()));
        state
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let before = self.0.state();
        let (first, rest) = split("first", state);
        let (second, rest) = split("second", &rest);
        Loading::new(&rest, &[])?;
        self.0.load_state(&first)?;
        self.1.load_state(&second).or_else(|error| {
            self.0.load_state(&before)?;
            Err(error)
        })
    }
}

fn prefixed(prefix: &str, state: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    state.into_iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor)).collect()
}

/// What is under `prefix`, without it, and the rest.
type Split = (Vec<(String, Tensor)>, Vec<(String, Tensor)>);

fn split(prefix: &str, state: &[(String, Tensor)]) -> Split {
    let (mut inside, mut rest) = (vec![], vec![]);
    for (name, tensor) in state {
        match name.strip_prefix(prefix).and_then(|name| name.strip_prefix('.')) {
            Some(name) => inside.push((name.to_string(), tensor.clone())),
            None => rest.push((name.clone(), tensor.clone())),
        }
    }
    (inside, rest)
}
