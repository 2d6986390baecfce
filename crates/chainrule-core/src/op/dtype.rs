//! Element types, and numbers whose type is known at run time.

use bytemuck::Pod;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DType {
    /// Truth values, one byte each.
    Bool,
    /// 8-bit unsigned integers. Arithmetic wraps around: 255 + 1 is 0.
    U8,
    /// 32-bit signed integers. Arithmetic wraps around.
    I32,
    /// 64-bit signed integers.
    I64,
    /// 32-bit floating point: the default of `zeros`, `ones`, `rand` and `randn`.
    F32,
    /// 64-bit floating point.
    F64,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::Bool | DType::U8 => 1,
            DType::I32 | DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// Whether elements are floating-point numbers, the ones that can carry gradients.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// Whether elements are integers.
    pub fn is_integer(self) -> bool {
        matches!(self, DType::U8 | DType::I32 | DType::I64)
    }

    /// The type that holds values of both: the later of Bool, U8, I32, I64, F32, F64 (the order of
    /// the Python array API standard; a mix of integers and F32 is F32, as in torch).
    pub fn promote(self, other: DType) -> DType {
        self.max(other)
    }

    /// This type if it is floating, else F32: what functions such as `exp` make of integers.
    pub fn to_float(self) -> DType {
        if self.is_float() { self } else { DType::F32 }
    }

    /// The type of arithmetic on elements: truth values are counted, as I64.
    pub fn counted(self) -> DType {
        if self == DType::Bool { DType::I64 } else { self }
    }

    /// The type in which arithmetic is done: that of all integers is that of I64. U8 and I32 are
    /// ways to store integers, and what is stored wraps around. The last bits of sums, differences
    /// and products depend on the last bits only, so that wrapping at the end is enough.
    pub fn lanes(self) -> DType {
        if self.is_float() { self } else { DType::I64 }
    }

    /// Whether it is only stored: arithmetic is recorded in [`lanes`](Self::lanes), between casts.
    pub(crate) fn is_narrow(self) -> bool {
        matches!(self, DType::U8 | DType::I32)
    }

    /// The name as torch prints it.
    pub fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::U8 => "uint8",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One number of a run-time type. Floating-point numbers of either width are kept as `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
}

impl Scalar {
    /// The nearest `f64`.
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(b) => f64::from(u8::from(b)),
            Scalar::Int(i) => i as f64,
            Scalar::Float(x) => x,
        }
    }

    /// The nearest `f32`. An integer is rounded once, not to `f64` first.
    pub fn to_f32(self) -> f32 {
        if let Scalar::Int(i) = self { i as f32 } else { self.to_f64() as f32 }
    }

    /// As an integer: truncated towards zero and to the range, NaN as 0.
    pub fn to_i64(self) -> i64 {
        if let Scalar::Int(i) = self { i } else { self.to_f64() as i64 }
    }

    /// Converted to `dtype` as a cast does: truncation towards zero, any non-zero number is true,
    /// integers wrap around.
    pub fn cast(self, dtype: DType) -> Scalar {
        match dtype {
            DType::Bool => Scalar::Bool(self.to_f64() != 0.0),
            DType::U8 => Scalar::Int(i64::from(self.to_i64() as u8)),
            DType::I32 => Scalar::Int(i64::from(self.to_i64() as i32)),
            DType::I64 => Scalar::Int(self.to_i64()),
            DType::F32 => Scalar::Float(f64::from(self.to_f32())),
            DType::F64 => Scalar::Float(self.to_f64()),
        }
    }

    /// The bits, for structural keys: equal exactly for identical numbers.
    pub(crate) fn bits(self) -> u64 {
        match self {
            Scalar::Bool(b) => u64::from(b),
            Scalar::Int(i) => i as u64,
            Scalar::Float(x) => x.to_bits(),
        }
    }

    /// Fills `out`, elements of type `dtype`, with this number.
    pub(crate) fn fill(self, dtype: DType, out: &mut [u8]) {
        match (self.cast(dtype), dtype) {
            (Scalar::Bool(b), _) => out.fill(u8::from(b)),
            (Scalar::Int(i), DType::U8) => out.fill(i as u8),
            (Scalar::Int(i), DType::I32) => {
                bytemuck::cast_slice_mut::<u8, i32>(out).fill(i as i32);
            }
            (Scalar::Int(i), _) => bytemuck::cast_slice_mut::<u8, i64>(out).fill(i),
            (Scalar::Float(x), DType::F32) => {
                bytemuck::cast_slice_mut::<u8, f32>(out).fill(x as f32);
            }
            (Scalar::Float(x), _) => bytemuck::cast_slice_mut::<u8, f64>(out).fill(x),
        }
    }
}

/// A Rust type that tensors can be made from and read as.
pub trait Element: Copy + Send + Sync + 'static {
    /// The element type of a tensor made from this type.
    const DTYPE: DType;
    /// How a buffer stores it.
    type Stored: Pod + Send + Sync;
    /// To storage.
    fn store(self) -> Self::Stored;
    /// From a number of any type, as [`Scalar::cast`] converts.
    fn from_scalar(x: Scalar) -> Self;
    /// As a number of a run-time type.
    fn to_scalar(self) -> Scalar;
}

macro_rules! element {
    ($($t:ty, $stored:ty, $dtype:ident, $store:expr, $kind:ident, $from:expr;)*) => { $(
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            type Stored = $stored;
            #[inline]
            fn store(self) -> $stored {
                $store(self)
            }
            #[inline]
            fn from_scalar(x: Scalar) -> Self {
                $from(x)
            }
            #[inline]
            fn to_scalar(self) -> Scalar {
                Scalar::$kind(self.into())
            }
        }
    )* };
}
element! {
    bool, u8,  Bool, u8::from, Bool,  |x: Scalar| x.to_f64() != 0.0;
    u8,   u8,  U8,   |x| x,    Int,   |x: Scalar| x.to_i64() as u8;
    i64,  i64, I64,  |x| x,    Int,   |x: Scalar| x.to_i64();
    i32,  i64, I64,  i64::from, Int,  |x: Scalar| x.to_f64() as i32;
    f32,  f32, F32,  |x| x,    Float, |x: Scalar| x.to_f32();
    f64,  f64, F64,  |x| x,    Float, |x: Scalar| x.to_f64();
}
