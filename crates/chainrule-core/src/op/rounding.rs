//! Rounding. These functions are constant between their jumps, so their derivative is 0 where it
//! exists, and 0 is what the jumps are given too (as in torch); `frac` climbs with slope 1.

use chainrule_kernels::Float;

use super::Real;
use super::scalar::*;

macro_rules! rounding {
    ($($(#[$doc:meta])* $op:ident $name:literal $tex:literal $method:ident)*) => { $(
        $(#[$doc])*
        impl Scalar1 for $op {
            const NAME: &'static str = $name;
            const TEX: &'static str = $tex;
            const COST: u32 = 1;
            const INT: Option<fn(i64) -> i64> = Some(|x| x);
            #[inline(always)]
            fn f<F: Float>(x: F) -> F {
                x.$method()
            }
            fn d<R: Real>(x: R, _: R) -> R {
                x.lit(0.0)
            }
        }
    )* };
}

rounding! {
    /// The largest integer ≤ x.
    Floor "floor" r"\lfloor #\rfloor" floor
    /// The smallest integer ≥ x.
    Ceil "ceil" r"\lceil #\rceil" ceil
    /// The nearest integer; halves go to the even neighbour (IEEE 754, numpy and torch).
    Round "round" r"\operatorname{round} #" round
    /// Towards zero.
    Trunc "trunc" r"\operatorname{trunc} #" trunc
}

/// x − trunc x, with the sign of x. Derivative 1.
impl Scalar1 for Frac {
    const NAME: &'static str = "frac";
    const TEX: &'static str = r"\operatorname{frac} #";
    const COST: u32 = 2;
    const INT: Option<fn(i64) -> i64> = Some(|_| 0);
    #[inline(always)]
    fn f<F: Float>(x: F) -> F {
        x - x.trunc()
    }
    fn d<R: Real>(x: R, _: R) -> R {
        x.lit(1.0)
    }
}
