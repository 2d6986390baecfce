"""Writes the type stubs of the Python package from the package itself.

    PYTHONPATH=target/python/package python tools/stubs_py.py

What methods there are, their parameters, defaults and documentation are asked of the built package;
the types, which a compiled method does not know, stand in the tables below by the parameters' and
methods' names. The package's tests compare the stored stubs with what this gives.
"""

import inspect
import re
import sys
from pathlib import Path

HOME = Path(__file__).parents[1] / "crates" / "chainrule-py" / "python" / "chainrule"

PARAMETERS = {
    "other": "Operand", "exponent": "Operand", "value": "Operand", "fill_value": "Operand",
    "end": "Operand", "start": "Operand", "step": "Operand", "weight": "Operand", "alpha": "Number",
    "dim": "Dims", "dims": "int | Sequence[int]", "keepdim": "bool", "dtype": "DTypeLike | None",
    "min": "Operand | None", "max": "Operand | None", "shape": "int | Sequence[int]",
    "size": "int | Sequence[int]", "sizes": "int | Sequence[int]", "repeats": "int | Sequence[int]",
    "index": "ArrayLike", "src": "Operand", "mask": "ArrayLike", "condition": "ArrayLike",
    "gradient": "ArrayLike | None", "retain_graph": "bool | None", "create_graph": "bool",
    "inputs": "Tensor | Sequence[Tensor] | None", "hook": "Callable[[Tensor], Tensor | None]",
    "requires_grad": "bool", "descending": "bool", "stable": "bool", "largest": "bool", "k": "int",
    "rtol": "float", "atol": "float", "equal_nan": "bool", "unbiased": "bool | None",
    "correction": "float | None", "p": "Number | None", "diagonal": "int", "n": "int", "m": "int | None",
    "steps": "int", "data": "Any", "seed": "int", "name": "str", "tensors": "Sequence[ArrayLike]",
    "equation": "str", "operands": "ArrayLike", "input": "Operand | None", "device": "Any",
    "shifts": "int | Sequence[int]", "length": "int", "dim0": "int", "dim1": "int", "source": "int",
    "destination": "int", "start_dim": "int", "end_dim": "int", "split_size": "int | Sequence[int]",
    "chunks": "int", "num_classes": "int", "dimension": "int", "as_tuple": "bool", "low": "float",
    "high": "float", "mean": "float", "std": "float", "force": "bool", "copy": "bool | None",
    "rounding_mode": "str | None", "non_blocking": "bool", "mode": "Any", "ndarray": "Any",
    "ext_tensor": "Any", "requested_schema": "Any", "state": "tuple[int, int]", "a": "Any", "b": "Any", "key": "Any",
    "shapes": "Sequence[int]", "spec": "str", "memo": "Any", "protocol": "Any", "array": "Any",
    "context": "Any", "return_scalar": "bool", "element": "Operand", "stream": "Any",
    "max_version": "tuple[int, int] | None", "dl_device": "tuple[int, int] | None", "args": "Any",
}  # fmt: skip

# One axis and nothing else.
ONE_AXIS = {
    "argmax", "argmin", "softmax", "log_softmax", "cumsum", "cumprod", "sort", "argsort", "topk", "prod",
    "gather", "scatter", "scatter_add", "index_select", "unsqueeze", "narrow", "select", "unbind", "split",
    "chunk", "unflatten", "size", "cat", "stack",
}  # fmt: skip

RETURNS = {
    "tolist": "Any", "item": "int | float | bool", "numpy": "Any", "to_numpy": "Any",
    "dim": "int", "numel": "int", "nelement": "int", "element_size": "int", "is_floating_point": "bool",
    "is_contiguous": "bool", "backward": "None", "retain_grad": "None", "register_hook": "RemovableHandle",
    "sort": "ValuesAndIndices", "topk": "ValuesAndIndices", "max": "Any", "min": "Any", "equal": "bool",
    "allclose": "bool", "unbind": "tuple[Tensor, ...]", "split": "tuple[Tensor, ...]",
    "chunk": "tuple[Tensor, ...]", "nonzero": "Any", "where": "Tensor", "is_grad_enabled": "bool",
    "manual_seed": "None", "get_rng_state": "tuple[int, int]", "set_rng_state": "None", "realize": "None",
    "set_default_dtype": "None", "get_default_dtype": "dtype", "promote_types": "dtype",
    "broadcast_shapes": "tuple[int, ...]", "__len__": "int", "__iter__": "Iterator[Tensor]",
    "__contains__": "bool", "__bool__": "bool", "__float__": "float", "__int__": "int",
    "__index__": "int", "__hash__": "int", "__repr__": "str", "__format__": "str", "__array__": "Any",
    "__setitem__": "None", "__dlpack__": "Any", "__dlpack_device__": "tuple[int, int]",
    "__reduce_ex__": "Any", "__deepcopy__": "Tensor",
}  # fmt: skip

GETTERS = {
    "shape": "tuple[int, ...]", "dtype": "dtype", "ndim": "int", "itemsize": "int", "nbytes": "int",
    "device": "str", "size": "Any", "name": "str | None", "requires_grad": "bool", "is_leaf": "bool",
    "grad": "Tensor | None", "grad_fn": "Node | None", "data": "Tensor", "T": "Tensor", "mT": "Tensor",
}  # fmt: skip

OPERATORS = [
    *"add sub mul truediv mod floordiv matmul and or xor lshift rshift pow".split(), *"eq ne lt le gt ge".split(),
]  # fmt: skip
REFLECTED = "add sub mul truediv mod floordiv matmul and or xor lshift rshift pow".split()
SPECIAL = """__len__ __iter__ __contains__ __bool__ __float__ __int__ __index__ __hash__ __repr__
__format__ __getitem__ __setitem__ __array__ __dlpack__ __dlpack_device__ __deepcopy__""".split()

HEADER = '''"""Generated by tools/stubs_py.py; do not edit."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Union

from ._returns import ValuesAndIndices

Number = Union[int, float, bool]
ArrayLike = Any
Operand = Any
Dims = Union[int, Sequence[int], None]
DTypeLike = Any

__version__: str

_func: Any
_layers: Any
_losses: Any
_optim: Any
_plot: Any
_solve: Any
_storage: Any
_symbolic: Any

class dtype:
    """The type of a tensor's elements."""

    @property
    def itemsize(self) -> int: ...
    @property
    def is_floating_point(self) -> bool: ...
    @property
    def name(self) -> str: ...

class Node:
    """The step of a recorded computation that made a tensor."""

    def name(self) -> str: ...

class RemovableHandle:
    """A hook that was registered, to remove it again."""

    def remove(self) -> None: ...

bool: dtype  # pyright: ignore
uint8: dtype
int32: dtype
int64: dtype
float32: dtype
float64: dtype

'''


def documented(of, indent):
    text = inspect.cleandoc(of.__doc__ or "").strip()
    if not text:
        return " ..."
    lines = text.replace("\\", "\\\\").split("\n")
    pad = "\n" + indent + "    "
    if len(lines) == 1:
        return f'{pad}"""{lines[0]}"""'
    return f'{pad}"""' + pad.join(lines).replace(pad + pad.strip("\n"), "\n") + f'{pad}"""'


def parameter(p, name):
    kind = "int" if p.name == "dim" and name in ONE_AXIS else PARAMETERS.get(p.name, "Any")
    if p.default is None and kind != "Any" and "None" not in kind and kind != "Dims":
        kind += " | None"
    kind = kind.replace("bool", "builtins.bool") if False else kind
    text = f"{p.name}: {kind}"
    if p.default is not p.empty:
        text += f" = {p.default!r}" if isinstance(p.default, (int, float, str, type(None))) else " = ..."
    return {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + text


def signature(of, name, first):
    """The parameters; ``first`` stands for the tensor itself."""
    parameters = list(inspect.signature(of).parameters.values())
    if first is not None:
        parameters = parameters[1:]
    words, starred = [] if first is None else [first], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        starred = starred or p.kind is p.VAR_POSITIONAL
        words.append(parameter(p, name))
    return ", ".join(words)


def method(tensor, name):
    of = getattr(tensor, name)
    returns = RETURNS.get(name, "Tensor")
    return f"    def {name}({signature(of, name, 'self')}) -> {returns}:{documented(of, '    ')}\n"


def native():
    import chainrule
    from chainrule import _native

    tensor = chainrule.Tensor
    out = [HEADER, "class Tensor:", documented(tensor, "") + "\n\n"]
    names = sorted(n for n in dir(tensor) if not n.startswith("_"))
    getters = [n for n in names if isinstance(inspect.getattr_static(tensor, n), property)
               or inspect.isgetsetdescriptor(getattr(tensor, n))]
    for name in getters:
        of = getattr(tensor, name)
        out.append(f"    @property\n    def {name}(self) -> {GETTERS[name]}:{documented(of, '    ')}\n")
        if name in ("requires_grad", "grad", "data"):
            out.append(f"    @{name}.setter\n    def {name}(self, value: Any) -> None: ...\n")
    for op in OPERATORS:
        ignore = "  # pyright: ignore" if op in ("eq", "ne") else ""
        out.append(f"    def __{op}__(self, other: Operand) -> Tensor: ...{ignore}\n")
    for op in REFLECTED:
        out.append(f"    def __r{op}__(self, other: Operand) -> Tensor: ...\n")
    for op in ("neg", "pos", "abs", "invert"):
        out.append(f"    def __{op}__(self) -> Tensor: ...\n")
    for name in SPECIAL:
        if inspect.signature(getattr(tensor, name)).parameters:
            out.append(f"    def {name}({signature(getattr(tensor, name), name, 'self')}) -> "
                       f"{RETURNS.get(name, 'Tensor')}: ...\n")
    for name in names:
        if name not in getters and callable(getattr(tensor, name)):
            out.append(method(tensor, name))
    out.append("    def _rebind(self, new: Tensor) -> None: ...\n")
    out.append("    def _memory(self) -> Any: ...\n    def _bytes(self) -> bytes: ...\n\n")
    for name in sorted(dir(_native)):
        of = getattr(_native, name)
        if name.startswith("__") or not inspect.isbuiltin(of):
            continue
        returns = RETURNS.get(name, "Any" if name.startswith("_") else "Tensor")
        out.append(f"def {name}({signature(of, name, None)}) -> {returns}:{documented(of, '')}\n")
    own = ("Tensor", "dtype")
    for name in sorted(dir(_native)):
        of = getattr(_native, name)
        if not name.startswith("__") and name not in own and (inspect.ismodule(of) or inspect.isclass(of)):
            out.append(f"{name}: Any\n")
    return "".join(out).replace(": bool", ": _bool").replace("| bool", "| _bool").replace(
        "-> bool", "-> _bool").replace("bool: dtype", "bool: dtype").replace(
        "Number = Union[int, float, _bool]", "Number = Union[int, float, bool]").replace(
        "\nNumber =", "\n_bool = bool\nNumber =", 1)


def with_int(text):
    """The text where a name of ours may stand for Python's ``int``."""
    lines = [
        re.sub(r"(?<!def )\bint\b", "_int", line) if line.lstrip().startswith("def ") else line
        for line in text.split("\n")
    ]
    return "\n".join(lines).replace("\n_bool = bool", "\n_bool = bool\n_int = int", 1)


def package():
    import chainrule
    from chainrule import _native

    tensor = chainrule.Tensor
    public = sorted(n for n in dir(_native) if not n.startswith("_") and n != "bool")
    out = ['"""Generated by tools/stubs_py.py; do not edit."""\n\n',
           "from collections.abc import Callable, Iterator, Sequence\nfrom typing import Any\n\n",
           "from . import " + ", ".join(f"{m} as {m}" for m in MODULES) + "\n",
           "from ._native import (\n    ArrayLike, Dims, DTypeLike, Number, Operand, _bool, _int, dtype as dtype,\n",
           "    Node, RemovableHandle, bool as bool, __version__ as __version__,\n"]
    for name in public:
        if name != "dtype" and name not in ("Node", "RemovableHandle"):
            out.append(f"    {name} as {name},\n")
    out.append(")\nfrom ._returns import ValuesAndIndices\n")
    for name in sorted(vars(chainrule)):
        of = vars(chainrule)[name]
        own = inspect.isclass(of) or inspect.isfunction(of)
        home = own and of.__module__ or ""
        if not name.startswith("_") and name not in public and home.startswith("chainrule"):
            home = ERRORS if home == "chainrule" else home[len("chainrule"):]
            if home != "._native":
                out.append(f"from {home} import {name} as {name}\n")
    out.append("\n")
    out.append("double: dtype\nlong: dtype\nint: dtype\ne: float\ninf: float\nnan: float\npi: float\n\n")
    for name in sorted(vars(chainrule)):
        of = vars(chainrule)[name]
        if name in public or name.startswith("_") or getattr(tensor, name, None) is not of:
            continue
        returns = RETURNS.get(name, "Tensor")
        out.append(f"def {name}({signature(of, name, 'input: Tensor')}) -> {returns}:"
                   f"{documented(of, '')}\n")
    return "".join(out).replace(": bool", ": _bool").replace("-> bool", "-> _bool").replace(
        "| bool", "| _bool")


def namespace():
    """The stub of ``chainrule.array_api``, whose functions of elements are listed in tables."""
    import chainrule
    from chainrule import array_api

    out = ['"""Generated by tools/stubs_py.py; do not edit."""\n\nfrom typing import Any\n\n',
           "from .._native import Tensor, dtype\nfrom . import linalg as linalg\n"]
    lines = []
    for name in array_api.__all__:
        of = getattr(array_api, name)
        if inspect.isclass(of):
            out.append(f"from {of.__module__.replace('chainrule.array_api', '')} import {name} as {name}\n")
        elif inspect.isfunction(of):
            words, before = [], None
            for p in inspect.signature(of).parameters.values():
                if before is p.POSITIONAL_ONLY and p.kind is not before:
                    words.append("/")
                if p.kind is p.KEYWORD_ONLY and before not in (p.KEYWORD_ONLY, p.VAR_POSITIONAL):
                    words.append("*")
                star = "*" * (p.kind is p.VAR_POSITIONAL)
                words.append(f"{star}{p.name}: Any" + " = ..." * (p.default is not p.empty))
                before = p.kind
            if before is inspect.Parameter.POSITIONAL_ONLY:
                words.append("/")
            returns = NAMESPACE.get(name, "Tensor")
            lines.append(f"def {name}({', '.join(words)}) -> {returns}:{documented(of, '')}\n")
        elif not inspect.ismodule(of):
            kind = "dtype" if isinstance(of, chainrule.dtype) else type(of).__name__
            lines.append(f"{name}: {kind.replace('NoneType', 'None')}\n")
    return "".join(out) + "\n" + "".join(lines)


# What functions of the namespace give that is no array.
NAMESPACE = {
    "result_type": "dtype", "can_cast": "Any", "isdtype": "Any", "__array_namespace_info__": "Any",
    "broadcast_arrays": "list[Tensor]", "meshgrid": "list[Tensor]", "unstack": "tuple[Tensor, ...]",
    "nonzero": "tuple[Tensor, ...]", "unique_all": "Any", "unique_counts": "Any", "unique_inverse": "Any",
}  # fmt: skip


# Exceptions say that they are the package's, not this module's.
ERRORS = "._errors"

MODULES = [
    p.stem for p in sorted(HOME.iterdir())
    if not p.stem.startswith("_") and (p.suffix == ".py" or (p / "__init__.py").exists())
]  # fmt: skip


def stubs():
    """The stubs, by the names of their files."""
    return {
        "_native.pyi": with_int(native()), "__init__.pyi": with_int(package()),
        "array_api/__init__.pyi": namespace(),
    }  # fmt: skip


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    for name, text in stubs().items():
        (HOME / name).write_text(text)
