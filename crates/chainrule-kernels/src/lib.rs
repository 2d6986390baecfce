//! Numbers in strided memory.
//!
//! The lowest layer of chainrule: buffers and their pool ([`buffer`]), strided addressing
//! ([`layout`]), run-time SIMD dispatch ([`simd`]), elementary functions on lanes ([`math`]),
//! transposes ([`turn`]), matrix products ([`gemm`]), counter-based random numbers ([`random`]) and
//! gated threads ([`threads`]). It knows no graph and no tensor; it is the only crate of the
//! workspace that may hold `unsafe`, and each block says why it is sound.

mod blocks;
pub mod buffer;
pub mod counts;
pub mod gemm;
pub mod gemv;
pub mod guarded;
pub mod layout;
pub mod math;
pub mod once;
pub mod random;
pub mod reduce;
pub mod shared;
#[cfg(target_arch = "x86_64")]
mod short;
pub mod simd;
pub mod slim;
pub mod threads;
pub mod turn;

pub use buffer::{Buffer, MemoryStats, empty_cache, memory_stats};
pub use layout::Layout;
pub use math::Float;
