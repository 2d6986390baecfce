//! Optimisers: from gradients to the next parameters.

mod adam;
mod around;
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
    /// As [`record`](Self::record), or if `loss` has several elements or tracks no gradients, or if
    /// the evaluation fails.
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
    /// after the first), d being `decay`. It stands outside [`accumulated`](Self::accumulated) only
    /// if the mean is to be taken after every batch.
    fn averaged(self, decay: f64) -> Averaged<Self>
    where
        Self: Sized,
    {
        Averaged::new(self, decay)
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
