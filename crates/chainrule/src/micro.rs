//! Reverse-mode differentiation in about a hundred lines: the idea of this library without its
//! tensors, plans and kernels.
//!
//! Nothing else in the crate uses this module. It is here to be read, from top to bottom, by
//! whoever wants to see that there is no magic in `backward`.
//!
//! # The idea
//!
//! A program that computes a number is a chain of small steps, and of each step the derivative is
//! known from school. Let a step compute y from x, and let the end of the program be one number L.
//! Write gx for ∂L/∂x, "how much L changes per change of x". The chain rule then says
//!
//! ```text
//! gx  =  gy · ∂y/∂x          and, where x is used in several places, the sum over those places.
//! ```
//!
//! So three things suffice:
//!
//! 1. **Record.** Each operation makes a new [`Value`] that keeps its operands, and beside each
//!    operand the *slope* ∂y/∂x, a plain number by then, since x is known. The values form a graph
//!    whose arrows lead from results back to operands.
//! 2. **Order.** A value may hand its gradient on only when all that used it have handed theirs to
//!    it. Operands are born before results; hence whoever always takes the *youngest* waiting value
//!    never takes one too early. The order of birth is a topological order for free.
//! 3. **Sweep.** Start with ∂L/∂L = 1, and for each value in this order add gy · slope to what its
//!    operands are owed.
//!
//! One sweep visits each arrow once, so that *all* derivatives of L together cost about as much as
//! L itself, be there two parameters or two million. This is why models are trained in reverse.
//!
//! # A function of one number
//!
//! ```
//! use chainrule::micro::Value;
//!
//! let x = Value::new(1.0);
//! let y = 3.0 * x.powi(2) - 4.0 * &x;
//! y.backward();
//! assert_eq!((y.data(), x.grad()), (-1.0, 2.0)); // 6x − 4 at x = 1
//! ```
//!
//! # A neuron that learns
//!
//! One neuron, `tanh(a·u + b·v + c)`, is to say 1 where both inputs are 1 and −1 elsewhere. A step
//! of gradient descent does not change a value, it makes a new one: what a graph has recorded stays
//! true.
//!
//! ```
//! use chainrule::micro::Value;
//!
//! let corners = [(0.0, 0.0, -1.0), (0.0, 1.0, -1.0), (1.0, 0.0, -1.0), (1.0, 1.0, 1.0)];
//! let mut weights = [0.1, -0.2, 0.0].map(Value::new);
//! let mut losses = Vec::new();
//! for _ in 0..60 {
//!     let [a, b, c] = &weights;
//!     let error = |(u, v, target)| ((a * u + b * v + c).tanh() - target).powi(2);
//!     let loss: Value = corners.into_iter().map(error).sum();
//!     loss.backward();
//!     losses.push(loss.data());
//!     weights = weights.map(|w| Value::new(w.data() - 0.2 * w.grad()));
//! }
//! assert!(losses[0] > 3.9 && losses[59] < 0.2, "{losses:?}");
//! ```
//!
//! # What is not here
//!
//! Arrays, and with them speed: every number here is an allocation. Gradients of gradients: a slope
//! is a number, so it has no history; where slopes are values themselves, as in the rest of the
//! library, every derivative can be differentiated again. Printing, planning, and errors that say
//! where they come from. [`crate::Tensor`] has all of these, on the same three ideas.
//!
//! # References
//!
//! S. Linnainmaa, *Taylor expansion of the accumulated rounding error* (1976), for the sweep;
//! A. Griewank and A. Walther, *Evaluating Derivatives* (2008), for what it costs; A. Karpathy's
//! `micrograd` (2020), for the thought that it fits on a page.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::{fmt, iter, mem, ops};

/// A number that remembers what it was computed from. Cloning shares it.
#[derive(Clone)]
pub struct Value(Rc<Node>);

struct Node {
    data: f64,
    grad: Cell<f64>,
    birth: u64,
    /// What this was computed from, each with the derivative of this with respect to it.
    operands: Vec<(Value, f64)>,
}

thread_local! {
    /// The number of values made so far.
    static BIRTHS: Cell<u64> = const { Cell::new(0) };
}

impl Value {
    /// A number that was not computed: an input, a parameter, a constant.
    pub fn new(data: f64) -> Value {
        Value::made(data, Vec::new())
    }

    fn made(data: f64, operands: Vec<(Value, f64)>) -> Value {
        let birth = BIRTHS.replace(BIRTHS.get() + 1);
        Value(Rc::new(Node { data, grad: Cell::new(0.0), birth, operands }))
    }

    /// The number itself.
    pub fn data(&self) -> f64 {
        self.0.data
    }

    /// The sum of what every [`backward`](Value::backward) so far has found for this value.
    pub fn grad(&self) -> f64 {
        self.0.grad.get()
    }

    /// Forgets the gradient of this value.
    pub fn zero_grad(&self) {
        self.0.grad.set(0.0);
    }

    /// Adds the derivative of `self` with respect to each value it was computed from, however far
    /// back, to that value's gradient.
    pub fn backward(&self) {
        let mut owed = BTreeMap::from([(self.0.birth, (self, 1.0))]);
        while let Some((_, (y, gy))) = owed.pop_last() {
            y.0.grad.set(y.grad() + gy);
            for (x, slope) in &y.0.operands {
                let (_, gx) = owed.entry(x.0.birth).or_insert((x, 0.0));
                *gx += gy * slope;
            }
        }
    }
}

/// Functions. Each says its number and its slope.
impl Value {
    fn then(&self, data: f64, slope: f64) -> Value {
        Value::made(data, vec![(self.clone(), slope)])
    }

    /// xⁿ, with slope n xⁿ⁻¹; the slope of x⁰ = 1 is 0, at x = 0 too.
    pub fn powi(&self, n: i32) -> Value {
        let x = self.data();
        let slope = if n == 0 { 0.0 } else { f64::from(n) * x.powi(n.saturating_sub(1)) };
        self.then(x.powi(n), slope)
    }

    /// xᵖ for a real p, with slope p xᵖ⁻¹; NaN for x < 0, unless p is whole.
    pub fn powf(&self, p: f64) -> Value {
        let x = self.data();
        let slope = if p == 0.0 { 0.0 } else { p * x.powf(p - 1.0) };
        self.then(x.powf(p), slope)
    }

    /// y = eˣ, with slope y: the function that is its own derivative.
    pub fn exp(&self) -> Value {
        let y = self.data().exp();
        self.then(y, y)
    }

    /// ln x, with slope 1/x; NaN for x < 0.
    pub fn ln(&self) -> Value {
        let x = self.data();
        self.then(x.ln(), 1.0 / x)
    }

    /// sin x, with slope cos x.
    pub fn sin(&self) -> Value {
        let x = self.data();
        self.then(x.sin(), x.cos())
    }

    /// cos x, with slope −sin x.
    pub fn cos(&self) -> Value {
        let x = self.data();
        self.then(x.cos(), -x.sin())
    }

    /// y = tanh x, with slope 1 − y².
    pub fn tanh(&self) -> Value {
        let y = self.data().tanh();
        self.then(y, 1.0 - y * y)
    }

    /// x where it is positive, 0 elsewhere; slope 1 or 0, and 0 at the kink.
    pub fn relu(&self) -> Value {
        let x = self.data();
        self.then(if x < 0.0 { 0.0 } else { x }, if x > 0.0 { 1.0 } else { 0.0 })
    }
}

/// Arithmetic between values, references to values and `f64`: a row gives the number and the slopes
/// for the left and the right operand.
macro_rules! operators {
    ($($Op:ident $op:ident |$x:ident, $y:ident| $f:expr, $dx:expr, $dy:expr;)*) => {$(
        impl<Y: Into<Value>> ops::$Op<Y> for &Value {
            type Output = Value;
            fn $op(self, y: Y) -> Value {
                let y = y.into();
                let ($x, $y) = (self.data(), y.data());
                Value::made($f, vec![(self.clone(), $dx), (y, $dy)])
            }
        }
        impl<Y: Into<Value>> ops::$Op<Y> for Value {
            type Output = Value;
            fn $op(self, y: Y) -> Value { (&self).$op(y) }
        }
        impl ops::$Op<&Value> for f64 {
            type Output = Value;
            fn $op(self, y: &Value) -> Value { Value::new(self).$op(y) }
        }
        impl ops::$Op<Value> for f64 {
            type Output = Value;
            fn $op(self, y: Value) -> Value { Value::new(self).$op(y) }
        }
    )*};
}

operators! {
    Add add |x, y| x + y,  1.0,      1.0;
    Sub sub |x, y| x - y,  1.0,     -1.0;
    Mul mul |x, y| x * y,  y,        x;
    Div div |x, y| x / y,  1.0 / y, -x / (y * y);
}

impl ops::Neg for &Value {
    type Output = Value;
    fn neg(self) -> Value {
        self.then(-self.data(), -1.0)
    }
}

impl ops::Neg for Value {
    type Output = Value;
    fn neg(self) -> Value {
        -&self
    }
}

impl iter::Sum for Value {
    fn sum<I: Iterator<Item = Value>>(values: I) -> Value {
        values.fold(Value::new(0.0), ops::Add::add)
    }
}

impl From<f64> for Value {
    fn from(data: f64) -> Value {
        Value::new(data)
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({}, grad {})", self.data(), self.grad())
    }
}

/// A long chain must not be dropped link within link, which would need a stack as deep as it is
/// long. Whoever dies takes in the operands that nobody else holds, before they go.
impl Drop for Node {
    fn drop(&mut self) {
        let mut orphans = mem::take(&mut self.operands);
        while let Some((value, _)) = orphans.pop() {
            if let Some(mut node) = Rc::into_inner(value.0) {
                orphans.append(&mut node.operands);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that the gradients of `f` at `at` are what central differences say.
    ///
    /// With h = ∛ε · max(1, |x|) truncation and rounding cost about ε^⅔ ≈ 4e-11 each, times third
    /// derivatives and values, which are below 100 here: 1e-8 leaves room.
    fn check<const N: usize>(f: impl Fn(&[Value; N]) -> Value, at: [f64; N]) {
        let x = at.map(Value::new);
        f(&x).backward();
        for i in 0..N {
            let h = f64::EPSILON.cbrt() * at[i].abs().max(1.0);
            let [plus, minus] = [h, -h].map(|h| {
                let mut at = at;
                at[i] += h;
                f(&at.map(Value::new)).data()
            });
            let expected = (plus - minus) / (2.0 * h);
            let error = (x[i].grad() - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-8, "argument {i} at {at:?}: {} for {expected}", x[i].grad());
        }
    }

    #[test]
    fn functions_agree_with_central_differences() {
        let functions: [fn(&Value) -> Value; 11] = [
            Value::exp,
            Value::ln,
            Value::sin,
            Value::cos,
            Value::tanh,
            Value::relu,
            |x| x.powi(3),
            |x| x.powi(-2),
            |x| x.powi(0),
            |x| x.powf(0.3),
            |x| -x,
        ];
        for f in functions {
            for x in [0.3, 1.0, 2.5] {
                check(|[x]| f(x), [x]);
            }
        }
        let everywhere: [fn(&Value) -> Value; 6] =
            [Value::exp, Value::sin, Value::cos, Value::tanh, Value::relu, |x| x.powi(-3)];
        for f in everywhere {
            check(|[x]| f(x), [-1.7]);
        }
    }

    #[test]
    fn operators_agree_with_central_differences() {
        for at in [[0.7, 2.0], [-1.5, 0.4], [3.0, -2.0]] {
            check(|[x, y]| x + y, at);
            check(|[x, y]| x - y, at);
            check(|[x, y]| x * y, at);
            check(|[x, y]| x / y, at);
            check(|[x, y]| (2.0 - x * 3.0) / (1.0 / y) + (x - 1.0) * 2.0 - 0.5 * (y + 4.0), at);
            check(|[x, y]| -(x * y).sin() * (x / y).tanh() + (y * y + 1.0).ln().exp(), at);
        }
    }

    #[test]
    fn edges_are_as_documented() {
        let at = |f: fn(&Value) -> Value, x: f64| {
            let x = Value::new(x);
            let y = f(&x);
            y.backward();
            (y.data(), x.grad())
        };
        assert_eq!(at(Value::relu, 0.0), (0.0, 0.0));
        assert!(at(Value::relu, f64::NAN).0.is_nan());
        assert_eq!(at(|x| x.powi(0), 0.0), (1.0, 0.0));
        assert_eq!(at(|x| x.powf(0.0), 0.0), (1.0, 0.0));
        assert_eq!(at(|x| x.powi(1), 0.0), (0.0, 1.0));
        assert_eq!(at(|x| x.powi(2), -3.0), (9.0, -6.0));
        assert!(at(|x| x.powf(0.5), -1.0).0.is_nan());
        assert_eq!(at(Value::ln, 0.0), (f64::NEG_INFINITY, f64::INFINITY));
    }

    #[test]
    fn a_value_used_twice_gathers_both_gradients() {
        let x = Value::new(3.0);
        let y = &x * &x;
        let z = &y + &y * &x; // x² + x³
        z.backward();
        assert_eq!((x.grad(), y.grad(), z.grad()), (6.0 + 27.0, 1.0 + 3.0, 1.0));
    }

    #[test]
    fn gradients_accumulate_until_they_are_forgotten() {
        let x = Value::new(2.0);
        let y = x.powi(2);
        let z = y.powi(2); // x⁴
        z.backward();
        z.backward();
        assert_eq!((x.grad(), y.grad(), z.grad()), (64.0, 16.0, 2.0));
        x.zero_grad();
        (5.0 * &x).backward();
        assert_eq!(x.grad(), 5.0);
    }

    #[test]
    fn a_diamond_of_diamonds_is_walked_once() {
        // 2⁶⁰ paths lead from the end to the start; each value is visited once.
        let x = Value::new(1.0);
        let y = (0..60).fold(x.clone(), |y, _| &y + &y);
        y.backward();
        assert_eq!(x.grad(), 2f64.powi(60));
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let x = Value::new(0.5);
        let y = (0..1_000_000).fold(x.clone(), |y, _| y + 1.0);
        y.backward();
        assert_eq!((y.data(), x.grad()), (1_000_000.5, 1.0));
        drop(y);
        assert_eq!(Rc::strong_count(&x.0), 1);
    }

    #[test]
    fn values_can_be_shown_and_summed() {
        let x = Value::new(1.5);
        let y: Value = [x.clone(), Value::from(2.0), &x - 1.0].into_iter().sum();
        y.backward();
        assert_eq!(format!("{x:?} {y:?}"), "Value(1.5, grad 2) Value(4, grad 1)");
    }
}
