"""What models consist of: parameters, buffers, modules inside, and a switch."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from .._grad_mode import no_grad
from .._native import Tensor
from .parameter import Buffer, Parameter

if TYPE_CHECKING:
    from typing import Self


class _Hook:
    """A hook that was registered, to remove it again."""

    _count = 0

    def __init__(self, hooks, hook):
        _Hook._count += 1
        self.hooks, self.key = hooks, _Hook._count
        hooks[self.key] = hook

    def remove(self):
        """Removes the hook."""
        self.hooks.pop(self.key, None)


class IncompatibleKeys(NamedTuple):
    """What a state and a module did not have in common."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


class Module:
    """A model or a part of one: derive from it, make parts in ``__init__``, write ``forward``.

    Attributes that are ``Parameter``s, modules, or registered as buffers are listed under their
    names, so that names, saving, optimisers and the switch between training and evaluation follow.

        >>> class Net(Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden, self.out = Linear(2, 16), Linear(16, 1)
        ...     def forward(self, x):
        ...         return self.out(functional.relu(self.hidden(x)))
        >>> [name for name, _ in Net().named_parameters()]
        ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        set_ = functools.partial(object.__setattr__, self)
        set_("training", True)
        set_("_parameters", {})
        set_("_buffers", {})
        set_("_modules", {})
        set_("_transient", set())
        set_("_before", {})
        set_("_after", {})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every module writes its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args, **kwargs):
        for hook in tuple(self._before.values()):
            given = hook(self, args)
            if given is not None:
                args = given if isinstance(given, tuple) else (given,)
        result = self.forward(*args, **kwargs)
        for hook in tuple(self._after.values()):
            given = hook(self, args, result)
            result = result if given is None else given
        return result

    # Attributes.

    def __setattr__(self, name, value):
        lists = self.__dict__.get("_parameters")
        if isinstance(value, (Parameter, Module, Buffer)):
            if lists is None:
                raise AttributeError(
                    f"cannot assign {type(value).__name__.lower()}s before Module.__init__() call\n"
                    f"  hint: begin {type(self).__name__}.__init__ with `super().__init__()`"
                )
            self.__dict__.pop(name, None)
            for place in (self._parameters, self._buffers, self._modules):
                place.pop(name, None)
            if isinstance(value, Parameter):
                self._parameters[name] = value
            elif isinstance(value, Module):
                self._modules[name] = value
            else:
                self.register_buffer(name, value.data, value.persistent)
            return
        if lists is not None:
            if name in self._parameters:
                if value is not None:
                    raise TypeError(
                        f"cannot assign '{type(value).__name__}' as parameter '{name}' "
                        f"(nn.Parameter or None expected)"
                    )
                self._parameters[name] = None
                return
            if name in self._modules:
                if value is not None:
                    raise TypeError(
                        f"cannot assign '{type(value).__name__}' as child module '{name}' "
                        f"(Module or None expected)"
                    )
                self._modules[name] = None
                return
            if name in self._buffers:
                if value is not None and not isinstance(value, Tensor):
                    raise TypeError(
                        f"cannot assign '{type(value).__name__}' as buffer '{name}' "
                        f"(Tensor or None expected)"
                    )
                self._buffers[name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name):
        for place in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(place)
            if found is not None and name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name):
        for place in (self._parameters, self._buffers, self._modules):
            if name in place:
                del place[name]
                return
        object.__delattr__(self, name)

    def __dir__(self):
        names = [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]
        return sorted(set(names))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, or None for one that could be there."""
        self._new_name(name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{type(param).__name__}' object to parameter '{name}'")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is kept but not learnt; with ``persistent`` it is in the state."""
        self._new_name(name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}'")
        self._buffers[name] = tensor
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a module inside this one."""
        self._new_name(name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._modules[name] = module

    register_module = add_module

    def _new_name(self, name):
        if not isinstance(name, str):
            raise TypeError(f"a name is a string, not {type(name).__name__}")
        if "." in name or name == "":
            raise KeyError(f'a name has no dot and is not empty: "{name}"')
        if "_parameters" not in self.__dict__:
            raise AttributeError("call Module.__init__() before registering anything")
        known = name in self._parameters or name in self._buffers or name in self._modules
        if hasattr(self, name) and not known:
            raise KeyError(f"attribute '{name}' already exists")

    # What is inside.

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        return (module for _, module in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, with their names."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all inside it."""
        return (module for _, module in self.named_modules())

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with their names joined by dots."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, inner, remove_duplicate)

    def _named(self, place, prefix, recurse, remove_duplicate):
        seen = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, tensor in getattr(module, place).items():
                if tensor is None or remove_duplicate and id(tensor) in seen:
                    continue
                seen.add(id(tensor))
                yield (f"{path}.{name}" if path else name), tensor

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their names, such as ``encoder.0.weight``."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their names."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """The module inside with this name, such as ``encoder.0``."""
        module = self
        for name in target.split(".") if target else []:
            if name not in module._modules:
                what = type(module).__name__
                raise AttributeError(f"{what} has no module inside called `{name}`")
            module = module._modules[name]
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with this name."""
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path)._parameters.get(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no parameter `{target}`")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with this name."""
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path)._buffers.get(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no buffer `{target}`")
        return found

    # States.

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """Parameters and persistent buffers by name, as they are now."""
        state = OrderedDict()
        for path, module in self.named_modules(prefix=prefix.rstrip("."), remove_duplicate=False):
            start = f"{path}." if path else ""
            for name, tensor in module._parameters.items():
                if tensor is not None:
                    state[start + name] = tensor if keep_vars else tensor.detach()
            for name, tensor in module._buffers.items():
                if tensor is not None and name not in module._transient:
                    state[start + name] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(
        self, state_dict: dict[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Gives parameters and buffers the values of a state.

        All is checked before anything is changed. Unless ``strict``, tensors that only one side has
        are left out, and told.
        """
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        new, wrong = {}, []
        for name, tensor in own.items():
            if name not in state_dict:
                continue
            given = _native.as_tensor(state_dict[name])
            if tuple(given.shape) != tuple(tensor.shape):
                wrong.append(
                    f"size mismatch for {name}: copying a param with shape {tuple(given.shape)} "
                    f"from checkpoint, the shape in current model is {tuple(tensor.shape)}."
                )
            elif given.is_floating_point() != tensor.is_floating_point():
                wrong.append(f"type mismatch for {name}: {given.dtype} instead of {tensor.dtype}.")
            new[name] = given
        if strict:
            if unexpected:
                wrong.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}.")
            if missing:
                wrong.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}.")
        if wrong:
            name = type(self).__name__
            text = "\n\t".join(wrong)
            raise RuntimeError(f"Error(s) in loading state_dict for {name}:\n\t{text}")
        with no_grad():
            ready = {name: given.detach().to(own[name].dtype) for name, given in new.items()}
            _native.realize(list(ready.values())) if ready else None
            for name, given in ready.items():
                own[name].copy_(given)
        return IncompatibleKeys(missing, unexpected)

    @contextlib.contextmanager
    def _with_tensors(self, tensors):
        """For a while, other tensors stand in the places of these names."""
        changed = []
        try:
            for target, tensor in tensors.items():
                path, _, name = target.rpartition(".")
                module = self.get_submodule(path)
                place = module._parameters if name in module._parameters else module._buffers
                if name not in place:
                    raise KeyError(f"{type(self).__name__} has no parameter or buffer `{target}`")
                changed.append((place, name, place[name]))
                place[name] = tensor
            yield self
        finally:
            for place, name, before in reversed(changed):
                place[name] = before

    # Changes of all that is inside.

    def train(self, mode: bool = True) -> Self:
        """Switches this module and all inside to training, or with False to evaluation."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Self:
        """Switches to evaluation."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Calls ``fn`` with every module inside, then with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether the parameters are learnt."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters."""
        for p in self.parameters():
            if not set_to_none and p.grad is not None:
                p.grad = _native.zeros_like(p.grad)
            else:
                p.grad = None

    def _convert(self, dtype):
        seen = {}
        for module in self.modules():
            for name, p in module._parameters.items():
                if p is None or not p.is_floating_point() or p.dtype == dtype:
                    continue
                if id(p) not in seen:
                    seen[id(p)] = Parameter(p.detach().to(dtype), p.requires_grad)
                module._parameters[name] = seen[id(p)]
            for name, b in module._buffers.items():
                if b is not None and b.is_floating_point():
                    module._buffers[name] = b.to(dtype)
        return self

    def to(
        self, *args: Any, dtype: _native.dtype | None = None, device: Any = None,
        non_blocking: bool = False,
    ) -> Self:  # fmt: skip
        """Converts floating-point parameters and buffers to a type, before an optimiser is made.

        Devices are accepted: everything is on the one there is.
        """
        for argument in args:
            if isinstance(argument, Tensor):
                dtype = argument.dtype
            elif isinstance(argument, _native.dtype):
                dtype = argument
            elif not isinstance(argument, (str, bool)) and argument is not None:
                raise TypeError(f"`to` takes an element type, not {argument!r}")
        return self if dtype is None else self._convert(dtype)

    def float(self) -> Self:
        """Parameters and buffers in float32."""
        return self._convert(_native.float32)

    def double(self) -> Self:
        """Parameters and buffers in float64."""
        return self._convert(_native.float64)

    def cpu(self) -> Self:
        """The module itself, which is there already."""
        return self

    def type(self, dst_type: _native.dtype) -> Self:
        """Parameters and buffers in a type."""
        return self._convert(dst_type)

    def register_forward_hook(self, hook: Any):
        """Calls ``hook(module, args, result)`` after ``forward``; what it gives takes the result's
        place."""
        return _Hook(self._after, hook)

    def register_forward_pre_hook(self, hook: Any):
        """Calls ``hook(module, args)`` before ``forward``; what it gives takes their place."""
        return _Hook(self._before, hook)

    def compile(self, **options: Any) -> Any:
        """The module's ``forward`` as a program from now on."""
        from .._program import Program

        object.__setattr__(self, "forward", Program(self.forward))

    def __deepcopy__(self, memo):
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(
            {name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()}
        )
        return new

    # As text.

    def extra_repr(self) -> str:
        """The options of the module, for its text."""
        return ""

    def __repr__(self):
        inside = []
        for name, module in self._modules.items():
            text = repr(module).replace("\n", "\n  ")
            inside.append(f"({name}): {text}")
        extra = self.extra_repr()
        name = type(self).__name__
        if not inside:
            return f"{name}({extra})"
        return f"{name}(\n  " + "\n  ".join(([extra] if extra else []) + inside) + "\n)"


def _quoted(names):
    return ", ".join(f'"{name}"' for name in names)
