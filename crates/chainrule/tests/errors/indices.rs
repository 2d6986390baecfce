//! Axes and indices that do not exist.

use chainrule::{ErrorKind, NewAxis, Tensor, grad};
use insta::assert_snapshot;

use crate::fails;

#[test]
fn axes() {
    let x = Tensor::ones([2, 3]).named("x");
    assert_snapshot!(fails!(x.try_sum_axis(2, false)), @r#"
    error: axis 2 does not exist in `sum`                             here
      tensor   [2, 3]   "x"   made at `Tensor::ones([2, 3]).named("x")`
      hint: its axes are 0 to 1, or -2 to -1 from the end
    "#);
    assert_snapshot!(fails!(x.try_softmax(-3)), @r#"
    error: axis -3 does not exist in `softmax`                        here
      tensor   [2, 3]   "x"   made at `Tensor::ones([2, 3]).named("x")`
      hint: its axes are 0 to 1, or -2 to -1 from the end
    "#);
    assert_snapshot!(fails!(x.try_mean_axis([0, -2], true)), @r#"
    error: axis 0 stands twice in `mean`                              here
      tensor   [2, 3]   "x"   made at `Tensor::ones([2, 3]).named("x")`
      hint: name each axis once
    "#);
    assert_snapshot!(fails!(x.try_transpose(0, 5)), @r#"
    error: axis 5 does not exist in `transpose`                       here
      tensor   [2, 3]   "x"   made at `Tensor::ones([2, 3]).named("x")`
      hint: its axes are 0 to 1, or -2 to -1 from the end
    "#);
    assert_snapshot!(fails!(x.unbind(7)), @r#"
    error: axis 7 does not exist in `unbind`                          here
      tensor   [2, 3]   "x"   made at `Tensor::ones([2, 3]).named("x")`
      hint: its axes are 0 to 1, or -2 to -1 from the end
    "#);
    let number = Tensor::from(1.0);
    assert_snapshot!(fails!(number.try_cumsum(0)), @r"
    error: axis 0 does not exist in `cumsum`                          here
      tensor   []   given data   made at `Tensor::from(1.0)`
      hint: the tensor has no axes: it is a single number
    ");
}

#[test]
fn one_element() {
    let x = Tensor::ones([2, 3]);
    assert_snapshot!(fails!(x.try_i(2)), @r"
    error: index 2 is out of range for axis 0 of length 2             here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: valid indices are 0 to 1, or -2 to -1 from the end
    ");
    assert_snapshot!(fails!(x.try_i((.., -4))), @r"
    error: index -4 is out of range for axis 1 of length 3            here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: valid indices are 0 to 2, or -3 to -1 from the end
    ");
    assert_snapshot!(fails!(x.try_i((0, NewAxis, 3))), @r"
    error: index 3 is out of range for axis 1 of length 3             here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: valid indices are 0 to 2, or -3 to -1 from the end
    ");
    assert_snapshot!(fails!(x.try_i((0, 1, 2))), @r"
    error: too many indices for a tensor with 2 axes                  here
      tensor   [2, 3]   filled with 1   made at `Tensor::ones([2, 3])`
      hint: give one index per axis; a range with a step stands in brackets of its own: `((0..6,
            2),)`
    ");
    let empty = Tensor::zeros([0]);
    assert_snapshot!(fails!(empty.try_i(0)), @r"
    error: index 0 is out of range for axis 0 of length 0             here
      tensor   [0]   filled with 0   made at `Tensor::zeros([0])`
      hint: the axis is empty: check where the data were lost
    ");
}

#[test]
fn ranges() {
    let x = Tensor::arange(0, 10, 1);
    assert_snapshot!(fails!(x.try_slice(0, 5..12)), @r"
    error: `slice` 5..12 leaves axis 0 of length 10                   here
      tensor   [10]   given data   made at `Tensor::arange(0, 10, 1)`
      hint: the range must have start ≤ end ≤ 10; `.i(5..12)` cuts it off
    ");
    assert_snapshot!(fails!(x.try_i((0..5, 0))), @r"
    error: too many indices for a tensor with 1 axis                  here
      tensor   [10]   given data   made at `Tensor::arange(0, 10, 1)`
      hint: give one index per axis; a range with a step stands in brackets of its own: `((0..6,
            2),)`
    ");
    assert_snapshot!(fails!(x.try_i(((0..5, 0),))), @r"
    error: a range with step 0                                        here
      hint: use a positive step, or a negative one to walk backwards
    ");
    assert_snapshot!(fails!(x.topk(11, 0)), @r"
    error: `topk` of 11 elements along axis 0 of length 10            here
      tensor   [10]   given data   made at `Tensor::arange(0, 10, 1)`
      hint: take at most as many as there are
    ");
    assert_eq!(x.i(5..12).len(), 5);
}

#[test]
fn masks() {
    let (x, mask) = (Tensor::ones([4, 3]), Tensor::from([true, false, true]));
    assert_snapshot!(fails!(x.try_i(&mask)), @r"
    error: a mask must have the lengths of the axes that it covers    here
      tensor   [4, 3]   filled with 1   made at `Tensor::ones([4, 3])`
      mask        [3]   given data      made at `Tensor::from([true, false, true])`
      hint: name the axes before it, as in `x.i((.., &mask))`; to choose between two values use
            `mask.where_(&x, y)`
    ");
    assert_eq!(x.i((.., &mask)).shape(), [4, 2]);
}

#[test]
fn tensors_of_indices() {
    let (x, index) = (Tensor::ones([4, 3]), Tensor::from([0.0, 2.0]));
    assert_snapshot!(fails!(x.try_index_select(0, &index)), @r"
    error: `index_select` needs integer indices, got float64          here
      index   [2]   given data   made at `Tensor::from([0.0, 2.0])`
      hint: convert with `.to_dtype(DType::I64)`; for a mask use `.i(&mask)`
    ");
    let index = Tensor::from([[0, 2]]);
    assert_snapshot!(fails!(x.try_index_select(0, &index)), @r"
    error: `index_select` needs a vector of indices, got 2 axes       here
      index   [1, 2]   given data   made at `Tensor::from([[0, 2]])`
      hint: `x.i(&index)` takes an index of any shape
    ");
    let index = Tensor::from([0, 2]);
    assert_snapshot!(fails!(x.try_gather(1, &index)), @r"
    error: `gather` needs an index with as many axes as the tensor    here
      tensor   [4, 3]   filled with 1   made at `Tensor::ones([4, 3])`
      index       [2]   given data      made at `Tensor::from([0, 2])`
      hint: `.unsqueeze` the index, or use `index_select` for a vector of indices
    ");
    let (index, src) = (Tensor::from([[0, 2]]), Tensor::ones([2, 1]));
    assert_snapshot!(fails!(x.try_scatter_add(0, &index, &src)), @r"
    error: `scatter_add` needs `index` and `src` of one shape         here
      tensor   [4, 3]   filled with 1   made at `Tensor::ones([4, 3])`
      index    [1, 2]   given data      made at `Tensor::from([[0, 2]])`
      src      [2, 1]   filled with 1   made at `Tensor::ones([2, 1])`
      hint: it must be the tensor's but for axis 0: `.expand` the index
    ");
}

#[test]
fn an_index_found_wrong_in_evaluation_is_reported_where_it_was_recorded() {
    let words = Tensor::ones([5, 2]).named("words");
    let index = Tensor::from([0, 4, 5]);
    let (rows, line) = (words.index_select(0, &index), line!());
    let score = rows.square().sum();
    assert_snapshot!(fails!(at line, score.item::<f64>()), @r#"
    error: index 5 is out of range for axis 0 of length 5             here
      tensor   [5, 2]   "words"   made at `Tensor::ones([5, 2]).named("words")`
      hint: valid indices are 0 to 4, or -5 to -1 from the end; this one is at [2, 0]
    "#);

    let (picked, line) = (words.gather(1, &Tensor::from([[0], [-3]])), line!());
    assert_snapshot!(fails!(at line, (picked * 2.0).to_vec::<f64>()), @r"
    error: index -3 is out of range for axis 1 of length 2            here
      tensor   [2, 2]   filled with 1   made at here
      hint: valid indices are 0 to 1, or -2 to -1 from the end; this one is at [1, 0]
    ");

    let (rows, line) = (words.i(&index), line!());
    assert_snapshot!(fails!(at line, rows.to_vec::<f64>()), @r#"
    error: index 5 is out of range for axis 0 of length 5             here
      tensor   [5, 2]   "words"   made at `Tensor::ones([5, 2]).named("words")`
      hint: valid indices are 0 to 4, or -5 to -1 from the end; this one is at [2, 0]
    "#);

    let (far, more) = (Tensor::from([[9, 0]]), Tensor::ones([1, 2]));
    let (sums, line) = (words.scatter_add(0, &far, &more), line!());
    assert_snapshot!(fails!(at line, sums.to_vec::<f64>()), @r"
    error: index 9 is out of range for axis 0 of length 5             here
      hint: valid indices are 0 to 4, or -5 to -1 from the end; this one is at [0, 0]
    ");
}

#[test]
fn a_wrong_index_is_reported_there_from_a_gradient_too() {
    let words = Tensor::ones([5, 2]).requires_grad();
    let (rows, line) = (words.index_select(0, &Tensor::from([0, 7])), line!());
    let score = rows.square().sum();
    let slope = &grad(&score, &[&words]).unwrap()[0];
    let error = slope.to_vec::<f64>().unwrap_err();
    assert_eq!((error.kind(), error.location().line()), (ErrorKind::Index, line));
}
