//! What is common to all optimisers that look at one parameter at a time.

use std::collections::HashMap;

use chainrule_core::{DType, Tensor, no_grad};

use super::group::{Group, IntoParameters, number};
use super::state::{Loading, count, exact};
use super::{Optimiser, check_gradients};
use crate::error::{Result, fail};

/// How a rule uses a group's weight decay λ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// As the penalty ½ λ ‖θ‖²: g ← g + λ θ before anything else.
    Coupled,
    /// Beside the gradient: θ ← (1 − η λ) θ (Loshchilov and Hutter 2019).
    Decoupled,
    /// The rule reads λ itself.
    Own,
    /// There is none; λ must be 0.
    Absent,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The number of steps of this parameter, this one included: 1 in the first.
    pub t: u64,
    /// The weight decay λ of the group.
    pub weight_decay: f64,
    /// What [`Rule::numbers`] gave, as 0-d tensors of the parameter's element type.
    pub numbers: &'a [Tensor],
}

/// What an optimiser does to one parameter. A rule is its options; [`Descent`] does the rest.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::optim::{Descent, Now, Optimiser, Rule};
///
/// /// θ ← θ − η sign(g)
/// struct Sign;
///
/// impl Rule for Sign {
///     fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
///         vec![rate]
///     }
///     fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, _: &mut [Tensor]) -> Tensor {
///         g.sign() * &now.numbers[0]
///     }
/// }
///
/// let x = Tensor::from([1.0, -2.0]).requires_grad();
/// let mut sign = Sign.over([&x], 0.25);
/// sign.minimise(&x.square().sum(), &[])?;
/// assert_eq!(x.to_vec::<f64>()?, [0.75, -1.75]);
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
pub trait Rule {
    /// What weight decay means here.
    fn decay(&self) -> Decay {
        Decay::Coupled
    }

    /// The weight decay that [`over`](Self::over) gives.
    fn default_decay(&self) -> f64 {
        0.0
    }

    /// Moments for the parameter `p` in a group with the rate `rate`, with their names and first
    /// values.
    fn slots(&self, p: &Tensor, rate: f64) -> Vec<(&'static str, Tensor)> {
        let _ = (p, rate);
        vec![]
    }

    /// The numbers that change from step to step, for the step `t` (1 is the first) with the rate
    /// `rate` and the weight decay `decay`. They enter the graph as data, so that all steps share
    /// one plan.
    fn numbers(&self, t: u64, rate: f64, decay: f64) -> Vec<f64>;

    /// Records what is to be *subtracted* from the parameter `p` with the gradient `g`, and gives
    /// the slots their next values.
    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor;

    /// What is wrong with the options, or with the parameter `p` for this rule, if anything.
    fn complaint(&self, p: &Tensor) -> Option<String> {
        let _ = p;
        None
    }

    /// An optimiser that follows this rule, with one group of parameters.
    fn over(self, parameters: impl IntoParameters, rate: f64) -> Descent<Self>
    where
        Self: Sized,
    {
        let group = Group::new(parameters, rate).weight_decay(self.default_decay());
        self.over_groups([group])
    }

    /// An optimiser that follows this rule in several groups.
    fn over_groups(self, groups: impl IntoIterator<Item = Group>) -> Descent<Self>
    where
        Self: Sized,
    {
        Descent::new(self, groups.into_iter().collect())
    }
}

/// Slots and the number of steps of one parameter.
#[derive(Clone, Debug)]
struct Moments {
    /// The parameter's, to notice if there is another one.
    shape: Vec<usize>,
    dtype: DType,
    t: u64,
    names: Vec<&'static str>,
    slots: Vec<Tensor>,
}

/// An optimiser that follows a [`Rule`], parameter by parameter.
#[derive(Clone, Debug)]
pub struct Descent<R> {
    rule: R,
    groups: Vec<Group>,
    /// One for each parameter over all groups.
    moments: Vec<Moments>,
}

impl<R: Rule> Descent<R> {
    fn new(rule: R, groups: Vec<Group>) -> Descent<R> {
        let mut descent = Descent { rule, groups: vec![], moments: vec![] };
        groups.into_iter().for_each(|group| descent.add(group));
        descent
    }

    /// Adds a group behind the others, as for layers that begin to learn later. Its parameters are
    /// at their first step.
    pub fn add(&mut self, group: Group) {
        for p in &group.parameters {
            let (names, slots) = self.rule.slots(p, group.rate).into_iter().unzip();
            let (shape, dtype) = (p.shape().to_vec(), p.dtype());
            self.moments.push(Moments { shape, dtype, t: 0, names, slots });
        }
        self.groups.push(group);
    }

    /// The rule with its options.
    pub fn rule(&self) -> &R {
        &self.rule
    }

    fn check(&self) -> Result<()> {
        let parameters = || self.groups.iter().flat_map(|group| &group.parameters);
        let same = |(p, m): (&Tensor, &Moments)| p.shape() == m.shape && p.dtype() == m.dtype;
        if parameters().count() != self.moments.len() || !parameters().zip(&self.moments).all(same)
        {
            fail!(
                "the parameters of a group were exchanged; make another optimiser, or `add` them"
            );
        }
        for group in &self.groups {
            if !(group.rate.is_finite() && group.rate >= 0.0) {
                fail!("the learning rate {} is not a number ≥ 0; choose another", group.rate);
            }
            let decay = group.weight_decay;
            if !(decay.is_finite() && decay >= 0.0) {
                fail!("the weight decay {decay} is not a number ≥ 0; choose another");
            }
            if decay != 0.0 && self.rule.decay() == Decay::Absent {
                fail!("this optimiser has no weight decay, but a group asks for {decay}; leave 0");
            }
            if let Some(what) = group.parameters.iter().find_map(|p| self.rule.complaint(p)) {
                fail!("{what}");
            }
        }
        Ok(())
    }

    /// The next value of `p` and of its slots.
    fn next(
        &self,
        group: &Group,
        p: &Tensor,
        g: &Tensor,
        moments: &Moments,
        (shrink, numbers): &(Tensor, Vec<Tensor>),
    ) -> (Tensor, Vec<Tensor>) {
        let decay = group.weight_decay;
        let mut slots = moments.slots.clone();
        let mut g = if group.maximize { -g } else { g.clone() };
        let mut kept = p.clone();
        match self.rule.decay() {
            Decay::Coupled if decay != 0.0 => g = g + p * decay,
            Decay::Decoupled if decay != 0.0 => kept = p * shrink,
            _ => (),
        }
        let now = Now { t: moments.t + 1, weight_decay: decay, numbers };
        let less = self.rule.step(&now, p, &g, &mut slots);
        (kept - less, slots)
    }
}

impl<R: Rule> Optimiser for Descent<R> {
    fn groups(&self) -> Vec<&Group> {
        self.groups.iter().collect()
    }

    fn groups_mut(&mut self) -> Vec<&mut Group> {
        self.groups.iter_mut().collect()
    }

    fn is_separable(&self) -> bool {
        true
    }

    fn record(&mut self, gradients: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        check_gradients(&self.parameters(), gradients)?;
        self.check()?;
        let mut wanted = vec![];
        let mut next = vec![];
        no_grad(|| {
            let mut given = gradients.iter().zip(&self.moments).enumerate();
            for group in &self.groups {
                let mut shared: HashMap<(u64, DType), (Tensor, Vec<Tensor>)> = HashMap::new();
                for (p, (i, (g, moments))) in group.parameters.iter().zip(&mut given) {
                    let Some(g) = g else { continue };
                    let (t, dtype) = (moments.t.saturating_add(1), p.dtype());
                    let numbers = shared.entry((t, dtype)).or_insert_with(|| {
                        let shrink = 1.0 - group.rate * group.weight_decay;
                        let all = self.rule.numbers(t, group.rate, group.weight_decay);
                        (number(shrink, dtype), all.iter().map(|&x| number(x, dtype)).collect())
                    });
                    next.push((i, p.clone(), self.next(group, p, g, moments, numbers)));
                }
            }
        });
        for (i, p, (value, slots)) in next {
            p.assign(&value)?;
            wanted.push(p);
            wanted.extend(slots.iter().cloned());
            self.moments[i].slots = slots;
            self.moments[i].t = self.moments[i].t.saturating_add(1);
        }
        Ok(wanted)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![];
        for (i, group) in self.groups.iter().enumerate() {
            state.push((format!("group.{i}.rate"), exact(group.rate)));
            state.push((format!("group.{i}.weight_decay"), exact(group.weight_decay)));
        }
        for (i, moments) in self.moments.iter().enumerate() {
            state.push((format!("{i}.step"), count(moments.t)));
            for (name, slot) in moments.names.iter().zip(&moments.slots) {
                state.push((format!("{i}.{name}"), slot.clone()));
            }
        }
        state
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let loading = Loading::new(state, &self.state())?;
        let (mut groups, mut moments) = (self.groups.clone(), self.moments.clone());
        for (i, group) in groups.iter_mut().enumerate() {
            group.rate = loading.number(&format!("group.{i}.rate"))?;
            group.weight_decay = loading.number(&format!("group.{i}.weight_decay"))?;
        }
        for (i, moments) in moments.iter_mut().enumerate() {
            moments.t = loading.count(&format!("{i}.step"))?;
            for (name, slot) in moments.names.iter().zip(&mut moments.slots) {
                *slot = loading.tensor(&format!("{i}.{name}"))?;
            }
        }
        (self.groups, self.moments) = (groups, moments);
        Ok(())
    }
}
