//! Numbers in memory with a shape, before they are tensors.
//!
//! Files hold numbers in a dozen encodings; a program needs six of them. `Encoding` lists what
//! files may hold, and [`Numbers`] what it becomes:
//!
//! ```text
//! bool ─────────── Bool        f16  bf16  f32 ── F32
//! u8 ───────────── U8          f64 ───────────── F64
//! i32 ──────────────────────── I32
//! other integers ───────────── I64 (an u64 above 2⁶³ − 1 is refused)
//! ```
//!
//! Bytes stay bytes, since images would otherwise take four times the memory; they become numbers
//! batch by batch.
//!
//! ```
//! use chainrule_fit::data::array::Array;
//! let a = Array::new([3, 2], vec![0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0])?;
//! assert_eq!(a.rows(&[2, 0])?, Array::new([2, 2], vec![4.0f32, 5.0, 0.0, 1.0])?);
//! assert_eq!(a.to_tensor()?.shape(), [3, 2]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: arithmetic. That is what tensors are for.

use std::io::Read;

use chainrule_core::{DType, Tensor};

use crate::error::{Error, Result, fail, reason};

/// The most bytes that one array read from a file may take.
pub const MAX_BYTES: usize = 2 << 30;

/// The most axes of an array.
pub const MAX_RANK: usize = 16;

/// Numbers of one kind, in row-major order.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the names are those of the types
pub enum Numbers {
    Bool(Vec<bool>),
    U8(Vec<u8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Does `$do` with the vector `$v` of whatever kind `$numbers` are.
macro_rules! each {
    ($numbers:expr, $v:ident => $do:expr) => {
        match $numbers {
            Numbers::Bool($v) => $do,
            Numbers::U8($v) => $do,
            Numbers::I32($v) => $do,
            Numbers::I64($v) => $do,
            Numbers::F32($v) => $do,
            Numbers::F64($v) => $do,
        }
    };
}

/// Does `$do` with the vector `$v` and wraps what comes out as numbers of the same kind.
macro_rules! same {
    ($numbers:expr, $v:ident => $do:expr) => {
        match $numbers {
            Numbers::Bool($v) => Numbers::Bool($do),
            Numbers::U8($v) => Numbers::U8($do),
            Numbers::I32($v) => Numbers::I32($do),
            Numbers::I64($v) => Numbers::I64($do),
            Numbers::F32($v) => Numbers::F32($do),
            Numbers::F64($v) => Numbers::F64($do),
        }
    };
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

macro_rules! from {
    ($($t:ty => $kind:ident)*) => { $(
        impl From<Vec<$t>> for Numbers {
            fn from(v: Vec<$t>) -> Numbers {
                Numbers::$kind(v)
            }
        }
    )* };
}
from!(bool => Bool u8 => U8 i32 => I32 i64 => I64 f32 => F32 f64 => F64);

/// Numbers with a shape. The first axis counts rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    numbers: Numbers,
}

impl Array {
    /// Numbers in row-major order.
    ///
    /// # Errors
    /// If the shape asks for another number of them.
    pub fn new(shape: impl Into<Vec<usize>>, numbers: impl Into<Numbers>) -> Result<Array> {
        let (shape, numbers) = (shape.into(), numbers.into());
        if elements(&shape) != Some(numbers.len()) {
            fail!("an array of shape {shape:?} cannot hold {} numbers", numbers.len());
        }
        Ok(Array { shape, numbers })
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers in row-major order.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The numbers alone.
    pub fn into_numbers(self) -> Numbers {
        self.numbers
    }

    /// The length of the first axis; 1 if there is no axis.
    pub fn len(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The array with another shape for the same numbers.
    ///
    /// # Errors
    /// If the shape asks for another number of them.
    pub fn reshaped(self, shape: impl Into<Vec<usize>>) -> Result<Array> {
        Array::new(shape, self.numbers)
    }

    /// The rows with these numbers, in this order.
    ///
    /// # Errors
    /// If there is no axis, or a row is out of range.
    pub fn rows(&self, rows: &[usize]) -> Result<Array> {
        let Some((&n, rest)) = self.shape.split_first() else { fail!("a number has no rows") };
        if let Some(row) = rows.iter().find(|&&row| row >= n) {
            fail!("there is no row {row} among {n}");
        }
        let width: usize = rest.iter().product();
        let numbers = same!(&self.numbers, v => {
            let mut picked = Vec::with_capacity(rows.len() * width);
            rows.iter().for_each(|&r| picked.extend_from_slice(&v[r * width..(r + 1) * width]));
            picked
        });
        Ok(Array { shape: [&[rows.len()], rest].concat(), numbers })
    }

    /// The same as a tensor of the same element type.
    ///
    /// # Errors
    /// If the engine refuses the shape.
    pub fn to_tensor(&self) -> Result<Tensor> {
        self.clone().into_tensor()
    }

    /// The same without a copy.
    ///
    /// # Errors
    /// As [`to_tensor`](Self::to_tensor).
    pub fn into_tensor(self) -> Result<Tensor> {
        let shape: Vec<i64> = self.shape.iter().map(|&n| n as i64).collect();
        let shape = shape.as_slice();
        Ok(match self.numbers {
            Numbers::Bool(v) => Tensor::from_vec(v, shape)?,
            Numbers::U8(v) => Tensor::from_vec(v, shape)?,
            Numbers::I32(v) => Tensor::from_vec(v, shape)?.to_dtype(DType::I32),
            Numbers::I64(v) => Tensor::from_vec(v, shape)?,
            Numbers::F32(v) => Tensor::from_vec(v, shape)?,
            Numbers::F64(v) => Tensor::from_vec(v, shape)?,
        })
    }

    /// The numbers of a tensor, of its element type.
    ///
    /// # Errors
    /// If the tensor cannot be evaluated.
    pub fn of_tensor(tensor: &Tensor) -> Result<Array> {
        let numbers = match tensor.dtype() {
            DType::Bool => Numbers::Bool(tensor.to_vec()?),
            DType::U8 => Numbers::U8(tensor.to_vec()?),
            DType::I32 => Numbers::I32(tensor.to_vec()?),
            DType::I64 => Numbers::I64(tensor.to_vec()?),
            DType::F32 => Numbers::F32(tensor.to_vec()?),
            _ => Numbers::F64(tensor.to_vec()?),
        };
        Array::new(tensor.shape(), numbers)
    }

    /// Bytes divided by 255, in [0, 1]; other numbers as they are, rounded to F32 if they are F64.
    #[must_use]
    pub fn to_f32(&self) -> Array {
        let numbers = match &self.numbers {
            Numbers::Bool(v) => v.iter().map(|&x| f32::from(u8::from(x))).collect(),
            Numbers::U8(v) => v.iter().map(|&x| f32::from(x) / 255.0).collect(),
            Numbers::I32(v) => v.iter().map(|&x| x as f32).collect(),
            Numbers::I64(v) => v.iter().map(|&x| x as f32).collect(),
            Numbers::F32(v) => v.clone(),
            Numbers::F64(v) => v.iter().map(|&x| x as f32).collect(),
        };
        Array { shape: self.shape.clone(), numbers: Numbers::F32(numbers) }
    }

    /// The bytes of the numbers, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.numbers {
            Numbers::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
            Numbers::U8(v) => v.clone(),
            Numbers::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Numbers::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Numbers::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Numbers::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// The same array with its axes in the opposite order in memory: what a file in Fortran's order
    /// holds, read as if it were in C's order with the shape reversed.
    pub(crate) fn from_fortran(shape: &[usize], numbers: &Numbers) -> Array {
        let mut strides = vec![1; shape.len()];
        for axis in 1..shape.len() {
            strides[axis] = strides[axis - 1] * shape[axis - 1];
        }
        let numbers = same!(numbers, v => {
            let (mut place, mut at) = (vec![0; shape.len()], 0);
            let mut sorted = Vec::with_capacity(v.len());
            for _ in 0..v.len() {
                sorted.push(v[at]);
                for axis in (0..shape.len()).rev() {
                    place[axis] += 1;
                    at += strides[axis];
                    if place[axis] < shape[axis] {
                        break;
                    }
                    at -= place[axis] * strides[axis];
                    place[axis] = 0;
                }
            }
            sorted
        });
        Array { shape: shape.to_vec(), numbers }
    }
}

/// The number of elements of a shape, unless it is beyond counting.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    // A length of 0 must not hide that the others overflow: loops go over them all the same.
    let others = shape.iter().filter(|&&n| n > 0).try_fold(1usize, |n, &m| n.checked_mul(m))?;
    Some(if shape.contains(&0) { 0 } else { others })
}

/// How a file writes a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of the types
pub(crate) enum Encoding {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Encoding {
    /// The bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Encoding::Bool | Encoding::U8 | Encoding::I8 => 1,
            Encoding::U16 | Encoding::I16 | Encoding::F16 | Encoding::Bf16 => 2,
            Encoding::U32 | Encoding::I32 | Encoding::F32 => 4,
            Encoding::U64 | Encoding::I64 | Encoding::F64 => 8,
        }
    }

    fn empty(self) -> Numbers {
        match self {
            Encoding::Bool => Numbers::Bool(vec![]),
            Encoding::U8 => Numbers::U8(vec![]),
            Encoding::I32 => Numbers::I32(vec![]),
            Encoding::F16 | Encoding::Bf16 | Encoding::F32 => Numbers::F32(vec![]),
            Encoding::F64 => Numbers::F64(vec![]),
            _ => Numbers::I64(vec![]),
        }
    }
}

/// Reads the numbers of an array of `shape`; memory grows with what is there, not with what the
/// shape promises. Errors are the ends of sentences.
pub(crate) fn read(
    from: &mut dyn Read,
    shape: &[usize],
    encoding: Encoding,
    big_endian: bool,
) -> Result<Numbers> {
    if shape.len() > MAX_RANK {
        fail!("it has more than {MAX_RANK} axes");
    }
    let Some(n) = elements(shape).filter(|&n| n <= MAX_BYTES / encoding.size()) else {
        fail!("its shape asks for more than {} MiB", MAX_BYTES >> 20);
    };
    let (mut numbers, mut left) = (encoding.empty(), n * encoding.size());
    let mut chunk = vec![0; left.min(1 << 16)];
    while left > 0 {
        let part = &mut chunk[..left.min(1 << 16)];
        from.read_exact(part).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::new("it is cut off"),
            _ => Error::new(format!("it is damaged: {}", reason(&error))),
        })?;
        left -= part.len();
        decode(part, encoding, big_endian, &mut numbers)?;
    }
    Ok(numbers)
}

/// Appends the numbers in `bytes`.
fn decode(bytes: &mut [u8], encoding: Encoding, big_endian: bool, to: &mut Numbers) -> Result<()> {
    if big_endian {
        bytes.chunks_exact_mut(encoding.size()).for_each(<[u8]>::reverse);
    }
    macro_rules! each_of {
        ($to:ident, $t:ty, $size:literal, $convert:expr) => {
            $to.extend(
                bytes.as_chunks::<$size>().0.iter().map(|b| $convert(<$t>::from_le_bytes(*b))),
            )
        };
    }
    match (to, encoding) {
        (Numbers::Bool(to), _) => {
            if bytes.iter().any(|&b| b > 1) {
                fail!("a truth value in it is neither 0 nor 1");
            }
            to.extend(bytes.iter().map(|&b| b == 1));
        }
        (Numbers::U8(to), _) => to.extend_from_slice(bytes),
        (Numbers::I32(to), _) => each_of!(to, i32, 4, |x| x),
        (Numbers::F64(to), _) => each_of!(to, f64, 8, |x| x),
        (Numbers::F32(to), Encoding::F16) => each_of!(to, u16, 2, half),
        (Numbers::F32(to), Encoding::Bf16) => {
            each_of!(to, u16, 2, |x| f32::from_bits(u32::from(x) << 16));
        }
        (Numbers::F32(to), _) => each_of!(to, f32, 4, |x| x),
        (Numbers::I64(to), Encoding::I8) => each_of!(to, i8, 1, i64::from),
        (Numbers::I64(to), Encoding::U16) => each_of!(to, u16, 2, i64::from),
        (Numbers::I64(to), Encoding::I16) => each_of!(to, i16, 2, i64::from),
        (Numbers::I64(to), Encoding::U32) => each_of!(to, u32, 4, i64::from),
        (Numbers::I64(to), Encoding::U64) => {
            if bytes.as_chunks::<8>().0.iter().any(|b| b[7] & 0x80 != 0) {
                fail!("an integer in it is larger than 2^63 - 1");
            }
            each_of!(to, i64, 8, |x| x);
        }
        (Numbers::I64(to), _) => each_of!(to, i64, 8, |x| x),
    }
    Ok(())
}

/// The number that 16 bits of IEEE 754 stand for.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1024.0 + fraction) * 2f32.powi(e - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8], encoding: Encoding, big: bool) -> Result<Numbers> {
        read(&mut &*bytes, &[bytes.len() / encoding.size()], encoding, big)
    }

    #[test]
    fn encodings() {
        let le = numbers(&[1, 0, 255, 255], Encoding::I16, false).unwrap();
        assert_eq!(le, Numbers::I64(vec![1, -1]));
        let bytes = [1, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(numbers(&bytes, Encoding::I32, false).unwrap(), Numbers::I32(vec![1, -1]));
        for numbers in [Numbers::I32(vec![i32::MIN, 7]), Numbers::U8(vec![255, 0])] {
            let array = Array::new([2], numbers).unwrap();
            assert_eq!(Array::of_tensor(&array.to_tensor().unwrap()).unwrap(), array);
        }
        let be = numbers(&[0, 1, 255, 255], Encoding::U16, true).unwrap();
        assert_eq!(be, Numbers::I64(vec![1, 65535]));
        // 1, −2, the smallest number above 0, the largest finite one, −∞.
        let halves: Vec<u8> =
            [0x3c00u16, 0xc000, 1, 0x7bff, 0xfc00].iter().flat_map(|h| h.to_le_bytes()).collect();
        let want = vec![1.0, -2.0, 2f32.powi(-24), 65504.0, f32::NEG_INFINITY];
        assert_eq!(numbers(&halves, Encoding::F16, false).unwrap(), Numbers::F32(want));
        let bf = numbers(&[0x80, 0x3f], Encoding::Bf16, false).unwrap();
        assert_eq!(bf, Numbers::F32(vec![1.0]));
        assert!(numbers(&[2], Encoding::Bool, false).is_err());
        assert!(numbers(&[255; 8], Encoding::U64, false).is_err());
    }

    #[test]
    fn promises_take_no_memory() {
        for shape in [&[usize::MAX, 2][..], &[0, usize::MAX, 8], &[1 << 40], &[1; 99]] {
            assert!(read(&mut &[0u8; 8][..], shape, Encoding::F32, false).is_err(), "{shape:?}");
        }
        let said = read(&mut &[0u8; 8][..], &[1 << 28], Encoding::F32, false).unwrap_err();
        assert_eq!(said.to_string(), "it is cut off");
    }

    #[test]
    fn fortran_order() {
        let numbers = Numbers::I64(vec![1, 4, 2, 5, 3, 6]);
        let a = Array::from_fortran(&[2, 3], &numbers);
        assert_eq!(a, Array::new([2, 3], vec![1i64, 2, 3, 4, 5, 6]).unwrap());
    }
}
