//! Shapes that do not fit.

use chainrule::{NewAxis, Tensor, cat, einsum, stack};
use insta::assert_snapshot;

use crate::fails;

#[test]
fn broadcasting_names_both_operands_and_the_axis() {
    let (x, w) = (Tensor::ones([32, 4]), Tensor::ones([4, 10]));
    let bias = Tensor::zeros([7]).named("bias").requires_grad();
    let y = x.matmul(&w);
    assert_snapshot!(fails!(y.try_add(&bias)), @r#"
    error: shapes do not broadcast in `add`                           here
      left    [32, 10]   result of `matmul`   made at `matmul(&w)`
      right       [ 7]   parameter "bias"     made at `requires_grad()`
                    ^ 10 and 7 differ on the last axis
      hint: axes match from the last, and only a length of 1 stretches: make 10 and 7 equal, or
            one of them 1
    "#);
}

#[test]
fn the_caret_stands_under_the_axis_that_differs() {
    let x = Tensor::ones([2, 3, 640]).named("x");
    let y = Tensor::ones([12, 1]);
    assert_snapshot!(fails!(x.try_mul(&y)), @r#"
    error: shapes do not broadcast in `mul`                           here
      left    [2,  3, 640]   "x"             made at `Tensor::ones([2, 3, 640]).named("x")`
      right      [12,   1]   filled with 1   made at `Tensor::ones([12, 1])`
                   ^ 3 and 12 differ on the axis before the last
      hint: axes match from the last, and only a length of 1 stretches: make 3 and 12 equal, or
            one of them 1
    "#);
    let (x, y) = (Tensor::ones([5, 1, 2, 2]), Tensor::ones([4, 3, 1, 2]));
    assert_snapshot!(fails!(x.try_maximum(&y)), @r"
    error: shapes do not broadcast in `maximum`                       here
      left    [5, 1, 2, 2]   filled with 1   made at `Tensor::ones([5, 1, 2, 2])`
      right   [4, 3, 1, 2]   filled with 1   made at `Tensor::ones([4, 3, 1, 2])`
               ^ 5 and 4 differ on axis -4
      hint: axes match from the last, and only a length of 1 stretches: make 5 and 4 equal, or
            one of them 1
    ");
    let (x, y) = (Tensor::ones([2, 3]), Tensor::ones([0]));
    assert_snapshot!(fails!(x.try_sub(&y)), @r"
    error: shapes do not broadcast in `sub`                           here
      left    [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      right      [0]   filled with 1   made at `Tensor::ones([0])`
                  ^ 3 and 0 differ on the last axis
      hint: axes match from the last, and only a length of 1 stretches: make 3 and 0 equal, or
            one of them 1
    ");
}

#[test]
fn broadcasting_along_the_wrong_axis_hints_at_the_right_one() {
    let (x, mean) = (Tensor::ones([32, 10]), Tensor::ones([32]).named("mean"));
    assert_snapshot!(fails!(x.try_sub(&mean)), @r#"
    error: shapes do not broadcast in `sub`                           here
      left    [32, 10]   filled with 1   made at `Tensor::ones([32, 10])`
      right       [32]   "mean"          made at `Tensor::ones([32]).named("mean")`
                    ^ 10 and 32 differ on the last axis
      hint: to match right with axis 0, `.reshape([32, 1])` it
    "#);
    assert_snapshot!(fails!(mean.try_lt(&x)), @r#"
    error: shapes do not broadcast in `lt`                            here
      left        [32]   "mean"          made at `Tensor::ones([32]).named("mean")`
      right   [32, 10]   filled with 1   made at `Tensor::ones([32, 10])`
                    ^ 32 and 10 differ on the last axis
      hint: to match left with axis 0, `.reshape([32, 1])` it
    "#);
    assert_eq!((&x - mean.i((.., NewAxis))).shape(), [32, 10]);
    let (x, y) = (Tensor::ones([2, 3]), Tensor::ones([3, 2]));
    assert_snapshot!(fails!(x.try_div(&y)), @r"
    error: shapes do not broadcast in `div`                           here
      left    [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      right   [3, 2]   filled with 1   made at `Tensor::ones([3, 2])`
                  ^ 3 and 2 differ on the last axis
      hint: one has the shape of the other's transpose: did you mean `.t()`?
    ");
}

#[test]
fn where_says_which_part_does_not_fit() {
    let (x, y) = (Tensor::ones([4]), Tensor::ones([3]));
    assert_snapshot!(fails!(x.gt(0.0).try_where(&x, &y)), @r"
    error: shapes do not broadcast in `where`                         here
      then   [4]   filled with 1   made at `Tensor::ones([4])`
      else   [3]   filled with 1   made at `Tensor::ones([3])`
              ^ 4 and 3 differ on the last axis
      hint: axes match from the last, and only a length of 1 stretches: make 4 and 3 equal, or
            one of them 1
    ");
    assert_snapshot!(fails!(y.gt(0.0).try_where(&x, 0.0)), @r"
    error: shapes do not broadcast in `where`                         here
      condition   [3]   result of `gt`   made at `gt(0.0).try_where(&x, 0.0)`
      values      [4]   filled with 1    made at `Tensor::ones([4])`
                   ^ 3 and 4 differ on the last axis
      hint: axes match from the last, and only a length of 1 stretches: make 3 and 4 equal, or
            one of them 1
    ");
}

#[test]
fn matrix_products() {
    let x = Tensor::ones([32, 4]).named("x");
    let w = Tensor::ones([10, 4]).named("w").requires_grad();
    assert_snapshot!(fails!(x.try_matmul(&w)), @r#"
    error: `matmul` sums over 4 elements of left and 10 of right      here
      left    [32, 4]   "x"             made at `Tensor::ones([32, 4]).named("x")`
      right   [10, 4]   parameter "w"   made at `requires_grad()`
      hint: the last axes agree: did you mean `left.matmul(&right.t())`?
    "#);
    let wide = Tensor::ones([32, 5]);
    assert_snapshot!(fails!(x.try_matmul(&wide)), @r#"
    error: `matmul` sums over 4 elements of left and 32 of right      here
      left    [32, 4]   "x"             made at `Tensor::ones([32, 4]).named("x")`
      right   [32, 5]   filled with 1   made at `Tensor::ones([32, 5])`
      hint: left's other axis agrees: did you mean `left.t().matmul(&right)`?
    "#);
    let v = Tensor::ones([7]);
    assert_snapshot!(fails!(x.try_matmul(&v)), @r#"
    error: `matmul` sums over 4 elements of left and 7 of right       here
      left    [32, 4]   "x"             made at `Tensor::ones([32, 4]).named("x")`
      right       [7]   filled with 1   made at `Tensor::ones([7])`
      hint: left's last axis must be as long as right's axis before the last, or its only one
    "#);
    let number = Tensor::from(2.0);
    assert_snapshot!(fails!(x.try_matmul(&number)), @r#"
    error: `matmul` on a 0-d tensor                                   here
      left    [32, 4]   "x"          made at `Tensor::ones([32, 4]).named("x")`
      right        []   given data   made at `Tensor::from(2.0)`
      hint: a single number multiplies with `*`
    "#);
    let (a, b) = (Tensor::ones([2, 3, 4]), Tensor::ones([5, 4, 3]));
    assert_snapshot!(fails!(a.try_matmul(&b)), @r"
    error: shapes do not broadcast in `matmul`                        here
      left    [2, 3, 4]   filled with 1   made at `Tensor::ones([2, 3, 4])`
      right   [5, 4, 3]   filled with 1   made at `Tensor::ones([5, 4, 3])`
               ^ 2 and 5 differ on axis -3
      hint: the axes before the last two must broadcast
    ");
}

#[test]
fn dot_wants_vectors() {
    let (x, y) = (Tensor::ones([3]), Tensor::ones([4]));
    assert_snapshot!(fails!(x.try_dot(&y)), @r"
    error: `dot` needs two vectors of one length                      here
      left    [3]   filled with 1   made at `Tensor::ones([3])`
      right   [4]   filled with 1   made at `Tensor::ones([4])`
      hint: for matrices use `matmul`; for all elements of two tensors, `(a * b).sum()`
    ");
    let (x, y) = (Tensor::ones([2, 2]), Tensor::ones([2]));
    assert_snapshot!(fails!(x.try_dot(&y)), @r"
    error: `dot` needs two vectors of one length                      here
      left    [2, 2]   filled with 1   made at `Tensor::ones([2, 2])`
      right      [2]   filled with 1   made at `Tensor::ones([2])`
      hint: for matrices use `matmul`; for all elements of two tensors, `(a * b).sum()`
    ");
}

#[test]
fn numbers_that_do_not_fill_a_shape() {
    assert_snapshot!(fails!(Tensor::from_vec(vec![1.0, 2.0, 3.0], [2, 2])), @r"
    error: the shape [2, 2] needs 4 numbers, got 3                    here
      hint: the lengths must multiply to the number of numbers; one of them may be -1
    ");
    assert_snapshot!(fails!(Tensor::from_vec(vec![1.0, 2.0, 3.0], [2, -1])), @r"
    error: `from_vec` to [2, -1]: no length in place of -1 makes 3 elements  here
      hint: the other lengths multiply to 2, which must divide 3
    ");
    assert_snapshot!(fails!(Tensor::from_vec(vec![1.0, 2.0, 3.0], [-3, -1])), @r"
    error: `from_vec` got the shape [-3, -1] with the negative length -3  here
      hint: lengths are 0 or more
    ");
}

#[test]
fn reshape() {
    let x = Tensor::arange(0, 12, 1);
    assert_snapshot!(fails!(x.try_reshape([5, 2])), @r"
    error: `reshape` to [5, 2] needs 10 elements, not 12              here
      tensor   [12]   given data   made at `Tensor::arange(0, 12, 1)`
      hint: the lengths must multiply to the number of elements; one of them may be -1
    ");
    assert_snapshot!(fails!(x.try_reshape([5, -1])), @r"
    error: `reshape` to [5, -1]: no length in place of -1 makes 12 elements  here
      hint: the other lengths multiply to 5, which must divide 12
    ");
    assert_snapshot!(fails!(x.try_reshape([-1, 3, -1])), @r"
    error: `reshape` got the shape [-1, 3, -1] with more than one -1  here
      hint: -1 stands for the length that follows from the others: write it once
    ");
    let empty = Tensor::zeros([0, 3]);
    assert_snapshot!(fails!(empty.try_reshape([0, -1])), @r"
    error: `reshape` to [0, -1]: no length in place of -1 makes 0 elements  here
      hint: beside a length of 0 any length would do: write it out
    ");
    assert_snapshot!(fails!(x.try_reshape([-2, 6])), @r"
    error: `reshape` got the shape [-2, 6] with the negative length -2  here
      hint: lengths are 0 or more
    ");
}

#[test]
fn axes_rearranged() {
    let x = Tensor::ones([2, 3]);
    assert_snapshot!(fails!(x.try_squeeze(0)), @r"
    error: `squeeze` of axis 0, which has length 2                    here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: only axes of length 1 can go; pick an element with `.i(…)`
    ");
    assert_snapshot!(fails!(x.try_permute([0])), @r"
    error: `permute` needs all axes, got [0]                          here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: name each axis once, in the new order
    ");
    assert_snapshot!(fails!(x.try_permute([1, 1])), @r"
    error: axis 1 stands twice in `permute`                           here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: name each axis once
    ");
    assert_snapshot!(fails!(x.try_expand([2, 3, 4])), @r"
    error: `expand` cannot stretch the tensor to [2, 3, 4]            here
      tensor      [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      target   [2, 3, 4]
      hint: only axes of length 1 stretch, and new axes come before the others
    ");
    assert_snapshot!(fails!(x.try_expand([3])), @r"
    error: `expand` cannot stretch the tensor to [3]                  here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      target      [3]
      hint: only axes of length 1 stretch, and new axes come before the others
    ");
    let v = Tensor::ones([3]);
    assert_snapshot!(fails!(v.try_t()), @r"
    error: `t` on a tensor with 1 axis                                here
      tensor   [3]   filled with 1   made at `Tensor::ones([3])`
      hint: `.unsqueeze(0)` makes a row of a vector, `.unsqueeze(-1)` a column
    ");
}

#[test]
fn joining() {
    let (a, b) = (Tensor::ones([2, 3]), Tensor::ones([2, 4]).named("b"));
    assert_snapshot!(fails!(cat(&[&a, &b], 0)), @r#"
    error: `cat` along axis 0 of tensors that differ elsewhere        here
      first   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      other   [2, 4]   "b"             made at `Tensor::ones([2, 4]).named("b")`
      hint: all lengths but that of axis 0 must be equal
    "#);
    assert_snapshot!(fails!(stack(&[&a, &b], 0)), @r#"
    error: `stack` of tensors of different shapes                     here
      first   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      other   [2, 4]   "b"             made at `Tensor::ones([2, 4]).named("b")`
      hint: `cat` joins tensors that differ along one axis
    "#);
    assert_snapshot!(fails!(cat(&[], 0)), @r"
    error: `cat` of no tensors                                        here
      hint: give at least one tensor
    ");
    assert_snapshot!(fails!(stack(&[], 0)), @r"
    error: `stack` of no tensors                                      here
      hint: give at least one tensor
    ");
}

#[test]
fn einsum_formulas() {
    let (a, b) = (Tensor::ones([2, 3]), Tensor::ones([4, 5]).named("b"));
    assert_snapshot!(fails!(einsum("ij,jk->ik", &[&a, &b])), @r#"
    error: `einsum` "ij,jk->ik": 'j' is both 3 and 4                  here
      first   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      then    [4, 5]   "b"             made at `Tensor::ones([4, 5]).named("b")`
      hint: a letter has one length: check the order of the letters
    "#);
    assert_snapshot!(fails!(einsum("ij,jk->ik", &[&a])), @r#"
    error: `einsum` "ij,jk->ik": 2 groups for 1 operand               here
      hint: write one group of letters per operand, as in "ij,jk->ik" for two
    "#);
    assert_snapshot!(fails!(einsum("ijk->i", &[&a])), @r#"
    error: `einsum` "ijk->i": "ijk" for 2 axes                        here
      operand   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: write one letter per axis
    "#);
    assert_snapshot!(fails!(einsum("ij->iz", &[&a])), @r#"
    error: `einsum` "ij->iz": 'z' of the result is in no operand      here
      hint: only letters of the operands can stand behind `->`
    "#);
    assert_snapshot!(fails!(einsum("ij->ii", &[&a])), @r#"
    error: `einsum` "ij->ii": 'i' stands twice in the result          here
      hint: a letter stands once behind `->`; twice in an operand it takes the diagonal
    "#);
    assert_snapshot!(fails!(einsum("i1->i", &[&a])), @r#"
    error: `einsum` "i1->i": '1' is no letter                         here
      hint: each axis has a letter, a to z or A to Z
    "#);
    assert_snapshot!(fails!(einsum("", &[])), @r#"
    error: `einsum` "": 1 group for 0 operands                        here
      hint: write one group of letters per operand, as in "ij,jk->ik" for two
    "#);
}

#[test]
fn reducing_nothing() {
    let x = Tensor::zeros([0, 3]);
    assert_snapshot!(fails!(x.try_max()), @r"
    error: `max` over no elements                                     here
      tensor   [0, 3]   filled with 0   made at `Tensor::zeros([0, 3])`
      hint: there is nothing to choose from: check where the data were lost
    ");
    assert_snapshot!(fails!(x.try_argmin_axis(0, false)), @r"
    error: `argmin` over no elements                                  here
      tensor   [0, 3]   filled with 0   made at `Tensor::zeros([0, 3])`
      hint: there is nothing to choose from: check where the data were lost
    ");
    assert_eq!(x.max_axis(1, false).shape(), [0]);
}

#[test]
fn cross_entropy_wants_classes() {
    let (logits, target) = (Tensor::zeros([4, 3]), Tensor::zeros([4, 3]));
    assert_snapshot!(fails!(logits.try_cross_entropy(&target)), @r"
    error: `cross_entropy` needs logits [n, classes] and integer targets [n]  here
      logits   [4, 3]   filled with 0   made at `Tensor::zeros([4, 3])`
      target   [4, 3]   filled with 0   made at `Tensor::zeros([4, 3])`
      hint: `.reshape` the logits to two axes; targets are class numbers, of type int64
    ");
}
