"""Containers of tensors: tuples, lists, dicts, named tuples and dataclasses, nested at will.

``flatten`` gives the tensors of a container in order, and its *structure*: a nested tuple
``(kind, meta, children)`` that can be compared, hashed if what is not a tensor in it can, and
filled again by ``fill``.
"""

import dataclasses

from . import _native
from ._native import Tensor

_LEAF = ("tensor", None, ())


def _is_array(x):
    return hasattr(x, "__array_interface__") or hasattr(x, "__dlpack__")


def flatten(tree, numbers=False):
    """The tensors of ``tree`` and its structure; arrays are tensors, with ``numbers`` floats too."""
    leaves = []
    return leaves, _walk(tree, leaves, numbers)


def _walk(tree, leaves, numbers):
    if isinstance(tree, Tensor):
        leaves.append(tree)
        return _LEAF
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return "named", type(tree), tuple(_walk(x, leaves, numbers) for x in tree)
    if isinstance(tree, tuple):
        return "tuple", None, tuple(_walk(x, leaves, numbers) for x in tree)
    if isinstance(tree, list):
        return "list", None, tuple(_walk(x, leaves, numbers) for x in tree)
    if isinstance(tree, dict):
        meta = type(tree), tuple(tree)
        return "dict", meta, tuple(_walk(x, leaves, numbers) for x in tree.values())
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        children = tuple(_walk(getattr(tree, name), leaves, numbers) for name in names)
        return "data", (type(tree), names), children
    if _is_array(tree) or numbers and isinstance(tree, float):
        leaves.append(_native.as_tensor(tree))
        return _LEAF
    return "constant", tree, ()


def fill(structure, leaves):
    """The container of this structure with these tensors in their places."""
    return _fill(structure, iter(leaves))


def _fill(structure, leaves):
    kind, meta, children = structure
    if kind == "tensor":
        return next(leaves)
    if kind == "constant":
        return meta
    parts = [_fill(child, leaves) for child in children]
    if kind == "tuple":
        return tuple(parts)
    if kind == "list":
        return parts
    if kind == "named":
        return meta(*parts)
    if kind == "dict":
        made, names = meta
        return dict(zip(names, parts)) if made is dict else made(zip(names, parts))
    made, names = meta
    filled = object.__new__(made)
    for name, part in zip(names, parts):
        object.__setattr__(filled, name, part)
    return filled


def leaves_like(tree, structure, role):
    """The tensors of ``tree``, which must have this structure but for what is no tensor."""
    leaves = []
    _gather(tree, structure, role, leaves)
    return leaves


def _gather(tree, structure, role, leaves):
    kind, meta, children = structure
    if kind == "tensor":
        if not isinstance(tree, (Tensor, int, float)) and not _is_array(tree):
            raise TypeError(f"the {role} needs a tensor in the place of each, not {tree!r:.40}")
        leaves.append(_native.as_tensor(tree))
        return
    if kind == "constant":
        return
    if kind == "dict":
        fits = isinstance(tree, dict) and set(tree) == set(meta[1])
        parts = [tree[name] for name in meta[1]] if fits else []
    elif kind == "data":
        fits = isinstance(tree, meta[0])
        parts = [getattr(tree, name) for name in meta[1]] if fits else []
    else:
        fits = isinstance(tree, (tuple, list)) and len(tree) == len(children)
        parts = tree
    if not fits:
        raise ValueError(
            f"the {role} must have the structure of what it belongs to: {describe(structure)}"
        )
    for part, child in zip(parts, children):
        _gather(part, child, role, leaves)


def describe(structure):
    """A structure as text: ``(tensor, {a: tensor})``."""
    kind, meta, children = structure
    if kind == "tensor":
        return "tensor"
    if kind == "constant":
        return repr(meta)
    parts = [describe(child) for child in children]
    if kind == "tuple":
        return "(" + ", ".join(parts) + (",)" if len(parts) == 1 else ")")
    if kind == "list":
        return "[" + ", ".join(parts) + "]"
    if kind == "dict":
        return "{" + ", ".join(f"{name}: {part}" for name, part in zip(meta[1], parts)) + "}"
    return (meta if kind == "named" else meta[0]).__name__ + "(" + ", ".join(parts) + ")"


def tree_map(function, tree, *others):
    """The container with ``function`` of each tensor (and those at its place in ``others``)."""
    leaves, structure = flatten(tree)
    more = [leaves_like(other, structure, "other container") for other in others]
    return fill(structure, [function(*xs) for xs in zip(leaves, *more)])


def tree_leaves(tree):
    """The tensors of a container, in order."""
    return flatten(tree)[0]
