"""Learning rates that change from step to step; η₀ is the rate that a group began with.

The rates are closed forms of the Rust library, so that ``step(epoch)`` can go anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._native import _optim
from .optimizer import Optimizer

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts",
    "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip


class LRScheduler:
    """Gives the groups of an optimiser the rates of step 0, 1, …, one with each ``step``."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError("param 'initial_lr' is not specified when resuming an optimizer")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr = [group["lr"] for group in optimizer.param_groups]
        self.step()

    def rate(self, base: float, t: int) -> float:
        """The rate of step ``t`` for a group that began with ``base``."""
        raise NotImplementedError("a scheduler says the rate of a step")

    def get_lr(self) -> list[float]:
        """The rates of the step."""
        return [self.rate(base, self.last_epoch) for base in self.base_lrs]

    def get_last_lr(self) -> list[float]:
        """The rates that the groups have."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> Any:
        """Goes on by one step, or to step ``epoch``."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._apply(self.get_lr())

    def _apply(self, rates):
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["lr"] = rate
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Where the scheduler is."""
        kept = ("last_epoch", "base_lrs", "_last_lr")
        return {name: getattr(self, name) for name in kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over where another one was."""
        self.__dict__.update(state_dict)


class _Curve(LRScheduler):
    _kind = None

    def __init__(self, optimizer: Optimizer, last_epoch: int, **options: Any) -> None:
        self._curve = _optim.Curve(self._kind, options)
        for name, value in options.items():
            setattr(self, name, value)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return self._curve.rate(base, t)


class ConstantLR(_Curve):
    """η₀ · factor in the first ``total_iters`` steps, then η₀."""

    _kind = "constant"

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(optimizer, last_epoch, factor=factor, total_iters=total_iters)


class LinearLR(_Curve):
    """From η₀ · start to η₀ · end in a straight line, then constant."""

    _kind = "linear"

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
        total_iters: int = 5, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(
            optimizer, last_epoch, start_factor=start_factor, end_factor=end_factor,
            total_iters=total_iters,
        )  # fmt: skip


class StepLR(_Curve):
    """η₀ γ^⌊t/step_size⌋."""

    _kind = "step"

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, last_epoch, step_size=step_size, gamma=gamma)


class MultiStepLR(_Curve):
    """η₀ γᵏ after k of the milestones."""

    _kind = "multistep"

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        super().__init__(optimizer, last_epoch, milestones=list(milestones), gamma=gamma)


class ExponentialLR(_Curve):
    """η₀ γᵗ."""

    _kind = "exponential"

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        super().__init__(optimizer, last_epoch, gamma=gamma)


class PolynomialLR(_Curve):
    """η₀ (1 − t/total_iters)^power, then 0."""

    _kind = "polynomial"

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, last_epoch, total_iters=total_iters, power=power)


class CosineAnnealingLR(_Curve):
    """Along a cosine from η₀ to ``eta_min`` at ``T_max`` (Loshchilov and Hutter 2017)."""

    _kind = "cosine"

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, last_epoch, T_max=T_max, eta_min=eta_min)


class CosineAnnealingWarmRestarts(_Curve):
    """Half a cosine again and again, each ``T_mult`` times as long as the last."""

    _kind = "restarts"

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if T_0 <= 0 or T_mult < 1:
            raise ValueError(f"Expected T_0 and T_mult of 1 or more, but got {T_0}, {T_mult}")
        super().__init__(optimizer, last_epoch, T_0=T_0, T_mult=T_mult, eta_min=eta_min)


class OneCycleLR(_Curve):
    """Up to ``max_lr`` and down to a small rate (Smith and Topin 2018). Momentum is left alone."""

    _kind = "onecycle"

    def __init__(
        self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = False, base_momentum: float = 0.85,
        max_momentum: float = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("define total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError("anneal_strategy must be one of 'cos' or 'linear'")
        if cycle_momentum:
            raise NotImplementedError("the momentum is not cycled")
        count = len(optimizer.param_groups)
        tops = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * count
        for group, top in zip(optimizer.param_groups, tops):
            group["initial_lr"] = top
        super().__init__(
            optimizer, last_epoch, total_steps=total_steps, pct_start=pct_start,
            div_factor=div_factor, final_div_factor=final_div_factor, three_phase=three_phase,
            linear=anneal_strategy == "linear",
        )  # fmt: skip


class LambdaLR(LRScheduler):
    """η₀ times what a function says of the step; one function, or one for each group."""

    def __init__(
        self, optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1,
    ) -> None:  # fmt: skip
        count = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(f"Expected {count} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        return [base * f(t) for base, f in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(LambdaLR):
    """Each rate is the one before times what a function says of the step."""

    def get_lr(self) -> list[float]:
        groups, t = self.optimizer.param_groups, self.last_epoch
        if t == 0:
            return [group["lr"] for group in groups]
        return [group["lr"] * f(t) for group, f in zip(groups, self.lr_lambdas)]


class SequentialLR(LRScheduler):
    """One scheduler after another; each sees step 0 where it begins."""

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if len(milestones) != len(schedulers) - 1:
            raise ValueError("SequentialLR needs one milestone between each two schedulers")
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        passed = sum(1 for m in self._milestones if m <= t)
        begun = self._milestones[passed - 1] if passed else 0
        inner = self._schedulers[passed]
        inner.last_epoch = t - begun
        inner._last_lr = inner.get_lr()
        return inner._last_lr


class ChainedScheduler(LRScheduler):
    """The product of what several schedulers make of η₀."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._schedulers = list(schedulers)
        super().__init__(optimizer or self._schedulers[0].optimizer)

    def get_lr(self) -> list[float]:
        rates = list(self.base_lrs)
        for inner in self._schedulers:
            inner.last_epoch = self.last_epoch
            factors = [r / b if b else 1.0 for r, b in zip(inner.get_lr(), inner.base_lrs)]
            rates = [rate * factor for rate, factor in zip(rates, factors)]
        return rates


class ReduceLROnPlateau(LRScheduler):
    """The rate times ``factor`` when a metric has not become better for ``patience`` steps."""

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(f"mode {mode} or threshold mode {threshold_mode} is unknown!")
        count = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * count
        self._plateau = _optim.Plateau(dict(
            factor=factor, patience=patience, threshold=threshold, cooldown=cooldown, eps=eps,
            relative=threshold_mode == "rel", maximize=mode == "max",
        ))  # fmt: skip
        self.optimizer, self.last_epoch = optimizer, 0
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self._last_lr = list(self.base_lrs)

    def step(self, metrics: Any, epoch: int | None = None) -> Any:
        """Tells the metric, and gives the groups their rates."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        value = float(metrics.item() if hasattr(metrics, "item") else metrics)
        self._plateau.observe(value)
        pairs = zip(self.base_lrs, self.min_lrs)
        self._apply([self._plateau.rate(base, least) for base, least in pairs])

    def state_dict(self) -> dict[str, Any]:
        seen = {name: tensor.item() for name, tensor in self._plateau.state()}
        return {**super().state_dict(), "seen": seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        from .. import _native

        state = dict(state_dict)
        seen = state.pop("seen")
        kept = [(name, _native.tensor(seen[name], dtype=like.dtype))
                for name, like in self._plateau.state()]
        self._plateau.load_state(kept)
        super().load_state_dict(state)
