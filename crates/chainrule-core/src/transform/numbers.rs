//! The numbers of primitives: computed at once where they can be, and as vectors.

use chainrule_kernels::Buffer;
use chainrule_kernels::guarded::lock;

use super::krylov::Fail;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{floats, values};
use crate::graph::Tensor;
use crate::graph::call::{Array, Primitive, call, details};
use crate::graph::node::Value;
use crate::op::{DType, Shape};
use crate::place::Place;

type Line = Place;

/// Records a primitive, and computes its results here and now if the numbers are known.
#[track_caller]
pub(super) fn now(
    primitive: Box<dyn Primitive>,
    results: Vec<(DType, Shape)>,
    sources: &[Tensor],
    here: Line,
) -> Result<Vec<Tensor>> {
    let parts = call(primitive, results, sources)?;
    let numbers = match values(sources) {
        Err(e) if e.kind() == ErrorKind::Unknown => return Ok(parts),
        numbers => numbers?,
    };
    let Some(part) = parts.first() else { return Ok(parts) };
    let node = part.0.src.get(&lock())[0].clone();
    let Some(details) = details(&node.0.op) else { return Ok(parts) };
    let mut buffer = Buffer::new(details.offsets().1);
    let mut slots = details.slots(buffer.bytes_mut());
    let arrays = sources.iter().zip(&numbers).map(|(x, value)| Array {
        bytes: &value.buffer.bytes()[..x.len() * x.dtype().size()],
        shape: x.shape(),
    });
    let arrays: Vec<Array<'_>> = arrays.collect();
    let failed = |(what, hint): Fail| Error::new(ErrorKind::Numeric, what, here).hint(hint);
    details.primitive.eval(&arrays, &mut slots).map_err(failed)?;
    let _ = node.0.value.set(Value::dense(buffer));
    if !node.0.tracks() {
        let sources = std::mem::take(node.0.src.get_mut(&mut lock()));
        drop(sources); // after the lock is released
    }
    Ok(parts)
}

/// Some of a primitive's tensors as the unknowns of systems side by side: for each system its
/// numbers of all tensors, one after the other.
#[derive(Clone)]
pub(super) struct Unknowns {
    /// Element type, and length in one system.
    leaves: Vec<(DType, usize)>,
    pub(super) systems: usize,
}

impl Unknowns {
    pub(super) fn new(leaves: &[Tensor], systems: usize) -> Unknowns {
        let each = leaves.iter().map(|x| (x.dtype(), x.len() / systems.max(1)));
        Unknowns { leaves: each.collect(), systems }
    }

    /// The coarsest rounding among them.
    pub(super) fn epsilon(&self) -> f64 {
        let single = self.leaves.iter().any(|(dtype, _)| *dtype == DType::F32);
        if single { f32::EPSILON.into() } else { f64::EPSILON }
    }

    /// From one array per tensor to one vector per system.
    pub(super) fn gather<'a>(&self, arrays: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<f64>> {
        let mut vectors = vec![vec![]; self.systems];
        for (&(dtype, n), bytes) in self.leaves.iter().zip(arrays) {
            let all = floats(dtype, bytes, n * self.systems);
            for (i, vector) in vectors.iter_mut().enumerate() {
                vector.extend_from_slice(&all[i * n..(i + 1) * n]);
            }
        }
        vectors
    }

    /// The way back.
    pub(super) fn scatter(&self, vectors: &[Vec<f64>]) -> Vec<Value> {
        let mut at = 0;
        let each = self.leaves.iter().map(|&(dtype, n)| {
            let all = vectors.iter().flat_map(|v| &v[at..at + n]);
            let mut buffer = Buffer::new(n * self.systems * dtype.size());
            match dtype {
                DType::F32 => {
                    let slots = buffer.as_mut_slice::<f32>().iter_mut();
                    slots.zip(all).for_each(|(slot, v)| *slot = *v as f32);
                }
                _ => {
                    let slots = buffer.as_mut_slice::<f64>().iter_mut();
                    slots.zip(all).for_each(|(slot, v)| *slot = *v);
                }
            }
            at += n;
            Value::dense(buffer)
        });
        each.collect()
    }
}

/// Copies values to where a primitive's results are to be.
pub(super) fn store(values: &[Value], ys: &mut [&mut [u8]]) {
    for (value, y) in values.iter().zip(ys) {
        let n = y.len();
        y.copy_from_slice(&value.buffer.bytes()[..n]);
    }
}
