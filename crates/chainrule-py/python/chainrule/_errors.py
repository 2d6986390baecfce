"""Exceptions that are both what numpy and what torch raise for a mistake."""


class ShapeError(ValueError, RuntimeError):
    """Shapes or data that do not fit an operation."""


class DTypeError(TypeError, RuntimeError):
    """An element type that does not fit an operation."""


class AxisError(IndexError, ValueError, RuntimeError):
    """An axis that a tensor does not have."""


class LinAlgError(ValueError, RuntimeError):
    """A computation that has no result for these numbers, such as the inverse of a singular matrix."""


for _class in (ShapeError, DTypeError, AxisError, LinAlgError):
    _class.__module__ = "chainrule"
