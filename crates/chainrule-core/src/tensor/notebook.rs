//! Tensors in notebooks: a grid of numbers on a ground whose colours are their sizes.
//!
//! The Rust kernel of Jupyter, evcxr, shows the last value of a cell by its method
//! `evcxr_display`, found by name: what it prints between two marks is shown as the kind of content
//! that the first mark names.
//!
//! ```
//! use chainrule_core::Tensor;
//! let page = Tensor::from([[1.0, -2.0], [0.0, 0.5]]).to_html();
//! assert!(page.starts_with("<table") && page.contains("−2"));
//! ```

use std::fmt::Write;

use crate::graph::Tensor;
use crate::op::DType;

/// Rows and columns with numbers in them; more are drawn as colours only.
const NUMBERS: usize = 16;
/// The most rows and columns that are drawn; the rest is left out.
const CELLS: usize = 128;

/// Contents for a notebook, each with its kind, such as `text/html`: several ways to show one
/// thing, of which the notebook takes the best that it can.
pub fn contents(all: &[(&str, &str)]) -> String {
    let block = |(kind, text): &(&str, &str)| {
        format!("EVCXR_BEGIN_CONTENT {kind}\n{}\nEVCXR_END_CONTENT", text.trim_end())
    };
    all.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// A number in a few characters.
fn short(x: f64, dtype: DType) -> String {
    let text = match dtype {
        DType::Bool => return if x == 0.0 { "false" } else { "true" }.into(),
        _ if x == x.trunc() && x.abs() < 1e6 => format!("{x}"),
        _ if (1e-3..1e6).contains(&x.abs()) => format!("{x:.4}"),
        _ => format!("{x:.3e}"),
    };
    let text = match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    text.replace('-', "−")
}

/// Blue below 0, orange above, white at 0; grey what is no number.
fn colour(x: f64, largest: f64) -> String {
    if !x.is_finite() {
        return "#ccc".into();
    }
    let share = if largest > 0.0 { (x.abs() / largest).min(1.0) } else { 0.0 };
    let full = if x < 0.0 { [90.0, 150.0, 220.0] } else { [240.0, 160.0, 70.0] };
    let mix = full.map(|c| (255.0 + (c - 255.0) * share) as u8);
    format!("#{:02x}{:02x}{:02x}", mix[0], mix[1], mix[2])
}

impl Tensor {
    /// The tensor as a table in HTML: of at most two axes, numbers on a ground of colours (blue
    /// below 0, orange above); of more than 16 rows or columns, colours only; of more axes, text.
    ///
    /// A tensor that cannot be computed is the text of its error.
    pub fn to_html(&self) -> String {
        let plain = |text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            format!("<pre>{text}</pre>")
        };
        let values = match self.to_dtype(DType::F64).to_vec::<f64>() {
            Ok(values) => values,
            Err(error) => return plain(&error.to_string()),
        };
        let (rows, columns) = match self.shape() {
            [] => (1, 1),
            [n] => (1, *n),
            [m, n] => (*m, *n),
            _ => return plain(&self.to_string()),
        };
        if values.is_empty() {
            return plain(&self.to_string());
        }
        let with_numbers = rows <= NUMBERS && columns <= NUMBERS;
        let finite = values.iter().filter(|x| x.is_finite());
        let largest = finite.fold(0.0f64, |m, x| m.max(x.abs()));
        let size = if with_numbers { "padding:2px 6px" } else { "padding:0;width:6px;height:6px" };
        let mut page = format!(
            "<table style=\"border-collapse:collapse;color:#000\"><caption \
             style=\"caption-side:bottom;text-align:left\">{}</caption>\n",
            self.kind()
        );
        for row in values.chunks(columns).take(CELLS) {
            page += "<tr>";
            for x in row.iter().take(CELLS) {
                let (ground, text) = (colour(*x, largest), short(*x, self.dtype()));
                let _ = match with_numbers {
                    true => write!(
                        page,
                        "<td style=\"{size};text-align:right;background:{ground}\">{text}</td>"
                    ),
                    false => write!(
                        page,
                        "<td style=\"{size};background:{ground}\" title=\"{text}\"></td>"
                    ),
                };
            }
            page += "</tr>\n";
        }
        page + "</table>"
    }

    /// `float64 [2, 3]`, and whether it tracks gradients.
    fn kind(&self) -> String {
        let shape: Vec<String> = self.shape().iter().map(ToString::to_string).collect();
        let tracked = if self.tracks_grad() { ", tracks gradients" } else { "" };
        format!("{} [{}]{tracked}", self.dtype(), shape.join(", "))
    }

    /// Shows the tensor in a notebook; see [`to_html`](Self::to_html). The Rust kernel calls it for
    /// the last value of a cell.
    pub fn evcxr_display(&self) {
        println!(
            "{}",
            contents(&[("text/html", &self.to_html()), ("text/plain", &self.to_string())])
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids() {
        let page = Tensor::from([[1.0, -2.0], [0.0, f64::NAN]]).requires_grad().to_html();
        assert_eq!(page.matches("<tr>").count(), 2);
        assert!(page.contains("background:#5a96dc\">−2</td>"), "{page}");
        assert!(page.contains("background:#ffffff\">0</td>") && page.contains("#ccc"), "{page}");
        assert!(page.contains("float64 [2, 2], tracks gradients"), "{page}");
        let large = Tensor::zeros([200, 20]).to_html();
        assert_eq!((large.matches("<tr>").count(), large.matches("></td>").count()), (128, 2560));
        assert!(Tensor::zeros([0]).to_html().starts_with("<pre>"));
        assert!(Tensor::zeros([2, 2, 2]).to_html().starts_with("<pre>tensor([[["));
        assert!(Tensor::from([true, false]).to_html().contains("true"));
    }

    #[test]
    fn blocks() {
        let text = contents(&[("text/html", "<b>x</b>\n"), ("text/plain", "x")]);
        let expected = "EVCXR_BEGIN_CONTENT text/html\n<b>x</b>\nEVCXR_END_CONTENT\n\
                        EVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT";
        assert_eq!(text, expected);
    }

    #[test]
    fn numbers_are_short() {
        for (x, text) in [(3.0, "3"), (-0.25, "−0.25"), (1.0 / 3.0, "0.3333"), (1e-9, "1.000e−9")]
        {
            assert_eq!(short(x, DType::F64), text);
        }
    }
}
