//! Scalar functions as methods. The list of names is checked against [`Unary::ALL`] by a test.

use crate::graph::Tensor;
use crate::op::Unary;

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $op:ident)*) => {
        impl Tensor { $(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                self.map(Unary::$op)
            }
        )* }

        /// The method of each operation, for tests over all of them.
        #[cfg(test)]
        const METHODS: &[(Unary, fn(&Tensor) -> Tensor)] = &[$((Unary::$op, Tensor::$name)),*];
    };
}

functions! {
    /// −x, as the operator.
    neg Neg
    /// |x|.
    abs Abs
    /// −1, 0 or 1.
    sign Sign
    /// 1/x.
    recip Recip
    /// x².
    square Square
    /// √x; NaN below 0.
    sqrt Sqrt
    /// 1/√x.
    rsqrt Rsqrt
    /// ∛x, of negative numbers too.
    cbrt Cbrt
    /// eˣ.
    exp Exp
    /// 2ˣ.
    exp2 Exp2
    /// eˣ − 1, accurate near 0.
    expm1 Expm1
    /// The natural logarithm.
    ln Ln
    /// The logarithm to base 2.
    log2 Log2
    /// The logarithm to base 10.
    log10 Log10
    /// ln(1 + x), accurate near 0.
    log1p Log1p
    /// sin x, x in radians.
    sin Sin
    /// cos x, x in radians.
    cos Cos
    /// tan x, x in radians.
    tan Tan
    /// The inverse sine, in [−π/2, π/2].
    asin Asin
    /// The inverse cosine, in [0, π].
    acos Acos
    /// The inverse tangent, in (−π/2, π/2).
    atan Atan
    /// (eˣ − e⁻ˣ)/2.
    sinh Sinh
    /// (eˣ + e⁻ˣ)/2.
    cosh Cosh
    /// sinh x / cosh x.
    tanh Tanh
    /// The inverse of sinh.
    asinh Asinh
    /// The inverse of cosh, for x ≥ 1.
    acosh Acosh
    /// The inverse of tanh, for |x| ≤ 1.
    atanh Atanh
    /// 1/(1 + e⁻ˣ).
    sigmoid Sigmoid
    /// The inverse of `sigmoid`, ln(x/(1 − x)).
    logit Logit
    /// ln(1 + eˣ).
    softplus Softplus
    /// The logarithm of `sigmoid`.
    logsigmoid LogSigmoid
    /// max(x, 0).
    relu Relu
    /// x above 0, else x/100.
    leaky_relu LeakyRelu
    /// x above 0, else eˣ − 1.
    elu Elu
    /// x Φ(x), Φ the normal distribution function.
    gelu Gelu
    /// The tanh approximation of `gelu`.
    gelu_tanh GeluTanh
    /// x sigmoid(x).
    silu Silu
    /// x tanh(softplus x).
    mish Mish
    /// x/(1 + |x|).
    softsign Softsign
    /// The error function.
    erf Erf
    /// 1 − erf x, accurate in the tail.
    erfc Erfc
    /// ln |Γ(x)|.
    lgamma Lgamma
    /// The derivative of ln Γ(x).
    digamma Digamma
    /// The largest integer ≤ x.
    floor Floor
    /// The smallest integer ≥ x.
    ceil Ceil
    /// The nearest integer, halves to even.
    round Round
    /// The integer part.
    trunc Trunc
    /// x − trunc x.
    frac Frac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_method() {
        let listed: Vec<Unary> = METHODS.iter().map(|m| m.0).collect();
        assert_eq!(listed, Unary::ALL);
        for (op, method) in METHODS {
            let y = method(&Tensor::from(0.5));
            assert_eq!(y.grad_fn(), Some(op.name()), "the method of {op:?}");
        }
    }
}
