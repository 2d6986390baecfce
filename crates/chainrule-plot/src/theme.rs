//! Colours: what they mean, and how they look on light and on dark ground.
//!
//! A figure is drawn in [`Ink`]s, which say what a colour is for; a [`Theme`] turns them into
//! colours at the very end. With [`Theme::Auto`] that end is the reader's browser: the SVG carries
//! both tables as CSS variables and follows `prefers-color-scheme`.
//!
//! The colours of series are those of Okabe and Ito, which people with each kind of colour
//! blindness can tell apart, ordered by contrast with the ground and lightened for the dark. The
//! maps are a few control points of published ones, between which colours are interpolated
//! linearly.
//!
//! ```
//! use chainrule_plot::{Ink, Theme, theme::Map};
//! assert_eq!(Theme::Light.colour(Ink::Series(0)), "#0072b2");
//! assert_eq!(Map::Viridis.at(0.0), (0x44, 0x01, 0x54));
//! ```
//!
//! # References
//!
//! M. Okabe, K. Ito, *Color Universal Design*, 2008. S. van der Walt, N. Smith, *viridis*, 2015
//! (CC0). C. Brewer, *ColorBrewer* 2.0: RdBu and Blues (Apache-2.0).

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ink {
    /// Titles, labels, frames.
    Text,
    /// Ticks' labels and what should stand back.
    Muted,
    /// The grid.
    Faint,
    /// The ground.
    Surface,
    /// The colour of the n-th series, counted round the palette.
    Series(usize),
    /// A colour that is the same in every theme.
    Rgb(u8, u8, u8),
}

/// The ground a figure is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// White ground.
    #[default]
    Light,
    /// Dark ground.
    Dark,
    /// Whichever the reader prefers; for SVG in a browser. In a PNG it is light.
    Auto,
}

/// Variable, light colour, dark colour. Series come first, in their order.
const TABLE: &[(&str, u32, u32)] = &[
    ("s0", 0x0072b2, 0x56b4e9),
    ("s1", 0xd55e00, 0xff8f4a),
    ("s2", 0x009e73, 0x2fc79b),
    ("s3", 0xb8609a, 0xe39ccb),
    ("s4", 0xd08c00, 0xf3c14f),
    ("s5", 0x4d4d9f, 0xa9a8f5),
    ("text", 0x1b1f24, 0xe6e9ed),
    ("muted", 0x59636e, 0xa3adb8),
    ("faint", 0xe3e6ea, 0x343b44),
    ("surface", 0xffffff, 0x14181d),
];

/// How many colours of series there are before they repeat.
pub const SERIES: usize = 6;

impl Ink {
    fn row(self) -> Result<usize, (u8, u8, u8)> {
        match self {
            Ink::Series(n) => Ok(n % SERIES),
            Ink::Text => Ok(SERIES),
            Ink::Muted => Ok(SERIES + 1),
            Ink::Faint => Ok(SERIES + 2),
            Ink::Surface => Ok(SERIES + 3),
            Ink::Rgb(r, g, b) => Err((r, g, b)),
        }
    }
}

impl Theme {
    /// The value of an SVG's `fill` or `stroke`.
    pub fn colour(self, ink: Ink) -> String {
        match (ink.row(), self) {
            (Err((r, g, b)), _) => format!("#{r:02x}{g:02x}{b:02x}"),
            (Ok(row), Theme::Light) => format!("#{:06x}", TABLE[row].1),
            (Ok(row), Theme::Dark) => format!("#{:06x}", TABLE[row].2),
            (Ok(row), Theme::Auto) => format!("var(--cr-{})", TABLE[row].0),
        }
    }

    /// The style sheet of the theme; empty unless the reader's preference decides.
    pub(crate) fn sheet(self) -> String {
        if self != Theme::Auto {
            return String::new();
        }
        let rules = |pick: fn(&(&str, u32, u32)) -> u32| -> String {
            TABLE.iter().map(|row| format!("--cr-{}:#{:06x};", row.0, pick(row))).collect()
        };
        let (light, dark) = (rules(|row| row.1), rules(|row| row.2));
        format!(
            "<style>.chainrule-plot{{{light}}}@media(prefers-color-scheme:dark)\
             {{.chainrule-plot{{{dark}}}}}</style>\n"
        )
    }
}

/// A map from [0, 1] to colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Map {
    /// From dark violet to yellow, even in lightness: for magnitudes.
    #[default]
    Viridis,
    /// From blue over white to red: for values with a middle.
    Diverging,
    /// From white to dark blue: for counts.
    Blues,
}

const VIRIDIS: &[u32] = &[
    0x440154, 0x482576, 0x414487, 0x35608d, 0x2a788e, 0x21908c, 0x22a884, 0x43bf71, 0x7ad151,
    0xbbdf27, 0xfde725,
];
const BLUE_RED: &[u32] =
    &[0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b];
const BLUES: &[u32] =
    &[0xf7fbff, 0xdeebf7, 0xc6dbef, 0x9ecae1, 0x6baed6, 0x4292c6, 0x2171b5, 0x08519c, 0x08306b];

impl Map {
    /// The colour at `t`, which is clamped to [0, 1]; NaN counts as 0.
    pub fn at(self, t: f64) -> (u8, u8, u8) {
        let points = match self {
            Map::Viridis => VIRIDIS,
            Map::Diverging => BLUE_RED,
            Map::Blues => BLUES,
        };
        let place = t.clamp(0.0, 1.0).max(0.0) * (points.len() - 1) as f64;
        let low = (place as usize).min(points.len() - 2);
        let part = place - low as f64;
        let channel = |shift: u32| {
            let of = |at: usize| f64::from(points[at] >> shift & 0xff);
            (of(low) + part * (of(low + 1) - of(low))).round() as u8
        };
        (channel(16), channel(8), channel(0))
    }

    /// Black or white, whichever reads better on the colour at `t`.
    pub fn on(self, t: f64) -> Ink {
        let (r, g, b) = self.at(t);
        let light = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
        if light > 140.0 { Ink::Rgb(0x1b, 0x1f, 0x24) } else { Ink::Rgb(0xff, 0xff, 0xff) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG's contrast ratio; 3 is its minimum for graphics, 4.5 for text.
    fn contrast(a: u32, b: u32) -> f64 {
        let linear = |v: u32| {
            let v = f64::from(v & 0xff) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        let light =
            |c: u32| 0.2126 * linear(c >> 16) + 0.7152 * linear(c >> 8) + 0.0722 * linear(c) + 0.05;
        (light(a) / light(b)).max(light(b) / light(a))
    }

    #[test]
    fn colours_stand_out_from_the_ground() {
        let ground = TABLE[SERIES + 3];
        for row in &TABLE[..SERIES] {
            let pair = (contrast(row.1, ground.1), contrast(row.2, ground.2));
            assert!(pair.0 > 2.8 && pair.1 > 3.0, "{}: {pair:?}", row.0);
        }
        for row in &TABLE[SERIES..SERIES + 2] {
            assert!(contrast(row.1, ground.1) > 4.5 && contrast(row.2, ground.2) > 4.5);
        }
    }

    #[test]
    fn maps_reach_their_ends() {
        assert_eq!(Map::Viridis.at(1.0), (0xfd, 0xe7, 0x25));
        assert_eq!(Map::Diverging.at(0.5), (0xf7, 0xf7, 0xf7));
        assert_eq!(Map::Blues.at(f64::NAN), Map::Blues.at(-1.0));
        assert_eq!(Map::Blues.on(0.0), Ink::Rgb(0x1b, 0x1f, 0x24));
    }
}
