//! Optimisers against torch's numbers, closed forms and loops in plain arithmetic; and what holds
//! for all of them, once.

mod cases;
mod forms;
mod laws;
mod torch;
