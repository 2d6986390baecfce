//! The tour's second part: every kind of derivative.
//!
//! The first part used parameters and `backward`, as one does to fit a model. Here functions are
//! differentiated: ordinary closures on tensors go in, values and derivatives come out, and since
//! these are graph again, everything nests.
//!
//! # Forward mode
//!
//! [`jvp`](crate::jvp) gives f(x) and its derivative in one direction v, in one pass and without
//! keeping anything; [`linearize`](crate::linearize) runs f once and can then be applied to many
//! directions. [`vjp`](crate::vjp) is the same for reverse mode, with cotangents of the result.
//!
//! ```
//! # use chainrule::prelude::*;
//! let f = |x: &Tensor| x.sin() * x.sum();
//! let (x, v) = (Tensor::from([0.5, 1.0]), Tensor::from([1.0, -1.0]));
//! let (y, dy) = jvp(f, &x, &v)?;
//! let (_, derivative) = linearize(f, &x)?;
//! assert_eq!(derivative.apply(&v)?.to_vec::<f64>()?, dy.to_vec::<f64>()?);
//!
//! // ⟨w, J v⟩ = ⟨Jᵀ w, v⟩: both modes have the same Jacobian.
//! let (_, pull) = vjp(f, &x)?;
//! let w = y.cos();
//! let (left, right) = (w.dot(&dy), pull.apply(&w)?.dot(&v));
//! assert!((left - right).abs().item::<f64>()? < 1e-15);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Whole derivatives
//!
//! [`value_and_grad`](crate::value_and_grad), [`jacobian`](crate::jacobian()),
//! [`hessian`](crate::hessian), [`hvp`](crate::hvp) (a Hessian times a vector, without the Hessian)
//! and [`derivatives`](crate::derivatives) of any order. A Jacobian takes forward or reverse mode,
//! whichever needs fewer products, all of them in one batch.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([1.0, 2.0]);
//! let f = |x: &Tensor| x.i(0).powi(2) * x.i(1).exp();
//! let (y, g) = value_and_grad(f, &x)?;
//! assert_eq!(g.i(0).item::<f64>()?, 2.0 * y.item::<f64>()?);
//! assert_eq!(hessian(f, &x)?.shape(), [2, 2]);
//! assert_eq!(jacobian(|x: &Tensor| x.cumsum(0), &x)?.to_vec::<f64>()?, [1.0, 0.0, 1.0, 1.0]);
//!
//! // The lecture's 3x² − 4x, and any nesting: the derivative of a derivative along another.
//! let parabola = |x: &Tensor| 3.0 * x.powi(2) - 4.0 * x;
//! let at = Tensor::from(1.0);
//! assert_eq!(derivative(parabola, &at, 1)?.item::<f64>()?, 2.0);
//! assert_eq!(derivative(parabola, &at, 2)?.item::<f64>()?, 6.0);
//! let slope = |x: &Tensor| Ok(jvp(parabola, x, &Tensor::from(1.0))?.1);
//! assert_eq!(gradient(slope, &at)?.item::<f64>()?, 6.0);
//! # Ok::<(), Error>(())
//! ```
//!
//! Arguments can be structures: tuples, arrays, vectors, maps, and structs listed with
//! [`tree!`](crate::tree!). The gradient has the same structure.
//!
//! ```
//! # use chainrule::prelude::*;
//! struct Line { slope: Tensor, offset: Tensor }
//! tree!(Line { slope, offset });
//! let (x, y) = (Tensor::from([0.0, 1.0, 2.0]), Tensor::from([1.0, 3.0, 5.0]));
//! let loss = |l: &Line| (&l.slope * &x + &l.offset - &y).square().mean();
//! let mut line = Line { slope: Tensor::from(0.0), offset: Tensor::from(0.0) };
//! for _ in 0..500 {
//!     let g = gradient(loss, &line)?;
//!     line = Line { slope: line.slope - g.slope * 0.1, offset: line.offset - g.offset * 0.1 };
//! }
//! assert!((line.slope.item::<f64>()? - 2.0).abs() < 1e-6);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Batches
//!
//! [`vmap`](crate::vmap) turns a function of one example into one of a batch, by going through the
//! graph and not through a loop. With a gradient inside it gives gradients per sample.
//!
//! ```
//! # use chainrule::prelude::*;
//! let w = Tensor::from([1.0, -1.0]);
//! let xs = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
//! let loss = |w: &Tensor, x: &Tensor| w.dot(x).square();
//! let each = vmap(|x: &Tensor| gradient(|w: &Tensor| loss(w, x), &w), &xs)?;
//! assert_eq!(each.shape(), [3, 2]);
//! let total = gradient(|w: &Tensor| Ok(vmap(|x: &Tensor| loss(w, x), &xs)?.sum()), &w)?;
//! assert_eq!(each.sum_axis(0, false).to_vec::<f64>()?, total.to_vec::<f64>()?);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Derivatives of your own
//!
//! [`checkpoint`](crate::checkpoint) trades time for memory. A [`Function`](crate::Function) has a
//! derivative that you give, in either mode; the other mode and the second derivative follow.
//!
//! ```
//! # use chainrule::prelude::*;
//! let w = Tensor::from([0.3, -0.2]).requires_grad();
//! let layer = |x: &Tensor| (x * &w).tanh();
//! let x = Tensor::from([1.0, 2.0]);
//! layer(&layer(&x)).sum().backward()?;
//! let kept = w.grad().unwrap().to_vec::<f64>()?;
//! w.zero_grad();
//! checkpoint(layer, &checkpoint(layer, &x)?)?.sum().backward()?;
//! let again = w.grad().unwrap().to_vec::<f64>()?;
//! assert!(kept.iter().zip(again).all(|(a, b)| (a - b).abs() < 1e-15));
//!
//! // Rounding, with the derivative of the identity ("straight through").
//! let rounding = Function::with_vjp(
//!     "straight_through",
//!     |x: &[Tensor]| x[0].round(),
//!     |_x: &[Tensor], _y: &Tensor, gy: &Tensor| gy.clone(),
//! );
//! let (y, g) = value_and_grad(|x: &Tensor| Ok(rounding.call(&[x])?.square().sum()), &(x * 1.3))?;
//! assert_eq!((y.item::<f64>()?, g.to_vec::<f64>()?), (10.0, vec![2.0, 6.0]));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Looking inside
//!
//! [`on_grad`](crate::Tensor::on_grad) watches or replaces a gradient in flight,
//! [`retain_grad`](crate::Tensor::retain_grad) keeps one on the way, and
//! [`explain`](crate::explain) shows the chain rule at work, with numbers and lines.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from(2.0).named("x").requires_grad();
//! let a = (&x * 3.0).named("a");
//! let y = a.sin().named("y");
//! let told = explain(&y, &x)?;
//! println!("{told}"); // ∂y/∂x = 2.880511, then one line for x, a and y
//! assert_eq!(told.steps[1].partials[0].1.item::<f64>()?, 3.0); // ∂a/∂x
//!
//! let hook = a.on_grad(|g| Some(g * 10.0))?;
//! y.backward()?;
//! assert!((x.grad().unwrap().item::<f64>()? - 30.0 * 6f64.cos()).abs() < 1e-14);
//! hook.remove();
//! # Ok::<(), Error>(())
//! ```
//!
//! # Nothing is lost silently
//!
//! [`lost_gradients`](crate::lost_gradients) lists the parameters that a result gives no gradient,
//! with what cut the way and its line. [`detect_anomaly`](crate::detect_anomaly) finds the first
//! operation, forward or backward, that makes a NaN or an infinity.
//!
//! ```
//! # use chainrule::prelude::*;
//! let (a, b) = (Tensor::from(2.0).requires_grad(), Tensor::from(0.0).requires_grad());
//! let y = &a * b.detach();
//! let report = lost_gradients(&y, &[&a, &b]);
//! assert_eq!(report.lost[0].index, 1);
//! assert!(report.to_string().contains("cut by `detach` at"));
//!
//! let error = detect_anomaly(|| b.sqrt().backward()).unwrap_err();
//! assert!(error.to_string().contains("the derivative of `sqrt` made inf"));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Loops and branches
//!
//! Rust's `if`, `for` and `while` work as they are: they decide what is recorded. For long loops
//! [`scan`](crate::scan), [`fori_loop`](crate::fori_loop) and [`while_loop`](crate::while_loop)
//! record and plan the body once; a [`Program`](crate::Program) does so for a whole function.
//!
//! ```
//! # use chainrule::prelude::*;
//! // A recurrent cell over a sequence, and the gradient by its weights.
//! let (w, xs) = (Tensor::from([[0.5, -0.3], [0.2, 0.8]]), Tensor::from([[1.0, 0.0], [0.0, 1.0]]));
//! let run = |w: &Tensor| {
//!     let start = Tensor::from([0.0, 0.0]);
//!     let cell = |h: &Tensor, x: &Tensor| {
//!         let h = (w.matmul(h) + x).tanh();
//!         (h.clone(), h)
//!     };
//!     Ok(scan(cell, &start, &xs)?.0.sum())
//! };
//! assert_eq!(gradient(run, &w)?.shape(), [2, 2]);
//!
//! // Heron's root by a loop that ends when it has converged, and its derivative 1/(2√a).
//! let root = |a: &Tensor| {
//!     let far = |x: &Tensor| (x.square() - a).abs().gt(1e-13);
//!     while_loop(far, |x: &Tensor| 0.5 * (x + a / x), &Tensor::from(1.0))
//! };
//! let slope = gradient(root, &Tensor::from(9.0))?;
//! assert!((slope.item::<f64>()? - 1.0 / 6.0).abs() < 1e-12);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Equations
//!
//! What is given by an equation has a derivative that follows from the equation, however it was
//! solved: [`root`](crate::root), [`fixed_point`](crate::fixed_point),
//! [`linear_solve`](crate::linear_solve), [`argmin`](crate::argmin).
//!
//! ```
//! # use chainrule::prelude::*;
//! use chainrule::root;
//! let cube_root = |a: &Tensor| root(|x: &Tensor| x.powi(3) - a, &Tensor::from(1.0));
//! let slope = gradient(cube_root, &Tensor::from(8.0))?;
//! assert!((slope.item::<f64>()? - 1.0 / 12.0).abs() < 1e-13); // 1/(3x²) at x = 2
//! # Ok::<(), Error>(())
//! ```
//!
//! # Differential equations
//!
//! [`odeint`](crate::odeint) integrates y' = f(t, y) with steps of its own choice, and is
//! differentiated as it was computed or by the adjoint equation
//! ([`Gradient`](crate::Gradient)), by the start, the times and all that f captures.
//!
//! ```
//! # use chainrule::prelude::*;
//! use chainrule::{Gradient, Ode, odeint};
//! let (start, times) = (Tensor::from(1.0), Tensor::from([0.0, 1.0]));
//! for gradient_by in [Gradient::Direct, Gradient::Adjoint] {
//!     let options = Ode { gradient: gradient_by, ..Ode::default() };
//!     let end = |rate: &Tensor| {
//!         Ok(odeint(|_: &Tensor, y: &Tensor| -(rate * y), &start, &times, &options)?.i(1))
//!     };
//!     let (y, slope) = value_and_grad(end, &Tensor::from(0.5))?; // e⁻ʳ, and −e⁻ʳ
//!     assert!((y + &slope).abs().item::<f64>()? < 1e-7);
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! # Scalar programs
//!
//! A function of single numbers, with loops and branches, is written once, generic over
//! [`Number`](crate::scalar::Number): plain `f64`, dual numbers (forward mode, nested to any
//! order), Taylor series, and variables on a compact tape (reverse mode). See
//! [`scalar`](crate::scalar).
//!
//! ```
//! use chainrule::scalar::{Number, derivative, gradient};
//!
//! fn bounces<R: Number>(x: R) -> R {
//!     let mut x = x;
//!     for _ in 0..10 {
//!         x = if x > 1.0 { x * 0.5 } else { x.exp() };
//!     }
//!     x
//! }
//! let forward = derivative(|x| bounces(x), 0.3);
//! let reverse = gradient(|x| bounces(x[0]), &[0.3]);
//! assert!((forward - reverse[0]).abs() < 1e-14 * forward.abs());
//! ```
//!
//! # Checking
//!
//! [`gradcheck`](crate::gradcheck) compares derivatives in both modes with differences, tells kinks
//! from mistakes and names the operation to blame; on the command line
//! `chainrule check "sin(x y)/y" --at x=1,y=2` does so for a [`formula`](crate::formula), in both
//! modes and with a table.
//!
//! ```
//! # use chainrule::prelude::*;
//! use chainrule::formula::Formula;
//! let f = Formula::parse("e^(-x²/2)/sqrt(2π)")?;
//! let density = |x: &Tensor| Ok(f.eval(&[("x", x)])?);
//! let slope = gradient(density, &Tensor::from(1.0))?;
//! assert!((slope.item::<f64>()? + f.value(&[("x", 1.0)])?).abs() < 1e-15); // f′ = −x f
//!
//! let report = gradcheck(|x| x[0].sin() * &x[0], &[Tensor::from([0.3, 1.2])], 2)?;
//! assert!(report.agrees(), "{report}");
//! # Ok::<(), Error>(())
//! ```
