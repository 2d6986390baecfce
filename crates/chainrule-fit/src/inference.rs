//! From estimates to what the data can and cannot tell: errors, intervals, correlation.
