//! All derivatives of a function of one variable up to order `N`, in one pass.
//!
//! A truncated series x₀ + x₁ t + … + x_N tᴺ goes through y = f(x). Differentiating by t gives
//! y′ = f′(x) x′, and with the series d = f′(x), comparing coefficients,
//!
//! ```text
//! y_k = 1/k · Σ_{j=1}^{k} j x_j d_{k−j} .
//! ```
//!
//! d is the operation's own rule evaluated in series. It is needed to order k − 1 only, and may use
//! y, which is known that far: so a rule in x alone (the sine's is the cosine, whose rule is the
//! sine, one order lower) is evaluated once, and a rule in y (√x has ½/y) once for each order. An
//! operation takes O(N²) for sums, products and quotients, and O(N³) with most other rules
//! (Griewank & Walther 2008, chapter 13, has recurrences of O(N²) function by function; they would
//! state each derivative a second time).
//!
//! ```
//! use chainrule_core::scalar::derivatives;
//! use chainrule_core::Real;
//! // eˣ sin x: its fourth derivative is −4 eˣ sin x.
//! let d = derivatives::<4>(|x| x.exp() * x.sin(), 0.7);
//! assert!((d[4] + 4.0 * d[0]).abs() < 1e-13);
//! ```
//!
//! A coefficient that is 0 stays 0 through an infinite derivative, as in [`dual`](super::Dual).
//!
//! Not here: several variables. Mixed derivatives of low order are nested [`Dual`](super::Dual)s.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::number::{Number, comforts};
use crate::op::{Binary, Cmp, Real, Unary};

/// A power series cut after the order `N`.
#[derive(Clone, Copy, Debug)]
pub struct Taylor<const N: usize> {
    /// The coefficient of order 0.
    value: f64,
    /// The coefficients of orders 1 to N.
    rest: [f64; N],
    /// Coefficients up to this order are known; the others are not to be read.
    order: usize,
}

impl<const N: usize> Taylor<N> {
    /// A number that does not depend on the variable.
    pub fn constant(value: f64) -> Self {
        Taylor { value, rest: [0.0; N], order: N }
    }

    /// The variable: x + t.
    pub fn variable(x: f64) -> Self {
        let mut series = Taylor::constant(x);
        if let Some(slope) = series.rest.first_mut() {
            *slope = 1.0;
        }
        series
    }

    /// The coefficient of tᵏ.
    ///
    /// # Panics
    /// If `k > N`.
    pub fn coefficient(&self, k: usize) -> f64 {
        if k == 0 { self.value } else { self.rest[k - 1] }
    }

    /// The value and the derivatives by t, of orders 0 to N.
    pub fn derivatives(&self) -> Vec<f64> {
        let mut factorial = 1.0;
        let derivative = |k: usize| {
            factorial *= k.max(1) as f64;
            factorial * self.coefficient(k)
        };
        (0..=N).map(derivative).collect()
    }

    /// The same, known only up to `order`.
    fn cut(mut self, order: usize) -> Self {
        self.order = self.order.min(order);
        self
    }

    fn is_constant(&self) -> bool {
        self.rest[..self.order].iter().all(|&c| c == 0.0)
    }

    /// Coefficients one by one from order 1, each from its order and those before.
    fn grow(value: f64, order: usize, mut next: impl FnMut(usize, &Self) -> f64) -> Self {
        let mut series = Taylor { value, rest: [0.0; N], order: 0 };
        series.extend(order, &mut next);
        series
    }

    fn extend(&mut self, order: usize, next: &mut impl FnMut(usize, &Self) -> f64) {
        for k in self.order + 1..=order {
            self.rest[k - 1] = next(k, self);
        }
        self.order = order;
    }

    /// The series z with z′ = Σ d x′ over the arguments x, where `rules(cut, z)` gives the partial
    /// derivatives d from the arguments cut at an order and from z as far as it is known.
    fn integrate<const A: usize>(
        value: f64,
        arguments: [&Self; A],
        rules: impl Fn([Self; A], Self) -> [Self; A],
    ) -> Self {
        let order = arguments.iter().map(|x| x.order).min().unwrap_or(N);
        let mut z = Taylor { value, rest: [0.0; N], order: 0 };
        let mut cut = order.saturating_sub(1);
        while z.order < order {
            let d = rules(arguments.map(|x| x.cut(cut)), z);
            let reach = d.iter().map(|d| d.order + 1).min().unwrap_or(order).min(order);
            z.extend(reach, &mut |k, _| {
                let term = |x: &Self, d: &Self, j: usize| match x.rest[j - 1] {
                    0.0 => 0.0,
                    slope => j as f64 * slope * d.coefficient(k - j),
                };
                let of = |(x, d): (&&Self, &Self)| (1..=k).map(|j| term(x, d, j)).sum::<f64>();
                arguments.iter().zip(&d).map(of).sum::<f64>() / k as f64
            });
            cut = z.order;
        }
        z
    }
}

/// A term of a product's coefficient; 0 where a derivative in it is.
fn product<const N: usize>(x: &Taylor<N>, i: usize, y: &Taylor<N>, j: usize) -> f64 {
    let (a, b) = (x.coefficient(i), y.coefficient(j));
    if (i > 0 && a == 0.0) || (j > 0 && b == 0.0) { 0.0 } else { a * b }
}

#[allow(clippy::suspicious_arithmetic_impl)] // indices, not coefficients, are subtracted
impl<const N: usize> Add for Taylor<N> {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        let order = self.order.min(y.order);
        Taylor::grow(self.value + y.value, order, |k, _| self.rest[k - 1] + y.rest[k - 1])
    }
}

impl<const N: usize> Sub for Taylor<N> {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        let order = self.order.min(y.order);
        Taylor::grow(self.value - y.value, order, |k, _| self.rest[k - 1] - y.rest[k - 1])
    }
}

impl<const N: usize> Neg for Taylor<N> {
    type Output = Self;
    fn neg(self) -> Self {
        Taylor { value: -self.value, rest: self.rest.map(|c| -c), order: self.order }
    }
}

/// (x y)_k = Σ x_j y_{k−j}.
#[allow(clippy::suspicious_arithmetic_impl)] // indices, not coefficients, are subtracted
impl<const N: usize> Mul for Taylor<N> {
    type Output = Self;
    fn mul(self, y: Self) -> Self {
        let order = self.order.min(y.order);
        Taylor::grow(self.value * y.value, order, |k, _| {
            (0..=k).map(|j| product(&self, j, &y, k - j)).sum()
        })
    }
}

/// z y = x, solved for z_k = (x_k − Σ_{j≥1} y_j z_{k−j})/y₀.
#[allow(clippy::suspicious_arithmetic_impl)] // indices, not coefficients, are subtracted
impl<const N: usize> Div for Taylor<N> {
    type Output = Self;
    fn div(self, y: Self) -> Self {
        let order = self.order.min(y.order);
        Taylor::grow(self.value / y.value, order, |k, z| {
            let known: f64 = (1..=k).map(|j| product(&y, j, z, k - j)).sum();
            match self.rest[k - 1] - known {
                0.0 => 0.0,
                rest => rest / y.value,
            }
        })
    }
}

/// A constant on either side.
macro_rules! with_number {
    ($($Op:ident $op:ident)*) => { $(
        impl<const N: usize> $Op<f64> for Taylor<N> {
            type Output = Self;
            fn $op(self, c: f64) -> Self { self.$op(Taylor::constant(c)) }
        }
        impl<const N: usize> $Op<Taylor<N>> for f64 {
            type Output = Taylor<N>;
            fn $op(self, y: Taylor<N>) -> Taylor<N> { Taylor::constant(self).$op(y) }
        }
    )* };
}

with_number! { Add add Sub sub Mul mul Div div }
comforts! { [const N: usize] Taylor<N> }

impl<const N: usize> From<f64> for Taylor<N> {
    fn from(c: f64) -> Self {
        Taylor::constant(c)
    }
}

impl<const N: usize> Real for Taylor<N> {
    fn lit(&self, c: f64) -> Self {
        Taylor::constant(c)
    }

    fn map(&self, op: Unary) -> Self {
        let y = op.f(self.value);
        if self.is_constant() {
            return Taylor::constant(y).cut(self.order);
        }
        Taylor::integrate(y, [self], |[x], y| [op.d(x, y)])
    }

    fn zip(&self, op: Binary, other: &Self) -> Self {
        let z = op.f(self.value, other.value);
        match (self.is_constant(), other.is_constant()) {
            (true, true) => Taylor::constant(z).cut(self.order.min(other.order)),
            (false, true) => Taylor::integrate(z, [self], |[x], z| [op.dx(x, *other, z)]),
            (true, false) => Taylor::integrate(z, [other], |[y], z| [op.dy(*self, y, z)]),
            (false, false) => {
                let rules = |[x, y]: [Self; 2], z| [op.dx(x, y, z), op.dy(x, y, z)];
                Taylor::integrate(z, [self, other], rules)
            }
        }
    }

    fn pick(&self, cmp: Cmp, other: &Self, then: &Self, otherwise: &Self) -> Self {
        if cmp.holds(self.value, other.value) { *then } else { *otherwise }
    }
}

impl<const N: usize> Number for Taylor<N> {
    fn value(&self) -> f64 {
        self.value
    }

    fn is_zero(&self) -> bool {
        self.value == 0.0 && self.is_constant()
    }
}
