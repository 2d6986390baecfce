//! What is said about mistakes.

use chainrule::formula::Formula;
use chainrule::prelude::*;
use insta::assert_snapshot;

use super::parse;

fn refused(text: &str) -> String {
    match Formula::parse(text) {
        Ok(f) => panic!("{text} was read as {f}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn mistakes_are_shown() {
    assert_snapshot!(refused("3x^2 +"), @r"
    error: expected a number, a name or a bracket, but the formula ends
      3x^2 +
            ^
    ");
    assert_snapshot!(refused("x 2"), @r"
    error: expected an operator before the number, not `2`
      x 2
        ^
      hint: a number multiplies from the left, as in 2x, or with `*`
    ");
    assert_snapshot!(refused("sqr(x) + 1"), @r"
    error: `sqr` is not a function
      sqr(x) + 1
      ^^^
      hint: did you mean `sqrt`? a product is written `sqr*(…)`
    ");
    assert_snapshot!(refused("√2·(x + 1"), @r"
    error: this bracket is not closed by `)`
      √2·(x + 1
         ^
    ");
    assert_snapshot!(refused("x) + 1"), @r"
    error: expected an operator or the end, not `)`
      x) + 1
       ^
      hint: check that brackets match
    ");
    assert_snapshot!(refused("|x + 1"), @r"
    error: this bar has no second one
      |x + 1
      ^
    ");
    assert_snapshot!(refused("x * * y"), @r"
    error: expected a number, a name or a bracket, not `*`
      x * * y
          ^
    ");
    assert_snapshot!(refused("1/2x"), @r"
    error: it is not clear what is below the fraction bar
      1/2x
        ^^
      hint: write a/(b c) if all of it is, (a/b)c or a/b c with a space if not
    ");
    assert_snapshot!(refused("sin 2 x"), @r"
    error: it is not clear where the argument of `sin` ends
      sin 2 x
          ^^^
      hint: put it in brackets: sin(…)
    ");
    assert_snapshot!(refused("sin x(y + 1)"), @r"
    error: it is not clear where the argument of `sin` ends
      sin x(y + 1)
          ^^
      hint: put it in brackets: sin(…)
    ");
    assert_snapshot!(refused("ln⁻¹ x"), @r"
    error: `ln⁻¹` may be the inverse or the reciprocal
      ln⁻¹ x
      ^^^^
      hint: write 1/ln(x), or the inverse function by its name
    ");
    assert_snapshot!(refused("atan2(x)"), @r"
    error: `atan2` takes two arguments, not 1
      atan2(x)
      ^^^^^^^^
    ");
    assert_snapshot!(refused("sin + 1"), @r"
    error: expected the argument of `sin`, not `+`
      sin + 1
          ^
    ");
    assert_snapshot!(refused("3,5"), @r"
    error: expected an operator or the end, not `,`
      3,5
       ^
      hint: decimals take a point; commas separate arguments
    ");
    assert_snapshot!(refused("1e999"), @r"
    error: this number is too large
      1e999
      ^^^^^
      hint: the largest number is 1.797e308; `inf` is infinity
    ");
    assert_snapshot!(refused("n!"), @r"
    error: `!` has no meaning here
      n!
       ^
      hint: n! is exp(lgamma(n + 1)); `!=` and `not` belong to conditions
    ");
    assert_snapshot!(refused("x[1]"), @r"
    error: expected an operator before the vector, not `[`
      x[1]
       ^
      hint: elements are not taken by index: name them x_1, x_2, …
    ");
    assert_snapshot!(refused("{x if x > 0; -x}"), @r"
    error: expected `if` and a condition, or `otherwise`, not `}`
      {x if x > 0; -x}
                     ^
    ");
    assert_snapshot!(refused("  "), @r"
    error: the formula is empty
      hint: write one, such as 3x^2 - 4x
    ");
    assert_snapshot!(refused("x\n + 2\n * ?"), @r"
    error: `?` has no meaning here (line 3, character 4)
       * ?
         ^
      hint: a formula has numbers, names, functions and + - * / ^ ( ) | |
    ");
    assert_snapshot!(refused("x + \u{1b}[31m"), @r"
    error: `\u{1b}` has no meaning here
      x + �[31m
          ^
      hint: a formula has numbers, names, functions and + - * / ^ ( ) | |
    ");
    assert_snapshot!(refused(&format!("{} ? {}", "x + ".repeat(40), " + x".repeat(40))), @r"
    error: `?` has no meaning here
      … + x + x + x + x + x + x + x + x + x +  ?  + x + x + x + x + x + x + x + x + x +…
                                               ^
      hint: a formula has numbers, names, functions and + - * / ^ ( ) | |
    ");
}

#[test]
fn mistakes_of_values_are_shown() {
    let (x, y) = (Tensor::from(1.0), Tensor::from([1.0, 2.0, 3.0]));
    let wrong = |text: &str| parse(text).eval(&[("x", &x), ("y", &y)]).unwrap_err();
    assert_snapshot!(wrong("x + z"), @r"
    error: `z` has no value
      x + z
          ^
      hint: values are given for x, y
    ");
    assert_snapshot!(wrong("2 sinx"), @r"
    error: `sinx` has no value
      2 sinx
        ^^^^
      hint: did you mean `sin(x)`?
    ");
    assert_snapshot!(wrong("xy + 1"), @r"
    error: `xy` has no value
      xy + 1
      ^^
      hint: the product is written `x*y`
    ");
    assert_snapshot!(wrong("y' - y"), @r"
    error: a row meets a column
      y' - y
      ^^^^^^
      hint: transpose one of them
    ");
    assert_snapshot!(wrong("[1, 2; 3, 4]^x"), @r"
    error: the power of a matrix takes a whole exponent from 1 to 64
      [1, 2; 3, 4]^x
      ^^^^^^^^^^^^^^
      hint: `.^` is the power of each element
    ");
    let text = wrong("x + ([1, 2] .* y)").to_string();
    let start: Vec<&str> = text.lines().take(3).collect();
    assert_snapshot!(start.join("\n"), @r"
    error: shapes do not broadcast in `mul`
      x + ([1, 2] .* y)
           ^^^^^^^^^^^
    ");
    let error = wrong("x + [1, 2] y");
    let cause = error.cause().expect("a mistake in shapes");
    assert_eq!((cause.kind(), cause.location().file()), (ErrorKind::Shape, file!()));
    assert_eq!(Error::from(error).kind(), ErrorKind::Shape);
    let error = Error::from(wrong("x + z"));
    assert_eq!((error.kind(), error.location().file()), (ErrorKind::Data, file!()));
}
