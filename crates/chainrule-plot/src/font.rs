//! The one font of all figures, and how wide a text is in it.
//!
//! DejaVu Sans has the glyphs of mathematics (∂f/∂x, ∇, θ₁, 10⁻³, ŷ) and a free licence, so a
//! subset of it lies in the crate; `tools/font_subset.py` made it and says which characters it
//! holds. It has no kerning, hence the width of a text is the sum of its advance widths, and a
//! layout computed here is exact wherever the font is used. An SVG names the font and its relative
//! Verdana, whose widths are nearly the same; a PNG is drawn with the glyphs' outlines from here,
//! so that it is the same on every machine and needs no fonts of the system.
//!
//! ```
//! use chainrule_plot::font::width;
//! assert!(width("iii", 12.0) < width("mmm", 12.0));
//! assert_eq!(width("ab", 10.0), width("a", 10.0) + width("b", 10.0));
//! ```
//!
//! Not here: shaping. Scripts that need it, and characters outside the subset, count one em each
//! and are drawn as a box in a PNG; a browser takes them from another font.

use std::fmt::Write;
use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

const BYTES: &[u8] = include_bytes!("../font/DejaVuSans-subset.ttf");

/// The families an SVG asks for, in order of preference.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Height above the baseline that a line of text takes, in em.
pub const ASCENT: f64 = 0.78;

/// Depth below the baseline, in em.
pub const DESCENT: f64 = 0.24;

/// Half the height of a capital or a digit, in em: by so much a baseline lies below the middle.
pub const MIDDLE: f64 = 0.365;

static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(BYTES, 0).ok());

/// Whether the font has a glyph for each character of `text`.
pub fn has(text: &str) -> bool {
    let face = FACE.as_ref();
    face.is_some_and(|face| text.chars().all(|c| face.glyph_index(c).is_some()))
}

fn glyph(face: &Face<'static>, c: char) -> (GlyphId, f64) {
    let em = f64::from(face.units_per_em());
    match face.glyph_index(c) {
        Some(id) => (id, face.glyph_hor_advance(id).map_or(1.0, |units| f64::from(units) / em)),
        None => (GlyphId(0), 1.0),
    }
}

/// The width of `text` at `size`, in the unit of `size`.
pub fn width(text: &str, size: f64) -> f64 {
    let Some(face) = FACE.as_ref() else { return 0.6 * size * text.chars().count() as f64 };
    text.chars().map(|c| glyph(face, c).1).sum::<f64>() * size
}

/// `text`, cut and ended with an ellipsis where it is wider than `limit`.
pub fn fitted(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_string();
    }
    let mut room = limit - width("…", size);
    let fits = |c: &char| {
        room -= width(c.encode_utf8(&mut [0; 4]), size);
        room >= 0.0
    };
    let kept: String = text.chars().take_while(fits).collect();
    kept.trim_end().to_string() + "…"
}

/// The outlines of `text` as the data of an SVG path, its baseline starting at (0, 0).
pub(crate) fn outline(text: &str, size: f64) -> String {
    let mut pen = Pen { path: String::new(), x: 0.0, scale: 0.0 };
    let Some(face) = FACE.as_ref() else { return pen.path };
    pen.scale = size / f64::from(face.units_per_em());
    for c in text.chars() {
        let (id, advance) = glyph(face, c);
        face.outline_glyph(id, &mut pen);
        pen.x += advance * size;
    }
    pen.path
}

struct Pen {
    path: String,
    x: f64,
    scale: f64,
}

impl Pen {
    fn put(&mut self, letter: char, points: &[(f32, f32)]) {
        self.path.push(letter);
        for (x, y) in points {
            let (x, y) = (self.x + f64::from(*x) * self.scale, -f64::from(*y) * self.scale);
            let _ = write!(self.path, "{x:.2} {y:.2} ");
        }
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.put('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.put('L', &[(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.put('Q', &[(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.put('C', &[(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.path.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mathematics_has_glyphs() {
        let needed = "x² ∂f/∂x ∇ θ₁ 10⁻³ ŷ x̂ x̄ ≤ ≥ ≈ ± · × → ↦ ∑ ∫ √ ∞ ∈ ℝ σ µ ε Δ − – … ‖x‖ ∘";
        let missing: String = needed.chars().filter(|c| !has(&c.to_string())).collect();
        assert_eq!(missing, "");
    }

    #[test]
    fn a_long_text_is_cut_to_its_limit() {
        let cut = fitted("a rather long label", 12.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 60.0, "{cut}");
        assert_eq!(fitted("short", 12.0, 60.0), "short");
        assert_eq!(fitted("short", 12.0, 0.0), "…");
    }

    #[test]
    fn outlines_start_where_the_text_starts() {
        assert!(outline("f", 10.0).starts_with('M'));
        assert_eq!(outline("", 10.0), "");
    }
}
