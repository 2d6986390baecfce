//! Training: the loop, its log, checkpoints, and going on after an end of any kind.
