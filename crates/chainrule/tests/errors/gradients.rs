//! Gradients that cannot be.

use chainrule::{DType, NoGrad, Tensor, grad, gradcheck, no_grad};
use insta::assert_snapshot;

use crate::fails;

fn leaf() -> Tensor {
    Tensor::from([0.0, 1.0, 2.0, 3.0]).named("x").requires_grad()
}

#[test]
fn of_several_numbers() {
    let x = leaf();
    let y = &x * &x;
    assert_snapshot!(fails!(y.backward()), @r"
    error: `backward` needs a tensor with one element                 here
      tensor   [4]   result of `mul`   made at `&x * &x`
      hint: `.sum()` or `.mean()` first, or give a cotangent: `y.backward_with(&v)`
    ");
    assert_snapshot!(fails!(grad(&y, &[&x])), @r"
    error: `grad` needs a tensor with one element                     here
      tensor   [4]   result of `mul`   made at `&x * &x`
      hint: `.sum()` or `.mean()` first; for another weighting, `(&y * &w).sum()`
    ");
    assert_snapshot!(fails!(x.backward()), @r#"
    error: `backward` needs a tensor with one element                 here
      tensor   [4]   parameter "x"   made at `requires_grad()`
      hint: `.sum()` or `.mean()` first, or give a cotangent: `y.backward_with(&v)`
    "#);
    y.sum().backward().unwrap();
    y.backward_with(&Tensor::from([1.0; 4])).unwrap();
}

#[test]
fn of_plain_data() {
    let y = Tensor::from([1.0, 2.0]).sum();
    assert_snapshot!(fails!(y.backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `sum`   made at `sum()`
      hint: it depends on no parameter: mark its inputs with `.requires_grad()` first
    ");
    assert_snapshot!(fails!(y.backward_with(&Tensor::from(1.0))), @r"
    error: `backward_with` on a tensor that tracks no gradients       here
      tensor   []   result of `sum`   made at `sum()`
      hint: it depends on no parameter: mark its inputs with `.requires_grad()` first
    ");
    let data = Tensor::from(2.0).named("height");
    assert_snapshot!(fails!(data.backward()), @r#"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   "height"   made at `Tensor::from(2.0).named("height")`
      hint: it depends on no parameter: mark its inputs with `.requires_grad()` first
    "#);
}

#[test]
fn cut_by_no_grad() {
    let x = leaf();
    let y = no_grad(|| 2.0 * x.dot(&x));
    assert_snapshot!(fails!(y.backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `mul`   made at `2.0 * x.dot(&x)`
      hint: compute it outside of `no_grad`, which cut the graph at
            `no_grad(|| 2.0 * x.dot(&x))`
    ");
    let guard = NoGrad::new();
    let y = 2.0 * x.dot(&x);
    drop(guard);
    let z = (y - 2.0).square();
    assert_snapshot!(fails!(z.backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `square`   made at `square()`
      hint: compute it outside of `no_grad`, which cut the graph at
            `NoGrad::new()`
    ");
}

#[test]
fn cut_by_detach() {
    let x = leaf();
    let a = x.sum().detach();
    let y = (&a - 2.0).square();
    assert_snapshot!(fails!(y.backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `square`   made at `square()`
      hint: gradients do not pass through `detach`, which cut the graph at
            `detach()`
    ");
    assert_snapshot!(fails!(grad(&y, &[&x])), @r"
    error: `grad` on a tensor that tracks no gradients                here
      tensor   []   result of `square`   made at `square()`
      hint: gradients do not pass through `detach`, which cut the graph at
            `detach()`
    ");
}

#[test]
fn cut_by_an_operation_without_derivative() {
    let x = leaf();
    let above = x.gt(1.0);
    let y = above.sum() * 2.0;
    assert_snapshot!(fails!(y.backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `mul`   made at `above.sum() * 2.0`
      hint: gradients do not pass through integers or truth values, as made at
            `gt(1.0)`
    ");
    let whole = x.to_dtype(DType::I64);
    assert_snapshot!(fails!(whole.sum().backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `sum`   made at `sum().backward()`
      hint: gradients do not pass through integers or truth values, as made at
            `to_dtype(DType::I64)`
    ");
    let best = x.argmax();
    assert_snapshot!(fails!(best.backward()), @r"
    error: `backward` on a tensor that tracks no gradients            here
      tensor   []   result of `argmax`   made at `argmax()`
      hint: gradients do not pass through integers or truth values, as made at
            `argmax()`
    ");
}

#[test]
fn with_respect_to_what_is_not_used() {
    let (x, w) = (leaf(), Tensor::from(2.0).named("w").requires_grad());
    let y = x.square().sum();
    assert_snapshot!(fails!(grad(&y, &[&x, &w])), @r#"
    error: the result given to `grad` does not depend on tensor 1     here
      result   []   result of `sum`   made at `sum()`
      tensor   []   parameter "w"     made at `requires_grad()`
      hint: leave it out; a path through `detach`, `no_grad` or integers does not count
    "#);
    let data = Tensor::from([1.0; 4]);
    let z = (&x * &data).sum();
    assert_snapshot!(fails!(grad(&z, &[&data])), @r"
    error: the result given to `grad` does not depend on tensor 0     here
      result    []   result of `sum`   made at `sum()`
      tensor   [4]   given data        made at `Tensor::from([1.0; 4])`
      hint: it is no parameter: mark it with `.requires_grad()` before computing with it
    ");
}

#[test]
fn of_a_derivative_that_is_constant() {
    let x = Tensor::from(2.0).requires_grad();
    let slope = grad(&(3.0 * &x), &[&x]).unwrap().remove(0);
    assert_snapshot!(fails!(grad(&slope, &[&x])), @r"
    error: `grad` on a tensor that tracks no gradients                here
      tensor   []   filled with 3   made at `grad(&(3.0 * &x), &[&x]).unwrap().remove(0)`
      hint: it is a constant, so that its derivatives are all 0
    ");
}

#[test]
fn a_derivative_that_is_0_is_no_mistake() {
    let x = leaf();
    let y = (x.floor() + 0.0 * x.exp()).sum();
    assert_eq!(grad(&y, &[&x]).unwrap()[0].to_vec::<f64>().unwrap(), [0.0; 4]);
    y.backward().unwrap();
    assert_eq!(x.grad().unwrap().to_vec::<f64>().unwrap(), [0.0; 4]);
}

#[test]
fn with_a_cotangent_of_another_shape() {
    let y = leaf().exp();
    let v = Tensor::from([1.0, 1.0]).named("v");
    assert_snapshot!(fails!(y.backward_with(&v)), @r#"
    error: the cotangent of `backward_with` must have the shape of the tensor  here
      tensor      [4]   result of `exp`   made at `exp()`
      cotangent   [2]   "v"               made at `Tensor::from([1.0, 1.0]).named("v")`
      hint: `.reshape` or `.expand` the cotangent, or give `&y.ones_like()`
    "#);
}

#[test]
fn of_integers() {
    let classes = Tensor::from([1, 2, 3]);
    assert_snapshot!(fails!(classes.try_requires_grad()), @r"
    error: a tensor of int64 cannot require gradients                 here
      tensor   [3]   given data   made at `Tensor::from([1, 2, 3])`
      hint: only floating-point numbers have derivatives: write them as `1.0`, or convert with
            `.to_dtype(DType::F64)`
    ");
    let truth = Tensor::from([true]);
    assert_snapshot!(fails!(truth.try_requires_grad()), @r"
    error: a tensor of bool cannot require gradients                  here
      tensor   [1]   given data   made at `Tensor::from([true])`
      hint: only floating-point numbers have derivatives: write them as `1.0`, or convert with
            `.to_dtype(DType::F64)`
    ");
}

#[test]
fn of_polygamma_in_its_order() {
    let (order, x) = (Tensor::from(1.0).named("order").requires_grad(), Tensor::from(2.0));
    assert_snapshot!(fails!(order.try_polygamma(&x)), @r#"
    error: `polygamma` has no derivative in its first argument        here
      first   []   parameter "order"   made at `requires_grad()`
      hint: give a first argument that tracks no gradients, such as `.detach()` of it
    "#);
}

#[test]
fn checks_want_all_digits() {
    let x = Tensor::from([1.0f32]);
    assert_snapshot!(fails!(gradcheck(|x| x[0].sin(), &[x], 1)), @r"
    error: `gradcheck` needs float64 inputs, got float32              here
      input   [1]   given data   made at `Tensor::from([1.0f32])`
      hint: convert with `.to_dtype(DType::F64)`: differences need the digits
    ");
}
