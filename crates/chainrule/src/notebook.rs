//! Formulas, derivatives, steps and graphs in notebooks.
//!
//! The Rust kernel of Jupyter shows the last value of a cell by its method `evcxr_display`.
//! Formulas are shown as mathematics, graphs as pages that play forward and backward; where a
//! notebook can show neither, the text or the picture stands in. Tensors and figures have the same
//! method. All cells of a notebook have to share one copy of the library, which the package
//! `examples/notebook` sees to.

use chainrule_core::notebook_contents;

use crate::formula::{Formula, Node};
use crate::symbolic::{MatrixFormula, Named, Step, Term};

fn mathematics(latex: &str, plain: &str) {
    let latex = format!("$\\displaystyle {latex}$");
    println!("{}", notebook_contents(&[("text/latex", &latex), ("text/plain", plain)]));
}

impl Node {
    /// Shows the expression in a notebook as mathematics.
    pub fn evcxr_display(&self) {
        mathematics(&self.to_latex(), &self.pretty());
    }
}

impl Formula {
    /// Shows the formula in a notebook as mathematics.
    pub fn evcxr_display(&self) {
        self.root().evcxr_display();
    }
}

impl Term {
    /// Shows the term in a notebook as mathematics, with names for what a long one repeats.
    pub fn evcxr_display(&self) {
        Term::named(std::slice::from_ref(self)).evcxr_display();
    }
}

impl Named {
    /// Shows the formulas in a notebook as mathematics.
    pub fn evcxr_display(&self) {
        mathematics(&self.to_latex(), &self.pretty());
    }
}

impl MatrixFormula {
    /// Shows the formula in a notebook as mathematics.
    pub fn evcxr_display(&self) {
        self.to_node().evcxr_display();
    }
}

impl Step {
    /// The steps as an array in LaTeX: a line each, with its rule.
    pub fn to_latex(&self) -> String {
        let line = |(level, text, rule): &(usize, String, String)| {
            let space = r"\quad ".repeat(*level);
            format!(r"{space}{text} & \text{{{rule}}}")
        };
        let lines: Vec<String> = self.lines(usize::MAX, true).iter().map(line).collect();
        format!("\\begin{{array}}{{ll}} {} \\end{{array}}", lines.join(" \\\\\n"))
    }

    /// Shows the steps in a notebook as mathematics.
    pub fn evcxr_display(&self) {
        mathematics(&self.to_latex(), &self.to_string());
    }
}

#[cfg(feature = "draw")]
impl crate::draw::Drawing {
    /// Shows the graph in a notebook: as a page that plays forward and backward, or as a picture.
    /// A graph that is too large to be drawn is shown as the text of the error.
    pub fn evcxr_display(&self) {
        match (self.html(), self.svg(crate::draw::Theme::Light)) {
            (Ok(page), Ok(picture)) => {
                let page = page.replace('&', "&amp;").replace('"', "&quot;");
                let frame = format!(
                    "<iframe style=\"width:100%;height:480px;border:0\" srcdoc=\"{page}\"></iframe>"
                );
                let all = [("text/html", frame.as_str()), ("image/svg+xml", &picture)];
                println!("{}", notebook_contents(&all));
            }
            (Err(error), _) | (_, Err(error)) => println!("{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbolic::steps;

    #[test]
    fn steps_are_an_array() {
        let formula = Formula::parse("x sin x").unwrap();
        let latex = steps(&formula, "x").unwrap().to_latex();
        assert!(
            latex.starts_with(r"\begin{array}{ll} \frac{d}{dx}\left[x \sin x\right] ="),
            "{latex}"
        );
        assert!(latex.contains(r"& \text{product rule} \\"), "{latex}");
    }
}
