//! Scalar functions as methods, one for each word in the list of operations.

use crate::error::or_raise;
use crate::graph::Tensor;
use crate::op::{self, Binary, Unary};

macro_rules! methods {
    ($($op:ident)*) => {
        impl Tensor { $(
            #[doc = concat!("The scalar function [`", stringify!($op), "`](op::", stringify!($op),
                "), element by element. Integers give F32, unless the values are integers too.")]
            #[track_caller]
            pub fn $op(&self) -> Tensor {
                self.map(Unary::$op)
            }
        )*

            /// Every scalar operation with its method, for tests and tables over all of them.
            pub const SCALAR_METHODS: &[(Unary, fn(&Tensor) -> Tensor)] =
                &[$((Unary::$op, Tensor::$op)),*];

            /// The scalar function `op` of two tensors, for tests and tables over all of them.
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            #[track_caller]
            pub fn of_two(op: Binary, x: &Tensor, y: &Tensor) -> Tensor {
                or_raise(x.zip(op, y))
            }
        }
    };
}

op::unary_list!(methods);
