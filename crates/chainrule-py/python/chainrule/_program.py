"""Functions that are recorded and planned once, and functions that are computed again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._native import _func
from ._tree import describe, fill, flatten


class Program:
    """A function that is recorded once for each signature, and then only computed.

    A signature is the structure of the arguments, the shapes and types of their tensors, and
    everything else in them. Parameters that the function captured count with the values they have
    when it is called; other tensors that it captured, and random numbers drawn in it, stay what
    they were. Numbers cannot be asked for inside (``.item()``), so that no branch can depend on them.

        >>> @compile
        ... def step(w, x):
        ...     return w - 0.1 * func.grad(lambda w: ((w * x - 1) ** 2).sum())(w)
        >>> step(tensor([0.0]), tensor([2.0]))
        tensor([0.4000])
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self._function, self._traces = function, {}
        functools.update_wrapper(self, function, updated=())
        self.__name__ = name or getattr(function, "__name__", type(function).__name__)

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args, **kwargs):
        leaves, structure = flatten((args, kwargs))
        key = structure, tuple((tuple(x.shape), x.dtype) for x in leaves)
        try:
            known = self._traces.get(key)
        except TypeError as cause:
            raise TypeError(
                f"{self.__name__}: what is not a tensor in the arguments of a program must be "
                f"hashable, since it is part of the signature: {describe(structure)}"
            ) from cause
        if known is None:
            known = self._traces[key] = self._trace(leaves, structure)
        traced, results = known
        return fill(results, traced(leaves))

    def _trace(self, leaves, structure):
        results = None

        def run(xs):
            nonlocal results
            args, kwargs = fill(structure, xs)
            found, results = flatten(self._function(*args, **kwargs))
            return found

        traced = _func.Traced(run, leaves)
        return traced, results

    @property
    def signatures(self):
        """For how many signatures the function has been recorded."""
        return len(self._traces)

    def __repr__(self):
        return f"<Program {self.__name__}, {len(self._traces)} signatures>"


def compile(model: Callable[..., Any] | None = None, **options: Any) -> Any:
    """``model``, a function or module, as a ``Program``; also a decorator. Options are accepted."""
    return Program if model is None else Program(model)


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """``function(*args)``, without keeping what it computes on the way: it is computed again when
    derivatives are asked for. Less memory, the same numbers.

        >>> y = checkpoint(lambda x: x.tanh().exp(), tensor([1.0, 2.0], requires_grad=True))
    """
    leaves, structure = flatten((args, kwargs))
    results = None

    def run(xs):
        nonlocal results
        inner_args, inner_kwargs = fill(structure, xs)
        found, results = flatten(function(*inner_args, **inner_kwargs))
        return found

    if not leaves:
        return function(*args, **kwargs)
    made = _func.checkpoint(run, leaves)
    return fill(results, made)
