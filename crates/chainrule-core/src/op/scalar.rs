//! What a scalar operation is, and the two lists of them.
//!
//! An operation is one `impl` of [`Scalar1`] or [`Scalar2`] and one word in a list below; methods
//! on tensors, kernels, derivatives of every order and tests follow from that. The implementations
//! stand by family in [`super::elementary`], [`super::activation`], [`super::rounding`] and
//! [`super::two`].

use chainrule_kernels::Float;

use super::Real;

/// A scalar function of one argument, and everything that the rest of the crate asks of it.
pub trait Scalar1: 'static {
    /// LaTeX, with `#` for the argument.
    const TEX: &'static str;
    /// Where the function is defined; outside, the value is NaN.
    const DOMAIN: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
    /// Points at which the derivative is proven.
    const SAMPLES: &'static [f64] = &[-2.0, -0.5, 0.3, 1.7];
    /// Time for one element, in units of an addition's.
    const COST: u32 = 8;
    /// The same function of integers, if it has integer values.
    const INT: Option<fn(i64) -> i64> = None;
    /// The value.
    fn f<F: Float>(x: F) -> F;
    /// The derivative ∂y/∂x in terms of `x` and `y = f(x)`.
    fn d<R: Real>(x: R, y: R) -> R;
    /// The values of a block. Only functions whose lanes need a test on the whole block say more
    /// than this.
    #[inline(always)]
    fn block<F: Float>(x: &[F], y: &mut [F]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = Self::f(x);
        }
    }
}

/// The values of a block of a periodic function: `fast` where all arguments of a piece are within
/// the bound for it, `f` where one is not.
#[inline(always)]
pub(super) fn periodic<F: Float>(x: &[F], y: &mut [F], fast: impl Fn(F) -> F, f: impl Fn(F) -> F) {
    for (y, x) in y.chunks_mut(64).zip(x.chunks(64)) {
        let mut far = false;
        for x in x {
            far |= x.abs() > F::TRIG_BOUND;
        }
        if far {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x));
        } else {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = fast(x));
        }
    }
}

/// A scalar function of two arguments.
pub trait Scalar2: 'static {
    /// The method's name.
    const NAME: &'static str;
    /// LaTeX, with `#` for the first and `@` for the second argument.
    const TEX: &'static str;
    /// Points at which the derivatives are proven.
    const SAMPLES: &'static [(f64, f64)] = &[(-2.0, 0.7), (-0.5, -1.3), (0.3, 2.0), (1.7, 1.1)];
    /// Time for one element, in units of an addition's.
    const COST: u32 = 1;
    /// The same function of integers, if it has integer values.
    const INT: Option<fn(i64, i64) -> i64> = None;
    /// Whether the function has a derivative with respect to its first argument.
    const SMOOTH_IN_X: bool = true;
    /// The value.
    fn f<F: Float>(x: F, y: F) -> F;
    /// ∂z/∂x, in terms of the arguments and `z = f(x, y)`.
    fn dx<R: Real>(x: R, y: R, z: R) -> R;
    /// ∂z/∂y.
    fn dy<R: Real>(x: R, y: R, z: R) -> R;
}

/// Gives the list of scalar functions to a macro. The word for an operation is the name of its
/// type, of its variant of [`Unary`], and of its method on tensors: torch's where torch has one.
#[macro_export]
macro_rules! unary_list {
    ($macro:ident) => {
        $macro! {
            neg abs sign recip square sqrt rsqrt cbrt
            exp exp2 expm1 ln log2 log10 log1p
            sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
            sigmoid logit softplus logsigmoid relu leaky_relu elu gelu gelu_tanh silu mish softsign
            erf erfc lgamma digamma
            floor ceil round trunc frac
        }
    };
}
pub(crate) use unary_list;

/// The enum over the list, and a method for each column of [`Scalar1`].
macro_rules! unary {
    ($($op:ident)*) => {
        /// The scalar functions of one argument.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs, non_camel_case_types)] // documented at each implementation
        pub enum Unary { $($op),* }
        $(
            #[doc = concat!("`", stringify!($op), "` as a type: see its implementation.")]
            #[allow(non_camel_case_types)]
            pub enum $op {}
        )*
        impl Unary {
            /// Every operation of one argument.
            pub const ALL: &'static [Unary] = &[$(Unary::$op),*];
            /// The method's name.
            pub fn name(self) -> &'static str { match self { $(Unary::$op => stringify!($op)),* } }
            /// LaTeX, with `#` for the argument.
            pub fn tex(self) -> &'static str { match self { $(Unary::$op => $op::TEX),* } }
            /// Where the function is defined.
            pub fn domain(self) -> (f64, f64) { match self { $(Unary::$op => $op::DOMAIN),* } }
            /// Points at which the derivative is proven.
            pub fn samples(self) -> &'static [f64] {
                match self { $(Unary::$op => $op::SAMPLES),* }
            }
            /// Time for one element, in units of an addition's.
            pub fn cost(self) -> u32 { match self { $(Unary::$op => $op::COST),* } }
            /// The same function of integers.
            pub fn int(self) -> Option<fn(i64) -> i64> {
                match self { $(Unary::$op => $op::INT),* }
            }
            /// The value.
            pub fn f<F: Float>(self, x: F) -> F { match self { $(Unary::$op => $op::f(x)),* } }
            /// The derivative.
            pub fn d<R: Real>(self, x: R, y: R) -> R {
                match self { $(Unary::$op => $op::d(x, y)),* }
            }
        }
    };
}

/// Gives the list of scalar functions of two arguments to a macro.
macro_rules! binary_list {
    ($macro:ident) => {
        $macro! {
            Add Sub Mul Div Pow Rem Maximum Minimum
            Atan2 Hypot Copysign Logaddexp Xlogy Polygamma
        }
    };
}
pub(crate) use binary_list;

/// The enum over the list, and a method for each column of [`Scalar2`].
macro_rules! binary {
    ($($op:ident)*) => {
        /// The scalar functions of two arguments.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs)] // documented at each implementation
        pub enum Binary { $($op),* }
        $(
            #[doc = concat!("The operation `", stringify!($op), "`, as a type.")]
            pub struct $op;
        )*
        impl Binary {
            /// Every operation of two arguments.
            pub const ALL: &'static [Binary] = &[$(Binary::$op),*];
            /// The method's name.
            pub fn name(self) -> &'static str { match self { $(Binary::$op => $op::NAME),* } }
            /// LaTeX, with `#` and `@` for the arguments.
            pub fn tex(self) -> &'static str { match self { $(Binary::$op => $op::TEX),* } }
            /// Points at which the derivatives are proven.
            pub fn samples(self) -> &'static [(f64, f64)] {
                match self { $(Binary::$op => $op::SAMPLES),* }
            }
            /// Time for one element, in units of an addition's.
            pub fn cost(self) -> u32 { match self { $(Binary::$op => $op::COST),* } }
            /// The same function of integers.
            pub fn int(self) -> Option<fn(i64, i64) -> i64> {
                match self { $(Binary::$op => $op::INT),* }
            }
            /// Whether there is a derivative with respect to the first argument.
            pub fn smooth_in_x(self) -> bool { match self { $(Binary::$op => $op::SMOOTH_IN_X),* } }
            /// The value.
            pub fn f<F: Float>(self, x: F, y: F) -> F {
                match self { $(Binary::$op => $op::f(x, y)),* }
            }
            /// ∂z/∂x.
            pub fn dx<R: Real>(self, x: R, y: R, z: R) -> R {
                match self { $(Binary::$op => $op::dx(x, y, z)),* }
            }
            /// ∂z/∂y.
            pub fn dy<R: Real>(self, x: R, y: R, z: R) -> R {
                match self { $(Binary::$op => $op::dy(x, y, z)),* }
            }
        }
    };
}

unary_list!(unary);

binary_list!(binary);

/// A comparison of two numbers. Every comparison with NaN is false, but `Ne`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Cmp {
    /// x = y
    Eq,
    /// x ≠ y
    Ne,
    /// x < y
    Lt,
    /// x ≤ y
    Le,
    /// x > y
    Gt,
    /// x ≥ y
    Ge,
}

impl Cmp {
    /// Every comparison.
    pub const ALL: &'static [Cmp] = &[Cmp::Eq, Cmp::Ne, Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge];

    /// Whether `x cmp y`.
    pub fn holds<T: PartialOrd + Copy>(self, x: T, y: T) -> bool {
        match self {
            Cmp::Eq => x == y,
            Cmp::Ne => x != y,
            Cmp::Lt => x < y,
            Cmp::Le => x <= y,
            Cmp::Gt => x > y,
            Cmp::Ge => x >= y,
        }
    }

    /// The method's name.
    pub fn name(self) -> &'static str {
        ["eq", "ne", "lt", "le", "gt", "ge"][self as usize]
    }
}

/// An operation on truth values, or on the bits of integers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Logic {
    /// Both.
    And,
    /// At least one.
    Or,
    /// Exactly one.
    Xor,
}

impl Logic {
    /// The method's name.
    pub fn name(self) -> &'static str {
        ["logical_and", "logical_or", "logical_xor"][self as usize]
    }
}
