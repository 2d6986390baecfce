//! Interrupts from the keyboard.
//!
//! Python's handler notes the signal, and the interpreter raises `KeyboardInterrupt` when it runs
//! next, which may be long after a computation that was meant to be stopped. Ours stands before it
//! and asks the engine to stop as well.

#[cfg(unix)]
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// An interrupt from the keyboard also stops what the engine computes, on all threads, after
/// Python's own handler, whose exception the call raises.
#[cfg(unix)]
pub(crate) fn heed() {
    static PYTHONS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn stop(signal: libc::c_int) {
        let handler = PYTHONS.load(Relaxed);
        if handler != 0 {
            // SAFETY: this is the handler that was installed before, a function of one number.
            let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
        // Last, so that a computation that stops finds what Python's handler noted.
        chainrule::stop_evaluations();
    }
    // SAFETY: both calls get valid pointers; the new action is the old one with another function,
    // which does nothing that a handler must not: it counts and calls the old function.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        if libc::sigaction(libc::SIGINT, std::ptr::null(), &raw mut action) != 0
            || [libc::SIG_DFL, libc::SIG_IGN, stop as *const () as usize]
                .contains(&action.sa_sigaction)
            || action.sa_flags & libc::SA_SIGINFO != 0
        {
            return;
        }
        PYTHONS.store(action.sa_sigaction, Relaxed);
        action.sa_sigaction = stop as *const () as usize;
        libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut());
    }
}

/// Only on systems with signals.
#[cfg(not(unix))]
pub(crate) fn heed() {}
