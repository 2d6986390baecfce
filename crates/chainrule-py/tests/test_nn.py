"""Layers, losses and modules."""

import copy
import pickle

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.nn import functional as F
from golden_tools import GOLDEN, source


def cases():
    """Every case of the tool that wrote torch's values, with our layers: (name, run)."""
    golden = {}
    for key, tensor in cr.load_file(GOLDEN / "nn.safetensors").items():
        name, kind, which = key.split("/", 2)
        golden.setdefault(name, {}).setdefault(kind, {})[which] = tensor
    found = []

    def case(name, module, *inputs, call=None, fixed=()):
        found.append((name, module, call, fixed, golden[name]))

    def loss(name, f, *inputs, fixed=(1,), reductions=("mean", "sum", "none")):
        for r in reductions:
            call = lambda _, *a, r=r: f(*a, reduction=r)  # noqa: E731
            case(f"loss {name}, {r}", None, *inputs, fixed=fixed, call=call)

    names = {"torch": cr, "nn": nn, "F": F, "case": case, "R": cr.randn}
    exec(source("golden_nn.py", "# Linear maps", "def loss"), names)
    names["loss"] = loss
    exec(source("golden_nn.py", 'loss("mse"', "save_file"), names)
    assert len(found) == len(golden) > 150
    return found


CASES = cases()


def weighted(outs):
    outs = [y for y in outs if y.is_floating_point()]
    weights = [cr.sin(cr.arange(1, y.numel() + 1, dtype=cr.float64)).reshape(y.shape) for y in outs]
    return sum((y * w).sum() for y, w in zip(outs, weights))


def near(found, wanted, what):
    # Sums of a dozen numbers in double precision; huge losses are compared relative to themselves.
    assert tuple(found.shape) == tuple(wanted.shape), what
    far = (found - wanted).abs() / (1 + wanted.abs())
    assert far.numel() == 0 or far.max().item() < 1e-9, f"{what}: {far.max().item()}"


@pytest.mark.parametrize("name,module,call,fixed,golden", CASES, ids=[c[0] for c in CASES])
def test_torch_computes_the_same(name, module, call, fixed, golden):
    if isinstance(module, nn.Module):
        module.double().load_state_dict(golden.get("param", {}))
    inputs = [golden["in"][str(i)] for i in range(len(golden["in"]))]
    leaves = [
        x.clone().requires_grad_() if x.is_floating_point() and i not in fixed else x
        for i, x in enumerate(inputs)
    ]
    outs = call(module, *leaves) if call else module(*leaves)
    outs = list(outs) if isinstance(outs, (list, tuple)) else [outs]
    for i, y in enumerate(outs):
        near(y.detach(), golden["out"][str(i)], f"{name}: output {i}")
    weighted(outs).backward()
    for i, gradient in golden.get("gin", {}).items():
        near(leaves[int(i)].grad, gradient, f"{name}: gradient by input {i}")
    if isinstance(module, nn.Module):
        for p, x in module.named_parameters():
            near(x.grad, golden["grad"][p], f"{name}: gradient by {p}")
        for p, x in module.named_buffers():
            near(x.to(cr.float64), golden["after"][p].to(cr.float64), f"{name}: {p} after")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 4)
        self.norm = nn.BatchNorm1d(4)
        self.out = nn.Sequential(nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 1, bias=False))
        self.scale = nn.Parameter(cr.ones(1))
        self.register_buffer("count", cr.tensor(0), persistent=False)
        self.note = "text"

    def forward(self, x):
        return self.out(self.norm(self.hidden(x))) * self.scale


NAMES = ["scale", "hidden.weight", "hidden.bias", "norm.weight", "norm.bias", "out.2.weight"]


def test_a_module_lists_what_is_inside():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert len(list(net.parameters())) == 6
    assert [name for name, _ in net.named_children()] == ["hidden", "norm", "out"]
    assert [n for n, _ in net.named_modules()] == [
        "", "hidden", "norm", "out", "out.0", "out.1", "out.2"
    ]  # fmt: skip
    assert list(net.state_dict()) == [
        "scale", "hidden.weight", "hidden.bias", "norm.weight", "norm.bias", "norm.running_mean",
        "norm.running_var", "norm.num_batches_tracked", "out.2.weight",
    ]  # fmt: skip
    assert net.get_parameter("out.2.weight") is net.out[2].weight
    assert net.get_submodule("out.1").p == 0.5
    net.tied = net.hidden.weight
    assert len(list(net.parameters())) == 6  # each once


def test_training_and_evaluation():
    net, x = Net(), cr.randn(8, 2)
    assert net.training and net.out[1].training
    before = net.norm.running_mean.tolist()
    net(x)
    assert net.norm.running_mean.tolist() != before and net.norm.num_batches_tracked.item() == 1
    net.eval()
    assert not net.out[1].training
    assert net(x).tolist() == net(x).tolist()
    assert net.norm.num_batches_tracked.item() == 1


def test_states_are_checked_before_anything_changes():
    net, other = Net(), Net()
    state = net.state_dict()
    assert repr(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert other.hidden.weight.tolist() == net.hidden.weight.tolist()
    before = other.hidden.bias.tolist()
    bad = {**state, "scale": cr.ones(2), "hidden.bias": cr.ones(4), "more": cr.ones(1)}
    del bad["norm.weight"]
    with pytest.raises(RuntimeError) as raised:
        other.load_state_dict(bad)
    text = str(raised.value)
    assert 'Missing key(s) in state_dict: "norm.weight".' in text
    assert 'Unexpected key(s) in state_dict: "more".' in text
    assert "size mismatch for scale" in text
    assert other.hidden.bias.tolist() == before
    del bad["scale"]
    told = other.load_state_dict(bad, strict=False)
    assert told.missing_keys == ["scale", "norm.weight"] and told.unexpected_keys == ["more"]
    assert other.hidden.bias.tolist() == [1.0] * 4


def test_states_go_through_files(tmp_path):
    net = Net()
    for write, read in ((cr.save_file, cr.load_file), (cr.save, cr.load)):
        path = tmp_path / "net.safetensors"
        write(net.state_dict(), path)
        other = Net()
        other.load_state_dict(read(path))
        for a, b in zip(net.state_dict().values(), other.state_dict().values()):
            assert a.tolist() == b.tolist() and a.dtype == b.dtype
    optim = cr.optim.Adam(net.parameters())
    net(cr.randn(4, 2)).sum().backward()
    optim.step()
    whole = {"net": net.state_dict(), "optim": optim.state_dict(), "epoch": 3, "note": ["a", None]}
    cr.save(whole, path)
    found = cr.load(path)
    assert found["epoch"] == 3 and found["note"] == ["a", None]
    assert found["optim"]["param_groups"] == optim.state_dict()["param_groups"]
    assert found["optim"]["state"][0]["step"].item() == 1
    with pytest.raises(FileNotFoundError):
        cr.load(tmp_path / "none.safetensors")
    (tmp_path / "bad").write_bytes(b"\xff" * 20)
    with pytest.raises(ValueError, match="safetensors"):
        cr.load(tmp_path / "bad")
    with pytest.raises(TypeError, match="state_dict"):
        cr.save(net, path)


def test_attributes_are_guarded():
    net = Net()
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'scale'"):
        net.scale = cr.ones(1)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = net.nothing
    with pytest.raises(KeyError):
        net.register_buffer("a.b", cr.ones(1))
    with pytest.raises(KeyError, match="already exists"):
        net.register_parameter("forward", None)

    class Early(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(cr.ones(1))

    with pytest.raises(AttributeError, match="super"):
        Early()
    with pytest.raises(NotImplementedError, match="forward"):
        nn.Module()(1)
    del net.scale
    assert "scale" not in dict(net.named_parameters())


def test_repr_is_torchs():
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)"
    )
    assert repr(nn.Conv2d(3, 8, 3, padding=1, bias=False)) == (
        "Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)"
    )
    assert repr(nn.LSTM(3, 5, num_layers=2, batch_first=True)) == (
        "LSTM(3, 5, num_layers=2, batch_first=True)"
    )
    assert repr(nn.Parameter(cr.zeros(1))) == (
        "Parameter containing:\ntensor([0.], requires_grad=True)"
    )


def test_hooks_conversions_copies():
    net, seen = Net().double(), []
    assert net.hidden.weight.dtype == cr.float64 and net.norm.running_mean.dtype == cr.float64
    assert net.norm.num_batches_tracked.dtype == cr.int64
    hook = net.hidden.register_forward_hook(lambda m, args, y: seen.append(tuple(y.shape)))
    net(cr.randn(3, 2, dtype=cr.float64))
    hook.remove()
    net(cr.randn(3, 2, dtype=cr.float64))
    assert seen == [(3, 4)]
    doubled = net.register_forward_pre_hook(lambda m, args: (args[0] * 0,))
    net.eval()
    assert len(set(net(cr.randn(3, 2, dtype=cr.float64)).reshape(-1).tolist())) == 1
    doubled.remove()
    other = copy.deepcopy(net)
    assert other.hidden.weight is not net.hidden.weight
    assert other.hidden.weight.tolist() == net.hidden.weight.tolist()
    with cr.no_grad():
        other.hidden.weight.zero_()
    assert net.hidden.weight.abs().sum().item() > 0
    again = pickle.loads(pickle.dumps(net.hidden))
    assert isinstance(again.weight, nn.Parameter) and again.weight.requires_grad
    net.apply(lambda m: m.requires_grad_(False))
    assert not any(p.requires_grad for p in net.parameters())


def test_containers():
    many = nn.ModuleList([nn.Linear(1, 1)] + [nn.Linear(2, 2)])
    many.append(nn.ReLU()).insert(0, nn.Tanh())
    assert len(many) == 4 and isinstance(many[-1], nn.ReLU) and isinstance(many[0], nn.Tanh)
    assert list(dict(many.named_parameters())) == ["1.weight", "1.bias", "2.weight", "2.bias"]
    assert len(many[1:3]) == 2
    with pytest.raises(IndexError):
        many[4]
    named = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    assert list(named) == ["a", "b"] and "a" in named
    assert len(list(nn.ParameterList([cr.ones(2), cr.ones(1)]).parameters())) == 2
    assert list(dict(nn.ParameterDict({"p": cr.ones(1)}).named_parameters())) == ["p"]


def test_initial_values():
    cr.manual_seed(0)
    w = nn.Parameter(cr.zeros(200, 100))
    nn.init.kaiming_normal_(w, nonlinearity="relu")
    # The deviation of 20000 numbers is known to half a percent.
    assert abs(w.std().item() - (2 / 100) ** 0.5) < 2e-3
    nn.init.xavier_uniform_(w)
    bound = (6 / 300) ** 0.5
    assert w.abs().max().item() <= bound and abs(w.std().item() - bound / 3**0.5) < 1e-3
    nn.init.orthogonal_(w)
    assert (w.T @ w - cr.eye(100)).abs().max().item() < 1e-5
    nn.init.trunc_normal_(w, std=1.0, a=-0.5, b=0.25)
    assert -0.5 <= w.min().item() and w.max().item() <= 0.25
    assert w.requires_grad and w.is_leaf
    assert nn.init.calculate_gain("tanh") == 5 / 3
    layer = nn.Linear(400, 50)
    assert layer.weight.abs().max().item() <= 0.05 and layer.weight.std().item() > 0.025
    cr.manual_seed(3)
    a = nn.Linear(3, 3).weight.tolist()
    cr.manual_seed(3)
    assert nn.Linear(3, 3).weight.tolist() == a


def test_padding_same_and_ties():
    x = cr.randn(2, 3, 7)
    for kernel in (3, 4):
        assert nn.Conv1d(3, 5, kernel, padding="same")(x).shape == (2, 5, 7)
    tied = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
    tied[1].weight = tied[0].weight
    tied(cr.tensor([1, 2])).sum().backward()
    assert len(list(tied.parameters())) == 1
    assert tied[0].weight.grad.abs().sum().item() > 0


def test_errors_say_what_is_wrong():
    with pytest.raises(RuntimeError, match="last axis must have length 3"):
        nn.Linear(3, 2)(cr.ones(4, 5))
    with pytest.raises(RuntimeError, match="int64"):
        nn.Embedding(3, 2)(cr.ones(4))
    with pytest.raises(IndexError):
        nn.Embedding(3, 2)(cr.tensor([5])).tolist()
    with pytest.raises(ValueError, match="dropout probability"):
        nn.Dropout(1.5)
    with pytest.raises(ValueError, match="reduction"):
        F.mse_loss(cr.ones(2), cr.ones(2), reduction="average")
    with pytest.raises(ValueError, match="one shape"):
        F.mse_loss(cr.ones(2), cr.ones(3))
    with pytest.raises(ValueError, match="divisible"):
        nn.MultiheadAttention(6, 4)
    with pytest.raises(ValueError, match="two numbers of each channel"):
        nn.BatchNorm1d(2)(cr.ones(1, 2))
    with pytest.raises(ValueError, match="classes are 0 to 2"):
        F.cross_entropy(cr.ones(1, 3), cr.tensor([3]))
    with pytest.raises(ValueError):
        F.conv1d(cr.ones(1, 2, 5), cr.ones(3, 2, 2), groups=0)


def test_attention_without_projections():
    attend = F.scaled_dot_product_attention
    q, k, v = cr.randn(2, 3, 4), cr.randn(2, 5, 4), cr.randn(2, 5, 6)
    assert attend(q, k, v).shape == (2, 3, 6) and attend(q[0], k, v).shape == (2, 3, 6)
    # Who may look nowhere gets zeros, and neither NaN nor gradients.
    mask = cr.tensor([[True] * 5, [False] * 5, [True] * 5])
    q.requires_grad_()
    y = attend(q, k, v, mask)
    y.sum().backward()
    assert y[:, 1].abs().sum().item() == q.grad[:, 1].abs().sum().item() == 0.0
    assert q.grad.isfinite().all() and q.grad[:, 0].abs().sum().item() > 0
    # All or nothing is dropped; what stays is doubled.
    ones = cr.ones(1, 1, 8, 1)
    dropped = attend(ones, cr.ones(1, 1, 1, 1), ones[:, :, :1], dropout_p=0.5).flatten().tolist()
    assert set(dropped) <= {0.0, 2.0}
    for wrong, why in (
        (lambda: attend(q, k, v[:, :4]), "as many values as keys"),
        (lambda: attend(q, k[..., :3], v), "one width"),
        (lambda: attend(q, k, v, mask, is_causal=True), "not both"),
        (lambda: attend(q[0, 0], k, v), "two axes"),
        (lambda: attend(cr.ones(3, 2, 4), k, v, enable_gqa=True), "divisor"),
        (lambda: attend(q, k, v, dropout_p=2.0), "between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=why):
            wrong()


def test_weights_of_other_shapes_are_errors_not_mistakes():
    x, w, v = cr.ones(2, 3, 4), cr.ones(4, 4), cr.ones(4)
    for run in (
        lambda: F.linear(x, v),
        lambda: F.embedding(cr.tensor([0]), v),
        lambda: F.layer_norm(x, 5),
        lambda: F.layer_norm(x, 4, cr.ones(3)),
        lambda: F.batch_norm(x, cr.zeros(2), cr.ones(2), training=True),
        lambda: F.batch_norm(cr.ones(()), cr.zeros(2), cr.ones(2), training=True),
        lambda: F.conv2d(x, w),
        lambda: F.conv1d(x, cr.ones(3, 3, 9)),
        lambda: F.conv1d(x, cr.ones(3, 3, 2), stride=0),
        lambda: F.max_pool2d(x, (1, 2, 3)),
        lambda: F.avg_pool1d(x, 0),
        lambda: F.multi_head_attention(x, x, x, 2, cr.ones(12, 4), None, v, None),
        lambda: F.multi_head_attention(x, x, x, 0, cr.ones(12, 4), None, w, None),
        lambda: nn.functional._layers.recurrent(
            "gru", x, 4, [v, v], 1, False, False, False, 0.0, True, None, None
        ),
        lambda: F.rotary(cr.ones(3)),
        lambda: F.softmax(x, 7),
        lambda: F.adaptive_avg_pool2d(x, 0),
        lambda: F.cross_entropy(cr.ones(()), cr.tensor(0)),
        lambda: nn.init.xavier_normal_(cr.ones(3)),
        lambda: nn.init.trunc_normal_(cr.ones(3), a=1.0, b=0.0),
        lambda: cr.utils.data._storage.order(10**15, 0, 0),
    ):
        with pytest.raises((ValueError, RuntimeError, IndexError)) as raised:
            run().tolist()
        assert "mistake inside" not in str(raised.value), raised.value


def test_sequences_tell_positions():
    table = F.sinusoids(4, 6)
    assert table[0].tolist() == [0.0, 1.0] * 3
    assert abs(table[3, 2].item() - cr.sin(cr.tensor(3 / 10000 ** (2 / 6))).item()) < 1e-6
    encoding = nn.PositionalEncoding(10, 6).eval()
    assert (encoding(cr.zeros(2, 4, 6))[1] - table).abs().max().item() == 0.0
    assert "table" not in encoding.state_dict()
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 2)
    x = cr.randn(1, 5, 8)
    later = cr.cat([x[:, :4], cr.randn(1, 1, 8)], 1)
    y, z = stack(x, is_causal=True), stack(later, is_causal=True)
    assert (y[:, :4] - z[:, :4]).abs().max().item() < 1e-6  # nothing is known from the future
    assert (y[:, 4] - z[:, 4]).abs().max().item() > 1e-3
