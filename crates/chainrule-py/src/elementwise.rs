//! Functions of one number, from the engine's list of them, and other elementwise methods.

#![allow(unsafe_op_in_unsafe_fn)] // in what pyo3 makes of methods that are listed by a macro

use chainrule::Tensor;
use pyo3::prelude::*;

use crate::tensor::PyTensor;

include!(concat!(env!("OUT_DIR"), "/said.rs"));

macro_rules! methods {
    ($($op:ident)*) => {
        #[pymethods]
        impl PyTensor { $(
            #[doc = said!($op)]
            fn $op(&self) -> PyResult<PyTensor> {
                self.make(stringify!($op), |x| Ok(x.$op()))
            }
        )* }
    };
}
chainrule::unary_list!(methods);

macro_rules! renamed {
    ($($(#[$doc:meta])* $name:ident = $by:literal $f:expr;)*) => {
        #[pymethods]
        impl PyTensor { $(
            $(#[$doc])*
            fn $name(&self) -> PyResult<PyTensor> {
                let f: fn(&Tensor) -> Tensor = $f;
                self.make($by, |x| Ok(f(x)))
            }
        )* }
    };
}

renamed! {
    /// 1/x; the same as `recip`.
    reciprocal = "reciprocal" Tensor::recip;
    /// The natural logarithm; the same as `ln`.
    log = "log" Tensor::ln;
    /// −x; the same as the operator.
    negative = "neg" |x| -x;
    /// True where the number is NaN.
    isnan = "isnan" Tensor::isnan;
    /// True where the number is neither NaN nor infinite.
    isfinite = "isfinite" Tensor::isfinite;
    /// True where the number is infinite.
    isinf = "isinf" Tensor::isinf;
    /// False where true (or not 0), and true where false.
    logical_not = "logical_not" Tensor::logical_not;
}
