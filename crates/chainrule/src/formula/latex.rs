//! Formulas in LaTeX: fractions, roots and bars of the height of what is in them.

use chainrule_core::op::{Binary, Cmp, Unary};

use super::ast::{By, Constant, Expr, Function, Node, Sign};
use super::print::{Tightness, number, tightness};

impl Node {
    /// The expression in LaTeX's mathematical mode, without the dollar signs.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// let f = Formula::parse("e^(-x^2/2)/sqrt(2pi)")?;
    /// assert_eq!(f.root().to_latex(), r"\frac{e^{-\frac{x^{2}}{2}}}{\sqrt{2 \pi}}");
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    pub fn to_latex(&self) -> String {
        bare(self)
    }
}

fn brackets(text: &str) -> String {
    format!(r"\left({text}\right)")
}

fn within(node: &Node, least: Tightness) -> String {
    let text = bare(node);
    // A fraction holds together like a bracket, but not as the base of a power.
    let quotient =
        matches!(node.expr(), Expr::Product(_, rest) if rest[rest.len() - 1].0 == By::Over);
    let fraction = quotient && text.starts_with(r"\frac") && least <= Tightness::Power;
    if fraction || tightness(node.expr()) >= least { text } else { brackets(&text) }
}

fn list(all: &[Node], between: &str, least: Tightness) -> String {
    all.iter().map(|node| within(node, least)).collect::<Vec<_>>().join(between)
}

fn bare(node: &Node) -> String {
    match node.expr() {
        Expr::Number(x) => scientific(&number(*x)),
        Expr::Constant(c) => constant(*c).into(),
        Expr::Variable(name) => variable(name),
        Expr::Negate(a) => format!("-{}", within(a, Tightness::Product)),
        Expr::Sum(first, rest) => {
            let mut text = within(first, Tightness::Negate);
            for (sign, term) in rest {
                text += if *sign == Sign::Plus { " + " } else { " - " };
                text += &within(term, Tightness::Product);
            }
            text
        }
        Expr::Product(first, rest) => product(first, rest),
        Expr::Power(base, exponent) => power(base, &bare(exponent)),
        Expr::Transpose(a) => format!(r"{}^{{\top}}", within(a, Tightness::Transpose)),
        Expr::Call(function, arguments) => call(*function, arguments),
        Expr::Vector(all) => vector(all),
        Expr::Compare(first, rest) => {
            let mut text = within(first, Tightness::Sum);
            for (cmp, node) in rest {
                text += relation(*cmp);
                text += &within(node, Tightness::Sum);
            }
            text
        }
        Expr::And(all) => list(all, r" \wedge ", Tightness::Not),
        Expr::Or(all) => list(all, r" \vee ", Tightness::And),
        Expr::Not(a) => format!(r"\neg {}", within(a, Tightness::Compare)),
        Expr::Piecewise(cases, otherwise) => {
            let mut rows: Vec<String> = cases
                .iter()
                .map(|c| format!(r"{} & \text{{if }} {}", bare(&c.value), bare(&c.condition)))
                .collect();
            rows.extend(otherwise.iter().map(|x| format!(r"{} & \text{{otherwise}}", bare(x))));
            format!(r"\begin{{cases}} {} \end{{cases}}", rows.join(r" \\ "))
        }
    }
}

/// `1.5e-7` as 1.5 · 10⁻⁷.
fn scientific(text: &str) -> String {
    match text.split_once('e') {
        Some((digits, exponent)) => format!(r"{digits} \cdot 10^{{{exponent}}}"),
        None => text.into(),
    }
}

fn constant(c: Constant) -> &'static str {
    match c {
        Constant::Pi => r"\pi",
        Constant::Tau => r"\tau",
        Constant::E => "e",
        Constant::Infinity => r"\infty",
    }
}

/// The names of Greek letters, in the order of the alphabet from α.
const GREEK: [&str; 25] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "varepsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "varsigma",
    "sigma",
    "tau",
    "upsilon",
    "varphi",
    "chi",
    "psi",
    "omega",
];

/// A name: Greek letters by their commands, words upright, what follows `_` below.
fn variable(name: &str) -> String {
    if name.starts_with(char::is_control) {
        // A place for something else.
        return name.into();
    }
    let (stem, subscript) = name.split_once('_').map_or((name, None), |(a, b)| (a, Some(b)));
    let part = |text: &str| -> String {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(c), None) => match (c as u32).checked_sub('α' as u32) {
                Some(i) if (i as usize) < GREEK.len() => format!(r"\{}", GREEK[i as usize]),
                _ => c.into(),
            },
            _ if GREEK.contains(&text) => format!(r"\{text}"),
            _ if text.chars().all(|c| c.is_ascii_digit()) => text.into(),
            _ => format!(r"\mathrm{{{text}}}"),
        }
    };
    match subscript {
        Some(subscript) => format!("{}_{{{}}}", part(stem), part(subscript)),
        None => part(stem),
    }
}

/// Factors side by side; what is divided by, below a line.
fn product(first: &Node, rest: &[(By, Node)]) -> String {
    let over = rest.iter().position(|(by, _)| *by == By::Over);
    let (above, below) = rest.split_at(over.unwrap_or(rest.len()));
    // Only a quotient with all divisors at its end can be drawn as one fraction.
    if below.iter().any(|(by, _)| *by != By::Over) {
        let mut text = within(first, Tightness::Power);
        for (by, factor) in rest {
            let factor = within(factor, Tightness::Power);
            text = match by {
                By::Over => format!(r"\frac{{{text}}}{{{factor}}}"),
                By::Times => format!(r"{text} \cdot {factor}"),
                By::Elementwise => format!(r"{text} \odot {factor}"),
            };
        }
        return text;
    }
    let mut text = if below.is_empty() || !above.is_empty() {
        within(first, Tightness::Power)
    } else {
        bare(first)
    };
    for (by, factor) in above {
        let next = within(factor, Tightness::Power);
        let digit = next.starts_with(|c: char| c.is_ascii_digit()) || next.starts_with(r"\frac");
        text += match by {
            By::Elementwise => r" \odot ",
            _ if digit => r" \cdot ",
            _ => " ",
        };
        text += &next;
    }
    match below {
        [] => text,
        [(_, divisor)] => format!(r"\frac{{{text}}}{{{}}}", bare(divisor)),
        _ => {
            let divisors: Vec<String> =
                below.iter().map(|(_, x)| within(x, Tightness::Power)).collect();
            format!(r"\frac{{{text}}}{{{}}}", divisors.join(" "))
        }
    }
}

/// A power; of a function of one argument the exponent stands behind its name.
fn power(base: &Node, exponent: &str) -> String {
    if let Expr::Call(Function::Map(op), arguments) = base.expr()
        && let [argument] = arguments.as_slice()
        && is_circular(*op)
        && exponent.chars().all(|c| c.is_ascii_digit())
    {
        let call = call(Function::Map(*op), arguments);
        let name = op.tex().trim_end_matches([' ', '#']);
        if let Some(rest) = call.strip_prefix(name) {
            return format!("{name}^{{{exponent}}}{rest}");
        }
        let _ = argument;
    }
    format!("{}^{{{exponent}}}", within(base, Tightness::Transpose))
}

fn is_circular(op: Unary) -> bool {
    matches!(
        op,
        Unary::sin | Unary::cos | Unary::tan | Unary::sinh | Unary::cosh | Unary::tanh | Unary::ln
    )
}

/// A call in the operation's own LaTeX, its arguments in the places of `#` and `@`.
fn call(function: Function, arguments: &[Node]) -> String {
    let named = |name: &str| {
        let all = list(arguments, ", ", Tightness::Or);
        format!(r"\operatorname{{{name}}}{}", brackets(&all))
    };
    match (function, arguments) {
        (Function::Map(op), [x]) => filled(op.tex(), &[x]),
        (Function::Zip(Binary::Pow), [x, y]) => power(x, &bare(y)),
        (Function::Zip(op), [x, y]) => filled(op.tex(), &[x, y]),
        (Function::Norm, [x]) => format!(r"\left\|{}\right\|", bare(x)),
        (Function::Max, _) => format!(r"\max{}", brackets(&list(arguments, ", ", Tightness::Or))),
        (Function::Min, _) => format!(r"\min{}", brackets(&list(arguments, ", ", Tightness::Or))),
        (Function::Sum, [x]) => format!(r"\sum {}", within(x, Tightness::Product)),
        (Function::Prod, [x]) => format!(r"\prod {}", within(x, Tightness::Power)),
        (Function::Dot, [x, y]) => {
            let part = |x| within(x, Tightness::Power);
            format!(r"{} \cdot {}", part(x), part(y))
        }
        _ => named(function.name()),
    }
}

/// A pattern with its places filled: bare between braces and bars, else in brackets unless short.
fn filled(tex: &str, arguments: &[&Node]) -> String {
    let mut text = String::new();
    let mut before = ' ';
    for (at, c) in tex.char_indices() {
        let place = match c {
            '#' => Some(0),
            '@' => Some(1),
            _ => None,
        };
        match place.and_then(|i| arguments.get(i)) {
            None => text.push(c),
            Some(node) => {
                let after = tex[at + 1..].trim_start();
                let inside = matches!(before, '{' | '|' | '(' | ',')
                    && (after.starts_with('}')
                        || after.starts_with(r"\right")
                        || after.starts_with(','));
                let short = matches!(node.expr(), Expr::Variable(_) | Expr::Constant(_));
                let argument = bare(node);
                text += &if inside || short { argument } else { brackets(&argument) };
            }
        }
        before = c;
    }
    text
}

fn vector(all: &[Node]) -> String {
    let row = |node: &Node| match node.expr() {
        Expr::Vector(row) => list(row, " & ", Tightness::Or),
        _ => bare(node),
    };
    let rows: Vec<String> = all.iter().map(row).collect();
    format!(r"\begin{{bmatrix}} {} \end{{bmatrix}}", rows.join(r" \\ "))
}

fn relation(cmp: Cmp) -> &'static str {
    match cmp {
        Cmp::Eq => " = ",
        Cmp::Ne => r" \ne ",
        Cmp::Lt => " < ",
        Cmp::Le => r" \le ",
        Cmp::Gt => " > ",
        Cmp::Ge => r" \ge ",
    }
}

#[cfg(test)]
mod tests {
    use crate::formula::Formula;

    #[test]
    fn as_it_is_set() {
        for (text, latex) in [
            ("3x^2 - 4x", "3 x^{2} - 4 x"),
            ("sin(x)^2", r"\sin^{2} x"),
            ("sin(2x)", r"\sin \left(2 x\right)"),
            ("a/b/c", r"\frac{a}{b c}"),
            ("(a+b)/c", r"\frac{a + b}{c}"),
            ("x^(1/2)", r"x^{\frac{1}{2}}"),
            ("(x/y)^2", r"\left(\frac{x}{y}\right)^{2}"),
            ("sqrt(x+1)", r"\sqrt{x + 1}"),
            ("|x|", r"\left|x\right|"),
            ("alpha_1 x_12", r"\alpha_{1} x_{12}"),
            ("x' A x", r"x^{\top} A x"),
            (
                "{x if x > 0; -x otherwise}",
                r"\begin{cases} x & \text{if } x > 0 \\ -x & \text{otherwise} \end{cases}",
            ),
            ("2*3", r"2 \cdot 3"),
            ("-(a+b)", r"-\left(a + b\right)"),
            ("norm(x)^2", r"\left\|x\right\|^{2}"),
        ] {
            assert_eq!(Formula::parse(text).unwrap().root().to_latex(), latex, "{text}");
        }
    }
}
