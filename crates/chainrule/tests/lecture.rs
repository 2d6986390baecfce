//! The lecture's program prints what the lecture prints.

#[allow(dead_code)] // its `main`
#[path = "../examples/lecture.rs"]
mod lecture;

use insta::assert_snapshot;

/// What the cell under this heading prints.
fn cell(heading: &str) -> String {
    let found = lecture::CELLS.iter().find(|cell| cell.0 == heading);
    let (_, run) = found.unwrap_or_else(|| panic!("no cell {heading:?}"));
    run().unwrap_or_else(|error| panic!("{heading}: {error}"))
}

#[track_caller]
fn prints(heading: &str, text: &str) {
    assert_eq!(cell(heading), text, "{heading}");
}

/// A text in which the places of errors are left to the tests of errors.
fn without_places(text: &str) -> String {
    let word =
        |word: &str| if word.contains("lecture.rs:") { "…".into() } else { word.to_string() };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_model_with_known_parameters() {
    assert_eq!(cell("Recap: a model with known parameters"), "121.2");
    assert_eq!(cell("Recap: the loss"), "1505.4399999999998");
    assert_eq!(cell("Functions: eight variables"), "y = 70");
}

#[test]
fn the_data() {
    assert_snapshot!(cell("Recap: the data"), @r"
    X
    tensor([[180.,  89.,  35.,   1.],
            [160.,  49.,  40.,   4.],
            [179.,  69.,  20.,   2.]], float64)
    Y
    tensor([[160.],
            [130.],
            [110.]], float64)
    ");
}

#[test]
fn the_limit() {
    let rows = [
        "h=0.10000, numerical limit=2.30000",
        "h=0.01000, numerical limit=2.03000",
        "h=0.00100, numerical limit=2.00300",
        "h=0.00010, numerical limit=2.00030",
        "h=0.00001, numerical limit=2.00003",
    ];
    assert_eq!(cell("Derivatives: the limit at x = 1"), rows.join("\n"));
}

#[test]
fn the_function_and_its_derivative() {
    assert_snapshot!(cell("Functions: f(x) = 3x² − 4x"), @r"
    x: 100 numbers, -5.00, -4.90, -4.80, …; -5.00 to 4.90
    y: 100 numbers, 95.00, 91.63, 88.32, …; -1.33 to 95.00
    ");
    assert_snapshot!(cell("Derivatives: f′(x) = 6x − 4"), @r"
    x: 100 numbers, -5.00, -4.90, -4.80, …; -5.00 to 4.90
    y: 100 numbers, -34.00, -33.40, -32.80, …; -34.00 to 25.40
    the gradient of f agrees with 6x − 4
    ");
}

#[test]
fn automatic_differentiation() {
    assert_snapshot!(cell("Automatic differentiation: y = 2xᵀx"), @r"
    tensor([0., 1., 2., 3.], float64, requires_grad)
    None
    tensor(28., float64, grad_fn=<mul>)
    ");
    prints("Automatic differentiation: backward", "tensor([ 0.,  4.,  8., 12.], float64)");
    prints("Automatic differentiation: is it 4x?", "tensor([true, true, true, true])");
    prints("Automatic differentiation: another function", "tensor([1., 1., 1., 1.], float64)");
    let refused = cell("Automatic differentiation: y must be a scalar");
    assert_snapshot!(without_places(&refused), @r"
    error: `backward` needs a tensor with one element                 …
      tensor   [4]   result of `mul`   made at …
      hint: `.sum()` or `.mean()` first, or give a cotangent: `y.backward_with(&v)`
    ");
}

#[test]
fn detaching() {
    prints("Detaching: a constant", "tensor([  0., 208., 416., 624.], float64)");
    prints("Detaching: a sum that is a constant", "tensor([  0., 176., 352., 528.], float64)");
    prints("Detaching: a sum that is a function of x", "tensor([-44., 132., 308., 484.], float64)");
}

#[test]
fn no_gradients() {
    prints("No gradients: the forward pass", "tensor(28., float64)");
    assert_snapshot!(without_places(&cell("No gradients: the backward pass")), @r"
    error: `backward` on a tensor that tracks no gradients            …
      tensor   []   result of `mul`   made at …
      hint: compute it outside of `no_grad`, which cut the graph at
            …
    ");
}

#[test]
fn every_cell_is_compared() {
    let source = include_str!("lecture.rs");
    for (heading, _) in lecture::CELLS {
        assert!(source.contains(&format!("({heading:?}")), "{heading:?} is not compared");
    }
}
