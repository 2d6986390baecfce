//! Scalar programs.

mod dual;
mod functions;
mod number;
mod tape;
mod taylor;
mod var;

pub use dual::Dual;
pub use functions::*;
pub use number::Number;
pub use tape::Tape;
pub use taylor::Taylor;
pub use var::Var;
