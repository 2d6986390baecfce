//! Differentiate programs and fit models.
pub use chainrule_core::*;

/// Everything that programs usually need.
pub mod prelude {
    pub use chainrule_core::*;
}
