//! Layers and losses: each is listed once in `cases`; what holds for all is tested over the list.

mod cases;
mod golden;
mod laws;
mod single;
