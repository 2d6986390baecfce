"""The optimisers, with torch's names and defaults: η is ``lr``, λ ``weight_decay``, g the
gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .._grad_mode import enable_grad
from .._native import Tensor
from .optimizer import Optimizer

__all__ = [
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Lamb", "Lion",
    "Muon", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD",
]  # fmt: skip


class SGD(Optimizer):
    """m ← μ m + (1 − τ) g, θ ← θ − η m; with ``nesterov`` θ ← θ − η (g + μ m)."""

    _kind = "sgd"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize,
        ))  # fmt: skip


class Adam(Optimizer):
    """m ⇐β₁ g, v ⇐β₂ g², θ ← θ − η m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ) (Kingma and
    Ba 2015); with ``amsgrad`` of the largest v so far."""

    _kind = "adam"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
            maximize=maximize, decoupled_weight_decay=decoupled_weight_decay,
        ))  # fmt: skip


class AdamW(Adam):
    """Adam with weight decay beside the gradient, θ ← (1 − η λ) θ (Loshchilov and Hutter 2019)."""

    _kind = "adamw"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *,
        maximize: bool = False, foreach: bool | None = None, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
            decoupled_weight_decay=True,
        )  # fmt: skip


class NAdam(Optimizer):
    """Adam with Nesterov's look ahead and a momentum that warms up (Dozat 2016)."""

    _kind = "nadam"

    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        ))  # fmt: skip


class RAdam(Optimizer):
    """Adam whose first steps, when v̂ rests on too few gradients, have no v̂ (Liu et al. 2020)."""

    _kind = "radam"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        ))  # fmt: skip


class Adamax(Optimizer):
    """u ← max(β₂ u, |g| + ε), θ ← θ − η m̂/u (Kingma and Ba 2015, §7.1)."""

    _kind = "adamax"

    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
        ))  # fmt: skip


class Lamb(Optimizer):
    """u = m̂/(√v̂ + ε) + λ θ, θ ← θ − η (‖θ‖/‖u‖) u (You et al. 2020)."""

    _kind = "lamb"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6, weight_decay: float = 0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
        ))  # fmt: skip


class Lion(Optimizer):
    """θ ← (1 − η λ) θ − η sign(β₁ m + (1 − β₁) g), m ⇐β₂ g (Chen et al. 2023)."""

    _kind = "lion"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize,
        ))  # fmt: skip


class ASGD(Optimizer):
    """Gradient descent with a rate that falls, and the mean of the parameters on the way (Polyak
    and Juditsky 1992), in the slot ``ax``."""

    _kind = "asgd"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize,
        ))  # fmt: skip


class RMSprop(Optimizer):
    """v ⇐α g², θ ← θ − η g/(√v + ε) (Hinton 2012); with ``centered`` v less the squared mean."""

    _kind = "rmsprop"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False,
        capturable: bool = False, foreach: bool | None = None, maximize: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered, maximize=maximize,
        ))  # fmt: skip


class Rprop(Optimizer):
    """A step size for each parameter, which grows while the gradient keeps its sign (Riedmiller and
    Braun 1993); for whole batches."""

    _kind = "rprop"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, etas=etas, step_sizes=step_sizes, weight_decay=0, maximize=maximize,
        ))  # fmt: skip


class Adagrad(Optimizer):
    """s ← s + g², θ ← θ − η g/(√s + ε) (Duchi et al. 2011)."""

    _kind = "adagrad"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, maximize=maximize,
        ))  # fmt: skip


class Adadelta(Optimizer):
    """v ⇐ρ g², Δ = g √(a + ε)/√(v + ε), a ⇐ρ Δ², θ ← θ − η Δ (Zeiler 2012)."""

    _kind = "adadelta"

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
        ))  # fmt: skip


class Adafactor(Optimizer):
    """Adam without momentum, whose v is the product of a row and a column (Shazeer and Stern
    2018)."""

    _kind = "adafactor"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0,
        *, foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
            maximize=maximize,
        ))  # fmt: skip


class Muon(Optimizer):
    """Momentum made orthogonal, for the matrices inside a network (Jordan et al. 2024)."""

    _kind = "muon"

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.1,
        momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315), eps: float = 1e-7,
        ns_steps: int = 5, adjust_lr_fn: str | None = None, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, dict(
            lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps, adjust_lr_fn=adjust_lr_fn,
            maximize=maximize,
        ))  # fmt: skip


class LBFGS(Optimizer):
    """The quasi-Newton method with a short memory, for smooth losses of whole batches.

    ``step(closure)`` makes up to ``max_iter`` iterations; ``closure`` computes the loss, and may
    call ``zero_grad`` and ``backward`` as torch asks for, but need not.
    """

    _kind = "lbfgs"

    def __init__(
        self, params: Iterable[Any], lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if line_search_fn not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        super().__init__(params, dict(
            lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad,
            tolerance_change=tolerance_change, history_size=history_size,
            line_search_fn=line_search_fn, weight_decay=0, maximize=False,
        ))  # fmt: skip
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Tensor]) -> Any:
        """Several iterations; gives the loss before."""
        rule, options, _ = self._rule(0)

        def loss():
            with enable_grad():
                return closure()

        return rule.step_with(options, loss)
