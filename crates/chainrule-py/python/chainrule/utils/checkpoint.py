"""Computing again instead of keeping, under torch's name."""

from .._program import checkpoint

__all__ = ["checkpoint"]
