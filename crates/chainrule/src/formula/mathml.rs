//! Formulas as MathML, the language in which browsers show mathematics.
//!
//! The LaTeX of a formula is read by `pulldown-latex`; there is one place that knows how a formula
//! is written, and this is not it.

use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};

use super::ast::Node;

impl Node {
    /// The formula as an element `<math>`, for web pages.
    ///
    /// ```
    /// use chainrule::formula::Formula;
    /// let f = Formula::parse("3x^2 - 4x")?;
    /// let page = f.root().to_mathml();
    /// assert!(page.starts_with("<math") && page.contains("<msup>"));
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    pub fn to_mathml(&self) -> String {
        let latex = self.to_latex();
        let storage = Storage::new();
        let config =
            RenderConfig { display_mode: DisplayMode::Block, xml: true, ..Default::default() };
        let mut page = String::new();
        // The writer fails only where its output does, and a text does not.
        let _ = push_mathml(&mut page, Parser::new(&latex, &storage), config);
        page
    }
}

#[cfg(test)]
mod tests {
    use crate::formula::Formula;

    #[test]
    fn all_kinds_of_formulas_are_read_back() {
        for text in [
            "3x^2 - 4x",
            "e^(-x²/2)/√(2π)",
            "|x| + floor(y) + x_1",
            "{x^2 if x > 0; -x otherwise}",
            "x' A x + norm(x)^2",
            "[1, 2; 3, 4] x",
            "erf(x) atan2(y, x) max(x, y) log2(x)",
            "gelu(x) + sigmoid(x) - lgamma(x)",
            "theta + Omega_0",
        ] {
            let page = Formula::parse(text).unwrap().root().to_mathml();
            assert!(page.ends_with("</math>"), "{text}: {page}");
            assert!(!page.contains("merror"), "{text}: {page}");
        }
    }
}
