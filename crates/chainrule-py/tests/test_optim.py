"""Optimisers, learning rates, bounded gradients, data."""

import gc
import resource
import sys
import types

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.optim import lr_scheduler as lrs
from chainrule.utils.data import (
    ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset, random_split,
)  # fmt: skip
from golden_tools import optim, source

GOLDEN = optim()
TOOL = {"torch": cr, "lrs": lrs}
if not hasattr(cr, "Size"):
    TOOL["torch"] = types.SimpleNamespace(**{name: getattr(cr, name) for name in dir(cr)})
    TOOL["torch"].Size = lambda shape: cr.zeros(shape)
exec(source("golden_optim.py", "STEPS", "golden = dict("), TOOL)


@pytest.fixture(autouse=True)
def usual_type():
    yield
    cr.set_default_dtype(cr.float32)


def far(a, b):
    return max(abs(x - y) for x, y in zip(a, b))


@pytest.mark.parametrize("name", list(GOLDEN["f64"]))
def test_torch_takes_the_same_steps(name):
    # The order of additions is all that differs; small gradients amplify that in a hundred steps.
    one, two, ten, hundred = map(far, TOOL["descent"](name, cr.float64), GOLDEN["f64"][name])
    assert max(one, two, ten) < 1e-12 and hundred < 1e-10


@pytest.mark.parametrize("name", list(GOLDEN["f32"]))
def test_torch_takes_the_same_steps_in_single_precision(name):
    # Roundings of 6e-8 each.
    one, two, ten, hundred = map(far, TOOL["descent"](name, cr.float32), GOLDEN["f32"][name])
    assert max(one, two, ten) < 1e-6 and hundred < 1e-5


@pytest.mark.parametrize("name", list(GOLDEN["lbfgs"]))
def test_torch_remembers_alike(name):
    for found, wanted in zip(TOOL["lbfgs"](name), GOLDEN["lbfgs"][name]):
        assert far(found, wanted) < 1e-9


@pytest.mark.parametrize("name", list(GOLDEN["schedules"]))
def test_torch_has_these_rates(name):
    # torch multiplies a hundred times what is a closed form here.
    assert far(TOOL["rates"](TOOL["SCHEDULES"][name], False), GOLDEN["schedules"][name]) < 1e-13


@pytest.mark.parametrize("name", list(GOLDEN["plateaus"]))
def test_torch_rests_on_plateaus(name):
    make = lambda o: lrs.ReduceLROnPlateau(o, **TOOL["PLATEAUS"][name])  # noqa: E731
    assert far(TOOL["rates"](make, True), GOLDEN["plateaus"][name]) < 1e-15


def test_torch_bounds_gradients_alike():
    found, wanted = TOOL["clipped"](), GOLDEN["clip"]
    assert abs(found["norm"] - wanted["norm"]) < 1e-13
    assert far(found["by_norm"], wanted["by_norm"]) < 1e-13
    assert far(found["by_value"], wanted["by_value"]) < 1e-13


def test_lamb_and_lion_go_down():
    # Rules that torch does not have: one step by hand.
    x = cr.tensor([3.0, -4.0], requires_grad=True)
    lion = cr.optim.Lion([x], lr=0.5, weight_decay=0.1)
    (x**2).sum().backward()
    lion.step()
    assert x.tolist() == pytest.approx([3 * 0.95 - 0.5, -4 * 0.95 + 0.5], rel=1e-6)
    x = cr.tensor([3.0, -4.0], requires_grad=True)
    lamb = cr.optim.Lamb([x], lr=0.1)
    (x**2).sum().backward()
    lamb.step()
    # u = ±1 of norm √2, ‖x‖ = 5.
    by = 0.1 * 5 / 2**0.5
    assert x.tolist() == pytest.approx([3 - by, -4 + by], rel=1e-5)


def quadratic(p):
    return ((p - cr.tensor([1.0, -2.0])) ** 2).sum()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "LBFGS", "Rprop"])
def test_a_state_goes_on_to_the_same_bits(kind):
    options = {"momentum": 0.9} if kind in ("SGD", "RMSprop") else {}

    def steps(optimiser, p, n):
        for _ in range(n):
            def closure():
                optimiser.zero_grad()
                loss = quadratic(p)
                loss.backward()
                return loss

            optimiser.step(closure)

    p = cr.zeros(2).requires_grad_()
    first = getattr(cr.optim, kind)([p], lr=0.1, **options)
    steps(first, p, 3)
    kept, state = p.detach().clone(), first.state_dict()
    steps(first, p, 3)
    q = kept.requires_grad_()
    second = getattr(cr.optim, kind)([q], lr=0.5, **options)
    second.load_state_dict(state)
    assert second.param_groups[0]["lr"] == 0.1
    steps(second, q, 3)
    if kind != "LBFGS":  # whose memory is not by parameters
        assert q.tolist() == p.tolist()


def test_groups_and_options_that_change():
    a, b = cr.ones(1).requires_grad_(), cr.ones(1).requires_grad_()
    sgd = cr.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    (a + b).sum().backward()
    sgd.step()
    assert (a.item(), b.item()) == pytest.approx((0.9, 0.5))
    sgd.param_groups[0]["lr"] = 0.4
    sgd.step()
    assert (a.item(), b.item()) == pytest.approx((0.5, 0.0))
    c = cr.ones(1).requires_grad_()
    sgd.add_param_group({"params": c, "lr": 1.0})
    sgd.zero_grad()
    assert a.grad is None
    c.sum().backward()
    sgd.step()
    assert (a.item(), c.item()) == pytest.approx((0.5, 0.0))
    x = cr.zeros(1).requires_grad_()
    heavy = cr.optim.SGD([x], lr=1.0, momentum=0.5)
    x.sum().backward()
    heavy.step()
    heavy.param_groups[0]["momentum"] = 0.0  # the rule is made anew, with the state it can take
    heavy.param_groups[0]["momentum"] = 0.9
    heavy.step()
    assert x.item() == pytest.approx(-1 - 1.9)
    x.requires_grad_(False)
    heavy.step()
    assert x.item() == pytest.approx(-2.9)


def test_closures_hooks_and_text():
    x = cr.tensor(3.0, requires_grad=True)
    sgd, seen = cr.optim.SGD([x], lr=0.25), []

    def closure():
        sgd.zero_grad()
        loss = x**2
        loss.backward()
        return loss

    sgd.register_step_post_hook(lambda *_: seen.append(x.item()))
    with cr.no_grad():
        assert sgd.step(closure).item() == 9.0
    assert seen == [1.5]
    assert "lr: 0.25" in repr(sgd) and repr(sgd).startswith("SGD (\nParameter Group 0\n")


def test_a_closure_does_not_wait_for_its_own_step():
    x = cr.ones(1).requires_grad_()
    lbfgs = cr.optim.LBFGS([x])

    def closure():
        lbfgs.state_dict()
        return (x**2).sum()

    with pytest.raises(RuntimeError, match="midst of a step"):
        lbfgs.step(closure)


def test_wrong_optimisers():
    x = cr.ones(1).requires_grad_()
    with pytest.raises(ValueError, match="empty parameter list"):
        cr.optim.SGD([])
    with pytest.raises(TypeError, match="iterable of Tensors"):
        cr.optim.SGD(x)
    with pytest.raises(TypeError, match="int"):
        cr.optim.SGD([1])
    with pytest.raises(RuntimeError, match="non-leaf"):
        cr.optim.SGD([x * 2])
    with pytest.raises(ValueError, match="more than one"):
        cr.optim.SGD([x, x])
    with pytest.raises(ValueError, match="learning rate"):
        cr.optim.SGD([x], lr=-1)
    with pytest.raises(ValueError, match="beta parameter at index 1"):
        cr.optim.Adam([x], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="Nesterov"):
        cr.optim.SGD([x], nesterov=True)
    with pytest.raises(ValueError, match="different number"):
        cr.optim.SGD([x]).load_state_dict({"state": {}, "param_groups": []})
    x.sum().backward()
    with pytest.raises(RuntimeError, match="matrices"):
        cr.optim.Muon([x]).step()


def test_schedules_keep_their_place():
    def made():
        sgd = cr.optim.SGD([cr.ones(1).requires_grad_()], lr=1.0)
        return sgd, lrs.StepLR(sgd, 2, 0.5)

    sgd, schedule = made()
    for _ in range(3):
        schedule.step()
    assert schedule.get_last_lr() == [0.5]
    other, again = made()
    again.load_state_dict(schedule.state_dict())
    again.step()
    assert other.param_groups[0]["lr"] == 0.25
    sgd, _ = made()
    lambdas = lrs.LambdaLR(sgd, lambda t: 1 / (1 + t))
    lambdas.step()
    assert sgd.param_groups[0]["lr"] == 0.5
    sgd, _ = made()
    factor = lrs.MultiplicativeLR(sgd, lambda t: 0.5)
    factor.step()
    factor.step()
    assert sgd.param_groups[0]["lr"] == 0.25
    with pytest.raises(TypeError, match="not an Optimizer"):
        lrs.StepLR(1, 2)


def test_clipping_gives_the_norm():
    a, b = cr.ones(2).requires_grad_(), cr.ones(1).requires_grad_()
    (3 * a.sum() + 0 * b.sum()).backward()
    norm = nn.utils.clip_grad_norm_([a, b], 1.0)
    assert norm.item() == pytest.approx(18**0.5)
    assert a.grad.norm().item() == pytest.approx(1.0, rel=1e-5)
    a.grad = cr.tensor([float("nan"), 0.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_([a], 1.0, error_if_nonfinite=True)
    v = nn.utils.parameters_to_vector([a, b])
    assert v.tolist() == [1.0] * 3
    nn.utils.vector_to_parameters(cr.tensor([1.0, 2.0, 3.0]), [a, b])
    assert a.tolist() == [1.0, 2.0] and b.tolist() == [3.0]


def test_a_network_learns():
    cr.manual_seed(1)
    x = cr.linspace(-1, 1, 64).unsqueeze(1)
    y = (3 * x).sin()
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    adam = cr.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(500):
        adam.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        adam.step()
    assert loss.item() < 1e-3


def resident():
    """Kilobytes in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_loop_of_training_keeps_its_size():
    w = cr.zeros(4).requires_grad_()
    adam = cr.optim.Adam([w], lr=0.01)
    schedule = lrs.ExponentialLR(adam, 0.9999)
    x = cr.ones(4)

    def loop(n):
        for _ in range(n):
            adam.zero_grad()
            ((w * x - 1) ** 2).sum().backward()
            nn.utils.clip_grad_norm_([w], 1.0)
            adam.step()
            schedule.step()
        gc.collect()
        return resident()

    before = loop(500)
    # A tensor of four numbers with its history is a kilobyte; thousands of lost ones would show.
    assert loop(2000) - before < 1500


def test_batches_of_tensors():
    data = TensorDataset(cr.arange(10).unsqueeze(1), cr.arange(10.0))
    batches = list(DataLoader(data, batch_size=4))
    assert [tuple(x.shape) for x, _ in batches] == [(4, 1), (4, 1), (2, 1)]
    assert len(DataLoader(data, 4)) == 3 and len(DataLoader(data, 4, drop_last=True)) == 2
    loader = DataLoader(data, 3, shuffle=True, seed=7)
    first, second = ([v for _, y in loader for v in y.tolist()] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    again = DataLoader(data, 3, shuffle=True, seed=7)
    assert [v for _, y in again for v in y.tolist()] == first
    cr.manual_seed(5)
    drawn = [[v for _, y in DataLoader(data, 3, shuffle=True) for v in y.tolist()] for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_other_datasets():
    class Squares(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return {"x": i, "y": (cr.tensor(float(i * i)), "a")}

    batch = next(iter(DataLoader(Squares(), batch_size=3)))
    assert batch["x"].tolist() == [0, 1, 2]
    assert batch["y"][0].tolist() == [0.0, 1.0, 4.0] and batch["y"][1] == ["a"] * 3
    parts = random_split(range(10), [7, 3], generator=1)
    assert [len(p) for p in parts] == [7, 3]
    assert sorted(v for p in parts for v in p) == list(range(10))
    assert [len(p) for p in random_split(range(10), [0.5, 0.26, 0.24])] == [6, 2, 2]
    with pytest.raises(ValueError, match="does not equal"):
        random_split(range(10), [5, 4])
    both = ConcatDataset([Subset(Squares(), [4]), Squares()])
    assert len(both) == 6 and both[0]["x"] == 4 and both[-1]["x"] == 4

    class Stream(IterableDataset):
        def __iter__(self):
            yield from range(5)

    assert [b.tolist() for b in DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    pairs = DataLoader(range(4), batch_sampler=[[0, 3], [1, 2]])
    assert [b.tolist() for b in pairs] == [[0, 3], [1, 2]]
    with pytest.raises(AssertionError, match="mismatch"):
        TensorDataset(cr.ones(2), cr.ones(3))
