//! Numbers that are not what they should be, and parameters that cannot hold them.

use chainrule::{DType, Tensor};
use insta::assert_snapshot;

use crate::fails;

#[test]
fn one_number_of_many() {
    let x = Tensor::ones([2, 3]).named("x");
    assert_snapshot!(fails!(x.item::<f64>()), @r#"
    error: `item` on a tensor with 6 elements                         here
      tensor   [2, 3]   "x"   made at `Tensor::ones([2, 3]).named("x")`
      hint: reduce it with `.mean()`, pick one with `.i(…)`, or read all with `.to_vec()`
    "#);
    let empty = Tensor::zeros([0]);
    assert_snapshot!(fails!(empty.item::<f64>()), @r"
    error: `item` on a tensor with 0 elements                         here
      tensor   [0]   filled with 0   made at `Tensor::zeros([0])`
      hint: it is empty: check where the data were lost
    ");
}

#[test]
fn assigning() {
    let w = Tensor::zeros([3]).named("w").requires_grad();
    let new = Tensor::ones([4]);
    assert_snapshot!(fails!(w.assign(&new)), @r#"
    error: `assign` of float32 [4] to a parameter of float32 [3]      here
      parameter   [3]   parameter "w"   made at `requires_grad()`
      new         [4]   filled with 1   made at `Tensor::ones([4])`
      hint: a parameter keeps its shape and element type: `.reshape` or `.to_dtype` the new
            value
    "#);
    let new = Tensor::from([1.0, 2.0, 3.0]);
    assert_snapshot!(fails!(w.assign(&new)), @r#"
    error: `assign` of float64 [3] to a parameter of float32 [3]      here
      parameter   [3]   parameter "w"   made at `requires_grad()`
      new         [3]   given data      made at `Tensor::from([1.0, 2.0, 3.0])`
      hint: a parameter keeps its shape and element type: `.reshape` or `.to_dtype` the new
            value
    "#);
    let data = Tensor::zeros([3]);
    assert_snapshot!(fails!(data.assign(&new)), @r"
    error: `assign` on a tensor that is no parameter                  here
      tensor   [3]   filled with 0   made at `Tensor::zeros([3])`
      hint: tensors never change: make a parameter with `.requires_grad()`, or give the variable
            a new tensor
    ");
    w.assign(&new.to_dtype(DType::F32)).unwrap();
}

#[test]
fn bounds_in_the_wrong_order() {
    let x = Tensor::from([1.0, 2.0]);
    assert_snapshot!(fails!(x.try_clamp(1.0, 0.0)), @r"
    error: `clamp` needs low ≤ high, got 1 and 0                      here
      hint: exchange the bounds; for one bound use `maximum` or `minimum`
    ");
}

#[test]
fn types() {
    let x = Tensor::from([0.5, 1.0]);
    assert_snapshot!(fails!(x.one_hot(3)), @r"
    error: `one_hot` needs integers, got float64                      here
      tensor   [2]   given data   made at `Tensor::from([0.5, 1.0])`
      hint: convert with `.to_dtype(DType::I64)`
    ");
}

#[test]
fn integers_of_what_is_not_finite() {
    let x = Tensor::from([1.5, f64::NAN, f64::INFINITY]);
    assert_snapshot!(fails!(x.to_vec::<i64>()), @r"
    error: NaN cannot become an integer                               here
      tensor   [3]   given data   made at `Tensor::from([1.5, f64::NAN, f64::INFINITY])`
      hint: element 1 is the first of 2 that are not finite: read floating-point numbers, or
            replace them, as in `x.isfinite().where_(&x, 0.0)`
    ");
    assert_eq!(x.i(0).item::<i64>().unwrap(), 1);
}
