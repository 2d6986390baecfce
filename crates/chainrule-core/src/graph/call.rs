//! Operations that bring their own rules: functions with a derivative of their own, and primitives
//! that also bring their own evaluation.
//!
//! The set of operations is closed; these two are its doors. A **custom** operation is its first
//! source as far as numbers are concerned, and what a [`Rule`] says as far as derivatives are. A
//! **call** is evaluated by a [`Primitive`] and can have several results: its value is all of them
//! packed into bytes, each from a multiple of 64 on, and a `Part` of it is one of them. A part is a
//! view; packing costs nothing.

use std::sync::Arc;

use smallvec::SmallVec;

use super::mode;
use super::node::{Draft, Sources, Tensor, record};
use crate::error::Result;
use crate::op::{DType, Op, Opaque, Shape};
use crate::place::Place;

/// A derivative that is given rather than derived.
pub(crate) struct Point<'a> {
    /// The sources.
    pub(crate) xs: &'a [Tensor],
    /// The results.
    pub(crate) ys: &'a [Tensor],
}

/// One cotangent or tangent for each of several tensors; none where it is 0.
pub(crate) type Slopes = SmallVec<[Option<Tensor>; 4]>;

/// The derivative of an operation with sources `xs` and results `ys`, in tensor arithmetic, so that
/// it can be differentiated again.
pub(crate) trait Rule: Send + Sync + 'static {
    /// The name that errors and pictures show.
    fn name(&self) -> &str;

    /// Jᵀ `gys`: a cotangent for each source.
    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes>;

    /// J `dxs`: a tangent for each result.
    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes>;
}

/// A dense array as a primitive sees it.
pub(crate) struct Array<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) shape: &'a [usize],
}

/// A rule with an evaluation of its own.
pub(crate) trait Primitive: Rule {
    /// Makes all plans that `key` and `eval` need: under the graph's key, and in evaluation,
    /// nothing can be planned. Called once, when the primitive is recorded.
    fn prepare(&self) -> Result<()>;

    /// Appends words that tell this primitive from all others: equal words, equal results.
    fn key(&self, words: &mut Vec<u64>);

    /// The results for a batch: those sources for which `batched` holds have a new first axis of
    /// length `size`, and so have all results.
    fn batch(&self, xs: &[Tensor], batched: &[bool], size: usize) -> Result<Vec<Tensor>>;

    /// Computes the results, or says what is wrong and what to do.
    fn eval(&self, xs: &[Array<'_>], ys: &mut [&mut [u8]]) -> Result<(), (String, String)>;
}

/// A custom operation's rule, as the operation holds it.
pub(crate) struct Custom(pub(crate) Box<dyn Rule>);

/// A primitive and the types and shapes of its results, as the operation holds them.
pub(crate) struct Call {
    pub(crate) primitive: Box<dyn Primitive>,
    pub(crate) results: Vec<(DType, Shape)>,
}

impl Call {
    /// Where each result starts, and how many bytes there are in all.
    pub(crate) fn offsets(&self) -> (Vec<usize>, usize) {
        let mut end = 0;
        let starts = self.results.iter().map(|(dtype, shape)| {
            let start = end;
            let bytes = shape.iter().product::<usize>() * dtype.size();
            end += bytes.next_multiple_of(64);
            start
        });
        (starts.collect(), end)
    }

    /// The parts of the packed bytes, one for each result.
    pub(crate) fn slots<'a>(&self, bytes: &'a mut [u8]) -> Vec<&'a mut [u8]> {
        let (mut rest, mut at) = (bytes, 0);
        let each = self.offsets().0.into_iter().zip(&self.results);
        each.map(|(start, (dtype, shape))| {
            let n = shape.iter().product::<usize>() * dtype.size();
            let (slot, after) = std::mem::take(&mut rest)[start - at..].split_at_mut(n);
            (rest, at) = (after, start + n);
            slot
        })
        .collect()
    }
}

/// Records `y` as a function of `xs` whose derivative is given by `rule`. The value's own graph is
/// not differentiated.
#[track_caller]
pub(crate) fn custom(y: &Tensor, xs: &[Tensor], rule: Box<dyn Rule>) -> Tensor {
    let name = rule.name().to_string();
    let op = Op::Custom(Opaque::new(&name, Arc::new(Custom(rule))));
    let mut src: Sources = SmallVec::new();
    src.push(y.cut_off());
    src.extend(xs.iter().map(Tensor::source));
    record(op, y.0.dtype, y.0.shape.clone(), src)
}

/// Records a primitive's results for sources `xs`, once it has made its plans.
#[track_caller]
pub(crate) fn call(
    primitive: Box<dyn Primitive>,
    results: Vec<(DType, Shape)>,
    xs: &[Tensor],
) -> Result<Vec<Tensor>> {
    primitive.prepare()?;
    let name = primitive.name().to_string();
    let call = Arc::new(Call { primitive, results });
    let (_, bytes) = call.offsets();
    let op = Op::Call(Opaque::new(&name, call));
    let src = xs.iter().map(Tensor::source).collect();
    Ok(parts(&record(op, DType::Bool, [bytes].into_iter().collect(), src)))
}

/// The results of a recorded call.
#[track_caller]
pub(crate) fn parts(call: &Tensor) -> Vec<Tensor> {
    let Some(details) = details(&call.0.op) else { return vec![] };
    let (starts, _) = details.offsets();
    let each = details.results.iter().zip(starts).enumerate();
    let mut list = Vec::with_capacity(details.results.len());
    for (i, ((dtype, shape), start)) in each {
        let src = std::iter::once(call.clone()).collect();
        list.push(record(Op::Part(i as u32, start), *dtype, shape.clone(), src));
    }
    list
}

/// What a call's operation holds.
pub(crate) fn details(op: &Op) -> Option<&Call> {
    if let Op::Call(call) = op { call.get() } else { None }
}

/// The rule of a custom operation or a call.
pub(crate) fn rule(op: &Op) -> Option<&dyn Rule> {
    match op {
        Op::Custom(c) => c.get::<Custom>().map(|c| &*c.0),
        Op::Call(c) => c.get::<Call>().map(|c| &*c.primitive as &dyn Rule),
        _ => None,
    }
}

/// Records nothing but what comes next under the caller's own lines until dropped, whatever line
/// was set.
pub(crate) fn own_lines() -> impl Drop {
    struct Restore(Option<Place>);
    impl Drop for Restore {
        fn drop(&mut self) {
            mode::set_location(self.0);
        }
    }
    Restore(mode::set_location(None))
}

impl Draft {
    /// A variable that stands for `x`, tracked whether `x` is or not.
    fn variable(x: &Tensor) -> Draft {
        let mut draft = Draft::new(Op::Variable, x.0.dtype, x.0.shape.clone());
        draft.tracks = x.0.dtype.is_float();
        draft
    }
}

impl Tensor {
    /// A variable of a transformation that stands for this tensor.
    #[track_caller]
    pub(crate) fn variable(&self) -> Tensor {
        let x = self.source();
        let mut draft = Draft::variable(&x);
        if let Some(value) = x.0.value.get() {
            draft.value = value.clone().into();
        }
        draft.src.push(x);
        draft.build()
    }

    /// A variable of this tensor's shape and type whose value is not known.
    #[track_caller]
    pub(crate) fn unknown(&self) -> Tensor {
        Draft::variable(self).build()
    }

    /// A variable for an element along the first axis.
    #[track_caller]
    pub(crate) fn unknown_element(&self) -> Tensor {
        let mut draft = Draft::variable(self);
        draft.shape.remove(0);
        draft.build()
    }

    /// This tensor, to be computed only after `token`.
    #[track_caller]
    pub(crate) fn after(&self, token: &Tensor) -> Tensor {
        let x = self.source();
        let (dtype, shape) = (x.0.dtype, x.0.shape.clone());
        record(Op::After, dtype, shape, [x, token.source()].into_iter().collect())
    }
}
