//! What the Rust peers of the comparison share: the protocol they speak with the driver.
//!
//! A peer is started as `bench-NAME INPUTS RESULTS` and answers commands from its standard input,
//! one line each: `name`, `row N`, `time SECONDS`, `drop`, `quit`. It implements [`Engine`], which
//! makes a [`Row`] of a row's name and its [`Inputs`], and hands itself to [`serve`].

mod array;
mod row;
mod serve;

pub use array::{Array, Element, Inputs};
pub use row::{Row, Steps};
pub use serve::{Engine, prepare, serve};

/// The outcome of anything that can fail; a row that fails is reported as absent.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
