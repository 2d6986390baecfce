//! Functions of functions that cannot be.

use chainrule::{
    Function, Program, Tensor, checkpoint, cond, derivatives, detect_anomaly, explain, fori_loop,
    gradient, hvp, jacobian, jvp, scan, value_and_grad, vjp, vmap, while_loop,
};
use insta::assert_snapshot;

use crate::fails;

fn point() -> Tensor {
    Tensor::from([1.0, 2.0, 3.0]).named("x")
}

#[test]
fn gradients_of_several_numbers() {
    let x = point();
    assert_snapshot!(fails!(value_and_grad(|x: &Tensor| x.exp(), &x)), @"
    error: `value_and_grad` needs a function that gives one number    here
      result   [3]   result of `exp`   made at `exp()`
      hint: end it with `.sum()` or `.mean()`; for several results use `jacobian` or `vjp`
    ");
    assert_snapshot!(fails!(gradient(|x: &Tensor| x.argmax(), &x)), @"
    error: `gradient` of a function that gives int64                  here
      result   []   result of `argmax`   made at `argmax()`
      hint: only floating-point numbers have derivatives
    ");
    assert_snapshot!(fails!(derivatives(|x: &Tensor| x.sum(), &x, 2)), @r#"
    error: `derivatives` needs a function that works element by element  here
      argument   [3]   "x"               made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      result      []   result of `sum`   made at `sum()`
      hint: for functions of several numbers use `jacobian` and `hessian`
    "#);
    assert_snapshot!(fails!(jacobian(|x: &Tensor| x.gt(0.0), &x)), @"
    error: `jacobian` of a function that gives bool                   here
      result   [3]   result of `gt`   made at `gt(0.0)`
      hint: only floating-point numbers have derivatives
    ");
}

#[test]
fn slopes_of_another_shape() {
    let x = point();
    let v = Tensor::from([1.0, 0.0]);
    assert_snapshot!(fails!(jvp(|x: &Tensor| x.exp(), &x, &v)), @r#"
    error: the tangent given to `jvp` has another shape than its tensor  here
      tensor    [3]   "x"          made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      tangent   [2]   given data   made at `Tensor::from([1.0, 0.0])`
      hint: give one number per element: `.expand` it, or start from `.zeros_like()`
    "#);
    assert_snapshot!(fails!(hvp(|x: &Tensor| x.sum(), &x, &v)), @r#"
    error: the direction given to `hvp` has another shape than its tensor  here
      tensor      [3]   "x"          made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      direction   [2]   given data   made at `Tensor::from([1.0, 0.0])`
      hint: give one number per element: `.expand` it, or start from `.zeros_like()`
    "#);
    let (_, pull) = vjp(|x: &Tensor| x.exp(), &x).unwrap();
    assert_snapshot!(fails!(pull.apply(&v)), @"
    error: the cotangent given to `vjp` has another shape than its tensor  here
      tensor      [3]   argument of the function   made at `vjp(|x: &Tensor| x.exp(), &x).unwrap()`
      cotangent   [2]   given data                 made at `Tensor::from([1.0, 0.0])`
      hint: give one number per element: `.expand` it, or start from `.zeros_like()`
    ");
}

#[test]
fn numbers_that_are_not_known() {
    let x = point();
    let f = |x: &Tensor| x.item::<f64>().map(|v| x * v);
    let line = line!() - 1;
    assert_snapshot!(fails!(at line, vmap(f, &x)), @"
    error: a number was asked for that is not known yet               here
      variable   []   argument of the function   made at `vmap(f, &x)`
      hint: inside `vmap`, `Program::trace` and bodies of loops, tensors stand for any number:
            choose with `where_` or `cond` instead of `item`, `to_vec` and `if`; a tensor kept
            from there stays unknown
    ");
    let choose =
        |x: &Tensor| if x.max().item::<f64>()? > 0.0 { Ok(x.exp()) } else { Ok(x.clone()) };
    let line = line!() - 1;
    assert_snapshot!(fails!(at line, Program::trace(choose, &x)), @"
    error: a number was asked for that is not known yet               here
      variable   [3]   argument of the function   made at `Program::trace(choose, &x)`
      hint: inside `vmap`, `Program::trace` and bodies of loops, tensors stand for any number:
            choose with `where_` or `cond` instead of `item`, `to_vec` and `if`; a tensor kept
            from there stays unknown
    ");
    let mut kept = None;
    let f = |x: &Tensor| kept.insert(x.clone()).exp();
    vmap(f, &x).unwrap();
    let kept = kept.unwrap();
    assert_snapshot!(fails!(kept.item::<f64>()), @"
    error: a number was asked for that is not known yet               here
      variable   []   argument of the function   made at `vmap(f, &x).unwrap()`
      hint: inside `vmap`, `Program::trace` and bodies of loops, tensors stand for any number:
            choose with `where_` or `cond` instead of `item`, `to_vec` and `if`; a tensor kept
            from there stays unknown
    ");
}

#[test]
fn batches_that_do_not_fit() {
    let x = point();
    let pair = (x.clone(), Tensor::from([1.0, 2.0]));
    assert_snapshot!(fails!(vmap(|(a, b): &(Tensor, Tensor)| a * b, &pair)), @r#"
    error: `vmap` goes along first axes of different lengths          here
      first   [3]   "x"          made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      other   [2]   given data   made at `Tensor::from([1.0, 2.0])`
      hint: all first axes must be equally long; let the closure capture the others
    "#);
    assert_snapshot!(fails!(vmap(|x: &Tensor| x.exp(), &Tensor::from(1.0))), @"
    error: `vmap` goes along the first axis of each tensor, but one has none  here
      tensor   []   given data   made at `Tensor::from(1.0)`
      hint: let the closure capture what all elements share, or `.unsqueeze(0)` it
    ");
    assert_snapshot!(fails!(vmap(|(): &()| Tensor::from(1.0), &())), @"
    error: `vmap` over no tensors                                     here
      hint: give at least one tensor with a first axis to go along
    ");
}

#[test]
fn loops_whose_state_changes() {
    let x = point();
    assert_snapshot!(fails!(fori_loop(3, |_: &Tensor, c: &Tensor| c.sum(), &x)), @r#"
    error: the state of a loop begins as float64 [3] and the body makes it float64 []  here
      begins   [3]   "x"   made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      hint: a state keeps its shape and element type: `.expand` or `.to_dtype` the first one, or
            stack what grows as a result of each step
    "#);
    let two = |c: &Vec<Tensor>, _: &Tensor| (vec![c[0].clone(), c[0].clone()], ());
    assert_snapshot!(fails!(scan(two, &vec![x.clone()], &x)), @"
    error: a loop begins with 1 tensor in its state and its body gives 2  here
      hint: the body gives a state of the form that it is given
    ");
    let test = |c: &Tensor| c.gt(0.0);
    assert_snapshot!(fails!(while_loop(test, |c: &Tensor| c - 1.0, &x)), @"
    error: `while_loop` on a test with 3 elements                     here
      test   [3]   result of `gt`   made at `gt(0.0)`
      hint: reduce it with `.min()` (all) or `.max()` (any)
    ");
    assert_snapshot!(fails!(cond(&x.gt(0.0), |x: &Tensor| x.exp(), |x: &Tensor| -x, &x)), @"
    error: `cond` on a test with 3 elements                           here
      test   [3]   result of `gt`   made at `gt(0.0)`
      hint: reduce it with `.min()` (all) or `.max()` (any), or choose with `where_`
    ");
}

#[test]
fn programs_of_other_shapes() {
    let program = Program::trace(|x: &Tensor| x.exp(), &point()).unwrap();
    assert_snapshot!(fails!(program.call(&Tensor::from([1.0]))), @"
    error: a program traced for float64 [3] got float64 [1]           here
      argument   [1]   given data   made at `Tensor::from([1.0])`
      hint: trace another program for other shapes and element types
    ");
    let mixed = |x: &Tensor| (x.exp(), x.to_dtype(chainrule::DType::F32));
    assert_snapshot!(fails!(checkpoint(mixed, &point())), @"
    error: `checkpoint` of a function that gives floating-point numbers of two types  here
      first   [3]   result of `exp`        made at `exp()`
      other   [3]   result of `to_dtype`   made at `to_dtype(chainrule::DType::F32)`
      hint: convert its results to one type with `.to_dtype(…)`
    ");
}

#[test]
fn derivatives_given_wrongly() {
    let x = point();
    let value = |x: &[Tensor]| x[0].sum();
    let narrow =
        Function::with_vjp("total", value, |_: &[Tensor], _: &Tensor, gy: &Tensor| gy.clone());
    let line = line!() + 1;
    assert_snapshot!(fails!(at line, gradient(|x: &Tensor| narrow.call(&[x]), &x)), @r#"
    error: the derivative of `total` gave a cotangent of the wrong shape for input 0  here
      input   [3]   argument "x"    made at `gradient(|x: &Tensor| narrow.call(&[x]), &x)`
      got      []   filled with 1   made at here
      hint: a cotangent has the shape of its input: where the function broadcasts, the
            derivative sums over the stretched axes
    "#);
    let many = Function::with_vjp("total", value, |x: &[Tensor], _: &Tensor, gy: &Tensor| {
        [gy * x[0].ones_like(), gy * x[0].ones_like()]
    });
    let line = line!() + 1;
    assert_snapshot!(fails!(at line, gradient(|x: &Tensor| many.call(&[x]), &x)), @"
    error: the derivative of `total` gave 2 cotangents for 1 input    here
      hint: give one cotangent per input, in order; `None` stands for 0
    ");
    let bent = Function::with_jvp("total", value, |_: &[Tensor], _: &Tensor, dx: &[Tensor]| {
        dx[0].square().sum()
    });
    let line = line!() + 1;
    assert_snapshot!(fails!(at line, gradient(|x: &Tensor| bent.call(&[x]), &x)), @"
    error: the derivative given for `total` is not linear in its slopes  here
      hint: each slope may be multiplied by numbers that depend on the inputs, and summed; not
            squared, divided by, or compared
    ");
}

#[test]
fn gradients_that_are_not_kept() {
    let x = point().requires_grad();
    assert_snapshot!(fails!(x.try_grad()), @r#"
    error: the tensor has no gradient                                 here
      tensor   [3]   parameter "x"   made at `requires_grad()`
      hint: call `backward` on a result that depends on it first; `lost_gradients` tells what
            cut the way from there
    "#);
    let y = x.exp();
    assert_snapshot!(fails!(y.try_grad()), @"
    error: the tensor has no gradient                                 here
      tensor   [3]   result of `exp`   made at `exp()`
      hint: only parameters keep gradients: call `.retain_grad()` on it before `backward`, or
            ask with `grad(&y, &[&x])`
    ");
    assert_snapshot!(fails!(y.detach().try_grad()), @"
    error: `grad` on a tensor that tracks no gradients                here
      tensor   [3]   result of `detach`   made at `detach().try_grad()`
      hint: gradients do not pass through `detach`, which cut the graph at
            `detach().try_grad()`
    ");
    assert_snapshot!(fails!(point().on_grad(|_| None)), @r#"
    error: `on_grad` on a tensor that tracks no gradients             here
      tensor   [3]   "x"   made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      hint: it depends on no parameter: mark its inputs with `.requires_grad()` first
    "#);
    x.on_grad(|g| Some(g.sum())).unwrap();
    assert_snapshot!(fails!(y.sum().backward()), @r#"
    error: a hook replaced a gradient by one of another shape         here
      tensor     [3]   parameter "x"     made at `requires_grad()`
      replaced    []   result of `sum`   made at `sum()`
      hint: a hook returns `None` to leave the gradient, or one of the tensor's shape
    "#);
    assert_snapshot!(fails!(explain(&y.sum(), &point())), @r#"
    error: the result given to `explain` does not depend on the tensor  here
      result    []   result of `sum`   made at `sum()`
      tensor   [3]   "x"               made at `Tensor::from([1.0, 2.0, 3.0]).named("x")`
      hint: `lost_gradients(&y, &[&x])` tells what cut the way
    "#);
}

#[test]
fn anomalies() {
    let x = Tensor::from([1.0, 0.0]).named("x").requires_grad();
    let ln = || x.ln().sum().item::<f64>();
    let line = line!() - 1;
    assert_snapshot!(fails!(at line, detect_anomaly(ln)), @r#"
    error: `ln` made -inf out of finite numbers                       here
      input   [2]   parameter "x"   made at `requires_grad()`
      hint: at [1], of 0; keep arguments inside the operation's domain, or choose with `where_`
    "#);
    let sqrt = || x.sqrt().sum().backward();
    let line = line!() - 1;
    assert_snapshot!(fails!(at line, detect_anomaly(sqrt)), @r#"
    error: the derivative of `sqrt` made inf out of finite numbers    here
      input   [2]   parameter "x"   made at `requires_grad()`
      hint: at [1], of 0, where it is inf; keep arguments inside the operation's domain, or
            choose with `where_`
    "#);
    let quotient = || (&x / (&x - 1.0)).sum().item::<f64>();
    let line = line!() - 1;
    assert_snapshot!(fails!(at line, detect_anomaly(quotient)), @r#"
    error: `div` made inf out of finite numbers                       here
      input   [2]   parameter "x"     made at `requires_grad()`
      input   [2]   result of `sub`   made at `(&x - 1.0)`
      hint: at [0], of 1 and 0; keep arguments inside the operation's domain, or choose with
            `where_`
    "#);
}
