//! The lecture as a notebook: the source of `lecture.ipynb`.
//!
//! `cell!` begins a cell of code and holds the text above it. What the last line shows with
//! `.evcxr_display()` is the value of the cell; the kernel calls that method by itself. A test runs
//! this program, and compares the cells and what they print with the notebook; `cargo xtask bless`
//! writes the notebook anew, `cargo xtask notebook` runs it in Jupyter.

pub(crate) fn lecture() -> Result<(), Box<dyn std::error::Error>> {
    cell!(
        r"
# Calculus for deep learning

A model is fitted by changing its parameters, step by step, so that its loss becomes smaller. Which
way to change them is what derivatives say. This notebook goes from the limit of a difference
quotient to gradients that a program computes by itself, in Rust.

The first cell builds the libraries and takes a few minutes; the others take a moment each. The
package in the folder `notebook` makes one library of them, which all cells share.
"
    );
    use chainrule::draw::draw;
    use chainrule::formula::Formula;
    use chainrule::prelude::*;
    use chainrule::symbolic::{MatrixFormula, Term, chain_steps, guessed_kinds, steps};
    use chainrule_plot::ready::calculus::{Touch, derivative as tangent, secants};
    use chainrule_plot::{Figure, Mark, Panel};

    cell!(
        r"
## Recap: a model and its loss

Three people: height, weight, age and hours of exercise. Their blood pressure is to be estimated.
"
    );
    let inputs = Tensor::from([
        [180.0, 89.0, 35.0, 1.0],
        [160.0, 49.0, 40.0, 4.0],
        [179.0, 69.0, 20.0, 2.0],
    ]);
    let truth = Tensor::from([160.0, 130.0, 110.0]);
    inputs.evcxr_display();

    cell!(
        r"
With known parameters $w$ the estimate for the first person is a scalar product.
"
    );
    fn model(w: &Tensor, x: &Tensor) -> Tensor {
        w.i(0) * x.i(0) + w.i(1) * x.i(1) + w.i(2) * x.i(2) + w.i(3) * x.i(3)
    }
    let w = Tensor::from([0.3, 0.8, -0.4, 10.0]);
    let estimate = model(&w, &inputs.i(0));
    println!("{}", estimate.item::<f64>()?);

    cell!(
        r"
The loss is the square of how far it is from the truth:
"
    );
    let loss = (truth.i(0) - &estimate).powi(2);
    println!("{}", loss.item::<f64>()?);

    cell!(
        r"
Unknown parameters are found by going against the derivative of the loss. What that derivative is,
by each of the four parameters, the rest of the notebook explains; here it is computed.
"
    );
    let w = Tensor::from([0.3, 0.8, -0.4, 10.0]).requires_grad();
    let loss = (truth.i(0) - model(&w, &inputs.i(0))).powi(2);
    let slopes = grad(&loss, &[&w])?;
    slopes[0].evcxr_display();

    cell!(
        r"
## Functions

In mathematics as in programs a function makes an output of inputs. One of a single number:
"
    );
    fn f(x: &Tensor) -> Tensor {
        3.0 * x.powi(2) - 4.0 * x
    }
    let x = Tensor::arange(-5.0, 5.0, 0.1);
    let xs = x.to_vec::<f64>()?;
    let ys = f(&x).to_vec::<f64>()?;
    Figure::of(Panel::new("x", "y = f(x)").with(Mark::line(&xs, &ys))).evcxr_display();

    cell!(
        r"
## Derivatives

$$f'(x) = \lim_{h \to 0} \frac{f(x + h) - f(x)}{h}$$

At $x = 1$ the quotient tends to 2 as $h$ becomes small:
"
    );
    fn quotient(x: f64, h: f64) -> Result<f64, Error> {
        ((f(&Tensor::from(x + h)) - f(&Tensor::from(x))) / h).item::<f64>()
    }
    let mut h = 0.1;
    for _ in 0..5 {
        println!("h={h:.5}, numerical limit={:.5}", quotient(1.0, h)?);
        h *= 0.1;
    }

    cell!(
        r"
The quotients are slopes of secants, which close in on the tangent:
"
    );
    let near: Vec<f64> = (0..=60).map(|i| f64::from(i) / 20.0).collect();
    let values: Vec<f64> = near.iter().map(|x| 3.0 * x * x - 4.0 * x).collect();
    let at = Touch { x: 1.0, y: -1.0, slope: 2.0 };
    secants(&near, &values, at, &[(2.5, 8.75), (2.0, 4.0), (1.5, 0.75)]).evcxr_display();

    cell!(
        r"
The derivative is a function again. By the rules it is a formula:
"
    );
    let formula = Formula::parse("3x^2 - 4x")?;
    let slope = Term::of(&formula)?.derivative("x");
    slope.evcxr_display();

    cell!(
        r"
Both together, with the tangent at 1:
"
    );
    let prime: Vec<f64> = near.iter().map(|x| 6.0 * x - 4.0).collect();
    tangent(&near, &values, &prime, at, "f(x)").evcxr_display();

    cell!(
        r"
## Rules

Constant, power, $e^x$ and $\ln x$:
"
    );
    for text in ["7", "x^n", "e^x", "ln x"] {
        let formula = Formula::parse_with(text, &["x", "n"])?;
        let slope = Term::of(&formula)?.derivative("x").to_node();
        println!("({})′ = {}", formula.root().pretty(), slope.pretty());
    }

    cell!(
        r"
The constant multiple rule and the sum rule, step by step:
"
    );
    steps(&Formula::parse("3x^2 - 4x")?, "x")?.evcxr_display();

    cell!(
        r"
The product rule and the quotient rule:
"
    );
    for text in ["x^2 sin x", "sin(x)/x"] {
        print!("{}", steps(&Formula::parse(text)?, "x")?);
    }

    cell!(
        r"
## Partial derivatives and gradients

A function of several numbers has a derivative by each of them, with the others held fixed. Put into
one column they are the gradient.
"
    );
    let linear = Formula::parse("w_0 x_0 + w_1 x_1 + w_2 x_2 + w_3 x_3")?;
    let gradient = Term::of(&linear)?.gradient(&["w_0", "w_1", "w_2", "w_3"]);
    Term::named(&gradient).evcxr_display();

    cell!(
        r"
With vectors and matrices there is one formula for all of the elements. The gradient of a vector has
a column for each of its elements: it is the transpose of the Jacobian.
"
    );
    for text in ["A x", "x' A", "x' A x", "norm(x)^2", "sum(x)"] {
        let formula = Formula::parse(text)?;
        let gradient = MatrixFormula::new(&formula, guessed_kinds(&formula))?.gradient("x")?;
        println!("∇({}) = {}", formula.root().pretty(), gradient.to_node().pretty());
    }

    cell!(
        r"
## The chain rule

$$\frac{dy}{dx} = \frac{\partial y}{\partial u} \frac{du}{dx}
+ \frac{\partial y}{\partial v} \frac{dv}{dx}$$
"
    );
    let inner =
        [("u".to_string(), Formula::parse("x^2")?), ("v".to_string(), Formula::parse("sin x")?)];
    chain_steps(&Formula::parse("u^2 e^v")?, &inner, "x")?.evcxr_display();

    cell!(
        r"
## Automatic differentiation

A program needs no formula of the derivative. It records which data went through which operation,
and applies the chain rule to the record. Take $y = 2 x^\top x$ at a certain $x$:
"
    );
    let x = Tensor::arange(0.0, 4.0, 1.0).requires_grad();
    println!("{x}");
    println!("{:?}", x.grad().map(|g| g.to_string()));
    let y = 2.0 * x.dot(&x);
    println!("{y}");

    cell!(
        r"
Going back through the record gives the gradient, which should be $4x$:
"
    );
    y.backward()?;
    let slope = x.grad().ok_or("no gradient")?;
    println!("{slope}");
    println!("{}", slope.eq(4.0 * &x));

    cell!(
        r"
The record is a graph. Press play: values go forward, gradients come back.
"
    );
    let x = Tensor::arange(0.0, 4.0, 1.0).requires_grad().named("x");
    draw(&(2.0 * x.dot(&x))).movement(false).lines(false).evcxr_display();

    cell!(
        r"
Gradients add up in `x` until they are cleared. Of a sum each is 1:
"
    );
    let x = Tensor::arange(0.0, 4.0, 1.0).requires_grad();
    (2.0 * x.dot(&x)).backward()?;
    x.zero_grad();
    x.sum().backward()?;
    x.grad().ok_or("no gradient")?.evcxr_display();

    cell!(
        r"
Only a single number has a gradient. The error says what to do:
"
    );
    match (&x * &x).backward() {
        Ok(()) => println!("no error"),
        Err(error) => println!("{error}"),
    }

    cell!(
        r"
## Detaching

$g = (f - a)^2$ with $f = 2 x^\top x$. If $a = 2$ is a constant:
"
    );
    x.zero_grad();
    (2.0 * x.dot(&x) - 2.0).powi(2).backward()?;
    println!("{}", x.grad().ok_or("no gradient")?);

    cell!(
        r"
If $a$ is the sum of $x$, but is to count as a constant, it is detached:
"
    );
    x.zero_grad();
    let a = x.sum().detach();
    (2.0 * x.dot(&x) - a).powi(2).backward()?;
    println!("{}", x.grad().ok_or("no gradient")?);

    cell!(
        r"
Without that it is a function of $x$ like the rest:
"
    );
    x.zero_grad();
    (2.0 * x.dot(&x) - x.sum()).powi(2).backward()?;
    println!("{}", x.grad().ok_or("no gradient")?);

    cell!(
        r"
## Without gradients

Where nothing has to be differentiated nothing needs to be recorded. Then there is no way back:
"
    );
    let y = no_grad(|| 2.0 * x.dot(&x));
    println!("{y}");
    match y.backward() {
        Ok(()) => println!("no error"),
        Err(error) => println!("{error}"),
    }

    cell!(
        r"
## Descent

With gradients by program the recap can be finished: the loss of all three people, made smaller by
going against its gradient.
"
    );
    let w = Tensor::from([0.3, 0.8, -0.4, 10.0]).requires_grad();
    let rate = 1e-5;
    for step in 0..=200 {
        let loss = (&truth - inputs.matmul(&w)).powi(2).mean();
        if step % 50 == 0 {
            println!("step {step:3}: loss {:.2}", loss.item::<f64>()?);
        }
        let slope = &grad(&loss, &[&w])?[0];
        w.assign(&(&w - rate * slope).detach())?;
    }

    Ok(())
}
