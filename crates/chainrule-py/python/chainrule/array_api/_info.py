"""What this namespace can do, for programs that ask."""

from .. import _native
from ._types import KINDS, isdtype, on_cpu


class _Info:
    """The answers: capabilities, devices, types."""

    def capabilities(self):
        """Whether arrays can be indexed by masks, and shapes may depend on numbers."""
        return {"boolean indexing": True, "data-dependent shapes": True}

    def default_device(self):
        """Where arrays are: on the processor."""
        return "cpu"

    def devices(self):
        """All devices."""
        return ["cpu"]

    def default_dtypes(self, *, device=None):
        """The types of numbers that are given without one. There is none for complex numbers."""
        on_cpu(device)
        return {
            "real floating": _native.get_default_dtype(),
            "integral": _native.int64,
            "indexing": _native.int64,
        }

    def dtypes(self, *, device=None, kind=None):
        """The types by their names, all or those of a kind or of several."""
        on_cpu(device)
        return {t.name: t for t in KINDS["any"] if kind is None or isdtype(t, kind)}


def __array_namespace_info__():
    """An object that tells what this namespace can do."""
    return _Info()
