"""Functions of functions: derivatives, batches, linear maps.

Each takes a function of tensors, or of containers of them (tuples, lists, dicts, named tuples,
dataclasses), and runs it on variables of its own. Results are tensors like any others, so that all
of these nest in any order, and gradients flow through them to what the function captured.

    >>> f = lambda x: 3 * x**2 - 4 * x
    >>> grad(f)(1.0), grad(grad(f))(1.0)
    (tensor(2.), tensor(6.))

With x the arguments chosen by ``argnums`` and y = f(x):

=============== ==================================================== =======================
``grad``        ∂y/∂x of one number                                  reverse mode
``vjp``         w ↦ wᵀJ, the pullback                                reverse mode
``jvp``         J v, the pushforward                                 forward mode
``linearize``   v ↦ J v, recorded once                               forward mode
``jacrev``      J, row by row                                        reverse mode
``jacfwd``      J, column by column                                  forward mode
``hessian``     ∂²y/∂x²                                              forward over reverse
``hvp``         (∂²y/∂x²) v                                          forward over reverse
``vmap``        f of each element, as one computation
=============== ==================================================== =======================
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _native
from ._native import Tensor, _func
from ._tree import fill, flatten, leaves_like, tree_leaves, tree_map

if TYPE_CHECKING:
    from .nn import Module

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacrev", "jvp",
    "linearize", "tree_leaves", "tree_map", "value_and_grad", "vjp", "vmap",
]  # fmt: skip


def _positions(argnums, count, name):
    single = isinstance(argnums, int)
    wanted = (argnums,) if single else tuple(argnums)
    for i in wanted:
        if not isinstance(i, int):
            raise TypeError(f"{name}: argnums are numbers of arguments, not {i!r}")
        if not -count <= i < count:
            raise ValueError(
                f"{name}: there is no argument {i} among {count} positional ones"
            )
    wanted = tuple(i % count for i in wanted)
    if len(set(wanted)) < len(wanted) or not wanted:
        raise ValueError(f"{name}: argnums must name each argument once, not {argnums!r}")
    return wanted, single


class _Call:
    """A function as one of the list of tensors in some of its arguments."""

    def __init__(self, name, function, args, kwargs, argnums, has_aux):
        self.name, self.function, self.has_aux = name, function, has_aux
        self.args, self.kwargs = list(args), kwargs
        self.wanted, single = _positions(argnums, len(args), name)
        chosen = tuple(args[i] for i in self.wanted)
        self.leaves, self.structure = flatten(chosen[0] if single else chosen, numbers=True)
        self.single = single
        if not self.leaves:
            raise TypeError(f"{name}: there is no tensor in argument {argnums} to differentiate by")
        for leaf in self.leaves:
            if not leaf.is_floating_point():
                raise TypeError(
                    f"{name}: an argument is of type {leaf.dtype}, and only floating-point numbers "
                    f"have derivatives\n  hint: convert it with `.float()`"
                )
        self.results = self.aux = None

    def run(self, leaves):
        """What the function gives at these tensors: its result, and the rest."""
        chosen = fill(self.structure, leaves)
        args = list(self.args)
        for i, part in zip(self.wanted, (chosen,) if self.single else chosen):
            args[i] = part
        result, aux = self.function(*args, **self.kwargs), None
        if self.has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(
                    f"{self.name}: with has_aux the function gives a pair (result, rest), "
                    f"not {type(result).__name__}"
                )
            result, aux = result
        return result, aux

    def scalar(self, leaves):
        """Its one number, then the tensors of the rest."""
        result, aux = self.run(leaves)
        if not isinstance(result, Tensor):
            raise TypeError(
                f"{self.name}: the function must give a tensor with one number, "
                f"not {type(result).__name__}"
            )
        rest, self.aux = flatten(aux)
        return [result, *rest]

    def many(self, leaves):
        """The tensors of its result; those of the rest are kept aside."""
        result, aux = self.run(leaves)
        found, self.results = flatten(result)
        if not found:
            raise TypeError(f"{self.name}: the function gave no tensor, but {result!r:.60}")
        self.aux = tree_map(lambda x: x.detach(), aux)
        return found

    def all(self, leaves):
        """The tensors of its result, then those of the rest."""
        result, aux = self.run(leaves)
        found, self.results = flatten(result)
        if not found:
            raise TypeError(f"{self.name}: the function gave no tensor, but {result!r:.60}")
        rest, self.aux = flatten(aux)
        return found + rest

    def back(self, leaves):
        """Derivatives in the structure of the arguments chosen."""
        return fill(self.structure, leaves)


def value_and_grad(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives the pair of f(x) and ∂f/∂x, for f that gives one number.

    ``argnums`` says by which arguments: one number, or a tuple for a tuple of gradients. With
    ``has_aux`` f gives a pair, whose second part is handed through: ``(value, aux), gradient``.

        >>> value_and_grad(lambda x: 2 * x.dot(x))(arange(4.0))
        (tensor(28.), tensor([ 0.,  4.,  8., 12.]))
    """

    @functools.wraps(func)
    def found(*args, **kwargs):
        call = _Call("value_and_grad", func, args, kwargs, argnums, has_aux)
        value, gradient, aux = _func.value_and_grad(call.scalar, call.leaves)
        gradient = call.back(gradient)
        return ((value, fill(call.aux, aux)), gradient) if has_aux else (value, gradient)

    return found


def grad_and_value(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """``value_and_grad`` the other way round, as torch has it: ``gradient, value``."""
    both = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def found(*args, **kwargs):
        return both(*args, **kwargs)[::-1]

    return found


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives ∂f/∂x; with ``has_aux`` the pair of it and the rest.

        >>> grad(lambda w, x: (w * x).sum(), argnums=(0, 1))(tensor([1.0, 2.0]), tensor([3.0, 4.0]))
        (tensor([3., 4.]), tensor([1., 2.]))
    """
    both = value_and_grad(func, argnums, has_aux)

    @functools.wraps(func)
    def found(*args, **kwargs):
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return found


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """f(x) and its pullback: the function from cotangents w of f(x) to the tuple of wᵀJ.

        >>> y, pull = vjp(lambda x: x**2, tensor([1.0, 2.0]))
        >>> pull(tensor([1.0, 0.0]))
        (tensor([2., 0.]),)

    With ``has_aux`` f gives a pair, whose second part comes third.
    """
    call = _Call("vjp", func, primals, {}, tuple(range(len(primals))), has_aux)
    found, pull = _func.vjp(call.all, call.leaves)
    n = len(found) - sum(1 for _ in _places(call.aux))
    results, rest = found[:n], found[n:]

    def pullback(*cotangents):
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        ws = leaves_like(given, call.results, "cotangent")
        return call.back(pull(ws + [_native.zeros_like(x) for x in rest]))

    value = fill(call.results, results)
    return (value, pullback, fill(call.aux, rest)) if has_aux else (value, pullback)


def _places(structure):
    kind, _, children = structure
    if kind == "tensor":
        yield None
    for child in children:
        yield from _places(child)


def _tuple(of):
    return of if isinstance(of, tuple) and not hasattr(of, "_fields") else (of,)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False,
    has_aux: bool = False,
) -> Any:  # fmt: skip
    """f(x) and J v: the derivative of f at ``primals`` in the direction ``tangents``.

        >>> jvp(lambda x: x**2, (tensor([1.0, 2.0]),), (tensor([1.0, 0.0]),))
        (tensor([1., 4.]), tensor([2., 0.]))
    """
    primals, tangents = _tuple(primals), _tuple(tangents)
    call = _Call("jvp", func, primals, {}, tuple(range(len(primals))), has_aux)
    vs = leaves_like(tangents, call.structure, "tangent")
    found, moved = _func.jvp(call.all, call.leaves, vs)
    n = sum(1 for _ in _places(call.results))
    pair = fill(call.results, found[:n]), fill(call.results, moved[:n])
    return (*pair, fill(call.aux, found[n:])) if has_aux else pair


def linearize(func: Callable[..., Any], *primals: Any) -> Any:
    """f(x), and the function from tangents v to J v, which does not run f again.

        >>> y, push = linearize(sin, tensor(0.0))
        >>> push(tensor(2.0))
        tensor(2.)
    """
    call = _Call("linearize", func, primals, {}, tuple(range(len(primals))), False)
    found, push = _func.linearize(call.many, call.leaves)

    def pushforward(*tangents):
        vs = leaves_like(tangents, call.structure, "tangent")
        return fill(call.results, push(vs))

    return fill(call.results, found), pushforward


def _blocks(call, rows):
    """For each tensor of the result the container of its derivatives."""
    return fill(call.results, [call.back(row) for row in rows])


def _jacobian(name, func, argnums, has_aux, forward):
    @functools.wraps(func)
    def found(*args, **kwargs):
        call = _Call(name, func, args, kwargs, argnums, has_aux)
        blocks = _blocks(call, _func.jacobian(call.many, call.leaves, forward))
        return (blocks, call.aux) if has_aux else blocks

    return found


def jacrev(
    func: Callable[..., Any], argnums: Any = 0, *, has_aux: bool = False, chunk_size: Any = None
) -> Callable[..., Any]:
    """The function that gives J = ∂f/∂x, with the axes of f(x) before those of x.

    By reverse mode, a row at a time: for functions of many numbers that give few. The rest of
    ``has_aux`` is detached. ``chunk_size`` is accepted; the engine plans for itself.

        >>> jacrev(lambda x: x.sum() * x)(tensor([1.0, 2.0]))
        tensor([[4., 1.],
                [2., 5.]])
    """
    return _jacobian("jacrev", func, argnums, has_aux, False)


def jacfwd(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """The same by forward mode, a column at a time: for functions of few numbers that give many."""
    return _jacobian("jacfwd", func, argnums, has_aux, True)


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """The function that gives ∂²f/∂x² of f with one number, with the axes of x twice.

        >>> hessian(lambda x: x.prod() ** 2)(tensor([1.0, 2.0]))
        tensor([[8., 8.],
                [8., 2.]])
    """

    @functools.wraps(func)
    def found(*args, **kwargs):
        call = _Call("hessian", func, args, kwargs, argnums, False)
        rows = _func.hessian(call.scalar, call.leaves)
        return call.back([call.back(row) for row in rows])

    return found


def hvp(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The Hessian of f at ``primals`` times ``tangents``, without the Hessian.

        >>> hvp(lambda x: x.prod() ** 2, tensor([1.0, 2.0]), tensor([1.0, 0.0]))
        tensor([8., 8.])
    """
    single = not isinstance(primals, tuple)
    primals, tangents = _tuple(primals), _tuple(tangents)
    argnums = 0 if single else tuple(range(len(primals)))
    call = _Call("hvp", func, primals, {}, argnums, False)
    vs = leaves_like(tangents[0] if single else tangents, call.structure, "direction")
    return call.back(_func.hvp(call.scalar, call.leaves, vs))


def _axes(dims, tree, out):
    """The axis for each tensor: ``dims`` is a number, None, or a container above them."""
    if dims is None or isinstance(dims, int):
        out.extend([dims] * len(flatten(tree)[0]))
        return
    kind, meta, _ = flatten(tree)[1]
    if kind == "dict" and isinstance(dims, dict) and set(dims) == set(tree):
        pairs = [(dims[name], tree[name]) for name in tree]
    elif kind in ("tuple", "list", "named") and len(dims) == len(tree):
        pairs = list(zip(dims, tree))
    else:
        raise ValueError(f"vmap: in_dims {dims!r} do not have the structure of the arguments")
    for dim, part in pairs:
        _axes(dim, part, out)


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "different", *,
    chunk_size: Any = None,
) -> Callable[..., Any]:  # fmt: skip
    """The function that computes f for each element along an axis of its arguments.

    ``in_dims`` are the axes: one number for all, or a container with a number or None (shared by
    all elements) for each argument. ``out_dims`` are where the axis stands in the results. Random
    numbers are drawn anew for each element.

        >>> vmap(dot, in_dims=(0, None))(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([1.0, 1.0]))
        tensor([3., 7.])
    """
    if randomness == "same":
        raise ValueError("vmap: random numbers are drawn for each element; draw them outside")

    @functools.wraps(func)
    def found(*args, **kwargs):
        leaves, structure = flatten(args)
        axes = []
        dims = tuple(in_dims) if isinstance(in_dims, list) else in_dims
        if isinstance(dims, tuple) and len(dims) != len(args):
            raise ValueError(f"vmap: {len(dims)} in_dims for {len(args)} arguments")
        _axes(dims, args, axes)
        batched = [i for i, axis in enumerate(axes) if axis is not None]
        if not batched:
            raise ValueError("vmap: no argument has an axis to go along; give in_dims a number")
        for i in batched:
            if not -leaves[i].ndim <= axes[i] < leaves[i].ndim:
                raise ValueError(
                    f"vmap: a tensor of shape {tuple(leaves[i].shape)} has no axis {axes[i]}"
                )
        moved = [leaves[i].movedim(axes[i], 0) if axes[i] else leaves[i] for i in batched]
        results = None

        def element(xs):
            nonlocal results
            whole = list(leaves)
            for i, x in zip(batched, xs):
                whole[i] = x
            given, results = flatten(func(*fill(structure, whole), **kwargs))
            return given

        made = _func.vmap(element, moved)
        places = []
        _axes(out_dims, fill(results, made), places)
        return fill(results, [y.movedim(0, axis) if axis else y for y, axis in zip(made, places)])

    return found


def functional_call(
    module: Module, parameters_and_buffers: dict[str, Any] | Sequence[dict[str, Any]],
    args: Any = None, kwargs: Any = None,
) -> Any:  # fmt: skip
    """``module`` of ``args``, with other tensors in the places of those named.

        >>> functional_call(Linear(1, 1), {"weight": ones(1, 1), "bias": zeros(1)}, ones(1))
        tensor([1.])
    """
    if isinstance(parameters_and_buffers, (tuple, list)):
        parameters_and_buffers = {k: v for each in parameters_and_buffers for k, v in each.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with module._with_tensors(parameters_and_buffers):
        return module(*args, **(kwargs or {}))
