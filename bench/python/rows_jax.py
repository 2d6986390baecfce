"""The rows in JAX: every row is one jitted function, waited for in every run."""

import gc
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

RESET = 100  # steps after which training goes back to the given state
RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-8  # of Adam
DESCENT = 0.01  # the rate of row 13
HEADS = 8
MLP = ["w1", "b1", "w2", "b2", "w3", "b3"]
BLOCK = ["wqkv", "wo", "wf1", "wf2", "ln1g", "bqkv", "ln1b", "bo", "ln2g", "ln2b", "bf1", "bf2"]
GMM = ["alphas", "means", "icf"]


def total(x):
    return jnp.sum(jnp.sin(x) * jnp.exp(-x * x) + 3 * jnp.tanh(x))


def cross_entropy(x, t):
    picked = jnp.take_along_axis(x, t[:, None], axis=1)
    return jnp.mean(jax.nn.logsumexp(x, axis=1, keepdims=True) - picked)


def layer_norm(x, gain, bias):
    x = x - jnp.mean(x, axis=-1, keepdims=True)
    scale = jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-5)
    return x * scale * gain + bias


def embedding(table, ids):
    return table[ids]


def mlp(x, t, w1, b1, w2, b2, w3, b3):
    h = jax.nn.relu(x @ w1 + b1)
    h = jax.nn.relu(h @ w2 + b2)
    return cross_entropy(h @ w3 + b3, t)


def block(x, target, ln1g, ln1b, wqkv, bqkv, wo, bo, ln2g, ln2b, wf1, bf1, wf2, bf2):
    batch, tokens, width = x.shape
    qkv = layer_norm(x, ln1g, ln1b) @ wqkv + bqkv
    qkv = qkv.reshape(batch, tokens, 3, HEADS, width // HEADS)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)
    scores = jax.nn.softmax(q @ k.swapaxes(-1, -2) / math.sqrt(width // HEADS))
    attention = (scores @ v).transpose(0, 2, 1, 3).reshape(x.shape)
    h = x + attention @ wo + bo
    hidden = jax.nn.gelu(layer_norm(h, ln2g, ln2b) @ wf1 + bf1, approximate=False)
    return jnp.mean((h + hidden @ wf2 + bf2 - target) ** 2)


def logistic(x, t, w, b):
    z = x @ w + b
    return jnp.mean(jax.nn.softplus(z) - t * z)


def mixture(alphas, means, icf, x):
    """ADBench's GMM objective."""
    (n, d), k = x.shape, len(alphas)
    column, row = jnp.triu_indices(d, 1)  # L is stored column by column
    row, column = jnp.append(jnp.arange(d), row), jnp.append(jnp.arange(d), column)
    q = icf[:, :d]
    entries = jnp.concatenate((jnp.exp(q), icf[:, d:]), axis=1)
    factors = jnp.zeros((k, d, d)).at[:, row, column].set(entries)
    shift = factors @ means[:, :, None]
    z = (factors.reshape(k * d, d) @ x.T).reshape(k, d, n) - shift
    logs = (alphas + q.sum(axis=1))[:, None] - 0.5 * jnp.sum(z * z, axis=1)
    inner = jnp.sum(jax.nn.logsumexp(logs, axis=0)) - n * jax.nn.logsumexp(alphas)

    wishart = d + 1
    log_gamma = sum(math.lgamma(0.5 * (wishart - j)) for j in range(d))
    log_gamma += 0.25 * d * (d - 1) * math.log(math.pi)
    constant = -0.5 * n * d * math.log(2 * math.pi)
    constant += k * (0.5 * wishart * d * math.log(2) + log_gamma)
    return inner + 0.5 * jnp.sum(factors**2) + constant


def lstm(main, extra, state, seq, unroll=1):
    """ADBench's LSTM objective: a scan over the sequence for every layer."""
    layers, steps, size = len(main) // 2, len(seq) - 1, seq.shape[1]
    sigmoid = jax.nn.sigmoid
    x = seq[:-1] * extra[0]
    for i in range(layers):
        weight, bias = main[2 * i].reshape(4, size), main[2 * i + 1].reshape(4, size)
        forget, out = (sigmoid(x * weight[gate] + bias[gate]) for gate in (0, 2))
        weight, bias = weight[1::2], bias[1::2]

        def step(state, gates):
            (h, c), (forget, out) = state, gates
            keep, change = h * weight + bias
            c = c * forget + sigmoid(keep) * jnp.tanh(change)
            h = out * jnp.tanh(c)
            return (h, c), h

        start = state[2 * i], state[2 * i + 1]
        _, x = jax.lax.scan(step, start, (forget, out), unroll=unroll)
    predicted = x * extra[1] + extra[2]
    norm = jnp.log(jnp.exp(predicted).sum(axis=1, keepdims=True) + 2)
    return -jnp.sum(seq[1:] * (predicted - norm)) / (size * steps)


def split(inputs, names):
    """The inputs to differentiate with respect to, and the others."""
    others = {name: value for name, value in inputs.items() if name not in names}
    return {name: inputs[name] for name in names}, others


def jitted(f, *arguments):
    """Runs the jitted function of these arguments and waits for what it computes."""
    f = jax.jit(f)
    return lambda: jax.block_until_ready(f(*arguments))


def values(f, inputs):
    return jitted(lambda inputs: f(**inputs), inputs)


def gradient(f, inputs, names):
    def differentiated(variables, others):
        value, gradient = jax.value_and_grad(lambda v: f(**v, **others))(variables)
        return value, *(gradient[name] for name in names)

    return jitted(differentiated, *split(inputs, names))


def pullback(f, inputs, names):
    def differentiated(variables, others, c):
        value, pull = jax.vjp(lambda v: f(**v, **others), variables)
        return value, *(pull(c)[0][name] for name in names)

    c = inputs.pop("c")
    return jitted(differentiated, *split(inputs, names), c)


def hessian(f, inputs, names):
    def product(variables, others, vectors):
        gradient = jax.grad(lambda v: f(**v, **others))
        _, tangent = jax.jvp(gradient, (variables,), (vectors,))
        return tuple(tangent[name] for name in names)

    vectors = {n: inputs.pop("v" + n if "v" + n in inputs else "v") for n in names}
    return jitted(product, *split(inputs, names), vectors)


def training(f, inputs, names, update, moments):
    """Steps whose state carries on in donated buffers, back to the given one every RESET."""
    given, data = split(inputs, names)
    given = {"p": given, **{m: jax.tree.map(jnp.zeros_like, given) for m in moments}}
    given["step"] = jnp.zeros(())
    state, steps = jax.tree.map(jnp.copy, given), 0

    @partial(jax.jit, donate_argnums=0)
    def step(state, data):
        loss, gradient = jax.value_and_grad(lambda p: f(**data, **p))(state["p"])
        return loss, update(state, gradient)

    def run():
        nonlocal state, steps
        if steps == RESET:
            state, steps = jax.tree.map(jnp.copy, given), 0
        steps += 1
        loss, state = jax.block_until_ready(step(state, data))
        return loss, *(state["p"][name] for name in names)

    return run


def adam(f, inputs, names):
    def update(state, gradient):
        step = state["step"] + 1
        m = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, state["m"], gradient)
        v = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, state["v"], gradient)
        scale = RATE / (1 - BETAS[0] ** step)
        root = jnp.sqrt(1 - BETAS[1] ** step)

        def moved(p, m, v):
            return p - scale * m / (jnp.sqrt(v) / root + EPSILON)

        return {"p": jax.tree.map(moved, state["p"], m, v), "m": m, "v": v, "step": step}

    return training(f, inputs, names, update, ["m", "v"])


def descent(f, inputs, names):
    def update(state, gradient):
        moved = jax.tree.map(lambda p, g: p - DESCENT * g, state["p"], gradient)
        return {**state, "p": moved}

    return training(f, inputs, names, update, [])


VALUES = {
    "3": lambda x, y: x + y,
    "4": lambda x: jnp.exp(x),
    "5": lambda x: jnp.tanh(x),
    "7": lambda a, b: a @ b,
    "8": lambda a, b: a @ b,
    "16a": mixture,
    "17a": lstm,
    "20": lambda a, b: a @ b,
    "21": lambda x: x.sum(axis=0),
    "22": lambda x: x.sum(axis=1),
    "23": lambda x, y: x + y.T,
    "24": lambda x, r, c: x * r + c,
    "26": lambda x, y: x @ y,
}

# How a row is differentiated, its function, and with respect to what.
DERIVATIVES = {
    "1": (gradient, lambda x: 2 * jnp.dot(x, x), ["x"]),
    "6": (gradient, total, ["x"]),
    "9": (adam, mlp, MLP),
    "10": (adam, mlp, MLP),
    "11": (gradient, cross_entropy, ["x"]),
    "12": (pullback, layer_norm, ["x", "gain", "bias"]),
    "13": (descent, block, BLOCK),
    "14": (gradient, logistic, ["w", "b"]),
    "15a": (hessian, total, ["x"]),
    "15b": (hessian, mlp, MLP),
    "16b": (gradient, mixture, GMM),
    "17b": (gradient, partial(lstm, unroll=4), ["main", "extra"]),
    "19": (pullback, embedding, ["table"]),
    "25": (gradient, total, ["x"]),
}


def setup(engine, threads):
    """XLA takes its number of threads from the CPUs that the worker may run on."""
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # every run is waited for anyway


def version():
    return jax.__version__


def build(row, arrays):
    """The function that computes the results of a row."""
    if row == "1":
        arrays = {"x": np.arange(4, dtype=np.float32)}
    double = any(array.dtype == np.float64 for array in arrays.values())
    jax.config.update("jax_enable_x64", double)
    inputs = {name: jnp.array(array) for name, array in arrays.items()}
    if row in VALUES:
        return values(VALUES[row], inputs)
    if row in DERIVATIVES:
        how, f, names = DERIVATIVES[row]
        return how(f, inputs, names)
    raise NotImplementedError("traced once")


def to_numpy(value):
    return np.asarray(value)


def drop():
    jax.clear_caches()
    gc.collect()
