//! Images in folders, one folder for each class.
//!
//! ```text
//! digits/0/a.png  digits/0/b.png  digits/1/c.png …
//! ```
//!
//! The classes are the names of the folders in alphabetical order. Images are PNG files of one size;
//! they are read when a batch needs them, so a folder may be larger than memory. Grey images have
//! one channel and others three; transparency is let go.
//!
//! Not here: scaling. Images of different sizes are refused.

use std::fs;
use std::path::{Path, PathBuf};

use png::{ColorType, Decoder, Limits, Transformations};

use super::array::Array;
use super::dataset::{Dataset, Example};
use super::open;
use super::table::shown_path;
use crate::error::{Error, Result, fail, reason};

/// The most pixels of an image.
pub const MAX_PIXELS: u64 = 1 << 26;

/// The most images.
pub const MAX_IMAGES: usize = 10_000_000;

/// Images of several classes.
#[derive(Clone, Debug)]
pub struct Images {
    files: Vec<(PathBuf, usize)>,
    classes: Vec<String>,
    /// Channels, height, width.
    shape: [usize; 3],
}

impl Images {
    /// The images below the folder `path`.
    ///
    /// # Errors
    /// If there are no folders with PNG files in it, or the first image cannot be read.
    pub fn open(path: &Path) -> Result<Images> {
        let name = shown_path(&path.display().to_string());
        let (mut files, mut classes) = (vec![], vec![]);
        for folder in entries(path)?.iter().filter(|entry| entry.is_dir()) {
            let before = files.len();
            for file in entries(folder)? {
                let is_png = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
                if is_png && file.is_file() {
                    files.push((file, classes.len()));
                }
            }
            if files.len() > MAX_IMAGES {
                fail!("{name} holds more than {MAX_IMAGES} images; keep fewer");
            }
            if files.len() > before {
                let class = folder.file_name().unwrap_or_default();
                classes.push(class.to_string_lossy().into_owned());
            }
        }
        let Some((first, _)) = files.first() else {
            fail!("{name} has no folders with PNG images in them; make one for each class")
        };
        let shape = read(first)?.0;
        Ok(Images { files, classes, shape })
    }

    /// The names of the classes, in the order of their numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Channels, height and width of every image.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The class of each image.
    pub fn labels(&self) -> Vec<usize> {
        self.files.iter().map(|(_, class)| *class).collect()
    }
}

impl Dataset for Images {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn read(&self, rows: &[usize]) -> Result<Example> {
        let (mut x, mut y) = (vec![], vec![]);
        for &row in rows {
            let Some((file, class)) = self.files.get(row) else {
                fail!("there is no image {row} among {}", self.files.len())
            };
            let (shape, pixels) = read(file)?;
            if shape != self.shape {
                fail!(
                    "{} is {shape:?} (channels, height, width) but the first image is {:?}; make \
                     all images alike",
                    shown_path(&file.display().to_string()),
                    self.shape
                );
            }
            x.extend(pixels);
            y.push(*class as i64);
        }
        let [channels, height, width] = self.shape;
        let x = Array::new([rows.len(), channels, height, width], x)?;
        Ok(Example { x, y: Array::new([rows.len()], y)? })
    }
}

/// What is in a folder, in alphabetical order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| {
        let name = shown_path(&folder.display().to_string());
        Error::new(format!("{name} cannot be read: {}", reason(&error)))
    };
    let mut paths = vec![];
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Channels, height and width of a PNG file, and its bytes channel by channel.
fn read(path: &Path) -> Result<([usize; 3], Vec<u8>)> {
    let name = shown_path(&path.display().to_string());
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(format!("{name} cannot be read as PNG: {error}; replace the file"))
    };
    let limits = Limits { bytes: 4 * MAX_PIXELS as usize };
    let mut decoder = Decoder::new_with_limits(open(path)?, limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| failed(&e))?;
    let (width, height) = reader.info().size();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(failed(&format!("it has more than {MAX_PIXELS} pixels")));
    }
    let Some(size) = reader.output_buffer_size() else { return Err(failed(&"it is too large")) };
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|e| failed(&e))?;
    let (given, channels) = match frame.color_type {
        ColorType::Grayscale => (1, 1),
        ColorType::GrayscaleAlpha => (2, 1),
        ColorType::Rgba => (4, 3),
        _ => (3, 3),
    };
    let pixels = width as usize * height as usize;
    if bytes.len() < given * pixels {
        return Err(failed(&"it is cut off"));
    }
    let planes = (0..channels).flat_map(|c| (0..pixels).map(move |i| (c, i)));
    let planes = planes.map(|(c, i)| bytes[i * given + c]).collect();
    Ok(([channels, height as usize, width as usize], planes))
}
