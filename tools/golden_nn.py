"""Golden values of layers and losses, computed by PyTorch in float64.

Writes crates/chainrule-fit/tests/golden/nn.safetensors. Run from the root of the repository, with
torch 2.15.0 and safetensors 0.8; the tests only read the file.

A case NAME has
    NAME/param/P   parameters and buffers before the call, under torch's names
    NAME/in/I      inputs
    NAME/out/I     outputs
    NAME/grad/P, NAME/gin/I   derivatives of sum_I sum(w * out_I), with w = sin(1), sin(2), ...
    NAME/after/P   buffers after the call, where it changes them
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
store = {}


def weighted(outs):
    total = 0
    for y in outs:
        if y.is_floating_point():
            total = total + (y * torch.sin(torch.arange(1, y.numel() + 1.0)).reshape(y.shape)).sum()
    return total


def put(key, x):
    store[key] = x.detach().clone().contiguous()


def case(name, module, *inputs, call=None, fixed=()):
    """`fixed`: numbers of inputs that get no derivative."""
    if isinstance(module, nn.Module):
        with torch.no_grad():
            for p in module.parameters():
                p.copy_(torch.randn(p.shape) * 0.5)
        for p, x in module.state_dict().items():
            put(f"{name}/param/{p}", x)
    leaves = []
    for i, x in enumerate(inputs):
        put(f"{name}/in/{i}", x)
        free = x.is_floating_point() and i not in fixed
        leaves.append(x.clone().requires_grad_() if free else x)
    outs = call(module, *leaves) if call else module(*leaves)
    outs = outs if isinstance(outs, (list, tuple)) else [outs]
    for i, y in enumerate(outs):
        put(f"{name}/out/{i}", y)
    weighted(outs).backward()
    for i, x in enumerate(leaves):
        if x.requires_grad:
            put(f"{name}/gin/{i}", x.grad)
    if isinstance(module, nn.Module):
        for p, x in module.named_parameters():
            put(f"{name}/grad/{p}", x.grad)
        for p, x in module.named_buffers():
            put(f"{name}/after/{p}", x)


R = torch.randn

# Linear maps, tables, normalisation.
case("linear", nn.Linear(3, 4), R(2, 5, 3))
case("linear without bias", nn.Linear(3, 2, bias=False), R(4, 3))
case("linear of a vector", nn.Linear(3, 2), R(3))
case("embedding", nn.Embedding(6, 3), torch.tensor([[1, 5, 1], [0, 2, 2]]))
case("embedding with padding", nn.Embedding(5, 2, padding_idx=3), torch.tensor([3, 1, 3, 0]))
case("flatten", nn.Flatten(), R(2, 3, 4))
case("layer norm", nn.LayerNorm(5), R(3, 2, 5))
case("layer norm over two axes", nn.LayerNorm([2, 3], eps=1e-3), R(4, 2, 3))
case("layer norm without parameters", nn.LayerNorm(4, elementwise_affine=False), R(3, 4))
case("rms norm", nn.RMSNorm(5), R(3, 5))
case("rms norm with eps", nn.RMSNorm([2, 3], eps=1e-2), R(4, 2, 3))
case("batch norm 1d", nn.BatchNorm1d(3), R(4, 3) + 1)
case("batch norm 1d of sequences", nn.BatchNorm1d(2, momentum=0.3), R(3, 2, 4))
case("batch norm 2d", nn.BatchNorm2d(2, eps=1e-3), R(3, 2, 2, 3))
case("batch norm without parameters", nn.BatchNorm2d(2, affine=False), R(2, 2, 3, 2))
case("batch norm of all batches", nn.BatchNorm1d(3, momentum=None), R(5, 3))
norm = nn.BatchNorm2d(2)
norm(R(4, 2, 3, 3) * 2 + 1)
case("batch norm in evaluation", norm.eval(), R(3, 2, 2, 2))

# Convolution and pooling.
case("conv1d", nn.Conv1d(2, 3, 3), R(2, 2, 7))
case("conv1d with options", nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), R(2, 4, 9))
case("conv1d of one", nn.Conv1d(3, 2, 1, bias=False), R(3, 5))
case("conv2d", nn.Conv2d(2, 3, 3), R(2, 2, 5, 6))
case("conv2d with options", nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), R(2, 2, 6, 5))
case("conv2d by depth", nn.Conv2d(3, 6, 3, padding=1, groups=3), R(2, 3, 4, 4))
case("conv2d of one", nn.Conv2d(3, 2, 1, stride=2), R(2, 3, 4, 5))
case("conv transpose 1d", nn.ConvTranspose1d(3, 2, 4, stride=2, padding=1), R(2, 3, 5))
case("conv transpose 1d with options", nn.ConvTranspose1d(4, 4, 3, stride=3, padding=1, output_padding=2, dilation=2, groups=2), R(2, 4, 4))
case("conv transpose 2d", nn.ConvTranspose2d(2, 3, 2, stride=2), R(2, 2, 3, 3))
case("conv transpose 2d with options", nn.ConvTranspose2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0), groups=2, bias=False), R(2, 2, 3, 4))
case("max pool 1d", nn.MaxPool1d(2), R(2, 2, 7))
case("max pool 2d", nn.MaxPool2d(2), R(2, 2, 4, 5))
case("max pool 2d with options", nn.MaxPool2d((3, 2), stride=(1, 2), padding=1, dilation=(1, 2)), R(2, 2, 5, 6))
case("avg pool 1d", nn.AvgPool1d(3, stride=2, padding=1), R(2, 2, 7))
case("avg pool 2d", nn.AvgPool2d(2), R(2, 2, 4, 5))
case("avg pool 2d without padding", nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), R(2, 2, 5, 4))
case("adaptive avg pool", nn.AdaptiveAvgPool2d((3, 2)), R(2, 2, 7, 5))
case("global avg pool", nn.AdaptiveAvgPool2d(1), R(2, 3, 4, 3))

# Activations, at points away from kinks.
points = torch.tensor([-8.0, -3.3, -1.2, -0.4, 0.3, 0.9, 2.1, 7.0])
for name, f in {
    "Relu": nn.ReLU(), "LeakyRelu": nn.LeakyReLU(0.2), "Elu": nn.ELU(0.7), "Selu": nn.SELU(),
    "Gelu": nn.GELU(), "GeluTanh": nn.GELU(approximate="tanh"), "Silu": nn.SiLU(),
    "Mish": nn.Mish(), "Tanh": nn.Tanh(), "Sigmoid": nn.Sigmoid(), "Softplus": nn.Softplus(),
    "Softsign": nn.Softsign(), "LogSigmoid": nn.LogSigmoid(), "HardTanh": nn.Hardtanh(),
    "Relu6": nn.ReLU6(), "Identity": nn.Identity(),
    # By their formulas: the derivatives of torch's own take 1/6 in single precision.
    "HardSigmoid": lambda x: F.relu6(x + 3) / 6, "HardSwish": lambda x: x * F.relu6(x + 3) / 6,
}.items():
    case(f"activation {name}", f, points)
case("softmax", nn.Softmax(1), R(2, 4, 3))
case("log softmax", nn.LogSoftmax(-1), R(2, 4))


# Recurrent layers.
def states(module, x, *initial):
    initial = initial[0] if len(initial) == 1 else tuple(initial) or None
    y, last = module(x, initial)
    return [y, *(last if isinstance(last, tuple) else [last])]


case("rnn", nn.RNN(3, 4), R(5, 2, 3), call=states)
case("rnn with relu", nn.RNN(3, 4, nonlinearity="relu", bias=False), R(4, 3), call=states)
case("gru", nn.GRU(3, 4, num_layers=2, bidirectional=True), R(4, 2, 3), call=states)
case("gru from a state", nn.GRU(2, 3, batch_first=True), R(2, 4, 2), R(1, 2, 3), call=states)
case("gru without bias", nn.GRU(2, 3, bias=False), R(3, 2, 2), call=states)
case("lstm", nn.LSTM(3, 4), R(5, 2, 3), call=states)
case("lstm of two layers", nn.LSTM(2, 3, num_layers=2, batch_first=True, bidirectional=True), R(2, 4, 2), R(4, 2, 3), R(4, 2, 3), call=states)
case("lstm of one sequence", nn.LSTM(2, 3), R(4, 2), R(1, 3), R(1, 3), call=states)

# Attention.
padding = torch.tensor([[False, False, True], [False, True, True]])
case("attention", nn.MultiheadAttention(6, 2), R(3, 2, 6), call=lambda m, x: m(x, x, x))
case("attention causal", nn.MultiheadAttention(4, 2, batch_first=True), R(2, 5, 4),
     call=lambda m, x: m(x, x, x, attn_mask=torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)))
case("attention with padding", nn.MultiheadAttention(4, 2, batch_first=True), R(2, 3, 4), padding,
     call=lambda m, x, p: m(x, x, x, key_padding_mask=p))
case("attention with a mask", nn.MultiheadAttention(4, 2, bias=False), R(3, 2, 4), R(4, 3, 3),
     call=lambda m, x, mask: m(x, x, x, attn_mask=mask), fixed=(1,))
case("attention across", nn.MultiheadAttention(4, 1, batch_first=True), R(2, 3, 4), R(2, 5, 4), R(2, 5, 4))
case("attention of one sequence", nn.MultiheadAttention(4, 2), R(3, 4), call=lambda m, x: m(x, x, x))
block = dict(dim_feedforward=6, dropout=0.0)
case("encoder layer", nn.TransformerEncoderLayer(4, 2, **block), R(3, 2, 4))
case("encoder layer norm first", nn.TransformerEncoderLayer(4, 2, norm_first=True, activation="gelu", batch_first=True, **block), R(2, 3, 4))
case("encoder layer with masks", nn.TransformerEncoderLayer(4, 2, batch_first=True, **block), R(2, 3, 4), padding,
     call=lambda m, x, p: m(x, src_mask=torch.triu(torch.ones(3, 3, dtype=torch.bool), 1), src_key_padding_mask=p))

# Losses: with each reduction, f(inputs, reduction).
x, y = R(3, 4), R(3, 4)
classes, some = torch.tensor([2, 0, 3]), torch.tensor([2, -100, 3])
weight = torch.rand(4) + 0.5
p = torch.softmax(R(3, 4), 1)
signs = torch.tensor([1.0, -1.0, 1.0])
huge = torch.tensor([[1e4, -1e4, 0.0, 3.0], [-1e4, -1e4, 5.0, 1e4]])


def loss(name, f, *inputs, fixed=(1,), reductions=("mean", "sum", "none")):
    for r in reductions:
        case(f"loss {name}, {r}", None, *inputs, fixed=fixed, call=lambda _, *a: f(*a, reduction=r))


loss("mse", F.mse_loss, x, y, fixed=())
loss("l1", F.l1_loss, x, y)
loss("smooth l1", lambda a, b, reduction: F.smooth_l1_loss(a, b, beta=0.7, reduction=reduction), x, y)
loss("huber", lambda a, b, reduction: F.huber_loss(a, b, delta=0.7, reduction=reduction), x, y)
loss("cross entropy", F.cross_entropy, x, classes)
loss("cross entropy, weighted and smoothed", lambda a, b, w, reduction: F.cross_entropy(
    a, b, weight=w, label_smoothing=0.1, reduction=reduction), x, some, weight, fixed=(1, 2))
loss("cross entropy of images", F.cross_entropy, R(2, 3, 2, 2), torch.randint(0, 3, (2, 2, 2)))
loss("cross entropy of one", F.cross_entropy, R(4), torch.tensor(1), reductions=("mean",))
loss("cross entropy of probabilities", lambda a, b, w, reduction: F.cross_entropy(
    a, b, weight=w, label_smoothing=0.2, reduction=reduction), x, p, weight, fixed=(2,))
loss("cross entropy, huge", F.cross_entropy, huge, torch.tensor([1, 2]))
loss("nll", lambda a, b, w, reduction: F.nll_loss(a, b, weight=w, ignore_index=0, reduction=reduction),
     F.log_softmax(x, 1), classes, weight, fixed=(1, 2))
loss("bce", F.binary_cross_entropy, torch.sigmoid(x), torch.rand(3, 4))
loss("bce with logits", F.binary_cross_entropy_with_logits, x, torch.rand(3, 4))
loss("bce with logits, weighted", lambda a, b, w, reduction: F.binary_cross_entropy_with_logits(
    a, b, pos_weight=w, reduction=reduction), x, torch.rand(3, 4), weight, fixed=(1, 2))
loss("bce with logits, huge", F.binary_cross_entropy_with_logits, huge, torch.rand(2, 4).round())
loss("kl div", F.kl_div, F.log_softmax(x, 1), p, fixed=(), reductions=("mean", "sum", "none", "batchmean"))
loss("kl div of logarithms", lambda a, b, reduction: F.kl_div(a, b, log_target=True, reduction=reduction),
     F.log_softmax(x, 1), F.log_softmax(y, 1), fixed=())
loss("hinge embedding", F.hinge_embedding_loss, R(3), signs)
loss("margin ranking", lambda a, b, s, reduction: F.margin_ranking_loss(a, b, s, margin=0.2, reduction=reduction),
     R(3), R(3), signs, fixed=(2,))
loss("cosine embedding", lambda a, b, s, reduction: F.cosine_embedding_loss(a, b, s, margin=-0.6, reduction=reduction),
     R(3, 4), R(3, 4), signs, fixed=(2,))
loss("triplet margin", F.triplet_margin_loss, R(3, 4), R(3, 4), R(3, 4), fixed=())
loss("triplet margin, swapped", lambda a, b, c, reduction: F.triplet_margin_loss(
    a, b, c, margin=2.0, p=3.0, swap=True, reduction=reduction), R(3, 4), R(3, 4), R(3, 4), fixed=())
counts = torch.tensor([[0.0, 1.0, 2.0, 7.0]])
loss("poisson nll", lambda a, b, reduction: F.poisson_nll_loss(a, b, reduction=reduction), R(1, 4), counts)
loss("poisson nll of rates", lambda a, b, reduction: F.poisson_nll_loss(
    a, b, log_input=False, full=True, reduction=reduction), torch.rand(1, 4) + 0.1, counts)
loss("gaussian nll", lambda a, b, v, reduction: F.gaussian_nll_loss(a, b, v, full=True, reduction=reduction),
     x, y, torch.tensor([[0.5], [0.0], [2.0]]), fixed=(1,))
loss("soft margin", F.soft_margin_loss, x, torch.sign(y))
loss("multilabel soft margin", lambda a, b, w, reduction: F.multilabel_soft_margin_loss(
    a, b, weight=w, reduction=reduction), x, torch.rand(3, 4).round(), weight, fixed=(1, 2))

save_file(store, "crates/chainrule-fit/tests/golden/nn.safetensors")
print(len({k.split("/")[0] for k in store}), "cases")
