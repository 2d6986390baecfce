"""The rows in PyTorch: eager (`torch`) and through torch.compile (`compile`).

A row is a plain function of tensors. `Eager` runs it as it stands and differentiates it with
autograd; `Compiled` differentiates it with torch.func, inside one graph that inductor compiles.
"""

import gc
import math

import torch
import torch.nn.functional as F

RESET = 100  # steps after which training goes back to the given state
RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-8  # of Adam
DESCENT = 0.01  # the rate of row 13
HEADS = 8
MLP = ["w1", "b1", "w2", "b2", "w3", "b3"]
BLOCK = ["wqkv", "wo", "wf1", "wf2", "ln1g", "bqkv", "ln1b", "bo", "ln2g", "ln2b", "bf1", "bf2"]
GMM = ["alphas", "means", "icf"]


def total(x):
    return (torch.sin(x) * torch.exp(-x.square())).sum() + 3 * torch.tanh(x).sum()


def cross_entropy(x, t):
    return F.cross_entropy(x, t)


def layer_norm(x, gain, bias):
    return F.layer_norm(x, gain.shape, gain, bias, eps=1e-5)


def embedding(table, ids):
    return table.index_select(0, ids)


def mlp(x, t, w1, b1, w2, b2, w3, b3):
    h = torch.relu(torch.addmm(b1, x, w1))
    h = torch.relu(torch.addmm(b2, h, w2))
    return F.cross_entropy(torch.addmm(b3, h, w3), t)


def block(x, target, ln1g, ln1b, wqkv, bqkv, wo, bo, ln2g, ln2b, wf1, bf1, wf2, bf2):
    qkv = F.linear(layer_norm(x, ln1g, ln1b), wqkv.t(), bqkv)
    q, k, v = qkv.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind()
    attention = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2)
    h = x + F.linear(attention, wo.t(), bo)
    hidden = F.gelu(F.linear(layer_norm(h, ln2g, ln2b), wf1.t(), bf1))
    return F.mse_loss(h + F.linear(hidden, wf2.t(), bf2), target)


def logistic(x, t, w, b):
    logits = torch.addmm(b, x, w[:, None]).squeeze(1)  # compiles to better code than addmv
    return F.binary_cross_entropy_with_logits(logits, t)


def mixture_constants(n, d, k):
    """Where a component's numbers stand in its factor, and the objective's constant term."""
    column, row = torch.triu_indices(d, d, 1)  # L is stored column by column
    places = torch.cat((torch.arange(d) * (d + 1), row * d + column))
    wishart = d + 1
    log_gamma = sum(math.lgamma(0.5 * (wishart - j)) for j in range(d))
    log_gamma += 0.25 * d * (d - 1) * math.log(math.pi)
    constant = -0.5 * n * d * math.log(2 * math.pi)
    constant += k * (0.5 * wishart * d * math.log(2) + log_gamma)
    return {"places": places, "constant": torch.tensor(constant, dtype=torch.float64)}


def mixture(alphas, means, icf, x, places, constant):
    """ADBench's GMM objective."""
    (n, d), k = x.shape, len(alphas)
    q = icf[:, :d]
    entries = torch.cat((q.exp(), icf[:, d:]), 1)
    factors = entries.new_zeros(k, d * d).index_copy(1, places, entries).view(k, d, d)
    shift = (factors @ means[:, :, None]).view(k * d, 1)
    z = torch.addmm(-shift, factors.view(k * d, d), x.t()).view(k, d, n)
    logs = (alphas + q.sum(1))[:, None] - 0.5 * z.square().sum(1)
    inner = torch.logsumexp(logs, 0).sum() - n * torch.logsumexp(alphas, 0)
    return inner + 0.5 * factors.square().sum() + constant


def lstm(main, extra, state, seq):
    """ADBench's LSTM objective: PyTorch's own LSTM with diagonal weights."""
    layers, steps, size = len(main) // 2, len(seq) - 1, seq.shape[1]
    zero, bias = main.new_zeros(size, size), main.new_zeros(4 * size)
    parameters = []
    for weights, biases in zip(main[0::2], main[1::2]):
        forget, keep, out, change = weights.view(4, size).diag_embed()
        parameters.append(torch.cat((zero, forget, zero, out)))  # of a layer's input
        parameters.append(torch.cat((keep, zero, change, zero)))  # of its hidden state
        forget, keep, out, change = biases.view(4, size)
        parameters += [torch.cat((keep, forget, change, out)), bias]
    start = state[0::2, None], state[1::2, None]
    inputs = (seq[:-1] * extra[0])[:, None]
    outputs, _, _ = torch.lstm(inputs, start, parameters, True, layers, 0.0, False, False, False)
    predicted = torch.addcmul(extra[2], outputs[:, 0], extra[1])
    norm = torch.log(predicted.exp().sum(1, keepdim=True) + 2)
    return -(seq[1:] * (predicted - norm)).sum() / (size * steps)


def split(inputs, names):
    """The inputs to differentiate with respect to, and the others."""
    others = {name: value for name, value in inputs.items() if name not in names}
    return {name: inputs[name] for name in names}, others


def vectors_of(inputs, names):
    """Takes the vectors that a Hessian is multiplied by out of the inputs."""
    return {n: inputs.pop("v" + n if "v" + n in inputs else "v") for n in names}


class Eager:
    """Rows as they stand; leaves of autograd are made once, graphs anew in every run."""

    def __init__(self, _mode):
        pass

    def values(self, f, inputs):
        return lambda: f(**inputs)

    def recording(self, f, inputs, names):
        """The value of f alone, with the graph recorded that its gradient would need."""
        self.leaves(inputs, names)
        return lambda: f(**inputs)

    def gradient(self, f, inputs, names):
        leaves = self.leaves(inputs, names)

        def run():
            value = f(**inputs)
            return value, *torch.autograd.grad(value, leaves)

        return run

    def pullback(self, f, inputs, names):
        leaves, c = self.leaves(inputs, names), inputs.pop("c")

        def run():
            value = f(**inputs)
            return value, *torch.autograd.grad(value, leaves, c)

        return run

    def hessian(self, f, inputs, names):
        vectors = list(vectors_of(inputs, names).values())
        leaves = self.leaves(inputs, names)

        def run():
            gradient = torch.autograd.grad(f(**inputs), leaves, create_graph=True)
            return torch.autograd.grad(gradient, leaves, vectors)

        return run

    def square(self):
        def run():
            x = torch.tensor([0.0, 1.0, 2.0, 3.0], requires_grad=True)
            y = 2 * torch.dot(x, x)
            y.backward()
            return y, x.grad

        return run

    def chain(self):
        factor, term = torch.tensor(1.0001), torch.tensor(0.5)

        def run():
            z = x = torch.ones((), requires_grad=True)
            for _ in range(1000):
                z = z * factor + term
            z.backward()
            return z, x.grad

        return run

    def adam(self, f, inputs, names):
        def optimiser(parameters):
            return torch.optim.Adam(parameters, RATE, BETAS, EPSILON, fused=True)

        return self.training(f, inputs, names, optimiser)

    def descent(self, f, inputs, names):
        def optimiser(parameters):
            return torch.optim.SGD(parameters, DESCENT, fused=True)

        return self.training(f, inputs, names, optimiser)

    def training(self, f, inputs, names, optimiser):
        given, data = split(inputs, names)
        parameters = {name: p.clone().requires_grad_() for name, p in given.items()}
        optimiser = optimiser(parameters.values())
        steps = 0

        def run():
            nonlocal steps
            if steps == RESET:
                steps = 0
                optimiser.state.clear()
                with torch.no_grad():
                    for name, p in parameters.items():
                        p.copy_(given[name])
            steps += 1
            loss = f(**data, **parameters)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            return loss, *parameters.values()

        return run

    def leaves(self, inputs, names):
        return [inputs[name].requires_grad_() for name in names]


class Compiled:
    """Rows compiled whole: derivatives and optimiser's step are part of one graph."""

    def __init__(self, mode):
        self.mode = mode

    def compile(self, f):
        return torch.compile(f, fullgraph=True, dynamic=False, mode=self.mode)

    def values(self, f, inputs):
        f = self.compile(f)
        return lambda: f(**inputs)

    def gradient(self, f, inputs, names):
        variables, others = split(inputs, names)

        @self.compile
        def differentiated(variables, others):
            gradient, value = torch.func.grad_and_value(lambda v: f(**v, **others))(variables)
            return value, *gradient.values()

        return lambda: differentiated(variables, others)

    def pullback(self, f, inputs, names):
        variables, others = split(inputs, names)
        c = others.pop("c")

        @self.compile
        def differentiated(variables, others, c):
            value, pull = torch.func.vjp(lambda v: f(**v, **others), variables)
            return value, *pull(c)[0].values()

        return lambda: differentiated(variables, others, c)

    def hessian(self, f, inputs, names):
        vectors = vectors_of(inputs, names)
        variables, others = split(inputs, names)

        @self.compile
        def product(variables, others, vectors):
            gradient = torch.func.grad(lambda v: f(**v, **others))
            return *torch.func.vjp(gradient, variables)[1](vectors)[0].values(),

        return lambda: product(variables, others, vectors)

    def square(self):
        @self.compile
        def differentiated(x):
            gradient, value = torch.func.grad_and_value(lambda x: 2 * torch.dot(x, x))(x)
            return value, gradient

        return lambda: differentiated(torch.tensor([0.0, 1.0, 2.0, 3.0]))

    def adam(self, f, inputs, names):
        def update(state, gradient):
            state["step"] += 1
            scale = RATE / (1 - BETAS[0] ** state["step"])
            root = (1 - BETAS[1] ** state["step"]).sqrt()
            for name, g in gradient.items():
                p, m, v = state["p"][name], state["m"][name], state["v"][name]
                m.lerp_(g, 1 - BETAS[0])
                v.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
                p.sub_(scale * m / (v.sqrt() / root + EPSILON))

        given, data = split(inputs, names)
        zeros = {name: torch.zeros_like(p) for name, p in given.items()}
        return self.training(f, data, {"p": given, "m": zeros, "v": zeros}, update)

    def descent(self, f, inputs, names):
        def update(state, gradient):
            for name, g in gradient.items():
                state["p"][name].sub_(g, alpha=DESCENT)

        given, data = split(inputs, names)
        return self.training(f, data, {"p": given}, update)

    def training(self, f, data, given, update):
        def copies(tensors):
            return {name: tensor.clone() for name, tensor in tensors.items()}

        state = {part: copies(tensors) for part, tensors in given.items()}
        state["step"] = torch.zeros(())
        steps = 0

        @self.compile
        def step(state, data):
            gradient, loss = torch.func.grad_and_value(lambda p: f(**data, **p))(state["p"])
            update(state, gradient)
            return loss

        def run():
            nonlocal steps
            if steps == RESET:
                steps = 0
                state["step"].zero_()
                for part, tensors in given.items():
                    for name, tensor in tensors.items():
                        state[part][name].copy_(tensor)
            steps += 1
            return step(state, data), *state["p"].values()

        return run


VALUES = {
    "3": lambda x, y: x + y,
    "4": lambda x: torch.exp(x),
    "5": lambda x: torch.tanh(x),
    "7": lambda a, b: a @ b,
    "8": lambda a, b: a @ b,
    "16a": mixture,
    "20": lambda a, b: torch.bmm(a, b),
    "21": lambda x: x.sum(0),
    "22": lambda x: x.sum(1),
    "23": lambda x, y: y.t().contiguous().add_(x),
    "24": lambda x, r, c: torch.addcmul(c, x, r),
    "26": lambda x, y: x @ y,
}

# How a row is differentiated, its function, and with respect to what.
DERIVATIVES = {
    "6": ("gradient", total, ["x"]),
    "9": ("adam", mlp, MLP),
    "10": ("adam", mlp, MLP),
    "11": ("gradient", cross_entropy, ["x"]),
    "12": ("pullback", layer_norm, ["x", "gain", "bias"]),
    "13": ("descent", block, BLOCK),
    "14": ("gradient", logistic, ["w", "b"]),
    "15a": ("hessian", total, ["x"]),
    "15b": ("hessian", mlp, MLP),
    "16b": ("gradient", mixture, GMM),
    "17a": ("recording", lstm, ["main", "extra"]),
    "17b": ("gradient", lstm, ["main", "extra"]),
    "17c": ("gradient", lstm, ["main", "extra"]),
    "19": ("pullback", embedding, ["table"]),
    "25": ("gradient", total, ["x"]),
}

# What torch.compile does not do.
UNCOMPILED = {
    "2": "traced once",
    "17a": "a thousand steps, unrolled, compile for minutes",
    "17b": "a thousand steps, unrolled, compile for minutes",
    "17c": "a thousand steps, unrolled, compile for minutes",
}

# The modes of torch.compile that are faster than its default one.
MODES = {"20": "max-autotune"}

engine = None


def setup(name, threads):
    global engine
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    engine = Compiled if name == "compile" else Eager


def version():
    return torch.__version__.split("+")[0]


def build(row, arrays):
    """The function that computes the results of a row."""
    if engine is Compiled and row in UNCOMPILED:
        raise NotImplementedError(UNCOMPILED[row])
    inputs = {name: torch.from_numpy(array).clone() for name, array in arrays.items()}
    if row in ("16a", "16b"):
        inputs |= mixture_constants(*inputs["x"].shape, len(inputs["alphas"]))
    rows = engine(MODES.get(row))
    if row == "1":
        return rows.square()
    if row == "2":
        return rows.chain()
    if row in VALUES:
        return rows.values(VALUES[row], inputs)
    how, f, names = DERIVATIVES[row]
    return getattr(rows, how)(f, inputs, names)


def to_numpy(value):
    return value.detach().numpy()


def drop():
    torch.compiler.reset()
    gc.collect()
