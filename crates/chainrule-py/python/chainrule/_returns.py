"""Named tuples that methods give."""

from typing import NamedTuple

from ._native import Tensor


class ValuesAndIndices(NamedTuple):
    """Elements of a tensor and where they stood along an axis."""

    values: Tensor
    indices: Tensor
