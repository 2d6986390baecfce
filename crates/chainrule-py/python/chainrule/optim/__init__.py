"""Optimisers and learning rates, with torch's names and semantics.

    >>> x = tensor(5.0, requires_grad=True)
    >>> adam = Adam([x], lr=0.1)
    >>> for _ in range(300):
    ...     adam.zero_grad()
    ...     ((x - 3) ** 2).backward()
    ...     adam.step()
"""

from __future__ import annotations

from . import lr_scheduler, rules
from .optimizer import Optimizer
from .rules import *  # noqa: F403

__all__ = ["Optimizer", "lr_scheduler"]
__all__ += rules.__all__

for _value in list(globals().values()):
    if isinstance(_value, type) and _value.__module__.startswith(__name__ + "."):
        _value.__module__ = __name__
del _value
