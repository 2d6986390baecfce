//! Arrays on disk: `NAME.bin` holds raw little-endian numbers, and a line `NAME TYPE SIZES…` of the
//! file `shapes` beside it tells their type and shape.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// The dense, row-major numbers of one input or result.
pub struct Array {
    kind: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A type that numbers have on disk.
pub trait Element: Copy + 'static {
    const KIND: &'static str;
    const SIZE: usize = size_of::<Self>();

    fn push(self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! element {
    ($($type:ident),*) => {$(
        impl Element for $type {
            const KIND: &'static str = stringify!($type);

            fn push(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("a chunk of the element's size"))
            }
        }
    )*};
}

element!(f32, f64, i64);

impl Array {
    pub fn new<T: Element>(shape: &[usize], values: &[T]) -> Self {
        let mut bytes = Vec::with_capacity(values.len() * T::SIZE);
        values.iter().for_each(|value| value.push(&mut bytes));
        Self { kind: T::KIND, shape: shape.to_vec(), bytes }
    }

    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub fn values<T: Element>(&self) -> Result<Vec<T>> {
        if self.kind != T::KIND {
            return Err(format!("numbers of type {}, not {}", self.kind, T::KIND).into());
        }
        Ok(self.bytes.chunks_exact(T::SIZE).map(T::read).collect())
    }
}

/// The inputs of one row.
pub struct Inputs(PathBuf);

impl Inputs {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    pub fn get(&self, name: &str) -> Result<Array> {
        let shapes = self.0.join("shapes");
        let text = fs::read_to_string(&shapes).map_err(|error| format!("{shapes:?}: {error}"))?;
        let mut line = text
            .lines()
            .map(str::split_whitespace)
            .find_map(|mut words| (words.next()? == name).then_some(words))
            .ok_or_else(|| format!("no input {name}"))?;
        let kind = line.next().unwrap_or_default();
        let kind = [f32::KIND, f64::KIND, i64::KIND].into_iter().find(|known| *known == kind);
        Ok(Array {
            kind: kind.ok_or_else(|| format!("input {name} has an unknown type"))?,
            shape: line.map(str::parse).collect::<std::result::Result<_, _>>()?,
            bytes: fs::read(self.0.join(format!("{name}.bin")))?,
        })
    }
}

/// Writes the results of one row.
pub(crate) fn write(directory: &Path, results: &[(&str, Array)]) -> Result<()> {
    fs::create_dir_all(directory)?;
    let mut shapes = String::new();
    for (name, array) in results {
        fs::write(directory.join(format!("{name}.bin")), &array.bytes)?;
        write!(shapes, "{name} {}", array.kind)?;
        for size in &array.shape {
            write!(shapes, " {size}")?;
        }
        shapes.push('\n');
    }
    fs::write(directory.join("shapes"), shapes)?;
    Ok(())
}
