//! Arithmetic: the operators `+ - * /` and unary `-`, comparisons, logic, and functions of two
//! tensors. Operands broadcast and are promoted to a common element type.

use std::ops::{Add, Div, Mul, Neg, Not, Sub};
use std::panic::Location;

use smallvec::smallvec;

use super::args::{Operand, broadcast, record, stretch};
use super::methods;
use crate::error::{Error, ErrorKind, Result, or_raise};
use crate::graph::Tensor;
use crate::op::{Binary, Cmp, DType, Linear, Logic, Op, Scalar, Unary};

/// How errors call the operands of an operator.
const SIDES: [&str; 2] = ["left", "right"];

impl Tensor {
    /// Converts the elements: fractions are cut off towards zero, any non-zero number is true,
    /// integers that do not fit wrap around.
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        let x = self.source();
        if x.0.dtype == dtype {
            return x;
        }
        let shape = x.0.shape.clone();
        if let Some(c) = x.as_constant() {
            return Tensor::constant(c, dtype, shape);
        }
        // What is only stored is cast from and to the type of its arithmetic.
        if x.0.dtype.is_narrow() && dtype != DType::I64 {
            return x.to_dtype(DType::I64).to_dtype(dtype);
        }
        if dtype.is_narrow() && x.0.dtype != DType::I64 {
            return x.to_dtype(DType::I64).to_dtype(dtype);
        }
        record(Op::Linear(Linear::Cast), dtype, shape, smallvec![x])
    }

    /// [`to_dtype`](Self::to_dtype) of a tensor that is not needed any more.
    #[track_caller]
    #[inline]
    pub(super) fn into_dtype(self, dtype: DType) -> Tensor {
        if self.0.dtype == dtype { self } else { self.to_dtype(dtype) }
    }

    /// Both operands, of one shape and type. An error calls them by their `roles`.
    #[track_caller]
    fn pair(
        &self,
        op: &str,
        roles: [&'static str; 2],
        other: impl Operand,
    ) -> Result<(Tensor, Tensor)> {
        let x = self.source();
        let y = other.beside(&x);
        if x.0.shape == y.0.shape && x.0.dtype == y.0.dtype {
            return Ok((x, y));
        }
        let shape = broadcast(op, roles, &x, &y)?;
        let dtype = x.0.dtype.promote(y.0.dtype);
        Ok((stretch(x.to_dtype(dtype), &shape), stretch(y.to_dtype(dtype), &shape)))
    }

    /// A scalar function of two tensors.
    #[track_caller]
    pub(super) fn zip(&self, op: Binary, other: impl Operand) -> Result<Tensor> {
        let (x, y) = self.pair(op.name(), SIDES, other)?;
        let result = match op {
            Binary::Div => x.0.dtype.to_float(),
            _ if op.int().is_none() => x.0.dtype.to_float(),
            _ => x.0.dtype.counted(),
        };
        self.zip_as(op, result, x, y)
    }

    /// A scalar function of two tensors of one shape and type, as numbers of type `result`.
    #[track_caller]
    fn zip_as(&self, op: Binary, result: DType, x: Tensor, y: Tensor) -> Result<Tensor> {
        let lanes = result.lanes();
        let (x, y) = (x.into_dtype(lanes), y.into_dtype(lanes));
        if !op.smooth_in_x() && x.0.tracks() {
            let what = format!("`{}` has no derivative in its first argument", op.name());
            return Err(Error::new(ErrorKind::NoDerivative, what, Location::caller())
                .operand(self.operand("first"))
                .hint(
                    "give a first argument that tracks no gradients, such as `.detach()` of it",
                ));
        }
        let shape = x.0.shape.clone();
        Ok(record(Op::Zip(op), lanes, shape, smallvec![x, y]).into_dtype(result))
    }

    /// A scalar function.
    #[track_caller]
    pub(crate) fn map(&self, op: Unary) -> Tensor {
        let x = self.source();
        let result = match op.int() {
            None => x.0.dtype.to_float(),
            Some(_) => x.0.dtype.counted(),
        };
        let (lanes, shape) = (result.lanes(), x.0.shape.clone());
        record(Op::Map(op), lanes, shape, smallvec![x.into_dtype(lanes)]).into_dtype(result)
    }

    #[track_caller]
    fn compare(&self, cmp: Cmp, other: impl Operand) -> Result<Tensor> {
        let (mut x, mut y) = self.pair(cmp.name(), SIDES, other)?;
        if x.0.dtype.is_narrow() {
            (x, y) = (x.to_dtype(DType::I64), y.to_dtype(DType::I64));
        }
        let shape = x.0.shape.clone();
        Ok(record(Op::Compare(cmp), DType::Bool, shape, smallvec![x, y]))
    }

    #[track_caller]
    fn logic(&self, op: Logic, other: impl Operand) -> Result<Tensor> {
        let (x, y) = self.pair(op.name(), SIDES, other)?;
        let (x, y) = (x.to_dtype(DType::Bool), y.to_dtype(DType::Bool));
        let shape = x.0.shape.clone();
        Ok(record(Op::Logic(op), DType::Bool, shape, smallvec![x, y]))
    }

    /// An operation on truth values, or on the bits of integers.
    #[track_caller]
    fn bits(&self, op: Logic, other: impl Operand) -> Result<Tensor> {
        let (x, y) = self.pair(op.name(), SIDES, other)?;
        let (dtype, shape) = (x.0.dtype, x.0.shape.clone());
        if dtype.is_float() {
            let what = format!("numbers of type {dtype} have no bits to combine");
            return Err(Error::new(ErrorKind::DType, what, Location::caller())
                .operand(self.operand("left"))
                .hint("the operation is for truth values and integers: compare or convert first"));
        }
        Ok(record(Op::Logic(op), dtype, shape, smallvec![x, y]))
    }
}

macro_rules! two {
    ($($(#[$doc:meta])* $name:ident / $try_name:ident => $run:ident($op:expr);)*) => {
        methods! { $(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            fn $name / $try_name(&self, other: impl Operand) {
                self.$run($op, other)
            }
        )* }
    };
}

two! {
    /// x + y, as the operator.
    add / try_add => zip(Binary::Add);
    /// x − y, as the operator.
    sub / try_sub => zip(Binary::Sub);
    /// x y, element by element, as the operator.
    mul / try_mul => zip(Binary::Mul);
    /// x / y, as the operator; of integers, the floating-point quotient.
    div / try_div => zip(Binary::Div);
    /// x to the power y, both tensors; for a fixed exponent see [`powi`](Self::powi) and
    /// [`powf`](Self::powf).
    pow / try_pow => zip(Binary::Pow);
    /// The remainder of x / y with the sign of x.
    fmod / try_fmod => zip(Binary::Rem);
    /// The larger of each pair; equal ones share the derivative.
    maximum / try_maximum => zip(Binary::Maximum);
    /// The smaller of each pair; equal ones share the derivative.
    minimum / try_minimum => zip(Binary::Minimum);
    /// The angle of the points (other, self), in (−π, π].
    atan2 / try_atan2 => zip(Binary::Atan2);
    /// √(x² + y²) without overflow.
    hypot / try_hypot => zip(Binary::Hypot);
    /// |x| with the sign of y.
    copysign / try_copysign => zip(Binary::Copysign);
    /// ln(eˣ + e^y) without overflow.
    logaddexp / try_logaddexp => zip(Binary::Logaddexp);
    /// x ln y, and 0 where x = 0.
    xlogy / try_xlogy => zip(Binary::Xlogy);
    /// x = y, as truth values. (For whole tensors in tests compare `to_vec`.)
    eq / try_eq => compare(Cmp::Eq);
    /// x ≠ y, as truth values.
    ne / try_ne => compare(Cmp::Ne);
    /// x < y, as truth values.
    lt / try_lt => compare(Cmp::Lt);
    /// x ≤ y, as truth values.
    le / try_le => compare(Cmp::Le);
    /// x > y, as truth values.
    gt / try_gt => compare(Cmp::Gt);
    /// x ≥ y, as truth values.
    ge / try_ge => compare(Cmp::Ge);
    /// Both true (a number is true unless it is 0).
    logical_and / try_logical_and => logic(Logic::And);
    /// At least one true.
    logical_or / try_logical_or => logic(Logic::Or);
    /// Exactly one true.
    logical_xor / try_logical_xor => logic(Logic::Xor);
    /// Both, of truth values; of integers, bit by bit.
    bitwise_and / try_bitwise_and => bits(Logic::And);
    /// At least one, of truth values; of integers, bit by bit.
    bitwise_or / try_bitwise_or => bits(Logic::Or);
    /// Exactly one, of truth values; of integers, bit by bit.
    bitwise_xor / try_bitwise_xor => bits(Logic::Xor);
}

methods! {
    /// The remainder of x / y with the sign of y, as Python's `%`; 0 of integers where y is 0.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    fn remainder / try_remainder(&self, other: impl Operand) {
        let (x, y) = self.pair("remainder", SIDES, other)?;
        let r = x.try_fmod(&y)?;
        let below = y.try_lt(0)?;
        let other_side = r.try_ne(0)?.try_logical_and(&r.try_lt(0)?.try_ne(&below)?)?;
        let r = other_side.try_where(&r.try_add(&y)?, &r)?;
        if !r.dtype().is_float() {
            return Ok(r);
        }
        // A remainder of 0 has the sign of y as well.
        let zero = r.detach().zeros_like().try_copysign(y.detach())?;
        below.try_where(&-(-&r + 0.0), &r + 0.0)?.try_add(&zero)
    }

    /// ⌊x / y⌋, as Python's `//`. Its derivative is 0 and is not recorded. Of integers, 0 where y
    /// is 0; of floating-point numbers, x / y there.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    fn floor_divide / try_floor_divide(&self, other: impl Operand) {
        let (x, y) = self.pair("floor_divide", SIDES, other)?;
        let dtype = x.dtype().counted();
        if !dtype.is_float() {
            return self.zip_as(Binary::Div, dtype, x, y);
        }
        // The quotient of what is left without the remainder is whole but for rounding; it is cut
        // towards 0, which is above if the remainder and y differ in sign.
        let (x, y) = (x.detach(), y.detach());
        let (r, quotient) = (x.try_fmod(&y)?, x.try_div(&y)?);
        let above = r.try_ne(0)?.try_logical_and(&r.try_lt(0)?.try_ne(&y.try_lt(0)?)?)?;
        let whole = x.try_sub(&r)?.try_div(&y)?.round() - above.to_dtype(dtype);
        let signed = whole.zeros_like().try_copysign(&quotient)?;
        let whole = whole.try_eq(0)?.try_where(&signed, &whole)?;
        y.try_eq(0)?.try_where(&quotient, &whole)
    }

    /// The n-th derivative of the digamma function, n ≥ 0 being this tensor.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or this tensor tracks gradients.
    fn polygamma / try_polygamma(&self, x: &Tensor) {
        self.zip(Binary::Polygamma, x)
    }

    /// `x` where this tensor is true, else `y`. Derivatives flow only into the element taken: what
    /// is not taken gets an exact 0, even where its own derivative is infinite or NaN.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([0.0, 4.0]).requires_grad();
    /// x.gt(0.0).where_(&x.sqrt(), 0.0).sum().backward()?;
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 0.25]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    fn where_ / try_where(&self, x: &Tensor, y: impl Operand) {
        let (x, y) = x.pair("where", ["then", "else"], y)?;
        let shape = broadcast("where", ["condition", "values"], &self.source(), &x)?;
        let condition = self.to_dtype(DType::Bool);
        let sources = smallvec![
            stretch(condition, &shape),
            stretch(x, &shape),
            stretch(y, &shape),
        ];
        let dtype = [&sources[1]].map(|t: &Tensor| t.0.dtype)[0];
        Ok(record(Op::Where, dtype, shape, sources))
    }

    /// Numbers below `low` become `low`, above `high` become `high`. Derivative 1 inside and at the
    /// bounds, 0 outside. NaN stays.
    fn clamp / try_clamp(&self, low: f64, high: f64) {
        if low.is_nan() || high.is_nan() || low > high {
            let what = format!("`clamp` needs low ≤ high, got {low} and {high}");
            return Err(Error::new(ErrorKind::Data, what, Location::caller())
                .hint("exchange the bounds; for one bound use `maximum` or `minimum`"));
        }
        let below = self.try_lt(low)?.try_where(&self.full_like(low), self)?;
        self.try_gt(high)?.try_where(&self.full_like(high), &below)
    }

    /// x to the whole power n.
    fn powi / try_powi(&self, n: i32) {
        Ok(match n {
            0 => self.ones_like(),
            1 => self.source(),
            2 => self.square(),
            3 => self.square().zip(Binary::Mul, self)?,
            -1 => self.recip(),
            _ if self.dtype().is_float() => self.zip(Binary::Pow, f64::from(n))?,
            _ => self.zip(Binary::Pow, i64::from(n))?,
        })
    }

    /// x to the power p. NaN for x < 0 unless p is whole.
    fn powf / try_powf(&self, p: f64) {
        if p == 0.5 {
            return Ok(self.sqrt());
        }
        match p.fract() == 0.0 && p.abs() <= 3.0 {
            true => self.try_powi(p as i32),
            false => self.zip(Binary::Pow, p),
        }
    }

    /// `self + t (end − self)`.
    fn lerp / try_lerp(&self, end: &Tensor, t: impl Operand) {
        let step = end.try_sub(self)?.try_mul(t)?;
        self.try_add(&step)
    }
}

impl Tensor {
    /// True where the number is NaN.
    #[track_caller]
    pub fn isnan(&self) -> Tensor {
        self.ne(self)
    }

    /// True where the number is neither NaN nor infinite.
    #[track_caller]
    pub fn isfinite(&self) -> Tensor {
        (self.detach() * 0.0).eq(0.0)
    }

    /// True where the number is infinite.
    #[track_caller]
    pub fn isinf(&self) -> Tensor {
        self.abs().eq(f64::INFINITY)
    }

    /// False where true, and true where false (or 0).
    #[track_caller]
    pub fn logical_not(&self) -> Tensor {
        self.logical_xor(true)
    }

    /// A tensor of this shape and type with one number everywhere.
    #[track_caller]
    pub fn full_like(&self, c: f64) -> Tensor {
        Tensor::constant(Scalar::Float(c), self.dtype(), self.0.shape.clone())
    }

    /// Zeros of this shape and type.
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        self.full_like(0.0)
    }

    /// Ones of this shape and type.
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        self.full_like(1.0)
    }
}

/// On the right of an operator stands a tensor, or a number of any type; on the left a tensor,
/// `f64` or `i32` (one type each, so that the compiler knows what a literal is).
macro_rules! operator {
    ($($Trait:ident $method:ident $op:ident;)*) => { $(
        impl<R: Operand> $Trait<R> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: R) -> Tensor {
                or_raise(self.zip(Binary::$op, other))
            }
        }
        impl<R: Operand> $Trait<R> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: R) -> Tensor {
                or_raise(self.zip(Binary::$op, other))
            }
        }
        operator! { @number $Trait $method $op; f64, Tensor; f64, &Tensor }
        operator! { @number $Trait $method $op; i32, Tensor; i32, &Tensor }
    )* };
    (@number $Trait:ident $method:ident $op:ident; $($x:ty, $y:ty);*) => { $(
        impl $Trait<$y> for $x {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $y) -> Tensor {
                let x = self.beside(&other.source());
                or_raise(x.zip(Binary::$op, other))
            }
        }
    )* };
}

operator! {
    Add add Add;
    Sub sub Sub;
    Mul mul Mul;
    Div div Div;
}

impl Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        self.map(Unary::neg)
    }
}

impl Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        self.map(Unary::neg)
    }
}

impl Not for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn not(self) -> Tensor {
        self.logical_not()
    }
}
