"""Writes crates/chainrule-fit/tests/golden/optim.json: what PyTorch's optimisers and schedules do.

Run from anywhere with Python 3 and torch 2.15.0 (CPU): python tools/golden_optim.py

The problem has three parameters in two groups, w [3, 2] and b [2], then u [2, 4]; Muon, which moves
matrices only, has no b. With all their elements in one row x and i = 0, 1, 2, ...,

    start   x_i = sin(1.3 i + 0.5)
    loss    sum_i (1 + i mod 3) (x_i - cos(0.7 i))^2 / 2 + 0.3 sin(2 x_i)  +  0.05 (sum x)^2

The second group has half the rate of the first and half its weight decay. Muon orthogonalises in
bfloat16 in torch; here its function is compiled anew with the type of the gradient instead, since
only then can the numbers be compared to more than two digits.
"""

import inspect
import json
import pathlib
import warnings

import torch
import torch.optim._muon as muon
from torch.optim import lr_scheduler as lrs

warnings.filterwarnings("ignore")
source = inspect.getsource(muon._zeropower_via_newtonschulz)
exec(source.replace("torch.bfloat16", "grad.dtype"), muon.__dict__)

STEPS = [1, 2, 10, 100]

# Name of the case: class, rate, weight decay, options.
CASES = {
    "sgd": ("SGD", 0.05, 0, {}),
    "sgd decay": ("SGD", 0.05, 0.1, {}),
    "sgd momentum": ("SGD", 0.02, 0, dict(momentum=0.9)),
    "sgd momentum decay": ("SGD", 0.02, 0.1, dict(momentum=0.9)),
    "sgd dampening": ("SGD", 0.05, 0, dict(momentum=0.9, dampening=0.4)),
    "sgd nesterov": ("SGD", 0.02, 0.1, dict(momentum=0.9, nesterov=True)),
    "sgd maximize": ("SGD", 0.001, 0.1, dict(momentum=0.5, maximize=True)),
    "adam": ("Adam", 0.05, 0, {}),
    "adam betas": ("Adam", 0.05, 0, dict(betas=(0.8, 0.95), eps=1e-3)),
    "adam decay": ("Adam", 0.05, 0.1, {}),
    "adam amsgrad": ("Adam", 0.05, 0.1, dict(amsgrad=True)),
    "adam maximize": ("Adam", 0.05, 0.1, dict(maximize=True)),
    "adamw": ("AdamW", 0.05, 0.1, {}),
    "adamw amsgrad": ("AdamW", 0.05, 0.1, dict(amsgrad=True)),
    "adamw maximize": ("AdamW", 0.05, 0.1, dict(maximize=True)),
    "nadam": ("NAdam", 0.05, 0, {}),
    "nadam decay": ("NAdam", 0.05, 0.1, dict(momentum_decay=0.02)),
    "nadam decoupled": ("NAdam", 0.05, 0.1, dict(decoupled_weight_decay=True)),
    "nadam maximize": ("NAdam", 0.05, 0, dict(maximize=True)),
    "radam": ("RAdam", 0.05, 0, {}),
    "radam decay": ("RAdam", 0.05, 0.1, dict(betas=(0.8, 0.99))),
    "radam decoupled": ("RAdam", 0.05, 0.1, dict(decoupled_weight_decay=True)),
    "radam maximize": ("RAdam", 0.05, 0, dict(maximize=True)),
    "adamax": ("Adamax", 0.05, 0, {}),
    "adamax decay": ("Adamax", 0.05, 0.1, dict(betas=(0.8, 0.9))),
    "adamax maximize": ("Adamax", 0.05, 0, dict(maximize=True)),
    "rmsprop": ("RMSprop", 0.01, 0, {}),
    "rmsprop alpha": ("RMSprop", 0.01, 0.1, dict(alpha=0.9, eps=1e-4)),
    "rmsprop momentum": ("RMSprop", 0.01, 0, dict(momentum=0.8)),
    "rmsprop centered": ("RMSprop", 0.01, 0, dict(centered=True)),
    "rmsprop all": ("RMSprop", 0.01, 0.1, dict(momentum=0.8, centered=True)),
    "rmsprop maximize": ("RMSprop", 0.01, 0, dict(maximize=True)),
    "adagrad": ("Adagrad", 0.2, 0, {}),
    "adagrad decay": ("Adagrad", 0.2, 0.1, dict(lr_decay=0.02)),
    "adagrad initial": ("Adagrad", 0.2, 0, dict(initial_accumulator_value=0.5)),
    "adagrad maximize": ("Adagrad", 0.2, 0, dict(maximize=True)),
    "adadelta": ("Adadelta", 1.0, 0, {}),
    "adadelta decay": ("Adadelta", 1.0, 0.1, dict(rho=0.8, eps=1e-4)),
    "adadelta maximize": ("Adadelta", 1.0, 0, dict(maximize=True)),
    "asgd": ("ASGD", 0.05, 0, {}),
    "asgd decay": ("ASGD", 0.05, 0.1, dict(lambd=0.02, alpha=0.5, t0=5)),
    "asgd maximize": ("ASGD", 0.001, 0, dict(maximize=True)),
    "rprop": ("Rprop", 0.05, 0, {}),
    "rprop options": ("Rprop", 0.05, 0, dict(etas=(0.6, 1.1), step_sizes=(1e-3, 0.1))),
    "rprop maximize": ("Rprop", 0.01, 0, dict(step_sizes=(1e-6, 0.05), maximize=True)),
    "adafactor": ("Adafactor", 0.05, 0, {}),
    "adafactor options": ("Adafactor", 0.3, 0.1, dict(beta2_decay=-0.6, eps=(1e-6, 0.1), d=2.0)),
    "adafactor maximize": ("Adafactor", 0.05, 0, dict(maximize=True)),
    "muon": ("Muon", 0.02, 0, {}),
    "muon decay": ("Muon", 0.02, 0.1, dict(momentum=0.8, ns_steps=3)),
    "muon plain": ("Muon", 0.02, 0, dict(nesterov=False, adjust_lr_fn="match_rms_adamw")),
    "muon spectral": ("Muon", 0.02, 0, dict(adjust_lr_fn="spectral_unclamped")),
}
SINGLE = ["sgd momentum decay", "adam", "adamw amsgrad", "nadam", "radam", "rmsprop", "adagrad"]
LBFGS = {
    "lbfgs": (0.5, dict(max_iter=3)),
    "lbfgs history": (0.5, dict(max_iter=4, history_size=3)),
    "lbfgs wolfe": (1.0, dict(max_iter=3, line_search_fn="strong_wolfe")),
    "lbfgs wolfe short": (5.0, dict(max_iter=4, max_eval=4, line_search_fn="strong_wolfe")),
    "lbfgs wolfe far": (60.0, dict(max_iter=2, line_search_fn="strong_wolfe")),
}


def parameters(shapes, dtype):
    i, made = 0, []
    for shape in shapes:
        n = torch.Size(shape).numel()
        x = torch.sin(1.3 * torch.arange(i, i + n, dtype=torch.float64) + 0.5)
        made.append(x.reshape(shape).to(dtype).requires_grad_())
        i += n
    return made


def loss_of(made):
    x = torch.cat([p.reshape(-1) for p in made])
    i = torch.arange(len(x), dtype=torch.float64)
    weight = (1 + torch.remainder(i, 3)).to(x.dtype)
    goal = torch.cos(0.7 * i).to(x.dtype)
    own = weight * (x - goal) ** 2 / 2 + 0.3 * torch.sin(2 * x)
    return own.sum() + 0.05 * x.sum() ** 2


def flat(made):
    return [float(v) for p in made for v in p.detach().reshape(-1)]


def run(optimiser, made, steps):
    def closure():
        optimiser.zero_grad()
        loss = loss_of(made)
        loss.backward()
        return loss

    states = []
    for step in range(1, steps[-1] + 1):
        optimiser.step(closure)
        if step in steps:
            states.append(flat(made))
    return states


def descent(name, dtype):
    kind, rate, decay, options = CASES[name]
    torch.set_default_dtype(dtype)
    made = parameters([[3, 2], [2, 4]] if kind == "Muon" else [[3, 2], [2], [2, 4]], dtype)
    groups = [dict(params=made[:-1], lr=rate), dict(params=made[-1:], lr=rate / 2)]
    if kind != "Rprop":
        groups[0]["weight_decay"], groups[1]["weight_decay"] = decay, decay / 2
    optimiser = getattr(torch.optim, kind)(groups, lr=rate, **options)
    return run(optimiser, made, STEPS)


def lbfgs(name):
    rate, options = LBFGS[name]
    torch.set_default_dtype(torch.float64)
    made = parameters([[3, 2], [2], [2, 4]], torch.float64)
    return run(torch.optim.LBFGS(made, lr=rate, **options), made, [1, 2, 4])


def linear(o):
    return lrs.LinearLR(o, start_factor=0.1, total_iters=10)


SCHEDULES = {
    "constant": lambda o: lrs.ConstantLR(o, factor=0.25, total_iters=7),
    "step": lambda o: lrs.StepLR(o, step_size=15, gamma=0.5),
    "multistep": lambda o: lrs.MultiStepLR(o, milestones=[20, 55, 55, 90], gamma=0.3),
    "exponential": lambda o: lrs.ExponentialLR(o, gamma=0.97),
    "linear": linear,
    "polynomial": lambda o: lrs.PolynomialLR(o, total_iters=60, power=1.7),
    "cosine": lambda o: lrs.CosineAnnealingLR(o, T_max=40, eta_min=0.01),
    "restarts": lambda o: lrs.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=2, eta_min=0.02),
    "restarts equal": lambda o: lrs.CosineAnnealingWarmRestarts(o, T_0=13),
    "one cycle": lambda o: lrs.OneCycleLR(o, max_lr=0.5, total_steps=101, cycle_momentum=False),
    "one cycle linear": lambda o: lrs.OneCycleLR(
        o, max_lr=0.5, total_steps=101, pct_start=0.2, anneal_strategy="linear",
        div_factor=10, final_div_factor=100, cycle_momentum=False),
    "one cycle three": lambda o: lrs.OneCycleLR(
        o, max_lr=0.5, total_steps=101, three_phase=True, cycle_momentum=False),
    "sequential": lambda o: lrs.SequentialLR(
        o, [linear(o), lrs.CosineAnnealingLR(o, T_max=60), lrs.ExponentialLR(o, gamma=0.9)],
        milestones=[10, 70]),
    "chained": lambda o: lrs.ChainedScheduler([linear(o), lrs.ExponentialLR(o, gamma=0.95)]),
}
PLATEAUS = {
    "plateau": dict(factor=0.5, patience=3),
    "plateau options": dict(mode="max", factor=0.3, patience=2, threshold=0.01,
                            threshold_mode="abs", cooldown=4, min_lr=0.02),
}


def metric(t):
    """Falls, and rests for a while again and again."""
    return 1.0 / (1 + t // 12) + 0.001 * (t % 5)


def rates(make, observed):
    torch.set_default_dtype(torch.float64)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = make(optimiser)
    found = [optimiser.param_groups[0]["lr"]]
    for t in range(100):
        optimiser.step()
        schedule.step(metric(t)) if observed else schedule.step()
        found.append(optimiser.param_groups[0]["lr"])
    return found


def clipped():
    made = parameters([[3, 2], [2], [2, 4]], torch.float64)
    loss_of(made).backward()
    norm = torch.nn.utils.clip_grad_norm_(made, 0.7)
    by_norm = [float(v) for p in made for v in p.grad.reshape(-1)]
    torch.nn.utils.clip_grad_value_(made, 0.1)
    return dict(norm=float(norm), by_norm=by_norm,
                by_value=[float(v) for p in made for v in p.grad.reshape(-1)])


golden = dict(
    torch=torch.__version__,
    f64={name: descent(name, torch.float64) for name in CASES},
    f32={name: descent(name, torch.float32) for name in SINGLE},
    lbfgs={name: lbfgs(name) for name in LBFGS},
    schedules={name: rates(make, False) for name, make in SCHEDULES.items()},
    plateaus={name: rates(lambda o, options=options: lrs.ReduceLROnPlateau(o, **options), True)
              for name, options in PLATEAUS.items()},
    clip=clipped(),
)
here = pathlib.Path(__file__).resolve().parent.parent
path = here / "crates/chainrule-fit/tests/golden/optim.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(golden, indent=0, separators=(",", ":")).replace("\n", "")
                .replace('"lbfgs"', '\n"lbfgs"').replace("]],", "]],\n") + "\n")
print(path.stat().st_size, "bytes")
