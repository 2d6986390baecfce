//! Parameters that share a rate and a decay.

use chainrule_core::{DType, Tensor};

/// Parameters that share a learning rate and a weight decay.
#[derive(Clone, Debug)]
pub struct Group {
    /// The parameters, which must be leaves.
    pub parameters: Vec<Tensor>,
    /// The learning rate η.
    pub rate: f64,
    /// The weight decay λ; what it does is the rule's [`Decay`](super::Decay).
    pub weight_decay: f64,
    /// Whether to climb instead of to descend.
    pub maximize: bool,
}

impl Group {
    /// Parameters with the rate `rate`, without weight decay.
    pub fn new(parameters: impl IntoParameters, rate: f64) -> Group {
        Group { parameters: parameters.into_parameters(), rate, weight_decay: 0.0, maximize: false }
    }

    /// The same with the weight decay λ.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Group {
        self.weight_decay = weight_decay;
        self
    }

    /// The same, climbing if `yes`.
    #[must_use]
    pub fn maximize(mut self, yes: bool) -> Group {
        self.maximize = yes;
        self
    }
}

/// A list of parameters: of tensors or of references to them. Tensors are handles; the list shares
/// them with the model.
pub trait IntoParameters {
    /// The handles.
    fn into_parameters(self) -> Vec<Tensor>;
}

impl IntoParameters for Vec<Tensor> {
    fn into_parameters(self) -> Vec<Tensor> {
        self
    }
}
impl IntoParameters for &[Tensor] {
    fn into_parameters(self) -> Vec<Tensor> {
        self.to_vec()
    }
}
impl IntoParameters for &Vec<Tensor> {
    fn into_parameters(self) -> Vec<Tensor> {
        self.clone()
    }
}
impl IntoParameters for &[&Tensor] {
    fn into_parameters(self) -> Vec<Tensor> {
        self.iter().map(|&p| p.clone()).collect()
    }
}
impl<const N: usize> IntoParameters for [&Tensor; N] {
    fn into_parameters(self) -> Vec<Tensor> {
        self.map(Tensor::clone).to_vec()
    }
}
impl<const N: usize> IntoParameters for &[&Tensor; N] {
    fn into_parameters(self) -> Vec<Tensor> {
        self.map(Tensor::clone).to_vec()
    }
}

/// A number as a 0-d tensor of type `dtype`: to a plan it is data, where a literal would be
/// structure.
pub(crate) fn number(x: f64, dtype: DType) -> Tensor {
    match dtype {
        DType::F32 => Tensor::from(x as f32),
        _ => Tensor::from(x),
    }
}
