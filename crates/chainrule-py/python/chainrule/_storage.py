"""Tensors in safetensors files: state dictionaries, and whatever dicts hold tensors.

``save`` takes nested dicts, lists, numbers and strings too: tensors go into the file under names
joined by dots, the rest as JSON into its notes. Nothing in such a file is ever executed.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ._native import Tensor, _storage

_NOTE = "chainrule"


def save_file(
    tensors: dict[str, Tensor], filename: str | os.PathLike[str],
    metadata: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Writes a dict of tensors into a safetensors file, whole or not at all."""
    _storage.write_file(os.fspath(filename), _pairs(tensors), metadata)


def load_file(filename: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The dict of tensors in a safetensors file."""
    return dict(_storage.read_file(os.fspath(filename))[0])


def _pairs(tensors):
    pairs = []
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name!r} is no tensor but {type(tensor).__name__}")
        pairs.append((str(name), tensor))
    return pairs


def _packed(tree, path, tensors):
    """The skeleton of ``tree`` as JSON has it, its tensors aside."""
    if isinstance(tree, Tensor):
        name = ".".join(path) or "tensor"
        if name in tensors:
            name += f"#{len(tensors)}"
        tensors[name] = tree
        return {"t": name}
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return {"v": tree}
    if isinstance(tree, dict):
        pairs = [
            [_packed(key, path, tensors), _packed(value, [*path, str(key)], tensors)]
            for key, value in tree.items()
        ]
        return {"d": pairs}
    if isinstance(tree, (list, tuple)):
        parts = [_packed(x, [*path, str(i)], tensors) for i, x in enumerate(tree)]
        return {"l" if isinstance(tree, list) else "u": parts}
    raise TypeError(
        f"`save` takes tensors, numbers, strings, and dicts, lists and tuples of them, not "
        f"{type(tree).__name__}\n  hint: save `model.state_dict()`, not the model"
    )


def _unpacked(part, tensors):
    ((kind, value),) = part.items()
    if kind == "t":
        return tensors[value]
    if kind == "v":
        return value
    if kind == "d":
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in value}
    made = [_unpacked(x, tensors) for x in value]
    return made if kind == "l" else tuple(made)


def save(obj: Any, f: Any) -> None:
    """Writes a state (tensors, or dicts, lists, numbers and strings around them) into a file.

        >>> save({"model": net.state_dict(), "epoch": 3}, "run.safetensors")
    """
    tensors = {}
    skeleton = json.dumps(_packed(obj, [], tensors))
    plain = isinstance(obj, dict) and all(isinstance(x, Tensor) for x in obj.values())
    note = None if plain and list(obj) == list(tensors) == sorted(obj) else {_NOTE: skeleton}
    if hasattr(f, "write"):
        f.write(_storage.write_bytes(_pairs(tensors), note))
    else:
        _storage.write_file(os.fspath(f), _pairs(tensors), note)


def load(f: Any, map_location: Any = None, weights_only: bool = True) -> Any:
    """What ``save`` wrote, or the dict of tensors of any safetensors file."""
    found, notes = (
        _storage.read_bytes(f.read()) if hasattr(f, "read") else _storage.read_file(os.fspath(f))
    )
    tensors = dict(found)
    if _NOTE not in notes:
        return tensors
    try:
        return _unpacked(json.loads(notes[_NOTE]), tensors)
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise ValueError("the notes of this safetensors file are damaged") from cause


