//! Rounding. These functions are constant between their jumps, so their derivative is 0 where it
//! exists, and 0 is what the jumps are given too (as in torch); `frac` climbs with slope 1.

use chainrule_kernels::Float;

use super::Real;
use super::scalar::*;

/// Points between the jumps.
const BETWEEN: &[f64] = &[-2.3, -0.7, 0.3, 1.7];

macro_rules! rounding {
    ($($(#[$doc:meta])* $op:ident $tex:literal)*) => { $(
        $(#[$doc])*
        impl Scalar1 for $op {
            const TEX: &'static str = $tex;
            const SAMPLES: &'static [f64] = BETWEEN;
            const COST: u32 = 1;
            const INT: Option<fn(i64) -> i64> = Some(|x| x);
            #[inline(always)]
            fn f<F: Float>(x: F) -> F {
                x.$op()
            }
            fn d<R: Real>(x: R, _: R) -> R {
                x.lit(0.0)
            }
        }
    )* };
}

rounding! {
    /// The largest integer ≤ x.
    floor r"\lfloor #\rfloor"
    /// The smallest integer ≥ x.
    ceil r"\lceil #\rceil"
    /// The nearest integer; halves go to the even neighbour (IEEE 754, numpy and torch).
    round r"\operatorname{round} #"
    /// Towards zero.
    trunc r"\operatorname{trunc} #"
}

/// x − trunc x, with the sign of x. Derivative 1.
impl Scalar1 for frac {
    const SAMPLES: &'static [f64] = BETWEEN;
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
