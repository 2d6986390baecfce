//! The front door: what users do with tensors.
//!
//! Methods check shapes and types, record one or a few operations, and return at once. A mistake
//! panics with an explanation at the user's line; the `try_` twin of each method, made by the same
//! declaration, returns the explanation as an [`Error`](crate::Error).

mod args;
mod arith;
mod backward;
mod contraction;
mod index;
mod look;
mod make;
mod memory;
mod movement;
mod notebook;
mod print;
mod reduce;
mod scalar;
mod windows;

pub use args::{IntoAxes, IntoShape, Operand};
#[cfg(feature = "linalg")]
pub(crate) use args::{clash, joint};
pub use contraction::einsum;
pub use index::{Indices, NewAxis};
pub use make::{manual_seed, rng_state, set_rng_state};
pub use memory::Numbers;
pub use movement::{cat, stack};
pub use notebook::contents;

/// Declares methods in pairs: `name` panics at the caller's line, `try_name` returns the error.
macro_rules! methods {
    ($($(#[$doc:meta])*
       fn $name:ident / $try_name:ident(&$self:ident $(, $arg:ident: $ty:ty)* $(,)?)
       $body:block)*) => {
        impl $crate::graph::Tensor { $(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(&self $(, $arg: $ty)*) -> $crate::graph::Tensor {
                match self.$try_name($($arg),*) {
                    Ok(tensor) => tensor,
                    Err(error) => error.raise(),
                }
            }

            #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name),
                "), with mistakes as errors.")]
            ///
            /// # Errors
            /// Where the other one panics.
            #[track_caller]
            pub fn $try_name(&$self $(, $arg: $ty)*) -> $crate::Result<$crate::graph::Tensor> $body
        )* }
    };
}
pub(crate) use methods;
