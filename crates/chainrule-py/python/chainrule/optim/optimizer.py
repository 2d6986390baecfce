"""Optimisers: groups of parameters with options, moved by the Rust rules.

A step records the updates of all groups and computes them as one plan, together with the gradients
if these have not been computed. What changes from step to step is data, so that the plan is made
once.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from .. import _native
from .._grad_mode import enable_grad
from .._native import Tensor, _optim

_ALWAYS = ("lr", "weight_decay", "maximize")


class Optimizer:
    """Groups of parameters, each a dict with ``params`` and options, which can be changed.

    ``step`` moves the parameters along the gradients that ``backward`` gathered; those without
    gradient stay where they are.
    """

    _kind = None

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                "not a Tensor"
            )
        self.defaults, self.param_groups, self._rules, self._made = defaults, [], [], []
        self._before, self._after = OrderedDict(), OrderedDict()
        params = list(params)
        if not params:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(params[0], dict):
            params = [{"params": params}]
        for group in params:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group, whose options default to the optimiser's."""
        group = {**self.defaults, **param_group}
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        if params and isinstance(params[0], tuple):
            group["param_names"], params = map(list, zip(*params))
        for p in params:
            if not isinstance(p, Tensor):
                what = type(p).__name__
                raise TypeError(f"optimizer can only optimize Tensors, but one is {what}")
        _optim.check_leaves(params)
        seen = {id(p) for known in self.param_groups for p in known["params"]}
        if len(set(map(id, params))) < len(params) or seen & set(map(id, params)):
            raise ValueError(
                "some parameters appear in more than one parameter group, or twice in one"
            )
        group = {"params": params, **{k: v for k, v in group.items() if k != "params"}}
        self._check(group)
        self.param_groups.append(group)
        self._rules.append(None)
        self._made.append(None)

    def _check(self, group):
        for name in ("lr", "weight_decay", "eps", "momentum"):
            value = group.get(name, 0.0)
            if isinstance(value, (int, float)) and not value >= 0.0:
                raise ValueError(f"Invalid {_LONG.get(name, name)}: {value}")
        betas = group.get("betas", ())
        for i, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")

    def _options(self, group):
        return {k: v for k, v in group.items() if k not in ("params", "param_names")}

    def _rule(self, i):
        """The Rust rule of group i, made anew with its moments where options have changed."""
        group = self.param_groups[i]
        options = self._options(group)
        fixed = {name: value for name, value in options.items() if name not in _ALWAYS}
        if self._rules[i] is None:
            self._rules[i] = _optim.Rule(self._kind, options, group["params"])
        elif self._made[i] != fixed:
            moments = self._rules[i].state()
            self._rules[i] = _optim.Rule(self._kind, options, group["params"])
            self._rules[i].load_state(moments)
        self._made[i] = fixed
        return self._rules[i], options, group["params"]

    def step(self, closure: Callable[[], Tensor] | None = None) -> Any:
        """Moves the parameters. ``closure``, if given, computes the loss, which is returned."""
        for hook in self._before.values():
            hook(self, (closure,), {})
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        also = [loss] if isinstance(loss, Tensor) else []
        _optim.step([self._rule(i) for i in range(len(self.param_groups))], also)
        for hook in self._after.values():
            hook(self, (closure,), {})
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p.grad is None:
                    p.grad = None
                else:
                    p.grad = _native.zeros_like(p.grad)

    @property
    def state(self):
        """The moments of each parameter, by the parameter."""
        found, place = {}, 0
        for group, moments in zip(self.param_groups, self._moments()):
            for i, p in enumerate(group["params"]):
                found[p] = moments.get(i, {})
            place += len(group["params"])
        return found

    def _moments(self):
        """For each group the moments by the number of the parameter in it."""
        for i in range(len(self.param_groups)):
            found = defaultdict(dict)
            if self._rules[i] is not None:
                for name, tensor in self._rules[i].state():
                    number, _, what = name.partition(".")
                    if number.isdigit():
                        found[int(number)][what] = tensor
            yield {k: v for k, v in found.items() if "step" not in v or int(v["step"].item()) > 0}

    def state_dict(self) -> dict[str, Any]:
        """Moments and options: ``{"state": {0: {"step": …, …}}, "param_groups": […]}``."""
        state, groups, place = {}, [], 0
        for group, moments in zip(self.param_groups, self._moments()):
            for i, slots in moments.items():
                state[place + i] = slots
            count = len(group["params"])
            groups.append({**self._options(group), "params": list(range(place, place + count))})
            place += count
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what ``state_dict`` gave, from an optimiser of the same kind and groups."""
        groups, state = state_dict["param_groups"], state_dict["state"]
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for own, given in zip(self.param_groups, groups):
            if len(own["params"]) != len(given["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
        for i, given in enumerate(groups):
            own = self.param_groups[i]
            own.update({k: v for k, v in given.items() if k != "params"})
            options = self._options(own)
            rule = _optim.Rule(self._kind, options, own["params"])
            moments = []
            for name, like in rule.state():
                number, _, what = name.partition(".")
                if number.isdigit():
                    slots = state.get(given["params"][int(number)], {})
                    if what in slots:
                        like = _native.as_tensor(slots[what]).to(like.dtype)
                moments.append((name, like))
            rule.load_state(moments)
            self._rules[i], self._made[i] = rule, None
        for i in range(len(groups)):
            self._made[i] = {k: v for k, v in self._options(self.param_groups[i]).items()
                             if k not in _ALWAYS}

    def register_step_pre_hook(self, hook: Any):
        """Calls ``hook(optimizer, args, kwargs)`` before each step."""
        from ..nn.module import _Hook

        return _Hook(self._before, hook)

    def register_step_post_hook(self, hook: Any):
        """Calls ``hook(optimizer, args, kwargs)`` after each step."""
        from ..nn.module import _Hook

        return _Hook(self._after, hook)

    def __repr__(self):
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for name in sorted(self._options(group)):
                text += f"    {name}: {group[name]}\n"
        return text + ")"


_LONG = {"lr": "learning rate", "weight_decay": "weight_decay value", "eps": "epsilon value",
         "momentum": "momentum value"}
