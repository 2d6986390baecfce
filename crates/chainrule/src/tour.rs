//! A tour of tensors and gradients. Every example is a test.
//!
//! 1. [Making tensors](#making-tensors)
//! 2. [Looking](#looking)
//! 3. [Arithmetic and broadcasting](#arithmetic-and-broadcasting)
//! 4. [Indexing](#indexing)
//! 5. [Reductions](#reductions)
//! 6. [Laziness](#laziness)
//! 7. [Gradients](#gradients)
//! 8. [Constants: detach and no_grad](#constants-detach-and-no_grad)
//! 9. [Parameters](#parameters)
//! 10. [Errors](#errors)
//! 11. [Random numbers](#random-numbers)
//! 12. [Element types](#element-types)
//! 13. [Threads](#threads)
//!
//! # Making tensors
//!
//! A tensor is an array of numbers of one type, with any number of axes from none to sixteen.
//!
//! ```
//! use chainrule::prelude::*;
//!
//! let number = Tensor::from(2.5);
//! let vector = Tensor::from([1.0, 2.0, 3.0]);
//! let matrix = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
//! assert_eq!((number.rank(), vector.shape(), matrix.shape()), (0, &[3][..], &[2, 3][..]));
//!
//! // From data whose shape is known only when the program runs; −1 is found from the rest.
//! let rows = 2;
//! let data = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [rows, -1])?;
//! assert_eq!(data.to_vec::<f64>()?, matrix.to_vec::<f64>()?);
//!
//! // Filled, or in sequence.
//! assert_eq!(Tensor::zeros([2, 3]).shape(), [2, 3]);
//! assert_eq!(Tensor::full([2], 7.0).to_vec::<f64>()?, [7.0, 7.0]);
//! assert_eq!(Tensor::arange(0.0, 1.0, 0.25).to_vec::<f64>()?, [0.0, 0.25, 0.5, 0.75]);
//! assert_eq!(Tensor::linspace(0.0, 1.0, 3).to_vec::<f64>()?, [0.0, 0.5, 1.0]);
//!
//! // From other tensors: one after the other, or side by side.
//! let v = &vector;
//! assert_eq!(cat(&[v, v], 0)?.shape(), [6]);
//! assert_eq!(stack(&[v, v], 0)?.shape(), [2, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Looking
//!
//! [`item`](crate::Tensor::item) gives the number of a tensor that has one,
//! [`to_vec`](crate::Tensor::to_vec) all numbers row by row, converted to the type that is asked
//! for. Printing shows the grid; of large tensors the corners, with statistics.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([[1.0, 2.5], [-3.0, 4.0]]).named("x");
//! assert_eq!(x.i((1, 0)).item::<f64>()?, -3.0);
//! assert_eq!(x.to_vec::<f32>()?, [1.0, 2.5, -3.0, 4.0]);
//! assert_eq!(
//!     format!("{x:.1}"), // one decimal; four without the .1
//!     "tensor([[ 1.0,  2.5],\n        [-3.0,  4.0]], float64, name=\"x\")"
//! );
//! assert_eq!(format!("{x:?}"), "Tensor([2, 2], float64, leaf, \"x\")"); // computes nothing
//! # Ok::<(), Error>(())
//! ```
//!
//! # Arithmetic and broadcasting
//!
//! Operators take tensors, references to tensors and numbers. An operator that takes a tensor by
//! value uses the handle up, so write `&x` to go on using `x`; `x.clone()` copies a pointer, never
//! the numbers.
//!
//! Shapes are matched from the last axis, and an axis that is missing, or has length 1, stretches.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
//! let y = 2.0 * &x + 1.0;
//! assert_eq!(y.to_vec::<f64>()?, [3.0, 5.0, 7.0, 9.0, 11.0, 13.0]);
//!
//! let row = Tensor::from([10.0, 20.0, 30.0]); // [3] beside [2, 3]
//! assert_eq!((&x + &row).to_vec::<f64>()?, [11.0, 22.0, 33.0, 14.0, 25.0, 36.0]);
//! let column = Tensor::from([[10.0], [20.0]]); // [2, 1] beside [2, 3]
//! assert_eq!((&x + &column).to_vec::<f64>()?, [11.0, 12.0, 13.0, 24.0, 25.0, 26.0]);
//!
//! // Functions are methods; comparisons give truth values, which `where_` chooses by.
//! let z = (&x - 3.5).abs().sqrt();
//! let large = x.gt(3.0);
//! let chosen = large.where_(&z, 0.0);
//! assert_eq!(chosen.i(0).to_vec::<f64>()?, [0.0, 0.0, 0.0]);
//!
//! // Products of matrices and vectors, and sums of products in Einstein's notation.
//! assert_eq!(x.matmul(&row).to_vec::<f64>()?, [140.0, 320.0]);
//! assert_eq!(x.matmul(&x.t()).shape(), [2, 2]);
//! assert_eq!(einsum("ij,j->i", &[&x, &row])?.to_vec::<f64>()?, [140.0, 320.0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Indexing
//!
//! [`i`](crate::Tensor::i) takes one entry per axis: a number, a range, `..` for all, a tensor of
//! integers, a mask of truth values; and [`NewAxis`](crate::NewAxis) for an axis of length 1.
//! Negative numbers count from the end. A range with a step is a pair in its own brackets.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::arange(0, 12, 1).reshape([3, 4]); // [[0, 1, 2, 3], [4, 5, 6, 7], …]
//! assert_eq!(x.i(1).to_vec::<i64>()?, [4, 5, 6, 7]);
//! assert_eq!(x.i((.., -1)).to_vec::<i64>()?, [3, 7, 11]);
//! assert_eq!(x.i((0..2, 1..3)).to_vec::<i64>()?, [1, 2, 5, 6]);
//! assert_eq!(x.i((0, (.., 2))).to_vec::<i64>()?, [0, 2]); // every second
//! assert_eq!(x.i((0, (.., -1))).to_vec::<i64>()?, [3, 2, 1, 0]); // backwards
//! assert_eq!(x.i((.., NewAxis)).shape(), [3, 1, 4]);
//! assert_eq!(x.i(&Tensor::from([2, 0])).to_vec::<i64>()?, [8, 9, 10, 11, 0, 1, 2, 3]);
//! assert_eq!(x.i(&x.gt(8)).to_vec::<i64>()?, [9, 10, 11]);
//!
//! // Axes are moved and merged without copying where memory allows it.
//! assert_eq!(x.t().shape(), [4, 3]);
//! assert_eq!(x.reshape([2, -1]).shape(), [2, 6]);
//! assert_eq!(x.unsqueeze(0).permute([2, 0, 1]).shape(), [4, 1, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Reductions
//!
//! The plain name reduces everything. The name with `_axis` takes an axis, or several, and says
//! whether they stay with length 1, so that the result broadcasts against what it came from.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([[1.0, 2.0, 6.0], [4.0, 5.0, 0.0]]);
//! assert_eq!(x.sum().item::<f64>()?, 18.0);
//! assert_eq!(x.sum_axis(0, false).to_vec::<f64>()?, [5.0, 7.0, 6.0]);
//! assert_eq!(x.mean_axis(-1, true).shape(), [2, 1]);
//! assert_eq!(x.max_axis([0, 1], false).item::<f64>()?, 6.0);
//! assert_eq!(x.argmax_axis(1, false).to_vec::<i64>()?, [2, 1]);
//! assert_eq!(x.cumsum(1).to_vec::<f64>()?, [1.0, 3.0, 9.0, 4.0, 9.0, 9.0]);
//!
//! let centred = &x - x.mean_axis(1, true);
//! assert_eq!(centred.sum_axis(1, false).to_vec::<f64>()?, [0.0, 0.0]);
//! let rows = x.softmax(1).sum_axis(1, false);
//! assert!(rows.to_vec::<f64>()?.iter().all(|sum| (sum - 1.0).abs() < 1e-15));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Laziness
//!
//! An operation checks shapes and types, records a node of the graph, and returns. Numbers are
//! computed when they are asked for: by `item`, `to_vec`, printing, [`realize`](crate::realize),
//! and where a shape depends on them, as with a mask as an index. Everything that the answer needs
//! is then planned and run together, so that intermediate results need not touch memory.
//!
//! So a mistake of shape is found at once; an index outside its axis, if it is a number in a
//! tensor, only in evaluation. It is still reported with the line that recorded it.
//!
//! ```
//! # use chainrule::prelude::*;
//! let words = Tensor::ones([5, 2]);
//! let far = words.index_select(0, &Tensor::from([0, 7])); // recorded on this line
//! let line = line!() - 1;
//! let sum = far.sum(); // nothing has been computed
//!
//! let error = sum.item::<f64>().unwrap_err();
//! assert_eq!((error.kind(), error.location().line()), (ErrorKind::Index, line));
//! ```
//!
//! Several results that share work are best asked for together:
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::linspace(0.0, 1.0, 1000);
//! let (mean, spread) = (x.exp().mean(), x.exp().std());
//! realize(&[&mean, &spread])?; // one run
//! assert!(mean.item::<f64>()? > spread.item::<f64>()?); // no further computation
//! # Ok::<(), Error>(())
//! ```
//!
//! # Gradients
//!
//! [`requires_grad`](crate::Tensor::requires_grad) makes a tensor a *parameter*. What is computed
//! from parameters remembers how, and [`backward`](crate::Tensor::backward) on a result adds, to
//! each parameter it depends on, the derivative of the result by that parameter.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
//! assert!(x.grad().is_none());
//!
//! let y = 2.0 * x.dot(&x);
//! y.backward()?;
//! assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 4.0, 8.0, 12.0]);
//!
//! // Gradients add up, until they are forgotten. The graph stays and can be used again.
//! y.backward()?;
//! assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 8.0, 16.0, 24.0]);
//! x.zero_grad();
//! x.sum().backward()?;
//! assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [1.0, 1.0, 1.0, 1.0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! The result must be one number, for it is not said which of several is meant.
//! [`backward_with`](crate::Tensor::backward_with) says it, by a weight for each.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([0.0, 1.0, 2.0]).requires_grad();
//! let y = &x * &x;
//! assert_eq!(y.backward().unwrap_err().kind(), ErrorKind::NonScalar);
//! y.backward_with(&Tensor::from([1.0, 10.0, 100.0]))?;
//! assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 20.0, 400.0]);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`grad`](crate::grad()) returns the derivatives, of tensors along the way too, and leaves the
//! parameters alone. They are graph themselves, and can be differentiated again.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from(1.0).requires_grad();
//! let y = 3.0 * x.powi(2) - 4.0 * &x;
//! let dy = grad(&y, &[&x])?.remove(0); // 6x − 4
//! let ddy = grad(&dy, &[&x])?.remove(0); // 6
//! assert_eq!((dy.item::<f64>()?, ddy.item::<f64>()?), (2.0, 6.0));
//!
//! // Of what was computed on the way: y = u², u = sin x.
//! let u = x.sin();
//! let y = u.square();
//! let du = grad(&y, &[&u])?.remove(0);
//! assert!((du.item::<f64>()? - 2.0 * 1.0f64.sin()).abs() < 1e-15);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`gradcheck`](crate::gradcheck) compares derivatives with central differences, to any order.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([0.3, 1.2]);
//! let report = gradcheck(|x| x[0].sin() * x[0].exp(), &[x], 2)?;
//! assert!(report.passes(1e-6), "{report}");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Constants: detach and no_grad
//!
//! [`detach`](crate::Tensor::detach) gives the same numbers as a constant, through which no
//! derivative flows. Let g = (f − a)², f = 2xᵀx, and a = Σx:
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
//! let f = || 2.0 * x.dot(&x);
//! let gradient = |a: Tensor| -> Result<Vec<f64>, Error> {
//!     grad(&(f() - a).powi(2), &[&x])?[0].to_vec()
//! };
//! assert_eq!(gradient(x.sum().detach())?, [0.0, 176.0, 352.0, 528.0]); // a = 6
//! assert_eq!(gradient(x.sum())?, [-44.0, 132.0, 308.0, 484.0]); // a depends on x
//! # Ok::<(), Error>(())
//! ```
//!
//! Inside [`no_grad`](crate::no_grad) nothing is recorded for gradients, so that what was needed
//! only on the way is let go when the result is computed. [`NoGrad`](crate::NoGrad) does the same
//! until it is dropped. A `backward` that finds nothing to follow says which line cut it off.
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
//! let f = no_grad(|| 2.0 * x.dot(&x));
//! assert_eq!(f.item::<f64>()?, 28.0);
//! assert!(!f.tracks_grad());
//! let error = f.backward().unwrap_err();
//! assert!(error.to_string().contains("outside of `no_grad`, which cut the graph at"));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Parameters
//!
//! A tensor never changes. A parameter is a place that holds one:
//! [`assign`](crate::Tensor::assign) gives it another value, and graphs that are already recorded
//! keep the one they were recorded with.
//!
//! ```
//! # use chainrule::prelude::*;
//! let w = Tensor::from(3.0).requires_grad();
//! let y = w.square();
//! w.assign(&Tensor::from(10.0))?;
//! assert_eq!((w.item::<f64>()?, y.item::<f64>()?), (10.0, 9.0));
//! # Ok::<(), Error>(())
//! ```
//!
//! With this, gradient descent is a loop of four lines. Three people, described by height, weight,
//! age and hours of exercise, and their blood pressure, which a linear model is to predict:
//!
//! ```
//! # use chainrule::prelude::*;
//! let people = [[180.0, 89.0, 35.0, 1.0], [160.0, 49.0, 40.0, 4.0], [179.0, 69.0, 20.0, 2.0]];
//! let (x, y) = (Tensor::from(people), Tensor::from([160.0, 130.0, 110.0]));
//!
//! // With the weights of a first guess the first person should have 121.2, and has 160.
//! let w = Tensor::from([0.3, 0.8, -0.4, 10.0]).named("w").requires_grad();
//! assert!((x.i(0).dot(&w).item::<f64>()? - 121.2).abs() < 1e-12);
//!
//! // Columns of one scale, so that one rate suits all weights.
//! let scale = x.max_axis(0, true);
//! let x = &x / &scale;
//! w.assign(&(&w * scale.flatten()))?;
//! let loss = || (x.matmul(&w) - &y).square().mean();
//! let first = loss().item::<f64>()?;
//! for _ in 0..2000 {
//!     w.zero_grad();
//!     loss().backward()?;
//!     let step = 0.3 * w.grad().unwrap();
//!     w.assign(&(&w - step).detach())?;
//! }
//! let last = loss().item::<f64>()?;
//! assert!(first > 500.0 && last < 0.01, "{first} {last}");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Errors
//!
//! Whatever reads data returns a `Result`. A mistake of shape in arithmetic is a mistake in the
//! program: it panics, as an index out of bounds does, with its explanation and at the line of the
//! caller. Each method that can panic has a twin with `try_` before its name, which returns the
//! same explanation as an [`Error`](crate::Error).
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::ones([32, 4]).named("x");
//! let w = Tensor::ones([10, 4]).named("w").requires_grad();
//! let error = x.try_matmul(&w).unwrap_err();
//! assert_eq!((error.kind(), error.location().line()), (ErrorKind::Shape, line!() - 1));
//! let text = error.to_string();
//! assert!(text.contains("left    [32, 4]   \"x\""));
//! assert!(text.contains("right   [10, 4]   parameter \"w\""));
//! assert!(text.contains("did you mean `left.matmul(&right.t())`?"));
//! ```
//!
//! NaN and ∞ are numbers, not errors; printing counts them.
//!
//! ```
//! # use chainrule::prelude::*;
//! let y = Tensor::from([-1.0, 0.0, 1.0]).ln();
//! assert_eq!(y.to_string(), "tensor([ nan, -inf,   0.], float64, 1 NaN!, 1 Inf!)");
//! ```
//!
//! # Random numbers
//!
//! The same seed and the same order of calls give the same numbers, on any number of threads.
//!
//! ```
//! # use chainrule::prelude::*;
//! manual_seed(7);
//! let (a, b) = (Tensor::randn([2, 3]), Tensor::rand([3]));
//! manual_seed(7);
//! assert_eq!(Tensor::randn([2, 3]).to_vec::<f32>()?, a.to_vec::<f32>()?);
//! assert_eq!(Tensor::rand([3]).to_vec::<f32>()?, b.to_vec::<f32>()?);
//! assert_ne!(Tensor::rand([3]).to_vec::<f32>()?, b.to_vec::<f32>()?);
//! assert!(b.lt(1.0).all().item::<bool>()? && b.ge(0.0).all().item::<bool>()?);
//! assert_eq!(Tensor::randperm(5).sum().item::<i64>()?, 10); // 0 to 4, in random order
//! # Ok::<(), Error>(())
//! ```
//!
//! # Element types
//!
//! There are six, [`DType::F32`](crate::DType::F32), `F64`, `I64`, `I32`, `U8` and `Bool`. A tensor
//! of given numbers has their type (but `i32`, the type of a plain literal, becomes I64); `zeros`,
//! `ones`, `eye`, `rand` and `randn` make F32. Two types meet in the wider one, but a plain number
//! takes the type of the tensor beside it. Integers wrap around; their sums are I64.
//!
//! ```
//! # use chainrule::prelude::*;
//! let (double, single) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0f32, 2.0]));
//! let (whole, truth) = (Tensor::from([1, 2]), Tensor::from([true, false]));
//! assert_eq!((double.dtype(), single.dtype()), (DType::F64, DType::F32));
//! assert_eq!((whole.dtype(), truth.dtype()), (DType::I64, DType::Bool));
//!
//! assert_eq!((&single + &double).dtype(), DType::F64);
//! assert_eq!((&whole + &truth).dtype(), DType::I64);
//! assert_eq!((&single * 2.0).dtype(), DType::F32);
//! assert_eq!((&whole * 2).dtype(), DType::I64);
//! assert_eq!((&whole * 0.5).dtype(), DType::F32); // a fraction of integers
//! assert_eq!(whole.exp().dtype(), DType::F32);
//! assert_eq!(single.to_dtype(DType::F64).dtype(), DType::F64);
//!
//! let bytes = Tensor::from_vec(vec![200u8, 100], [2])?;
//! assert_eq!((&bytes + 100).to_vec::<u8>()?, [44, 200]);
//! assert_eq!(bytes.sum().item::<i64>()?, 300);
//! # Ok::<(), Error>(())
//! ```
//!
//! Only floating-point numbers have derivatives. For checks of derivatives use F64; for training
//! F32 is enough, and faster.
//!
//! # Threads
//!
//! Large computations use all cores, small ones the thread that asks.
//! [`with_threads`](crate::with_threads) sets a bound. It changes the time and nothing else: work
//! is divided in the same way for any number of threads, so that results agree to the last bit.
//!
//! ```
//! # use chainrule::prelude::*;
//! manual_seed(0);
//! let x = Tensor::randn([1000, 500]);
//! let sum = |threads| with_threads(threads, || (x.sin() * &x).sum().item::<f32>());
//! assert_eq!(sum(1)?.to_bits(), sum(2)?.to_bits());
//! # Ok::<(), Error>(())
//! ```
//!
//! A tensor is a handle that can be cloned and sent anywhere: `Tensor: Clone + Send + Sync`.
//! Whether gradients are recorded, which `no_grad` switches off, is a matter of each thread.
//!
//! ```
//! # use chainrule::prelude::*;
//! let w = Tensor::from([1.0, 2.0]).requires_grad();
//! let _off = NoGrad::new();
//! let tracks = std::thread::scope(|s| s.spawn(|| w.exp().tracks_grad()).join().unwrap());
//! assert!(tracks && !w.exp().tracks_grad());
//! ```
//!
//! The second part of the tour is about [derivatives of every kind](derivatives), the third, with
//! the feature `linalg`, about linear algebra.

pub mod derivatives;
#[cfg(feature = "linalg")]
pub mod matrices;
