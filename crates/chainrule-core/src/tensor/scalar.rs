//! Scalar functions as methods, one for each word in the list of operations.

use crate::graph::Tensor;
use crate::op::{self, Unary};

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
        }
    };
}

op::unary_list!(methods);
