//! A routine on matrices, as an operation on every matrix of a batch.
//!
//! A [`Routine`] says what it makes of one set of matrices, and its derivative, in tensor
//! arithmetic on the whole batch. [`Each`] is the primitive of the graph around it: it cuts the
//! sources into matrices, shares them between threads, says which one had a fault, and takes a
//! further axis of a batch as one more axis before the others.

use std::hash::Hasher;

use chainrule_kernels::threads;
use chainrule_linalg::{Entry, Fault, Outcome};

use crate::error::Result;
use crate::grad::transpose;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Primitive, Rule, Slopes, call};
use crate::graph::mode;
use crate::op::{DType, Shape};

/// The element types of matrices, as the bytes of tensors.
pub(super) trait Float: Entry + bytemuck::Pod {}
impl<T: Entry + bytemuck::Pod> Float for T {}

/// `N` things computed from one set of matrices, with their derivative.
pub(super) trait Routine<const N: usize>: Clone + Send + Sync + 'static {
    /// What tells it from others.
    const NAME: &'static str;

    /// What errors call it: the function on whose behalf it works.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// What tells it from others of its name.
    fn options(&self) -> u64 {
        0
    }

    /// Types and shapes of the results for sources of these shapes, all without batch axes.
    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); N];

    /// The results for one set of matrices.
    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; N]) -> Outcome;

    /// J `dxs`, a tangent for each result.
    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; N]>;

    /// Jᵀ `gys`, a cotangent for each source: `forward`, transposed. To be written where `forward`
    /// is made of the operation itself, which would transpose itself for ever.
    fn reverse(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let map = |dxs: &[Tensor]| {
            let dxs: Vec<_> = dxs.iter().cloned().map(Some).collect();
            Ok(self.forward(at, &dxs)?.into())
        };
        transpose(self.name(), mode::location(), at.xs, map, gys)
    }
}

/// A routine on each matrix of a batch.
#[derive(Clone)]
struct Each<R, const N: usize> {
    routine: R,
    /// The type of the matrices' elements.
    dtype: DType,
    /// How many axes before those of the routine.
    batch: usize,
}

/// Records a routine on sources that all begin with the same `batch` axes.
#[track_caller]
pub(super) fn record<const N: usize, R: Routine<N>>(
    routine: R,
    batch: usize,
    xs: &[Tensor],
) -> Result<[Tensor; N]> {
    let dtype = xs[0].dtype();
    let lead = &xs[0].shape()[..batch];
    let cores: Vec<&[usize]> = xs.iter().map(|x| &x.shape()[batch..]).collect();
    let with = |core: Shape| lead.iter().copied().chain(core).collect::<Shape>();
    let results = routine.results(dtype, &cores).map(|(dtype, core)| (dtype, with(core)));
    let each = Each { routine, dtype, batch };
    let results = call(Box::new(each), results.into(), xs)?;
    Ok(results.try_into().unwrap_or_else(|_| unreachable!("a call has the results it was given")))
}

/// [`record`] for routines with one result.
#[track_caller]
pub(super) fn record_one<R: Routine<1>>(routine: R, batch: usize, xs: &[Tensor]) -> Result<Tensor> {
    let [y] = record(routine, batch, xs)?;
    Ok(y)
}

impl<const N: usize, R: Routine<N>> Rule for Each<R, N> {
    fn name(&self) -> &str {
        self.routine.name()
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        self.routine.reverse(at, gys)
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        Ok(self.routine.forward(at, dxs)?.into_iter().collect())
    }
}

/// One set of matrices: sources, and room for the results.
type Task<'a, const N: usize> = (Vec<Array<'a>>, [&'a mut [u8]; N], &'a mut Option<Fault>);

impl<const N: usize, R: Routine<N>> Each<R, N> {
    fn run(&self, xs: &[Array<'_>], ys: [&mut [u8]; N]) -> Outcome {
        match self.dtype {
            DType::F32 => self.routine.eval::<f32>(xs, ys),
            _ => self.routine.eval::<f64>(xs, ys),
        }
    }
}

impl<const N: usize, R: Routine<N>> Primitive for Each<R, N> {
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn key(&self, words: &mut Vec<u64>) {
        let mut name = rustc_hash::FxHasher::default();
        name.write(R::NAME.as_bytes());
        words.extend([name.finish(), self.batch as u64, self.dtype as u64, self.routine.options()]);
    }

    fn batch(&self, xs: &[Tensor], batched: &[bool], size: usize) -> Result<Vec<Tensor>> {
        let wide = |(x, &batched): (&Tensor, &bool)| {
            if batched { Ok(x.clone()) } else { x.try_expand([&[size], x.shape()].concat()) }
        };
        let xs: Vec<Tensor> = xs.iter().zip(batched).map(wide).collect::<Result<_>>()?;
        Ok(record(self.routine.clone(), self.batch + 1, &xs)?.into())
    }

    fn eval(&self, xs: &[Array<'_>], ys: &mut [&mut [u8]]) -> Result<(), (String, String)> {
        let matrices: usize = xs[0].shape[..self.batch].iter().product();
        if matrices == 0 {
            return Ok(());
        }
        let mut faults = vec![None; matrices];
        let lengths: Vec<usize> = ys.iter().map(|y| y.len() / matrices).collect();
        let mut rest: Vec<&mut [u8]> = ys.iter_mut().map(|y| &mut **y).collect();
        let mut tasks: Vec<Task<'_, N>> = vec![];
        for (i, fault) in faults.iter_mut().enumerate() {
            let sources = xs.iter().map(|x| {
                let n = x.bytes.len() / matrices;
                Array { bytes: &x.bytes[i * n..(i + 1) * n], shape: &x.shape[self.batch..] }
            });
            let results = std::array::from_fn(|k| {
                let (y, after) = std::mem::take(&mut rest[k]).split_at_mut(lengths[k]);
                rest[k] = after;
                y
            });
            tasks.push((sources.collect(), results, fault));
        }
        // About ten operations for each of n³.
        let n = (xs[0].bytes.len() / matrices / self.dtype.size()) as f64;
        threads::for_each(tasks, 10.0 * n.powf(1.5) * matrices as f64, |(xs, ys, fault)| {
            *fault = self.run(&xs, ys).err();
        });
        match faults.iter().position(Option::is_some) {
            None => Ok(()),
            Some(i) => {
                let of = if matrices == 1 { String::new() } else { format!(", {i} of the batch") };
                Err(explain(self.routine.name(), &of, faults[i]))
            }
        }
    }
}

/// What is wrong, and what to do.
fn explain(name: &str, of: &str, fault: Option<Fault>) -> (String, String) {
    let (what, hint) = match fault {
        Some(Fault::Singular(j)) => (
            format!("`{name}` of a singular matrix{of}: pivot {j} is 0"),
            "a singular system has many solutions or none: `lstsq` finds the smallest of the \
             nearest, `pinv` the pseudo-inverse",
        ),
        Some(Fault::NotPositive(i)) => (
            format!(
                "`{name}` of a matrix{of} that is not positive definite: its leading {0} × {0} \
                 block is not",
                i + 1
            ),
            "is it symmetric, and a covariance or a Hessian at a minimum? if rounding is to blame, \
             add a small multiple of the identity",
        ),
        Some(Fault::NotFinite(i, j)) => (
            format!("`{name}` of a matrix{of} that is NaN or infinite at [{i}, {j}]"),
            "look for where it comes from with `detect_anomaly`",
        ),
        _ => (
            format!("`{name}` of a matrix{of} did not converge"),
            "scale it so that its largest elements are near 1",
        ),
    };
    (what, hint.into())
}

/// The numbers of an array.
pub(super) fn numbers<T: bytemuck::Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::cast_slice(bytes)
}

/// The numbers of a result.
pub(super) fn numbers_mut<T: bytemuck::Pod>(bytes: &mut [u8]) -> &mut [T] {
    bytemuck::cast_slice_mut(bytes)
}

/// Sum of those terms that are there.
pub(super) fn sum(terms: impl IntoIterator<Item = Option<Tensor>>) -> Option<Tensor> {
    terms.into_iter().flatten().reduce(|a, b| a + b)
}
