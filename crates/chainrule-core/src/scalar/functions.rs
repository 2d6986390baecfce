//! Derivatives of functions: which number to run them on, and what to read off.

use super::{Dual, Number, Tape, Taylor, Var};

/// Directions that forward mode takes in one pass.
const WIDTH: usize = 8;

/// f′(x), by forward mode.
///
/// ```
/// use chainrule_core::{Real, scalar::derivative};
/// assert_eq!(derivative(|x| x * x.exp(), 0.0), 1.0);
/// // The second derivative: the coefficients are duals themselves.
/// assert_eq!(derivative(|x| derivative(|x| x * x.exp(), x), 0.0), 2.0);
/// ```
pub fn derivative<R: Number>(f: impl Fn(Dual<1, R>) -> Dual<1, R>, x: R) -> R {
    f(Dual::variable(x, 0)).tangent[0]
}

/// f(x), f′(x), …, up to the derivative of order `N`, by one pass with [`Taylor`].
///
/// ```
/// use chainrule_core::{Real, scalar::derivatives};
/// assert_eq!(derivatives::<3>(|x| x.powi(3), 2.0), [8.0, 12.0, 12.0, 6.0]);
/// ```
pub fn derivatives<const N: usize>(f: impl Fn(Taylor<N>) -> Taylor<N>, x: f64) -> Vec<f64> {
    f(Taylor::variable(x)).derivatives()
}

/// The value of `f` at `x` and its derivative by each element, by reverse mode. To use the tape's
/// memory again there is [`Tape::value_and_gradient`].
///
/// ```
/// use chainrule_core::{Real, scalar::value_and_gradient};
/// let (y, g) = value_and_gradient(|x| x[0] * x[1] + x[2].sin(), &[2.0, 3.0, 0.0]);
/// assert_eq!((y, &g[..]), (6.0, &[3.0, 2.0, 1.0][..]));
/// ```
pub fn value_and_gradient<R: Number>(
    f: impl for<'t> Fn(&[Var<'t, R>]) -> Var<'t, R>,
    x: &[R],
) -> (R, Vec<R>) {
    Tape::new().value_and_gradient(f, x)
}

/// The derivative of `f` at `x` by each element, by reverse mode.
pub fn gradient<R: Number>(f: impl for<'t> Fn(&[Var<'t, R>]) -> Var<'t, R>, x: &[R]) -> Vec<R> {
    value_and_gradient(f, x).1
}

/// The derivative of `f` at `x` by each element, by forward mode, eight elements a pass: for
/// functions of few variables.
pub fn gradient_forward<R: Number>(
    f: impl Fn(&[Dual<WIDTH, R>]) -> Dual<WIDTH, R>,
    x: &[R],
) -> Vec<R> {
    jacobian_forward(|x| vec![f(x)], x).remove(0)
}

/// The derivatives of each element of `f(x)`, a row, by each element of `x`, by reverse mode: one
/// evaluation, and one sweep for each row.
///
/// ```
/// use chainrule_core::{Real, scalar::jacobian};
/// let polar = jacobian(|x| vec![x[0] * x[1].cos(), x[0] * x[1].sin()], &[2.0, 0.0]);
/// assert_eq!(polar, [[1.0, 0.0], [0.0, 2.0]]);
/// ```
pub fn jacobian<R: Number>(
    f: impl for<'t> Fn(&[Var<'t, R>]) -> Vec<Var<'t, R>>,
    x: &[R],
) -> Vec<Vec<R>> {
    let tape = Tape::new();
    let x: Vec<_> = x.iter().map(|&x| tape.var(x)).collect();
    let row = |y: Var<'_, R>| {
        let mut row = vec![R::from(0.0); x.len()];
        y.gradient(&x, &mut row);
        row
    };
    f(&x).into_iter().map(row).collect()
}

/// [`jacobian`] by forward mode: an evaluation for each eight elements of `x`. For functions with
/// more results than variables.
pub fn jacobian_forward<R: Number>(
    f: impl Fn(&[Dual<WIDTH, R>]) -> Vec<Dual<WIDTH, R>>,
    x: &[R],
) -> Vec<Vec<R>> {
    let mut point: Vec<_> = x.iter().map(|&x| Dual::constant(x)).collect();
    let mut rows: Vec<Vec<R>> = Vec::new();
    for start in (0..x.len().max(1)).step_by(WIDTH) {
        let end = x.len().min(start + WIDTH);
        for i in start..end {
            point[i] = Dual::variable(x[i], i - start);
        }
        let y = f(&point);
        rows.resize_with(y.len(), Vec::new);
        for (row, y) in rows.iter_mut().zip(&y) {
            row.extend(&y.tangent[..end - start]);
        }
        for i in start..end {
            point[i] = Dual::constant(x[i]);
        }
    }
    rows
}

/// The product of the Hessian of `f` at `x` with the vector `v`: the derivative of the gradient in
/// the direction `v`, reverse mode over forward mode.
///
/// # Panics
/// If `x` and `v` have different lengths.
pub fn hvp<R: Number>(
    f: impl for<'t> Fn(&[Var<'t, Dual<1, R>>]) -> Var<'t, Dual<1, R>>,
    x: &[R],
    v: &[R],
) -> Vec<R> {
    gradient_along(&mut Tape::new(), f, x, v)
}

/// The second derivatives of `f` at `x`, row by row: a product with each unit vector.
///
/// ```
/// use chainrule_core::{Real, scalar::hessian};
/// let h = hessian(|x| x[0] * x[0] * x[1], &[3.0, 5.0]);
/// assert_eq!(h, [[10.0, 6.0], [6.0, 0.0]]);
/// ```
pub fn hessian<R: Number>(
    f: impl for<'t> Fn(&[Var<'t, Dual<1, R>>]) -> Var<'t, Dual<1, R>>,
    x: &[R],
) -> Vec<Vec<R>> {
    let mut tape = Tape::new();
    let mut unit = vec![R::from(0.0); x.len()];
    let row = |i: usize| {
        unit[i] = R::from(1.0);
        let row = gradient_along(&mut tape, &f, x, &unit);
        unit[i] = R::from(0.0);
        row
    };
    (0..x.len()).map(row).collect()
}

/// The derivative of the gradient of `f` in the direction `v`.
fn gradient_along<R: Number>(
    tape: &mut Tape<Dual<1, R>>,
    f: impl for<'t> Fn(&[Var<'t, Dual<1, R>>]) -> Var<'t, Dual<1, R>>,
    x: &[R],
    v: &[R],
) -> Vec<R> {
    assert_eq!(x.len(), v.len(), "a direction has an element for each variable");
    let line = |(&x, &v): (&R, &R)| Dual { primal: x, tangent: [v] };
    let x: Vec<_> = x.iter().zip(v).map(line).collect();
    tape.value_and_gradient(f, &x).1.iter().map(|g| g.tangent[0]).collect()
}

/// A function that can be evaluated in any [`Number`], as a value.
///
/// A closure has one type of argument, so a function that is to run in several modes is a type with
/// this trait: a struct whose fields are what it captures, or what
/// [`scalar_fn!`](crate::scalar_fn) makes of a generic function or an expression.
///
/// ```
/// use chainrule_core::Real;
/// use chainrule_core::scalar::{Number, ScalarFn};
/// struct Residual<'a> { data: &'a [(f64, f64)] }
/// impl ScalarFn for Residual<'_> {
///     fn call<R: Number>(&self, p: &[R]) -> R {
///         self.data.iter().map(|&(t, y)| (p[0] * (p[1] * t).exp() - y).square()).sum()
///     }
/// }
/// let f = Residual { data: &[(0.0, 2.0), (1.0, 1.0)] };
/// assert_eq!(f.gradient(&[2.0, 0.0]), [2.0, 4.0]);
/// assert_eq!(f.hessian(&[2.0, 0.0])[1], [6.0, 12.0]);
/// ```
pub trait ScalarFn {
    /// The value at `x`.
    fn call<R: Number>(&self, x: &[R]) -> R;

    /// [`value_and_gradient`], by reverse mode.
    fn value_and_gradient<R: Number>(&self, x: &[R]) -> (R, Vec<R>) {
        value_and_gradient(|x| self.call(x), x)
    }

    /// [`gradient`], by reverse mode.
    fn gradient<R: Number>(&self, x: &[R]) -> Vec<R> {
        gradient(|x| self.call(x), x)
    }

    /// [`gradient_forward`].
    fn gradient_forward<R: Number>(&self, x: &[R]) -> Vec<R> {
        gradient_forward(|x| self.call(x), x)
    }

    /// [`hvp`], reverse mode over forward mode.
    fn hvp<R: Number>(&self, x: &[R], v: &[R]) -> Vec<R> {
        hvp(|x| self.call(x), x, v)
    }

    /// [`hessian`], reverse mode over forward mode.
    fn hessian<R: Number>(&self, x: &[R]) -> Vec<Vec<R>> {
        hessian(|x| self.call(x), x)
    }
}

/// Makes a [`ScalarFn`](crate::scalar::ScalarFn) of a generic function `fn f<R: Number>(&[R]) ->
/// R`, given by its name, or of an expression that captures no variable.
///
/// ```
/// use chainrule_core::scalar::{Number, ScalarFn};
/// use chainrule_core::{Real, scalar_fn};
/// fn product<R: Number>(x: &[R]) -> R {
///     x.iter().fold(R::from(1.0), |product, &x| product * x)
/// }
/// assert_eq!(scalar_fn!(product).gradient(&[2.0, 3.0, 4.0]), [12.0, 8.0, 6.0]);
/// assert_eq!(scalar_fn!(|x| x[0].powi(3)).hessian(&[2.0]), [[12.0]]);
/// ```
#[macro_export]
macro_rules! scalar_fn {
    (|$x:ident| $y:expr) => {{
        #[derive(Clone, Copy, Debug)]
        struct Expression;
        impl $crate::scalar::ScalarFn for Expression {
            fn call<R: $crate::scalar::Number>(&self, $x: &[R]) -> R {
                $y
            }
        }
        Expression
    }};
    ($f:path) => {
        $crate::scalar_fn!(|x| $f(x))
    };
}
