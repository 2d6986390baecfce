"""Data in batches, and checkpoints."""

from . import checkpoint, data
