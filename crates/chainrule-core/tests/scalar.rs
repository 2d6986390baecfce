//! Numbers with derivatives: every operation, in every mode, to third order.

use chainrule_core::Real;
use chainrule_core::op::{Binary, Cmp, Unary};
use chainrule_core::scalar::{
    Dual, Number, ScalarFn, Tape, Taylor, Var, derivative, derivatives, gradient, gradient_forward,
    hessian, hvp, jacobian, jacobian_forward, scalar_fn, value_and_gradient,
};

type Third = Dual<1, Dual<1, Dual<1>>>;

/// Equal up to a relative error, or both not a number, or the same infinity.
#[track_caller]
fn close(what: &str, x: f64, y: f64, tolerance: f64) {
    let same = x == y || (x.is_nan() && y.is_nan());
    assert!(same || (x - y).abs() <= tolerance * (1.0 + y.abs()), "{what}: {x} and {y}");
}

/// A function of one variable in each of the numbers under test.
trait Program {
    fn number(&self, x: f64) -> f64;
    fn dual(&self, x: Dual<1>) -> Dual<1>;
    fn third(&self, x: Third) -> Third;
    fn taylor(&self, x: Taylor<3>) -> Taylor<3>;
    fn var<'t>(&self, x: Var<'t>) -> Var<'t>;
    fn over<'t>(&self, x: Var<'t, Dual<1, Dual<1>>>) -> Var<'t, Dual<1, Dual<1>>>;
}

macro_rules! program {
    ($self:ident, $x:ident => $y:expr) => {
        program! { @ $self $x $y;
            number f64, dual Dual<1>, third Third, taylor Taylor<3>
        }
        fn var<'t>(&$self, $x: Var<'t>) -> Var<'t> { $y }
        fn over<'t>(&$self, $x: Var<'t, Dual<1, Dual<1>>>) -> Var<'t, Dual<1, Dual<1>>> { $y }
    };
    (@ $self:ident $x:ident $y:expr; number $A:ty, dual $B:ty, third $C:ty, taylor $D:ty) => {
        fn number(&$self, $x: $A) -> $A { $y }
        fn dual(&$self, $x: $B) -> $B { $y }
        fn third(&$self, $x: $C) -> $C { $y }
        fn taylor(&$self, $x: $D) -> $D { $y }
    };
}
/// The operation as functions of one variable, with the points at which they are proven: of two
/// arguments with either one, or both, varying.
fn each_function(mut check: impl FnMut(&str, f64, &dyn Program)) {
    struct One(Unary);
    impl Program for One {
        program! { self, x => x.map(self.0) }
    }
    struct Two(Binary, f64, f64, f64, f64);
    impl Program for Two {
        program! { self, t => {
            let (x, y) = (t * self.1 + self.2, t * self.3 + self.4);
            x.zip(self.0, &y)
        } }
    }
    for &op in Unary::ALL {
        for &x in op.samples() {
            check(op.name(), x, &One(op));
        }
    }
    for &op in Binary::ALL {
        for &(x, y) in op.samples() {
            check(op.name(), y, &Two(op, 0.0, x, 1.0, 0.0));
            if op.smooth_in_x() {
                check(op.name(), x, &Two(op, 1.0, 0.0, 0.0, y));
                check(op.name(), 0.0, &Two(op, 1.0, x, -0.7, y));
            }
        }
    }
}

/// The variable of three nested derivatives.
fn third(x: f64) -> Third {
    let second = Dual { primal: Dual::variable(x, 0), tangent: [Dual::from(1.0)] };
    Dual { primal: second, tangent: [Dual::constant(Dual::from(1.0))] }
}

#[test]
fn forward_and_reverse_agree_with_the_rule_and_with_differences() {
    each_function(|name, x, f| {
        let dual = f.dual(Dual::variable(x, 0));
        assert_eq!(dual.primal.to_bits(), f.number(x).to_bits(), "{name} at {x}");
        let (y, g) = value_and_gradient(|x| f.var(x[0]), &[x]);
        assert_eq!(y.to_bits(), f.number(x).to_bits(), "{name} at {x}");
        close(name, g[0], dual.tangent[0], 1e-15);
        // Differences of fourth order with steps of 1e-3: truncation below 1e-9 at the samples.
        let step = 1e-3 * (1.0 + x.abs());
        let d = |h: f64| (f.number(x + h) - f.number(x - h)) / (2.0 * h);
        let difference = (4.0 * d(step / 2.0) - d(step)) / 3.0;
        close(name, dual.tangent[0], difference, 2e-7);
    });
    for &op in Unary::ALL {
        for &x in op.samples() {
            let d = derivative(|x| x.map(op), x);
            assert_eq!(d.to_bits(), op.d(x, op.f(x)).to_bits(), "{} at {x}", op.name());
        }
    }
}

#[test]
fn third_derivatives_agree_in_all_modes() {
    each_function(|name, x, f| {
        let nested = f.third(third(x));
        let of = [
            nested.primal.primal.primal,
            nested.primal.primal.tangent[0],
            nested.primal.tangent[0].tangent[0],
            nested.tangent[0].tangent[0].tangent[0],
        ];
        let series = f.taylor(Taylor::variable(x)).derivatives();
        let reverse = gradient(|x| f.over(x[0]), &[third(x).primal])[0];
        let reverse =
            [reverse.primal.primal, reverse.primal.tangent[0], reverse.tangent[0].tangent[0]];
        for k in 0..4 {
            close(&format!("{name} at {x}, order {k}, series"), series[k], of[k], 1e-11);
            if k > 0 {
                close(&format!("{name} at {x}, order {k}, reverse"), reverse[k - 1], of[k], 1e-12);
            }
        }
    });
}

#[test]
fn methods_and_operators_are_the_operations() {
    let (x, y) = (Dual::<2>::variable(1.3, 0), Dual::<2>::variable(0.4, 1));
    let same = |a: Dual<2>, op: Binary| {
        let b = x.zip(op, &y);
        assert_eq!((a.primal, a.tangent), (b.primal, b.tangent), "{}", op.name());
    };
    same(x + y, Binary::Add);
    same(x - y, Binary::Sub);
    same(x * y, Binary::Mul);
    same(x / y, Binary::Div);
    same(x.pow(&y), Binary::Pow);
    same(x.fmod(&y), Binary::Rem);
    same(x.maximum(&y), Binary::Maximum);
    same(x.atan2(&y), Binary::Atan2);
    assert_eq!((-x).tangent, [-1.0, 0.0]);
    assert_eq!((2.0 / x).tangent, (Dual::from(2.0) / x).tangent);
    assert_eq!((x / 2.0).tangent, [0.5, 0.0]);
    let mut z = x;
    z += y;
    z *= 2.0;
    z -= 1.0;
    z /= y;
    close("assignments", z.primal, 6.0, 1e-15);
    assert_eq!([x, y].into_iter().sum::<Dual<2>>().tangent, [1.0, 1.0]);
    assert!(x > y && x > 1.0 && y <= 0.4 && x != y);
}

#[test]
fn powers() {
    for n in -4..=6 {
        let power = |x: f64| derivatives::<3>(|x| x.powi(n), x);
        let n = f64::from(n);
        for x in [-1.5, 0.8, 2.0] {
            let of: f64 = power(x)[1];
            close("powi", of, n * x.powf(n - 1.0), 1e-13);
            close("powi", power(x)[3], n * (n - 1.0) * (n - 2.0) * x.powf(n - 3.0), 1e-12);
        }
    }
    assert_eq!(derivative(|x| x.powi(i32::MIN), 1.0), f64::from(i32::MIN));
    close("powf", derivative(|x| x.powf(2.5), 4.0), 20.0, 1e-14);
    close("a negative base", derivative(|x| x.powf(3.0), -2.0), 12.0, 1e-14);
}

#[test]
fn series_divide_and_multiply_as_the_rules_say() {
    let (x, y) = (Taylor::<6>::variable(1.3).exp(), Taylor::<6>::variable(1.3).cos() + 2.0);
    for (operator, op) in [(x * y, Binary::Mul), (x + y, Binary::Add), (x - y, Binary::Sub)] {
        let rule = x.zip(op, &y);
        for k in 0..=6 {
            close(op.name(), operator.coefficient(k), rule.coefficient(k), 1e-14);
        }
    }
    let back = x / y * y;
    for k in 0..=6 {
        close("x / y * y", back.coefficient(k), x.coefficient(k), 1e-14);
    }
    // 1/(1 − t) = Σ tᵏ, and the twelfth derivatives of sine and cosine are themselves.
    let geometric = derivatives::<12>(|t| 1.0 / (1.0 - t), 0.0);
    assert_eq!(geometric[12], 479_001_600.0);
    let sine = derivatives::<12>(|t| t.sin(), 0.3);
    close("sine", sine[12], sine[0], 1e-13);
    assert_eq!(derivatives::<0>(|t| t.sin(), 0.0), [0.0]);
}

#[test]
fn a_zero_tangent_stays_zero_and_a_branch_not_taken_leaks_nothing() {
    // √0 does not depend on x; what is multiplied by 0 or not used has no part in the gradient.
    fn idle<R: Number>(x: &[R]) -> R {
        let _unused = x[1].sqrt();
        x[0] + x[0].lit(0.0).sqrt() + x[1].sqrt() * 0.0
    }
    assert_eq!(gradient(|x| idle(x), &[1.0, 2.0]), [1.0, 0.0]);
    assert_eq!(derivative(|x| x + x.lit(0.0).sqrt(), 1.0), 1.0);
    assert_eq!(derivatives::<2>(|x| x + x.lit(0.0).sqrt() / 2.0, 1.0), [1.0, 1.0, 0.0]);
    // The root of a negative number is NaN; where it is not picked, it does not matter.
    let safe = scalar_fn!(|x| x[0].pick(Cmp::Gt, &x[0].lit(0.0), &x[0].sqrt(), &(x[0] * 3.0)));
    for x in [-1.0, 0.0] {
        assert_eq!((safe.gradient(&[x]), safe.gradient_forward(&[x])), (vec![3.0], vec![3.0]));
        assert_eq!(safe.hessian(&[x]), [[0.0]]);
    }
    // Ties share, and kinks have the derivative of the rule.
    assert_eq!(gradient(|x| x[0].maximum(&x[1]), &[2.0, 2.0]), [0.5, 0.5]);
    assert_eq!(gradient(|x| x[0].abs() + x[0].relu(), &[0.0]), [0.0]);
}

/// Loops and branches that depend on the numbers: the Collatz map, smoothed.
fn collatz<R: Number>(x: &[R]) -> R {
    let (mut x, mut total, mut rounds) = (x[0], x[1] * 0.0, 0);
    while x > 1.5 && rounds < 60 {
        total += x.ln() * x.sin();
        x = if x.value() as i64 % 2 == 0 { x / 2.0 } else { (x * 3.0 + 1.0) / x.atan().exp() };
        rounds += 1;
    }
    total * x
}

#[test]
fn loops_and_branches() {
    let f = scalar_fn!(collatz);
    for x in [7.3, 12.9, 27.1] {
        let x = [x, 1.0];
        let (y, g) = f.value_and_gradient(&x);
        assert_eq!(y, f.call(&x[..]));
        close("reverse and forward", g[0], f.gradient_forward(&x)[0], 1e-12);
        let h = 1e-7;
        let difference = (f.call(&[x[0] + h, 1.0]) - f.call(&[x[0] - h, 1.0])) / (2.0 * h);
        close("differences", g[0], difference, 1e-6);
        let curvature = derivatives::<2>(|t| collatz(&[t, Taylor::constant(1.0)]), x[0])[2];
        close("second order", f.hessian(&x)[0][0], curvature, 1e-11);
    }
}

/// Many variables that depend on each other, so that the tape is used.
fn chain<R: Number>(x: &[R]) -> R {
    let mut y = x.to_vec();
    for round in 0..5 {
        for i in 0..y.len() {
            let (a, b) = (y[(i + 1) % x.len()], y[(i + 2 + round) % x.len()]);
            y[i] = (y[i] * a + b.sin()) / (a * a + 1.0) + y[i] * b * 0.1;
        }
    }
    y.into_iter().sum()
}

#[test]
fn gradients_jacobians_and_hessians_agree() {
    let f = scalar_fn!(chain);
    let x: Vec<f64> = (0..11).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let (reverse, forward) = (f.gradient(&x), f.gradient_forward(&x));
    let h = f.hessian(&x);
    let v: Vec<f64> = (0..11).map(|i| (f64::from(i) * 1.3).cos()).collect();
    let product = f.hvp(&x, &v);
    for i in 0..11 {
        close("gradients", reverse[i], forward[i], 1e-13);
        close("hvp", product[i], (0..11).map(|j| h[i][j] * v[j]).sum(), 1e-12);
        for (j, row) in h.iter().enumerate() {
            close("symmetry", h[i][j], row[i], 1e-12);
        }
    }
    // Reverse over reverse: the gradient of one component of the gradient.
    let row = gradient(|x| f.gradient(x)[3], &x);
    (0..11).for_each(|j| close("reverse over reverse", row[j], h[3][j], 1e-12));
    fn outputs<R: Number>(x: &[R]) -> Vec<R> {
        vec![chain(x), x[0] * x[1], R::from(2.0), chain(&x[2..8])]
    }
    let (a, b) = (jacobian(|x| outputs(x), &x), jacobian_forward(outputs, &x));
    assert_eq!((a.len(), b.len()), (4, 4));
    for (i, row) in a.iter().enumerate() {
        (0..11).for_each(|j| close("jacobians", row[j], b[i][j], 1e-13));
    }
    assert_eq!(gradient_forward(|_| 1.0.into(), &[0.0; 0]), [0.0; 0]);
    assert_eq!(hvp(|x| x[0] * x[1], &[2.0, 3.0], &[1.0, 0.0]), [0.0, 1.0]);
    assert_eq!(hessian(|x| x[0] * x[1], &[2.0, 3.0]), [[0.0, 1.0], [1.0, 0.0]]);
}

#[test]
fn a_statement_takes_at_most_56_bytes() {
    const { assert!(Tape::<f64>::BYTES <= 56) };
    // The statements of one round of `chain` on three variables are no more than its operations.
    let tape = Tape::<f64>::new();
    let x: Vec<_> = (0..3).map(|i| tape.var(f64::from(i))).collect();
    chain(&x);
    assert!(tape.len() <= 3 + 5 * 3 * 10 + 3, "{} statements", tape.len());
}

#[test]
fn a_tape_is_used_again_without_new_memory() {
    let mut tape = Tape::new();
    let x: Vec<f64> = (0..50).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let (y, g) = tape.value_and_gradient(|x| chain(x), &x);
    let (statements, memory) = (tape.len(), tape.capacity());
    assert!(statements > 250 && memory >= statements);
    for _ in 0..10 {
        assert_eq!(tape.value_and_gradient(|x| chain(x), &x), (y, g.clone()));
        assert_eq!((tape.len(), tape.capacity()), (statements, memory));
    }
    tape.reset();
    assert!(tape.is_empty() && tape.capacity() == memory);
    let roomy = Tape::<f64>::with_capacity(1000);
    assert!(roomy.capacity() >= 1000 && roomy.is_empty());
}

#[test]
fn a_loop_of_a_million_steps() {
    fn steps<R: Number>(x: &[R]) -> R {
        (0..1_000_000).fold(x[0], |x, _| x * 0.999_999 + x.sin() * 1e-6)
    }
    // With c = 0.999999 and s = 1e-6, dx₁/dx = c + s cos x, and a product over the steps.
    let (mut x, mut slope) = (0.5_f64, 1.0);
    for _ in 0..1_000_000 {
        slope *= 0.999_999 + 1e-6 * Real::cos(&x);
        x = x * 0.999_999 + Real::sin(&x) * 1e-6;
    }
    let mut tape = Tape::new();
    let (y, g) = tape.value_and_gradient(|x| steps(x), &[0.5]);
    assert_eq!(y, x);
    close("the slope", g[0], slope, 1e-9);
    assert_eq!(tape.len(), 1, "a loop over one variable records nothing");
    // Over three variables it does.
    fn three<R: Number>(x: &[R]) -> R {
        let (mut a, mut b) = (x[0], x[1]);
        for _ in 0..1_000_000 {
            b -= a * x[2];
            a += b * x[2];
        }
        a
    }
    let x = [1.0, 0.0, 1e-6];
    let (g, d) = (tape.value_and_gradient(|x| three(x), &x).1, gradient_forward(three, &x));
    (0..3).for_each(|i| close("three variables", g[i], d[i], 1e-9));
    assert!(tape.len() <= 4_000_003, "{} statements", tape.len());
}

#[test]
#[should_panic(expected = "derivatives are taken by variables of the tape")]
fn derivatives_are_taken_by_variables() {
    let tape = Tape::new();
    let x = tape.var(2.0);
    (x * x).gradient(&[x * 3.0], &mut [0.0]);
}

#[test]
#[should_panic(expected = "two variables of different tapes")]
fn tapes_do_not_mix() {
    let (outer, inner) = (Tape::<f64>::new(), Tape::<f64>::new());
    let _ = outer.var(2.0) * inner.var(3.0);
}
