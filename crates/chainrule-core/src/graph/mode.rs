//! Whether operations are recorded for gradients, and the line they are recorded under.

use crate::place::Place;
use std::cell::Cell;
use std::num::NonZeroU64;

thread_local! {
    static NO_GRAD: Cell<Option<Place>> = const { Cell::new(None) };
    static DERIVING: Cell<Option<NonZeroU64>> = const { Cell::new(None) };
    static LOCATION: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Switches recording for gradients off, on this thread, until dropped.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(3.0).requires_grad();
/// let guard = NoGrad::new();
/// assert!(!(&x * 2.0).tracks_grad());
/// drop(guard);
/// assert!((&x * 2.0).tracks_grad());
/// ```
#[must_use = "gradients are off only while the guard lives"]
pub struct NoGrad {
    outer: Option<Place>,
    /// The guard belongs to its thread.
    _thread: std::marker::PhantomData<*const ()>,
}

impl NoGrad {
    /// Switches recording for gradients off.
    #[track_caller]
    #[allow(clippy::new_without_default)] // a default would not know the caller's line
    pub fn new() -> NoGrad {
        NoGrad { outer: NO_GRAD.replace(Some(Place::caller())), _thread: std::marker::PhantomData }
    }
}

impl Drop for NoGrad {
    fn drop(&mut self) {
        NO_GRAD.set(self.outer);
    }
}

/// Runs `f` with recording for gradients off; restored on return and on panic.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
/// let y = no_grad(|| 2.0 * x.dot(&x));
/// assert_eq!(y.item::<f64>()?, 28.0);
/// assert!(y.backward().unwrap_err().to_string().contains("no_grad"));
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    let _guard = NoGrad::new();
    f()
}

/// Whether operations are recorded for gradients, as a value: for scopes that do not nest as guards
/// do, such as those of other languages.
///
/// ```
/// # use chainrule_core::*;
/// let outer = GradMode::off().enter();
/// assert!(!is_grad_enabled());
/// outer.enter();
/// assert!(is_grad_enabled());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GradMode(Option<Place>);

impl GradMode {
    /// Operations are recorded.
    pub const ON: GradMode = GradMode(None);

    /// Operations are not recorded; errors will name the caller's line.
    #[track_caller]
    pub fn off() -> GradMode {
        GradMode(Some(Place::caller()))
    }

    /// Makes this the mode of the thread, and gives the one before.
    pub fn enter(self) -> GradMode {
        GradMode(NO_GRAD.replace(self.0))
    }
}

/// Whether operations on this thread are being recorded for gradients.
pub fn is_grad_enabled() -> bool {
    NO_GRAD.get().is_none()
}

/// The line of the innermost `no_grad` scope, if one is active.
pub(crate) fn no_grad_scope() -> Option<Place> {
    NO_GRAD.get()
}

/// Turns recording back on or off inside a derivative, as a guard.
pub(crate) fn set_no_grad(to: Option<Place>) -> impl Drop {
    struct Restore(Option<Place>);
    impl Drop for Restore {
        fn drop(&mut self) {
            NO_GRAD.set(self.0);
        }
    }
    Restore(NO_GRAD.replace(to))
}

/// Sets the line under which nodes are recorded from now on, and gives the one before; `None` means
/// the caller's own.
pub(crate) fn set_location(to: Option<Place>) -> Option<Place> {
    LOCATION.replace(to)
}

/// The line under which to record a node.
#[track_caller]
#[inline]
pub(crate) fn location() -> Place {
    // A closure would have its own line.
    match LOCATION.get() {
        Some(at) => at,
        None => Place::caller(),
    }
}

/// Records from now on what belongs to the derivative of the node with this serial number.
pub(crate) fn set_deriving(node: Option<u64>) -> Option<u64> {
    DERIVING.replace(node.and_then(NonZeroU64::new)).map(NonZeroU64::get)
}

/// The node whose derivative is being recorded.
pub(crate) fn deriving() -> Option<NonZeroU64> {
    DERIVING.get()
}
