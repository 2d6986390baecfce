"""Computing again instead of keeping, under torch's name."""

from __future__ import annotations

from .._program import checkpoint

__all__ = ["checkpoint"]
