//! PNG from the SVG, by resvg.
//!
//! The texts are outlines of the embedded font by then, so no fonts are looked up and the picture
//! is the same on every machine.

use resvg::{tiny_skia, usvg};

use crate::Error;

/// The most pixels a picture may have.
const MOST: f64 = 1e8;

/// `svg`, of `width` by `height` units, with `scale` pixels for each unit.
pub(crate) fn render(svg: &str, (width, height): (f64, f64), scale: f64) -> Result<Vec<u8>, Error> {
    let (w, h) = ((width * scale).ceil(), (height * scale).ceil());
    if !(w >= 1.0 && h >= 1.0 && w * h <= MOST) {
        return Err(Error(format!("a PNG of {w} × {h} pixels: choose from 1 to 10⁸ pixels")));
    }
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default())
        .map_err(|e| Error(format!("the SVG cannot be read back: {e}")))?;
    let mut pixels = tiny_skia::Pixmap::new(w as u32, h as u32)
        .ok_or_else(|| Error(format!("no memory for a PNG of {w} × {h} pixels")))?;
    let zoom = tiny_skia::Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, zoom, &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| Error(format!("the PNG cannot be encoded: {e}")))
}
