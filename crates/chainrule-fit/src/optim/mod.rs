//! Optimisers: from gradients to the next parameters.
//!
//! An optimiser is a *rule* with its options, such as [`Adam`], at work on *groups* of parameters
//! that share a rate and a decay. With the gradient g of the loss at the parameters θ, the rate η,
//! the number of the step t, and running means written `m ⇐β x` for m ← β m + (1 − β) x,
//!
//! ```text
//! Sgd        m ← μ m + (1 − τ) g                                  θ ← θ − η m
//! Asgd       θ ← θ − ηₜ (g + λ' θ)                                θ̄ ← θ̄ + μₜ (θ − θ̄)
//! Lion       c = β₁ m + (1 − β₁) g,  m ⇐β₂ g                      θ ← θ − η sign(c)
//! Rprop      Δ ← Δ η₊ or Δ η₋ as sign(g) stays or turns           θ ← θ − Δ sign(g)
//! Adagrad    s ← s + g²                                           θ ← θ − η g / (√s + ε)
//! RmsProp    v ⇐α g²                                              θ ← θ − η g / (√v + ε)
//! Adadelta   v ⇐ρ g²,  Δ = g √(a + ε)/√(v + ε),  a ⇐ρ Δ²          θ ← θ − η Δ
//! Adam       m ⇐β₁ g,  v ⇐β₂ g²,  m̂ = m/(1 − β₁ᵗ),  v̂ = v/(1 − β₂ᵗ)
//!                                                                 θ ← θ − η m̂ / (√v̂ + ε)
//! AdamW      the same, and                                        θ ← (1 − η λ) θ beside it
//! NAdam      the same with (1 − μₜ) g/(1 − Πₜ) + μₜ₊₁ m/(1 − Πₜ₊₁) for m̂
//! RAdam      the same with r for √v̂, once v̂ can be trusted        θ ← θ − η r m̂ / (√v̂ + ε)
//! Adamax     m ⇐β₁ g,  u ← max(β₂ u, |g| + ε)                     θ ← θ − η m̂ / u
//! Lamb       u = m̂/(√v̂ + ε) + λ θ                                 θ ← θ − η (‖θ‖/‖u‖) u
//! Adafactor  v ≈ row · column,  u = g/√v                          θ ← θ − ρ RMS(θ) u / RMS(u)
//! Muon       m ⇐μ g = U Σ Vᵀ                                      θ ← θ − η s U Vᵀ
//! Lbfgs      H from the last k pairs (s, y)                       θ ← θ − t H g
//! ```
//!
//! Each rule's own page has the whole formula, its options, and what torch calls its slots. Where
//! torch has an optimiser, this is the same one, with the same defaults, to the last digits.
//!
//! # A step
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::optim::{Adam, Optimiser, Rule};
//! let x = Tensor::from(5.0).requires_grad();
//! let mut adam = Adam::default().over([&x], 0.1);
//! for _ in 0..300 {
//!     let loss = (&x - 3.0).square();
//!     adam.minimise(&loss, &[])?;
//! }
//! assert!((x.item::<f64>()? - 3.0).abs() < 1e-2);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! [`minimise`](Optimiser::minimise) records the gradient and the update of all parameters and
//! moments as one lazy graph, and computes them together with the loss as one plan. What changes
//! from step to step, such as the rate and Adam's corrections, enters as a tensor with one element
//! ([`Rule::numbers`]), so that all steps share the plan. The torch way, `loss.backward()` and then
//! [`step`](Optimiser::step), does the same, in one plan if the caller reads the loss after the
//! step; parameters that `backward` did not reach are left alone.
//! [`record`](Optimiser::record) only records, for whoever has gradients of his own.
//!
//! # Groups, and what stands around
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::optim::{AdamW, Clip, Group, Optimiser, Rule};
//! let w = Tensor::from([[1.0, 2.0]]).requires_grad();
//! let b = Tensor::from([0.0, 0.0]).requires_grad();
//! let groups = [Group::new([&w], 1e-3).weight_decay(0.01), Group::new([&b], 2e-3)];
//! let mut optimiser = AdamW::default().over_groups(groups)
//!     .clipped(Clip::Norm(1.0)) // bounds the gradients
//!     .averaged(0.999)          // keeps a mean of the parameters
//!     .accumulated(4);          // takes a step for every four gradients
//! optimiser.minimise(&(&w + &b).square().sum(), &[])?;
//! let saved = optimiser.state();
//! optimiser.load_state(&saved)?;
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! [`Together`] makes one optimiser of two. Rates that change are in [`schedule`].
//!
//! # State
//!
//! [`state`](Optimiser::state) lists moments, numbers of steps, rates and decays by name, as
//! `0.exp_avg` for the first parameter or `group.1.rate`. An optimiser made with the same options
//! that loads it goes on to the same bits. Options and the parameters themselves are not in it.
//!
//! A step whose evaluation fails, say because a batch has an index out of range, has been assigned
//! all the same: what it would have computed fails for ever. Whoever wants to go on keeps a state
//! and the parameters' values from before, or checks the batch.
//!
//! # Not here
//!
//! Sparse gradients, complex parameters, and closures for anything but L-BFGS. Solvers for sums of
//! squares are in [`crate::solve`].
//!
//! # References
//!
//! Polyak 1964; Nesterov 1983; Sutskever, Martens, Dahl and Hinton 2013 (momentum). Polyak and
//! Juditsky 1992 (averages). Riedmiller and Braun 1993 (Rprop). Duchi, Hazan and Singer 2011
//! (Adagrad). Hinton 2012, lecture 6e, and Graves 2013 (RMSprop). Zeiler 2012 (Adadelta). Kingma
//! and Ba 2015 (Adam, Adamax). Dozat 2016 (NAdam). Reddi, Kale and Kumar 2018 (AMSGrad).
//! Loshchilov and Hutter 2019 (AdamW). Liu, Jiang, He, Chen, Liu, Gao and Han 2020 (RAdam). You et
//! al. 2020 (LAMB). Shazeer and Stern 2018 (Adafactor). Chen et al. 2023 (Lion). Jordan et al.
//! 2024, with Liu et al. 2025 and Bernstein 2025 (Muon). Nocedal 1980, Liu and Nocedal 1989,
//! Nocedal and Wright 2006 (L-BFGS). Pascanu, Mikolov and Bengio 2013 (clipping).

mod adam;
mod around;
mod curve;
mod group;
mod lbfgs;
mod line_search;
mod matrix;
mod rule;
mod scaled;
pub mod schedule;
mod sgd;
mod state;

pub use adam::{Adam, AdamW, Adamax, Lamb, NAdam, RAdam};
pub use around::{Accumulated, Averaged, Clip, Clipped, Together, clip};
pub use group::{Group, IntoParameters};
pub use lbfgs::{Lbfgs, LbfgsOptions};
pub use matrix::{Adafactor, Muon, MuonScale};
pub use rule::{Decay, Descent, Now, Rule};
pub use scaled::{Adadelta, Adagrad, RmsProp};
pub use sgd::{Asgd, Lion, Rprop, Sgd};

use chainrule_core::{Tensor, grad, realize};

use crate::error::{Result, fail};
use schedule::{Curve, Schedule as _};

/// Something that moves parameters along their gradients.
///
/// Those that follow a [`Rule`] are made with [`Rule::over`]; there are [`Lbfgs`] and the wrappers
/// [`Clipped`], [`Accumulated`], [`Averaged`] and [`Together`] besides.
pub trait Optimiser {
    /// The groups of parameters. Gradients are in the order of the parameters over all groups.
    fn groups(&self) -> Vec<&Group>;

    /// The groups, to change their rates.
    fn groups_mut(&mut self) -> Vec<&mut Group>;

    /// Records one step: assigns to each parameter its next value, lazily, and returns the tensors
    /// that must be realized for the step to be done. There is one gradient for each parameter;
    /// where there is none, parameter and moments are left alone.
    ///
    /// # Errors
    /// If the gradients do not fit the parameters; then nothing is assigned.
    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>>;

    /// All that is needed to go on as if there had been no break: moments, numbers of steps, rates.
    /// The names are stable; the parameters' values are not among them.
    fn state(&self) -> Vec<(String, Tensor)>;

    /// Takes over what [`state`](Self::state) gave, in any order.
    ///
    /// # Errors
    /// If names, shapes or element types are not those of this optimiser; then nothing is changed.
    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()>;

    /// Whether each parameter's step depends on its own gradient and moments only, which then stand
    /// in [`state`](Self::state) behind the parameter's number: so that several processes can each
    /// take care of some parameters.
    fn is_separable(&self) -> bool {
        false
    }

    /// All parameters, group by group.
    fn parameters(&self) -> Vec<Tensor> {
        self.groups().iter().flat_map(|group| group.parameters.iter().cloned()).collect()
    }

    /// One step along the gradients that `backward` gathered in the parameters, as in torch.
    ///
    /// # Errors
    /// As [`record`](Self::record), or if the evaluation fails.
    fn step(&mut self) -> Result<()> {
        let gradients: Vec<_> = self.parameters().iter().map(Tensor::grad).collect();
        let wanted = self.record(&gradients)?;
        Ok(realize(&wanted.iter().collect::<Vec<_>>())?)
    }

    /// One step of an optimiser that may need the loss at several points: `loss` records it at the
    /// parameters as they are. Returns the loss before the step.
    ///
    /// # Errors
    /// As [`minimise`](Self::minimise), or if `loss` fails.
    fn step_with(&mut self, loss: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        let before = loss()?;
        self.minimise(&before, &[])?;
        Ok(before)
    }

    /// Forgets the gradients that `backward` gathered in the parameters.
    fn zero_grad(&self) {
        self.parameters().iter().for_each(Tensor::zero_grad);
    }

    /// One step down the gradient of `loss`: forward pass, backward pass, update, `loss` itself and
    /// the tensors in `also` are computed as one plan.
    ///
    /// # Errors
    /// As [`record`](Self::record), or if `loss` has several elements or does not depend on some
    /// parameter (after `backward`, [`step`](Self::step) leaves such a one alone), or if the
    /// evaluation fails.
    fn minimise(&mut self, loss: &Tensor, also: &[&Tensor]) -> Result<()> {
        let parameters = self.parameters();
        let gradients = grad(loss, &parameters.iter().collect::<Vec<_>>())?;
        let wanted = self.record(&gradients.into_iter().map(Some).collect::<Vec<_>>())?;
        let also = also.iter().copied();
        Ok(realize(&std::iter::once(loss).chain(&wanted).chain(also).collect::<Vec<_>>())?)
    }

    /// The rate of each group.
    fn rates(&self) -> Vec<f64> {
        self.groups().iter().map(|group| group.rate).collect()
    }

    /// Gives all groups one rate.
    fn set_rate(&mut self, rate: f64) {
        self.groups_mut().into_iter().for_each(|group| group.rate = rate);
    }

    /// This optimiser with bounded gradients.
    fn clipped(self, clip: Clip) -> Clipped<Self>
    where
        Self: Sized,
    {
        Clipped::new(self, clip)
    }

    /// This optimiser with one step for `every` steps that it is told to take, along the mean of
    /// their gradients. Where a parameter had none, that counts as 0 in the mean.
    fn accumulated(self, every: usize) -> Accumulated<Self>
    where
        Self: Sized,
    {
        Accumulated::new(self, every)
    }

    /// This optimiser with a mean of the parameters, θ̄ ← d θ̄ + (1 − d) θ after each step (θ̄ ← θ
    /// after the first), d being `decay`. With [`accumulated`](Self::accumulated) it stands inside,
    /// or the mean counts a step for every batch.
    fn averaged(self, decay: f64) -> Averaged<Self>
    where
        Self: Sized,
    {
        Averaged::new(self, Some(decay))
    }

    /// This optimiser with the mean of the parameters after all its steps (Izmailov et al. 2018,
    /// *Averaging weights*), for the end of a training, with a rate that stays large.
    fn averaged_equally(self) -> Averaged<Self>
    where
        Self: Sized,
    {
        Averaged::new(self, None)
    }
}

impl<O: Optimiser + ?Sized> Optimiser for Box<O> {
    fn groups(&self) -> Vec<&Group> {
        (**self).groups()
    }
    fn groups_mut(&mut self) -> Vec<&mut Group> {
        (**self).groups_mut()
    }
    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        (**self).record(gradients)
    }
    fn state(&self) -> Vec<(String, Tensor)> {
        (**self).state()
    }
    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        (**self).load_state(state)
    }
    fn is_separable(&self) -> bool {
        (**self).is_separable()
    }
    fn step(&mut self) -> Result<()> {
        (**self).step()
    }
    fn step_with(&mut self, loss: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        (**self).step_with(loss)
    }
    fn minimise(&mut self, loss: &Tensor, also: &[&Tensor]) -> Result<()> {
        (**self).minimise(loss, also)
    }
}

/// The learning rate that falls from `rate` at step 0 to 0 at step `steps` along half a cosine.
pub fn cosine(rate: f64, step: usize, steps: usize) -> f64 {
    Curve::Cosine { steps, least: 0.0 }.rate(rate, step.min(steps.max(1)))
}

/// That `gradients` fit `parameters`: as many, each of its parameter's shape and element type.
pub(crate) fn check_gradients(parameters: &[Tensor], gradients: &[Option<Tensor>]) -> Result<()> {
    if parameters.len() != gradients.len() {
        fail!(
            "{} gradients were given for {} parameters; give one for each, `None` where there is \
             none",
            gradients.len(),
            parameters.len()
        );
    }
    for (i, (p, g)) in parameters.iter().zip(gradients).enumerate() {
        let Some(g) = g else { continue };
        if p.shape() != g.shape() || p.dtype() != g.dtype() {
            fail!(
                "the gradient of parameter {i}{} is {} {:?}, but the parameter is {} {:?}; give \
                 gradients in the order of the parameters",
                p.name().map(|name| format!(" \"{}\"", crate::shown(name))).unwrap_or_default(),
                g.dtype(),
                g.shape(),
                p.dtype(),
                p.shape()
            );
        }
    }
    Ok(())
}
