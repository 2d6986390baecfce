//! Solvers for least squares and minimisation: one loop, many ways to search and to descend.
pub mod minimise;
