//! Making tensors: from numbers, filled, in sequences, at random.

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use chainrule_kernels::{Buffer, random, threads};

use super::args::{IntoShape, lengths};
use crate::error::{Error, ErrorKind, Result, or_raise};
use crate::graph::Tensor;
use crate::graph::batches::drawn;
use crate::op::{DType, Element, Scalar, Shape};

impl Tensor {
    #[track_caller]
    fn of<T: Element>(numbers: &[T], shape: Shape) -> Tensor {
        let mut buffer = Buffer::new(numbers.len() * T::DTYPE.size());
        for (to, &x) in buffer.as_mut_slice::<T::Stored>().iter_mut().zip(numbers) {
            *to = x.store();
        }
        Tensor::leaf(buffer, T::DTYPE, shape)
    }

    /// A tensor of given numbers, in row-major order. Its element type is that of the numbers.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0], [2, -1])?;
    /// assert_eq!((x.shape(), x.dtype()), (&[2, 2][..], DType::F32));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shape asks for another number of elements.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value)] // what is given is given; a slice has `From`
    pub fn from_vec<T: Element>(numbers: Vec<T>, shape: impl IntoShape) -> Result<Tensor> {
        let n = numbers.len();
        let shape = infer("from_vec", n, shape)?;
        let product: usize = shape.iter().product();
        if product != n {
            let what = format!("the shape {:?} needs {product} numbers, got {n}", shape.as_slice());
            return Err(Error::new(ErrorKind::Data, what, Location::caller()).hint(
                "the lengths must multiply to the number of numbers; one of them may be -1",
            ));
        }
        Ok(Tensor::of(&numbers, shape))
    }

    /// One number everywhere; of the number's element type.
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn full<T: Element>(shape: impl IntoShape, value: T) -> Tensor {
        Tensor::filled("full", shape, value)
    }

    #[track_caller]
    fn filled<T: Element>(op: &str, shape: impl IntoShape, value: T) -> Tensor {
        Tensor::constant(value.to_scalar(), T::DTYPE, or_raise(lengths(op, shape)))
    }

    /// Zeros, F32; for another element type `.to_dtype(…)`, or [`full`](Self::full).
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn zeros(shape: impl IntoShape) -> Tensor {
        Tensor::filled("zeros", shape, 0.0f32)
    }

    /// Ones, F32.
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn ones(shape: impl IntoShape) -> Tensor {
        Tensor::filled("ones", shape, 1.0f32)
    }

    /// The n × n identity matrix, F32.
    #[track_caller]
    pub fn eye(n: usize) -> Tensor {
        let mut numbers = vec![0.0f32; n * n];
        numbers.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        Tensor::of(&numbers, [n, n].into_iter().collect())
    }

    /// The numbers `start, start + step, …` before `end`, of the arguments' element type.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// assert_eq!(Tensor::arange(0.0, 4.0, 1.0).to_vec::<f64>()?, [0.0, 1.0, 2.0, 3.0]);
    /// assert_eq!(Tensor::arange(5, 0, -2).to_vec::<i64>()?, [5, 3, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If the step is 0, or an argument is not finite.
    #[track_caller]
    pub fn arange<T: Element>(start: T, end: T, step: T) -> Tensor {
        let [a, b, s] = [start, end, step].map(|x| x.to_scalar().to_f64());
        let n = ((b - a) / s).ceil();
        if s == 0.0 || !n.is_finite() || n > 1e15 {
            let what = format!("`arange` from {a} to {b} in steps of {s} is no finite sequence");
            Error::new(ErrorKind::Data, what, Location::caller())
                .hint("the step must not be 0, and all three numbers finite")
                .raise();
        }
        let numbers: Vec<T> = (0..n.max(0.0) as usize)
            .map(|i| match (start.to_scalar(), step.to_scalar()) {
                (Scalar::Int(a), Scalar::Int(s)) => T::from_scalar(Scalar::Int(a + i as i64 * s)),
                _ => T::from_scalar(Scalar::Float(a + i as f64 * s)),
            })
            .collect();
        let n = numbers.len();
        Tensor::of(&numbers, [n].into_iter().collect())
    }

    /// `n` numbers from `start` to `end`, both included, at equal distances; F64.
    #[track_caller]
    pub fn linspace(start: f64, end: f64, n: usize) -> Tensor {
        let step = (end - start) / (n.max(2) - 1) as f64;
        // From both ends, so that both are exact and the sequence is symmetric.
        let at = |i: usize| {
            if 2 * i < n { start + i as f64 * step } else { end - (n - 1 - i) as f64 * step }
        };
        let numbers: Vec<f64> = (0..n).map(|i| if n == 1 { start } else { at(i) }).collect();
        Tensor::of(&numbers, [n].into_iter().collect())
    }

    /// Uniform random numbers in [0, 1), F32. See [`manual_seed`].
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn rand(shape: impl IntoShape) -> Tensor {
        random_tensor("rand", shape, |seed, stream, i| {
            // 24 bits: every value is a float, and none rounds up to 1.
            (random::word(seed, stream, i) >> 40) as f32 * (1.0 / (1u64 << 24) as f32)
        })
    }

    /// Standard normal random numbers, F32. See [`manual_seed`].
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn randn(shape: impl IntoShape) -> Tensor {
        random_tensor("randn", shape, |seed, stream, i| random::normal(seed, stream, i) as f32)
    }

    /// Uniform random numbers in [0, 1), F64.
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn rand_f64(shape: impl IntoShape) -> Tensor {
        random_tensor("rand_f64", shape, |seed, stream, i| {
            random::uniform(random::word(seed, stream, i))
        })
    }

    /// Standard normal random numbers, F64.
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn randn_f64(shape: impl IntoShape) -> Tensor {
        random_tensor("randn_f64", shape, random::normal)
    }

    /// The numbers 0 … n−1 in random order, I64.
    #[track_caller]
    pub fn randperm(n: usize) -> Tensor {
        drawn(&[n].into_iter().collect(), |shape| {
            let mut numbers = Vec::with_capacity(shape.iter().product());
            for _ in 0..shape[..shape.len() - 1].iter().product() {
                let (seed, stream) = next_stream();
                let start = numbers.len();
                numbers.extend(0..n as i64);
                for i in (1..n).rev() {
                    // Multiplication maps the word to 0 ..= i; the bias is under 2⁻⁶⁴ · n.
                    let word = u128::from(random::word(seed, stream, i as u64));
                    let j = ((word * (i as u128 + 1)) >> 64) as usize;
                    numbers.swap(start + i, start + j);
                }
            }
            Tensor::of(&numbers, shape.clone())
        })
    }
}

/// A shape for `n` elements, in which one length may be −1.
#[track_caller]
pub(super) fn infer(op: &str, n: usize, shape: impl IntoShape) -> Result<Shape> {
    let mut dims = shape.into_dims();
    let given = dims.clone();
    let open: Vec<usize> = (0..dims.len()).filter(|&i| dims[i] == -1).collect();
    let [i] = open[..] else {
        if open.len() > 1 {
            let what = format!("`{op}` got the shape {given:?} with more than one -1");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .hint("-1 stands for the length that follows from the others: write it once"));
        }
        return lengths(op, dims.as_slice());
    };
    if given.iter().any(|&d| d < -1) {
        return lengths(op, given.as_slice());
    }
    dims[i] = 1;
    let others: usize = lengths(op, dims.as_slice())?.iter().product();
    if others == 0 || !n.is_multiple_of(others) {
        let what = format!("`{op}` to {given:?}: no length in place of -1 makes {n} elements");
        let hint = match others {
            0 => "beside a length of 0 any length would do: write it out".into(),
            _ => format!("the other lengths multiply to {others}, which must divide {n}"),
        };
        return Err(Error::new(ErrorKind::Shape, what, Location::caller()).hint(hint));
    }
    dims[i] = (n / others) as i64;
    lengths(op, dims.as_slice())
}

/// The seed and the number of tensors drawn since.
static RANDOM: Mutex<(u64, u64)> = Mutex::new((0, 0));

/// Sets the seed of the random tensors made from now on, on all threads. The same seed and the same
/// order of calls give the same numbers, for any number of threads.
pub fn manual_seed(seed: u64) {
    *RANDOM.lock().unwrap_or_else(PoisonError::into_inner) = (seed, 0);
}

/// The state of the generator: the seed, and how many tensors were drawn since it was set.
///
/// ```
/// # use chainrule_core::*;
/// manual_seed(7);
/// Tensor::rand([2]).to_vec::<f32>()?;
/// let state = rng_state();
/// let next = Tensor::rand([2]).to_vec::<f32>()?;
/// set_rng_state(state);
/// assert_eq!(Tensor::rand([2]).to_vec::<f32>()?, next);
/// # Ok::<(), Error>(())
/// ```
pub fn rng_state() -> (u64, u64) {
    *RANDOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Goes on drawing as if from where [`rng_state`] gave `state`.
pub fn set_rng_state(state: (u64, u64)) {
    *RANDOM.lock().unwrap_or_else(PoisonError::into_inner) = state;
}

fn next_stream() -> (u64, u64) {
    let mut state = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    state.1 = state.1.wrapping_add(1);
    *state
}

#[track_caller]
fn random_tensor<T: Element>(
    op: &str,
    shape: impl IntoShape,
    number: impl Fn(u64, u64, u64) -> T + Send + Sync,
) -> Tensor {
    let shape = or_raise(lengths(op, shape));
    drawn(&shape, |shape| numbers(shape, number))
}

#[track_caller]
fn numbers<T: Element>(shape: &Shape, number: impl Fn(u64, u64, u64) -> T + Send + Sync) -> Tensor {
    let (seed, stream) = next_stream();
    let n: usize = shape.iter().product();
    let mut buffer = Buffer::new(n * T::DTYPE.size());
    let chunk = 1 << 14;
    let tasks: Vec<_> = buffer.as_mut_slice::<T::Stored>().chunks_mut(chunk).enumerate().collect();
    threads::for_each(tasks, 15.0 * n as f64, |(c, out)| {
        for (i, y) in out.iter_mut().enumerate() {
            *y = number(seed, stream, (c * chunk + i) as u64).store();
        }
    });
    Tensor::leaf(buffer, T::DTYPE, shape.clone())
}

macro_rules! from {
    ($($t:ty)*) => { $(
        impl From<$t> for Tensor {
            #[track_caller]
            fn from(x: $t) -> Tensor {
                Tensor::of(&[x], Shape::new())
            }
        }
        impl From<Vec<$t>> for Tensor {
            #[track_caller]
            fn from(x: Vec<$t>) -> Tensor {
                Tensor::of(&x, [x.len()].into_iter().collect())
            }
        }
        impl From<&[$t]> for Tensor {
            #[track_caller]
            fn from(x: &[$t]) -> Tensor {
                Tensor::of(x, [x.len()].into_iter().collect())
            }
        }
        impl<const N: usize> From<[$t; N]> for Tensor {
            #[track_caller]
            fn from(x: [$t; N]) -> Tensor {
                Tensor::of(&x, [N].into_iter().collect())
            }
        }
        impl<const M: usize, const N: usize> From<[[$t; N]; M]> for Tensor {
            #[track_caller]
            fn from(x: [[$t; N]; M]) -> Tensor {
                Tensor::of(x.as_flattened(), [M, N].into_iter().collect())
            }
        }
        impl<const L: usize, const M: usize, const N: usize> From<[[[$t; N]; M]; L]> for Tensor {
            #[track_caller]
            fn from(x: [[[$t; N]; M]; L]) -> Tensor {
                Tensor::of(x.as_flattened().as_flattened(), [L, M, N].into_iter().collect())
            }
        }
    )* };
}
from!(f32 f64 i32 i64 bool);

impl Tensor {
    /// Zeros of a given element type.
    ///
    /// # Panics
    /// If a length is negative.
    #[track_caller]
    pub fn zeros_of(shape: impl IntoShape, dtype: DType) -> Tensor {
        let shape = or_raise(lengths("zeros_of", shape));
        Tensor::constant(Scalar::Int(0), dtype, shape)
    }
}
