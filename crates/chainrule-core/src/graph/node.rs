//! Nodes and the handles on them.
//!
//! A node never changes its meaning: its operation, shape, type and sources are fixed when it is
//! recorded, and its value, once computed, stays. Two things are done to it later: its value is
//! filled in, and — when nothing can ask for a derivative through it — its sources are let go.
//!
//! A parameter is a cell: its node holds a [`Parameter`], whose current value is a *version*, an
//! ordinary node. An operation that uses the parameter records the version, so assigning a new
//! value changes no graph that exists. Versions know their parameter weakly, for gradients to find
//! it.

use std::num::NonZeroU64;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use chainrule_kernels::counts::{self, Counted};
use chainrule_kernels::guarded::Guarded;
use chainrule_kernels::once::Once;
use chainrule_kernels::shared::Shared;
use chainrule_kernels::{Buffer, Layout};
use smallvec::SmallVec;

use super::cut::{self, CutBy, Cuts};
use super::extra::Extra;
use super::mode;
use crate::error::Operand;
use crate::op::{DType, Linear, Op, Scalar, Shape};
use crate::place::{ForeignLine, Place};

/// A multi-dimensional array of numbers, and how it came about: a handle on a node of the graph.
///
/// Operations on tensors record nodes; numbers are computed when they are asked for. Cloning a
/// handle copies a pointer. See the crate's documentation for a tour.
#[derive(Clone)]
pub struct Tensor(pub(crate) Shared<Node>);

/// The sources of a node.
pub(crate) type Sources = SmallVec<[Tensor; 2]>;

/// Numbers in memory.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) buffer: Shared<Buffer>,
    /// Where the elements stand; `None` means dense from the start.
    pub(crate) layout: Option<Box<Layout>>,
}

impl Value {
    /// A dense value.
    pub(crate) fn dense(buffer: Buffer) -> Value {
        Value { buffer: Shared::new(buffer), layout: None }
    }

    /// The layout, for a tensor of this shape.
    pub(crate) fn layout(&self, shape: &[usize]) -> Layout {
        self.layout.as_ref().map_or_else(|| Layout::dense(shape), |l| (**l).clone())
    }
}

/// A parameter's cell.
pub(crate) struct Parameter {
    /// The serial number of the oldest version.
    pub(crate) serial: u64,
    /// Its bit.
    pub(crate) mask: u64,
    current: Mutex<Option<Tensor>>,
    grad: Mutex<Option<Tensor>>,
    name: OnceLock<Box<str>>,
    at: Place,
    pub(crate) extra: OnceLock<Arc<Extra>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Parameter {
    /// The gradient gathered so far.
    pub(crate) fn grad(&self) -> MutexGuard<'_, Option<Tensor>> {
        locked(&self.grad)
    }
}

/// How a node belongs to a parameter.
pub(crate) enum Link {
    None,
    Cell(Arc<Parameter>),
    Version(Weak<Parameter>),
}

/// A node of the graph. With the count of its owners it is four cache lines long; what walks read
/// comes first.
#[repr(C)]
pub(crate) struct Node {
    /// Scratch of the walk that holds the key: its epoch, and the node's place.
    pub(crate) mark: AtomicU64,
    pub(crate) src: Guarded<Sources>,
    pub(crate) value: Once<Value>,
    pub(crate) op: Op,
    pub(crate) dtype: DType,
    /// Whether a gradient can flow through this node to a parameter or variable.
    tracks: AtomicBool,
    /// Longest chain of nodes without a value below this one.
    pub(crate) depth: u32,
    /// Nodes are numbered in the order in which they were made.
    pub(crate) serial: u64,
    /// A bit for each parameter that gradients can flow to.
    pub(crate) mask: u64,
    pub(crate) shape: Shape,
    /// As `depth`, each node counted once and once more for every 4,096 elements.
    pub(crate) heft: u32,
    /// The two halves of the place where it was recorded.
    foreign: ForeignLine,
    rust: &'static Location<'static>,
    /// The serial number of the node whose derivative this is a part of.
    pub(crate) of: Option<NonZeroU64>,
    pub(crate) link: Link,
    pub(crate) cuts: Cuts,
    pub(crate) name: OnceLock<Box<str>>,
    pub(crate) extra: OnceLock<Arc<Extra>>,
}

// With the count of its owners, four cache lines: what is longer does not fit a block.
const _: () = assert!(size_of::<Node>() + size_of::<usize>() <= 256);

static MADE: AtomicU64 = AtomicU64::new(0);
static PARAMETERS: AtomicU64 = AtomicU64::new(0);

/// The number of nodes that exist in the process, for tests of leaks.
pub fn live_nodes() -> usize {
    let gone = counts::total(Counted::NodesGone);
    (MADE.load(Relaxed) as usize).saturating_sub(gone)
}

/// The number of the next node: nodes made from now on have no smaller one.
pub(crate) fn next_serial() -> u64 {
    MADE.load(Relaxed)
}

impl Node {
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Where it was recorded.
    pub(crate) fn place(&self) -> Place {
        Place { rust: self.rust, foreign: self.foreign }
    }

    pub(crate) fn is_realized(&self) -> bool {
        self.value.get().is_some()
    }

    /// Whether evaluation must compute this node.
    pub(crate) fn is_pending(&self) -> bool {
        !self.is_realized() && !matches!(self.op, Op::Const(_))
    }

    /// Whether a gradient can flow through this node to a parameter or variable.
    #[inline]
    pub(crate) fn tracks(&self) -> bool {
        self.tracks.load(Relaxed)
    }

    /// From now on no gradient flows through this node.
    pub(crate) fn untrack(&self) {
        self.tracks.store(false, Relaxed);
    }

    /// Whether differentiation goes on through this node's sources.
    pub(crate) fn is_inner(&self) -> bool {
        self.tracks() && !matches!(self.op, Op::Version)
    }
}

/// Tears down long chains without recursion: sources that nobody else owns go on a list of their
/// own, their sources moved out before they are dropped in turn.
impl Drop for Node {
    fn drop(&mut self) {
        counts::add(Counted::NodesGone, 1);
        let src = self.src.owned();
        if src.iter().all(|s| Shared::count(&s.0) > 1) {
            return;
        }
        let mut stack = std::mem::take(src);
        while let Some(mut tensor) = stack.pop() {
            if let Some(node) = Shared::get_mut(&mut tensor.0) {
                stack.append(node.src.owned());
            }
        }
    }
}

/// Everything about a new node but its sources' consequences.
pub(crate) struct Draft {
    pub(crate) op: Op,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    pub(crate) tracks: bool,
    pub(crate) cuts: Cuts,
    pub(crate) mask: u64,
    pub(crate) src: Sources,
    pub(crate) value: Once<Value>,
    pub(crate) link: Link,
}

impl Draft {
    pub(crate) fn new(op: Op, dtype: DType, shape: Shape) -> Draft {
        Draft {
            op,
            dtype,
            shape,
            tracks: false,
            cuts: None,
            mask: 0,
            src: Sources::new(),
            value: Once::new(),
            link: Link::None,
        }
    }

    #[track_caller]
    pub(crate) fn build(self) -> Tensor {
        let serial = MADE.fetch_add(1, Relaxed);
        let (mut depth, mut heft, mut mask) = (0, 0, self.mask);
        for s in &self.src {
            mask |= s.0.mask;
            if s.0.is_pending() {
                (depth, heft) = (s.0.depth.max(depth), s.0.heft.max(heft));
            }
        }
        let mask = if self.tracks { mask } else { 0 };
        let size = self.shape.iter().product::<usize>() >> 12;
        let place = mode::location();
        Tensor(Shared::with(move || Node {
            depth: depth.saturating_add(1),
            heft: heft.saturating_add(1).saturating_add(u32::try_from(size).unwrap_or(u32::MAX)),
            op: self.op,
            dtype: self.dtype,
            serial,
            tracks: AtomicBool::new(self.tracks),
            shape: self.shape,
            src: Guarded::new(self.src),
            value: self.value,
            foreign: place.foreign,
            rust: place.rust,
            cuts: self.cuts,
            mask,
            of: mode::deriving(),
            link: self.link,
            name: OnceLock::new(),
            extra: OnceLock::new(),
            mark: AtomicU64::new(0),
        }))
    }
}

/// Records an operation on sources. Shapes and types have been checked.
#[track_caller]
pub(crate) fn record(op: Op, dtype: DType, shape: Shape, src: Sources) -> Tensor {
    debug_assert!(
        op.moves() || !src.iter().any(|x| x.0.dtype.is_narrow()),
        "`{}` of elements that are only stored",
        op.name()
    );
    let mut draft = Draft::new(op, dtype, shape);
    let scope = mode::no_grad_scope();
    let tracked = src.iter().any(|s| s.0.tracks());
    // A call's value is several tensors packed into bytes; its parts are what may be no float.
    let smooth = dtype.is_float() || matches!(draft.op, Op::Call(_));
    draft.tracks = tracked && scope.is_none() && smooth;
    if !draft.tracks {
        draft.cuts = match scope {
            Some(scope) if tracked => cut::new(CutBy::NoGrad, scope, &src),
            _ if tracked => cut::new(CutBy::Discrete, mode::location(), &src),
            _ => cut::inherited(&src),
        };
    }
    if let Op::Linear(linear) = &draft.op
        && linear.is_view()
    {
        let x = &src[0].0;
        if let Op::Const(c) = x.op {
            draft.op = Op::Const(c);
            return draft.build();
        }
        if let Some(value) = x.value.get() {
            let view = view(linear, &value.layout(&x.shape), &draft.shape);
            if let Some(layout) = view {
                let dense = layout.offset == 0 && layout.is_dense();
                let layout = (!dense).then(|| Box::new(layout));
                draft.value = Once::from(Value { buffer: value.buffer.clone(), layout });
                if !draft.tracks {
                    return draft.build();
                }
            }
        }
    }
    if matches!(draft.op, Op::Custom(_))
        && let Some(value) = src[0].0.value.get()
    {
        draft.value = Once::from(value.clone());
        if !draft.tracks {
            return draft.build();
        }
    }
    draft.src = src;
    draft.build()
}

/// The layout of `linear` applied to elements at `x`, if it needs no copy.
pub(crate) fn view(linear: &Linear, x: &Layout, shape: &[usize]) -> Option<Layout> {
    let mut y = Layout { shape: shape.to_vec(), strides: vec![0; shape.len()], offset: x.offset };
    match linear {
        Linear::Reshape => return x.reshape(shape),
        Linear::Permute(order) => {
            for i in 0..shape.len() {
                y.strides[i] = x.strides[order.of(i)];
            }
        }
        Linear::Flip(axes) => {
            y.strides.clone_from(&x.strides);
            for i in (0..shape.len()).filter(|&i| axes.contains(i)) {
                y.offset =
                    (y.offset as isize + (shape[i] as isize - 1).max(0) * x.strides[i]) as usize;
                y.strides[i] = -x.strides[i];
            }
        }
        Linear::Expand(axes) => {
            let kept = (0..shape.len()).filter(|&i| !axes.contains(i));
            for (i, &stride) in kept.zip(&x.strides) {
                y.strides[i] = stride;
            }
        }
        Linear::Slice(windows) => {
            if y.is_empty() {
                return Some(Layout { offset: 0, ..y });
            }
            for (i, w) in windows.iter().enumerate() {
                y.offset = (y.offset as isize + w.start as isize * x.strides[i]) as usize;
                y.strides[i] = x.strides[i] * w.step as isize;
            }
        }
        Linear::Unfold(s) => {
            y.strides[..x.strides.len()].copy_from_slice(&x.strides);
            let stride = x.strides[usize::from(s.axis)];
            y.strides[usize::from(s.axis)] = stride * s.step as isize;
            y.strides[x.strides.len()] = stride * s.dilation as isize;
        }
        _ => return None,
    }
    Some(y)
}

impl Tensor {
    /// A tensor of given numbers.
    #[track_caller]
    pub(crate) fn leaf(buffer: Buffer, dtype: DType, shape: Shape) -> Tensor {
        let mut draft = Draft::new(Op::Leaf, dtype, shape);
        draft.value = Once::from(Value::dense(buffer));
        draft.build()
    }

    /// A tensor with this value, of the shape and type of `like`.
    #[track_caller]
    pub(crate) fn of_value(value: Value, like: &Tensor) -> Tensor {
        let mut draft = Draft::new(Op::Leaf, like.0.dtype, Shape::from_slice(&like.0.shape));
        draft.value = Once::from(value);
        draft.build()
    }

    /// One number everywhere.
    #[track_caller]
    pub(crate) fn constant(c: Scalar, dtype: DType, shape: Shape) -> Tensor {
        Draft::new(Op::Const(c.cast(dtype)), dtype, shape).build()
    }

    /// The number, if this is one number everywhere.
    pub(crate) fn as_constant(&self) -> Option<Scalar> {
        if let Op::Const(c) = self.0.op { Some(c) } else { None }
    }

    /// This tensor as a source: a parameter stands for its current version.
    #[inline]
    pub(crate) fn source(&self) -> Tensor {
        match &self.0.link {
            Link::Cell(p) => locked(&p.current).clone().unwrap_or_else(|| self.clone()),
            _ => self.clone(),
        }
    }

    /// This tensor, or the current version of the parameter that it is a version of.
    pub(crate) fn newest(&self) -> Tensor {
        let Link::Version(parameter) = &self.0.link else { return self.clone() };
        let current = parameter.upgrade().and_then(|p| locked(&p.current).clone());
        current.unwrap_or_else(|| self.clone())
    }

    /// A parameter that holds this tensor's value.
    #[track_caller]
    pub(crate) fn into_parameter(self) -> Tensor {
        let x = self.source();
        let parameter = Arc::new(Parameter {
            serial: next_serial(),
            mask: 1 << (PARAMETERS.fetch_add(1, Relaxed) % 64),
            current: Mutex::new(None),
            grad: Mutex::new(None),
            name: self.0.name.clone(),
            at: mode::location(),
            extra: OnceLock::new(),
        });
        let version = x.version(&parameter);
        *locked(&parameter.current) = Some(version);
        let mut draft = Draft::new(Op::Parameter, x.0.dtype, Shape::from_slice(&x.0.shape));
        draft.tracks = true;
        draft.link = Link::Cell(parameter);
        let handle = draft.build();
        if let Some(name) = self.0.name.get() {
            let _ = handle.0.name.set(name.clone());
        }
        handle
    }

    /// This tensor's value as a version of a parameter.
    #[track_caller]
    fn version(&self, parameter: &Arc<Parameter>) -> Tensor {
        let mut draft = Draft::new(Op::Version, self.0.dtype, Shape::from_slice(&self.0.shape));
        draft.tracks = true;
        draft.mask = parameter.mask;
        draft.link = Link::Version(Arc::downgrade(parameter));
        match self.0.value.get() {
            Some(value) => draft.value = Once::from(value.clone()),
            None => draft.src.push(self.clone()),
        }
        draft.build()
    }

    /// The cell of a parameter.
    pub(crate) fn cell(&self) -> Option<&Arc<Parameter>> {
        if let Link::Cell(p) = &self.0.link { Some(p) } else { None }
    }

    /// Makes `new` the parameter's value.
    #[track_caller]
    pub(crate) fn set_version(&self, parameter: &Arc<Parameter>, new: &Tensor) {
        let version = new.source().version(parameter);
        let old = locked(&parameter.current).replace(version);
        drop(old); // after the lock is released
    }

    /// The same value, cut from the graph for gradients.
    #[track_caller]
    pub(crate) fn cut_off(&self) -> Tensor {
        let x = self.source();
        if let Some(c) = x.as_constant() {
            return Tensor::constant(c, x.0.dtype, Shape::from_slice(&x.0.shape));
        }
        let mut draft = Draft::new(Op::Detach, x.0.dtype, Shape::from_slice(&x.0.shape));
        let one = std::slice::from_ref(&x);
        draft.cuts = if x.0.tracks() {
            cut::new(CutBy::Detach, mode::location(), one)
        } else {
            cut::inherited(one)
        };
        match x.0.value.get() {
            Some(value) => draft.value = Once::from(value.clone()),
            None => draft.src.push(x),
        }
        draft.build()
    }

    /// Names the tensor; the first name stays.
    pub(crate) fn set_name(&self, name: &str) {
        let _ = self.0.name.set(name.into());
        if let Link::Cell(parameter) = &self.0.link {
            let _ = parameter.name.set(name.into());
        }
    }

    /// The parameter that this is, or is a version of.
    fn parameter(&self) -> Option<Arc<Parameter>> {
        match &self.0.link {
            Link::None => None,
            Link::Cell(parameter) => Some(parameter.clone()),
            Link::Version(parameter) => parameter.upgrade(),
        }
    }

    /// The name given by the user to this tensor, or to the parameter that it is a version of.
    pub(crate) fn given_name(&self) -> Option<String> {
        let parameter = self.parameter();
        let name = parameter.as_ref().map_or(self.0.name.get(), |p| p.name.get());
        name.map(|name| String::from(&**name))
    }

    /// How an error shows this tensor.
    pub(crate) fn operand(&self, role: &'static str) -> Operand {
        let node = &self.0;
        let parameter = self.parameter();
        let name = parameter.as_ref().map_or(node.name.get(), |p| p.name.get());
        let what = match (name, &node.op) {
            (Some(name), Op::Parameter | Op::Version) => format!("parameter {name:?}"),
            (Some(name), Op::Variable) => format!("argument {name:?}"),
            (Some(name), _) => format!("{name:?}"),
            (None, Op::Parameter | Op::Version) => "a parameter".into(),
            (None, Op::Leaf) => "given data".into(),
            (None, Op::Variable) => "argument of the function".into(),
            (None, Op::Const(c)) => format!("filled with {}", c.to_f64()),
            (None, op) => format!("result of `{}`", op.name()),
        };
        let at = parameter.map_or(node.place(), |p| p.at);
        Operand { role, fact: format!("{:?}", node.shape.as_slice()), what, at: Some(at) }
    }
}
