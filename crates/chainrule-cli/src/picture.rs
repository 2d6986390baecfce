//! Files with pictures: which format, on which ground, and where.
//!
//! The format is that of the file's extension. Whether the file can be written is checked before
//! anything is computed, and it is written whole or not at all.

use std::path::{Path, PathBuf};

use chainrule_fit::atomic;
use chainrule_plot::{Figure, Theme};
use clap::Args;

use crate::check::{Trouble, misuse};

/// Pixels for each unit of a figure in a PNG.
pub(crate) const SCALE: f64 = 2.0;

/// The ground of a picture.
#[derive(Args, Clone, Copy)]
pub(crate) struct Ground {
    /// Draw on a dark ground
    #[arg(long, conflicts_with = "auto")]
    dark: bool,
    /// Draw on a light or a dark ground as the reader's browser prefers (SVG)
    #[arg(long)]
    auto: bool,
}

impl Ground {
    pub(crate) fn theme(self) -> Theme {
        match (self.dark, self.auto) {
            (true, _) => Theme::Dark,
            (_, true) => Theme::Auto,
            _ => Theme::Light,
        }
    }
}

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    Svg,
    Png,
    Dot,
    Html,
}

/// The format of a file, one of `all`, and whether it can be written.
pub(crate) fn format(path: &Path, all: &[(&str, Format)]) -> Result<Format, Trouble> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let found = all.iter().find(|(name, _)| extension.as_deref() == Some(*name));
    let Some((_, format)) = found else {
        let list: Vec<String> = all.iter().map(|(name, _)| format!(".{name}")).collect();
        let name = chainrule_fit::shown(&path.display().to_string());
        return Err(misuse(format!(
            "`{name}` names no format of pictures; end the name in {}",
            list.join(" or ")
        )));
    };
    atomic::check(path).map_err(failure)?;
    Ok(*format)
}

pub(crate) fn failure(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failure(error.to_string())
}

/// Writes a picture.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    atomic::write(path, bytes).map_err(failure)
}

/// A file for a figure.
pub(crate) struct Picture {
    path: PathBuf,
    format: Format,
    theme: Theme,
}

impl Picture {
    pub(crate) fn new(path: &Path, ground: Ground) -> Result<Picture, Trouble> {
        let format = format(path, &[("svg", Format::Svg), ("png", Format::Png)])?;
        Ok(Picture { path: path.to_path_buf(), format, theme: ground.theme() })
    }

    pub(crate) fn write(&self, figure: &Figure) -> Result<(), Trouble> {
        let bytes = match self.format {
            Format::Png => figure.png(self.theme, SCALE).map_err(failure)?,
            _ => figure.svg(self.theme).into_bytes(),
        };
        write(&self.path, &bytes)
    }
}
