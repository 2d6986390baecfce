//! The operations as data.
//!
//! Formulas and derivatives are not written here: a rule is run on formulas instead of numbers, and
//! what it computes is printed. Values and slopes at sample points come from the same functions
//! that tensors run, and are compared with differences of values.

use chainrule::Real;
use chainrule::formula::{Expr, Formula, Function, Node, Span};
use chainrule::op::{Axes, Binary, Linear, Order, Unary, Window};
use chainrule::symbolic::Term;
use chainrule::{Tensor, grad};

use crate::check::derivative;

/// A point, and what is found there.
pub(super) struct Sample {
    pub(super) at: Vec<f64>,
    pub(super) value: f64,
    /// The derivatives by reverse mode.
    pub(super) slopes: Vec<f64>,
    /// Whether differences of values agree with them.
    pub(super) agrees: bool,
}

/// A point without a derivative, and what stands for it.
pub(super) struct Kink {
    pub(super) at: Vec<f64>,
    pub(super) slopes: Vec<f64>,
}

/// An operation.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) family: Family,
    pub(super) latex: String,
    pub(super) pretty: String,
    /// Each with its name, as LaTeX and as text.
    pub(super) partials: Vec<(String, String, String)>,
    pub(super) domain: Option<(f64, f64)>,
    pub(super) kinks: Vec<Kink>,
    pub(super) samples: Vec<Sample>,
    /// The adjoint of a linear operation, or what there is to say.
    pub(super) note: String,
}

/// What an operation is a function of.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Family {
    One,
    Two,
    Linear,
    Other,
}

impl Family {
    pub(super) const ALL: [Family; 4] = [Family::One, Family::Two, Family::Linear, Family::Other];

    pub(super) fn title(self) -> &'static str {
        match self {
            Family::One => "Functions of one number",
            Family::Two => "Functions of two numbers",
            Family::Linear => "Linear operations",
            Family::Other => "Others",
        }
    }
}

/// How far to both sides of a point values and slopes are looked at, and what counts as a jump.
const NEAR: f64 = 1e-6;
const JUMP: f64 = 0.1;

/// Whether a value or a slope jumps at 0 of `f`, which gives both; it has to be defined there.
fn jumps(f: impl Fn(f64) -> (f64, f64)) -> bool {
    let ((low, low_slope), (high, high_slope)) = (f(-NEAR), f(NEAR));
    let apart = |a: f64, b: f64| (a - b).abs().is_finite() && (a - b).abs() > JUMP;
    f(0.0).0.is_finite() && (apart(low, high) || apart(low_slope, high_slope))
}

/// A point where a function of one argument jumps or has no derivative. Nobody lists them: the
/// function and its rule are asked on both sides of the halves from 0 to 1.
fn kinks(op: Unary) -> Option<f64> {
    let at = |&x: &f64| jumps(|h| (op.f(x + h), op.d(x + h, op.f(x + h))));
    [0.0, 0.5, 1.0].into_iter().find(at)
}

/// The same for two arguments, along each of them. Where the rule has no number there is nothing
/// to say.
fn kinks2(op: Binary) -> Option<(f64, f64)> {
    let at = |&(x, y): &(f64, f64)| {
        let value = |x: f64, y: f64| op.f(x, y);
        let by_x = |h: f64| (value(x + h, y), op.dx(x + h, y, value(x + h, y)));
        let by_y = |h: f64| (value(x, y + h), op.dy(x, y + h, value(x, y + h)));
        let z = value(x, y);
        let is_number = !op.dx(x, y, z).is_nan() && !op.dy(x, y, z).is_nan();
        is_number && (op.smooth_in_x() && jumps(by_x) || jumps(by_y))
    };
    [(1.0, 1.0), (2.0, 1.0), (0.0, 0.0)].into_iter().find(at)
}

/// The operations, by family.
pub(super) fn all() -> Vec<Operation> {
    let one = Unary::ALL.iter().map(|&op| unary(op));
    let two = Binary::ALL.iter().map(|&op| binary(op));
    one.chain(two).chain(linear()).chain(others()).collect()
}

fn unary(op: Unary) -> Operation {
    let x = Term::symbol("x");
    let slope = op.d(x.clone(), x.map(op)).to_node();
    let call = Node::new(Expr::Call(Function::Map(op), vec![x.to_node()]), Span::default());
    let kink = |&x: &f64| Kink { at: vec![x], slopes: vec![op.d(x, op.f(x))] };
    let (low, high) = op.domain();
    Operation {
        name: op.name(),
        family: Family::One,
        latex: op.tex().replace('#', "x"),
        pretty: call.pretty(),
        partials: vec![("dy/dx".into(), slope.to_latex(), slope.pretty())],
        domain: Some((low, high)),
        kinks: kinks(op).iter().map(kink).collect(),
        samples: op.samples().iter().map(|&x| sample(&call, &["x"], &[x], 0)).collect(),
        note: String::new(),
    }
}

fn binary(op: Binary) -> Operation {
    let (x, y) = (Term::symbol("x"), Term::symbol("y"));
    let z = x.zip(op, &y);
    let arguments = vec![x.to_node(), y.to_node()];
    let call = Node::new(Expr::Call(Function::Zip(op), arguments), Span::default());
    let mut partials = vec![];
    let by_x = op.dx(x.clone(), y.clone(), z.clone()).to_node();
    if op.smooth_in_x() {
        partials.push(("∂z/∂x".to_string(), by_x.to_latex(), by_x.pretty()));
    }
    let by_y = op.dy(x, y, z).to_node();
    partials.push(("∂z/∂y".to_string(), by_y.to_latex(), by_y.pretty()));
    let kink = |&(x, y): &(f64, f64)| {
        let z = op.f(x, y);
        Kink { at: vec![x, y], slopes: vec![op.dx(x, y, z), op.dy(x, y, z)] }
    };
    let names: &[&str] = &["x", "y"];
    let first = usize::from(!op.smooth_in_x());
    let samples = op.samples().iter().map(|&(x, y)| sample(&call, names, &[x, y], first));
    Operation {
        name: op.name(),
        family: Family::Two,
        latex: op.tex().replace('#', "x").replace('@', "y"),
        pretty: call.pretty(),
        partials,
        domain: None,
        kinks: kinks2(op).iter().map(kink).collect(),
        samples: samples.collect(),
        note: if op.smooth_in_x() { String::new() } else { "no derivative by x".into() },
    }
}

/// Value and slopes by reverse mode, beside differences; by the arguments from `first` on.
fn sample(call: &Node, names: &[&str], at: &[f64], first: usize) -> Sample {
    let f = Formula::from_node(call.clone());
    let value = |x: &[f64]| {
        let at: Vec<(&str, f64)> = names.iter().copied().zip(x.iter().copied()).collect();
        f.value(&at).unwrap_or(f64::NAN)
    };
    let leaf = |(i, &x): (usize, &f64)| match i >= first {
        true => Tensor::from(x).requires_grad(),
        false => Tensor::from(x),
    };
    let leaves: Vec<Tensor> = at.iter().enumerate().map(leaf).collect();
    let tensors: Vec<(&str, &Tensor)> = names.iter().copied().zip(&leaves).collect();
    let slope = |x: &Tensor| {
        let y = f.eval(&tensors).ok()?;
        grad(&y, &[x]).ok()?.remove(0).item::<f64>().ok()
    };
    let slopes: Vec<f64> = leaves[first..].iter().map(|x| slope(x).unwrap_or(f64::NAN)).collect();
    let agrees = slopes.iter().zip(first..).all(|(&slope, i)| {
        let estimate = derivative(&value, at, &[i]);
        estimate.error(slope) < 1e-6 || estimate.allows(slope)
    });
    Sample { at: at.to_vec(), value: value(at), slopes, agrees }
}

fn linear() -> Vec<Operation> {
    let windows = || vec![Window { start: 0, step: 1 }].into_boxed_slice();
    let list = [
        (Linear::Reshape, "the same elements in another shape"),
        (Linear::Permute(Order::new([0])), "axes in another order"),
        (Linear::Flip(Axes(1)), "axes backwards"),
        (Linear::Expand(Axes(1)), "copies along new axes"),
        (Linear::Sum(Axes(1)), "sums over axes"),
        (Linear::Slice(windows()), "a window of each axis"),
        (Linear::Pad(windows()), "a window among zeros"),
        (Linear::Gather(0), "elements by index"),
        (Linear::ScatterAdd(0), "elements added at an index"),
        (Linear::Cumsum(0, false), "running sums"),
        (Linear::Cast, "another element type"),
    ];
    let row = |(op, what): (Linear, &str)| {
        let adjoint = op.adjoint(1);
        let how = match op {
            Linear::Cumsum(..) => " from the other end",
            Linear::Permute(_) => " with the inverse order",
            _ => "",
        };
        plain(op.name(), Family::Linear, what, &format!("adjoint: {}{how}", adjoint.name()))
    };
    list.into_iter().map(row).collect()
}

fn others() -> Vec<Operation> {
    let list = [
        ("matmul", "A B", "bilinear: ∂A is G Bᵀ, ∂B is Aᵀ G"),
        ("where", "{x if c; y otherwise}", "the gradient goes to what was taken, masked"),
        ("max, min", "extrema along axes", "equal extrema share the gradient"),
        ("cat", "tensors side by side", "slices of the gradient"),
        ("detach", "x", "cut from the graph: derivative 0"),
        ("eq, ne, lt, le, gt, ge", "comparisons", "truth values have no derivative"),
        ("logical_and, logical_or, logical_xor", "of truth values", "no derivative"),
        ("argmax, argmin, argsort", "indices", "integers have no derivative"),
        ("full, arange", "numbers", "constants"),
    ];
    list.into_iter().map(|(name, what, note)| plain(name, Family::Other, what, note)).collect()
}

fn plain(name: &'static str, family: Family, what: &str, note: &str) -> Operation {
    Operation {
        name,
        family,
        latex: String::new(),
        pretty: what.into(),
        partials: vec![],
        domain: None,
        kinks: vec![],
        samples: vec![],
        note: note.into(),
    }
}
