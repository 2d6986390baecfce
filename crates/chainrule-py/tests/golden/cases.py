"""What is compared with torch: expressions, and the numbers they are given.

``tools/golden_py.py`` evaluates them with torch and stores the results; ``test_golden.py`` evaluates
them with chainrule. ``x``, ``y``, ``z`` are the inputs, ``torch`` is the library.
"""


def numbers(count, low, high, seed):
    """Numbers between two bounds, from a small congruential generator, the same everywhere."""
    state, out = 12345 + 7919 * seed, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % (1 << 31)
        out.append(round(low + (high - low) * state / (1 << 31), 4))
    return out


ALL, POSITIVE, UNIT, ABOVE_ONE = (-2.0, 2.0), (0.2, 3.0), (-0.9, 0.9), (1.1, 3.0)
OPEN = (0.1, 0.9)

# Functions of one number, and where they are compared.
UNARY = {
    "neg": ALL, "abs": ALL, "sign": ALL, "reciprocal": POSITIVE, "square": ALL, "sqrt": POSITIVE,
    "rsqrt": POSITIVE, "exp": ALL, "exp2": ALL, "expm1": ALL, "log": POSITIVE, "log2": POSITIVE,
    "log10": POSITIVE, "log1p": POSITIVE, "sin": ALL, "cos": ALL, "tan": UNIT, "asin": UNIT,
    "acos": UNIT, "atan": ALL, "sinh": ALL, "cosh": ALL, "tanh": ALL, "asinh": ALL,
    "acosh": ABOVE_ONE, "atanh": UNIT, "sigmoid": ALL, "logit": OPEN, "relu": ALL, "erf": ALL,
    "erfc": ALL, "lgamma": POSITIVE, "digamma": POSITIVE, "floor": ALL, "ceil": ALL, "round": ALL,
    "trunc": ALL, "frac": ALL, "isnan": ALL, "isfinite": ALL, "isinf": ALL, "logical_not": ALL,
}  # fmt: skip

# Functions of two tensors, and where each argument is compared.
BINARY = {
    "add": (ALL, ALL), "sub": (ALL, ALL), "mul": (ALL, ALL), "div": (ALL, POSITIVE),
    "pow": (POSITIVE, ALL), "fmod": (ALL, POSITIVE), "remainder": (ALL, POSITIVE),
    "maximum": (ALL, ALL), "minimum": (ALL, ALL), "atan2": (ALL, POSITIVE), "hypot": (ALL, POSITIVE),
    "copysign": (ALL, ALL), "logaddexp": (ALL, ALL), "xlogy": (ALL, POSITIVE), "eq": (ALL, ALL),
    "ne": (ALL, ALL), "lt": (ALL, ALL), "le": (ALL, ALL), "gt": (ALL, ALL), "ge": (ALL, ALL),
    "logical_and": (ALL, ALL), "logical_or": (ALL, ALL), "logical_xor": (ALL, ALL),
}  # fmt: skip

# Expressions, and the inputs as (shape, bounds).
SDPA = "torch.nn.functional.scaled_dot_product_attention"
Q, K, W = ((2, 3, 4), ALL), ((2, 5, 4), ALL), ((2, 5, 2), ALL)
SEEN = "torch.tensor([[True, False, True, True, False], [False] * 5, [True] * 5])"
HEADS, FEWER = ((1, 4, 3, 2), ALL), ((1, 2, 3, 2), ALL)
M, V, C = ((2, 3), ALL), ((3,), ALL), ((2, 3, 4), ALL)
EXPRESSIONS = [
    ("x + y", M, V), ("x - 2", M), ("2 - x", M), ("x * y", C, ((3, 1), ALL)), ("3 / x", ((3,), POSITIVE)),
    ("x / 4", M), ("x ** 2", M), ("x ** 3", M), ("x ** -1", ((3,), POSITIVE)), ("x ** 0.5", ((3,), POSITIVE)),
    ("2 ** x", M), ("x % 1.5", M), ("x.detach() // 0.75", M), ("x @ y", M, ((3, 2), ALL)), ("x @ y", M, V),
    ("x @ y", V, V), ("x @ y", ((2, 2, 3), ALL), ((3, 2), ALL)), ("-x", M), ("abs(x)", M), ("+x", M),
    ("torch.dot(x, y)", V, V), ("torch.matmul(x, y)", ((4, 1, 2, 3), ALL), ((2, 3, 2), ALL)),
    ("torch.einsum('ij,jk->ik', x, y)", M, ((3, 2), ALL)), ("torch.einsum('ij->j', x)", M),
    ("torch.einsum('bij,bjk->bik', x, y)", ((2, 2, 3), ALL), ((2, 3, 2), ALL)),
    ("x.sum()", M), ("x.sum(0)", M), ("x.sum(dim=-1, keepdim=True)", M), ("x.sum((0, 2))", C),
    ("x.mean()", M), ("x.mean(1)", M), ("x.mean((0, 1), keepdim=True)", C), ("x.var()", M),
    ("x.var(1)", M), ("x.var(0, unbiased=False)", M), ("x.std()", M), ("x.std(1, keepdim=True)", M),
    ("x.prod()", M), ("x.prod(1)", M), ("x.max()", M), ("x.min()", M), ("x.max(1).values", M),
    ("x.max(0)[1]", M), ("x.min(dim=1, keepdim=True).indices", M), ("x.amax(1)", M), ("x.amin((0, 1))", M),
    ("x.argmax()", M), ("x.argmax(0)", M), ("x.argmin(1, keepdim=True)", M), ("(x > 0).any()", M),
    ("(x > 0).all(1)", M), ("(x > 0).any(dim=0, keepdim=True)", M), ("x.logsumexp(1)", M),
    ("x.logsumexp((0, 1), keepdim=True)", M), ("torch.softmax(x, 1)", M), ("torch.softmax(x, dim=0)", M),
    ("torch.log_softmax(x, -1)", M), ("x.norm()", M), ("x.norm(dim=1)", M), ("x.norm(1)", M),
    ("x.norm(p=3, dim=0)", M), ("x.cumsum(0)", M), ("x.cumsum(-1)", M), ("x.cumprod(1)", M),
    ("x.sort().values", M), ("x.sort(0, descending=True)[1]", M), ("x.argsort(1)", M),
    ("x.topk(2).values", M), ("x.topk(1, dim=0, largest=False)[0]", M), ("x.reshape(3, 2)", M),
    ("x.reshape(-1)", M), ("x.view(6, 1)", M), ("x.flatten()", C), ("x.flatten(1)", C),
    ("x.flatten(0, 1)", C), ("x.unflatten(1, (3, 1))", M), ("x.permute(2, 0, 1)", C), ("x.T", M),
    ("x.mT", C), ("x.t()", M), ("x.transpose(0, 2)", C), ("x.movedim(0, 2)", C), ("x.expand(4, 3)", ((1, 3), ALL)),
    ("x.expand(2, -1, 3)", ((4, 1), ALL)), ("x.repeat(2, 1)", M), ("x.repeat(2, 1, 3)", M), ("x.tile(2)", M),
    ("x.squeeze()", ((1, 3, 1), ALL)), ("x.squeeze(0)", ((1, 3, 1), ALL)), ("x.squeeze(1)", ((1, 3, 1), ALL)),
    ("x.unsqueeze(1)", M), ("x.unsqueeze(-1)", M), ("x.flip(0)", M), ("x.flip((0, 1))", M), ("x.roll(1, 0)", M),
    ("x.roll(2)", M), ("x.roll((1, -1), (0, 1))", M), ("x.narrow(1, 1, 2)", M), ("x.select(1, -1)", M),
    ("x.tril()", M), ("x.triu(1)", M), ("x.diagonal()", M), ("x.diag()", V), ("x.diag()", M), ("x.trace()", M),
    ("x.unfold(1, 2, 1)", M), ("torch.cat([x, y])", M, ((1, 3), ALL)), ("torch.cat([x, x], dim=1)", M),
    ("torch.stack([x, y], 1)", V, V), ("torch.stack([x, y, x])", M, M), ("x.unbind(1)[2]", M),
    ("x.split(2, 1)[1]", M), ("x.split([1, 2], dim=1)[0]", M), ("x.chunk(2, 1)[0]", M),
    ("torch.where(x > 0, x, y)", M, V), ("torch.where(x > 0, x, 0.5)", M), ("torch.where(x > 0, 1.0, 0.0)", M),
    ("x.where(x > 0, y)", M, M), ("x.clamp(-1, 1)", M), ("x.clamp(min=0)", M), ("x.clamp(max=0.5)", M),
    ("torch.clamp(x, y, y + 1)", M, M), ("x.lerp(y, 0.3)", M, M), ("torch.add(x, y, alpha=2)", M, M),
    ("torch.sub(x, y, alpha=0.5)", M, M), ("torch.div(x, y, rounding_mode='floor')", M, ((2, 3), POSITIVE)),
    ("torch.div(x, y, rounding_mode='trunc')", M, ((2, 3), POSITIVE)), ("torch.special.expit(x)", M),
    ("x.gather(1, torch.tensor([[0, 2], [1, 1]]))", M), ("x.index_select(1, torch.tensor([2, 0, 2]))", M),
    ("x.scatter_add(1, torch.tensor([[0, 2], [1, 1]]), y)", M, ((2, 2), ALL)),
    ("x.scatter(1, torch.tensor([[0, 2], [1, 0]]), y)", M, ((2, 2), ALL)), ("x.take(torch.tensor([0, 5, 2]))", M),
    ("x.masked_fill(x > 0, 9.0)", M), ("x.masked_select(x > 0)", M), ("x[0]", M), ("x[-1]", M), ("x[1, 2]", M),
    ("x[:, 1]", M), ("x[..., 0]", C), ("x[0, ..., 1]", C), ("x[None]", M), ("x[:, None, 1:]", M), ("x[1:]", M),
    ("x[:, ::2]", M), ("x[:, -2:]", M), ("x[5:]", M), ("x[torch.tensor([1, 0, 1])]", M), ("x[[0, 1], [2, 0]]", M),
    ("x[:, [0, 2]]", M), ("x[:, [[0, 1], [2, 0]]]", M), ("x[x > 0]", M), ("x[torch.tensor([True, False])]", M),
    ("x[:, torch.tensor([True, False, True])]", M), ("x[[1, 0], :, [0, 3]]", C), ("x[:, [1, 0], [0, 3]]", C),
    ("x[0, :, [0, 3]]", C), ("x[:, 1, [0, 3]]", C), ("x[[0, 1], None, 1]", C), ("x[torch.tensor(1)]", M),
    ("x[[-1, -2]]", M), ("x[torch.tensor([[0], [1]]), torch.tensor([[0, 2]])]", M), ("x[True]", M), ("x[[]]", M),
    ("torch.linalg.inv(x)", ((2, 2), ALL)), ("torch.linalg.det(x)", ((3, 3), ALL)),
    ("torch.linalg.slogdet(x)[1]", ((3, 3), ALL)), ("torch.linalg.solve(x, y)", ((2, 2), ALL), ((2,), ALL)),
    ("torch.linalg.cholesky(x @ x.mT + 3 * torch.eye(3, dtype=x.dtype))", ((3, 3), ALL)),
    ("torch.linalg.eigvalsh(x + x.mT)", ((3, 3), ALL)), ("torch.linalg.svdvals(x)", M),
    ("torch.linalg.matrix_exp(x)", ((2, 2), ALL)), ("torch.linalg.pinv(x)", M),
    ("torch.linalg.solve_triangular(x, y, upper=True)", ((2, 2), POSITIVE), ((2, 1), ALL)),
    ("torch.linalg.vector_norm(x, 1)", M), ("torch.linalg.matrix_norm(x)", M),
    ("torch.linalg.matrix_power(x, 3)", ((2, 2), ALL)),
    ("torch.outer(x, y)", V, ((2,), ALL)), ("torch.inner(x, y)", M, ((4, 3), ALL)), ("torch.tensordot(x, y, 1)", M, ((3, 2), ALL)),
    ("torch.tensordot(x, y, dims=([0, 1], [1, 0]))", M, ((3, 2), ALL)), ("torch.kron(x, y)", M, ((2, 2), ALL)),
    ("torch.cross(x, y, dim=-1)", M, M), ("torch.addmm(x, y, z, beta=2, alpha=0.5)", ((2, 2), ALL), M, ((3, 2), ALL)),
    ("torch.addmv(x, y, z)", ((2,), ALL), M, V), ("torch.addcmul(x, y, z, value=0.5)", M, V, V),
    ("torch.addcdiv(x, y, z, value=2)", M, V, ((3,), POSITIVE)), ("torch.dist(x, y)", M, M), ("torch.cdist(x, y)", M, ((4, 3), ALL)),
    ("torch.hstack([x, y])", M, ((2, 1), ALL)), ("torch.vstack([x, y])", M, V), ("torch.dstack([x, y])", M, M),
    ("torch.column_stack([x, y])", V, V), ("torch.block_diag(x, y)", M, ((1, 2), ALL)), ("torch.meshgrid(x, y, indexing='ij')[1]", V, ((2,), ALL)),
    ("torch.meshgrid(x, y, indexing='xy')[0]", V, ((2,), ALL)), ("torch.broadcast_tensors(x, y)[1]", M, V), ("torch.tensor_split(x, 2, 1)[0]", M),
    ("torch.repeat_interleave(x, 2, dim=1)", M), ("torch.repeat_interleave(x, 2)", M), ("torch.rot90(x)", M), ("torch.rot90(x, 3)", M),
    ("torch.fliplr(x)", M), ("torch.flipud(x)", M), ("torch.diff(x)", M), ("torch.diff(x, dim=0)", M), ("torch.trapezoid(x, dx=0.5)", M),
    ("torch.trapezoid(x, y)", M, V), ("torch.nan_to_num(x)", M), ("torch.nansum(x, 1)", M), ("torch.nanmean(x)", M),
    ("torch.count_nonzero(x, 1)", M), ("torch.aminmax(x, dim=1)[1]", M), ("torch.var_mean(x, 1)[0]", M), ("torch.std_mean(x, 1)[1]", M),
    ("torch.median(x)", M), ("torch.median(x, 1).values", M), ("x.median(dim=0, keepdim=True).indices", M), ("torch.quantile(x, 0.3)", M),
    ("torch.quantile(x, 0.5, dim=1, keepdim=True)", M), ("torch.cov(x)", M), ("torch.corrcoef(x)", M), ("torch.logcumsumexp(x, 1)", M),
    ("torch.sinc(x)", M), ("torch.deg2rad(x)", M), ("torch.rad2deg(x)", M), ("torch.rsub(x, y)", M, V), ("torch.take_along_dim(x, torch.tensor([[0], [2]]), 1)", M),
    ("torch.index_add(x, 1, torch.tensor([0, 2]), y)", M, ((2, 2), ALL)), ("torch.index_copy(x, 1, torch.tensor([0, 2]), y)", M, ((2, 2), ALL)),
    ("torch.index_fill(x, 0, torch.tensor([1]), 3.0)", M), ("torch.index_put(x, (torch.tensor([0, 1]), torch.tensor([2, 0])), y)", M, ((2,), ALL)),
    ("torch.index_put(x, (torch.tensor([0, 0]), torch.tensor([2, 2])), y, accumulate=True)", M, ((2,), ALL)), ("torch.atleast_3d(x)", M), ("torch.atleast_2d(x)", V),
    ("torch.polygamma(1, x)", ((3,), POSITIVE)), ("torch.lerp(x, y, z)", M, M, M), ("torch.heaviside(x.detach(), y.detach())", M, M),
    ("x.to(torch.float64) + 1", M), ("x.double()", M), ("x.clone() * 2", M), ("x.detach() * x", M),
    ("torch.zeros_like(x)", M), ("torch.full_like(x, 3)", M), ("torch.ones_like(x) * x", M), ("x.round() + x", M),
    (f"{SDPA}(x, y, z)", Q, K, W), (f"{SDPA}(x, y, z, is_causal=True)", Q, K, W),
    (f"{SDPA}(x, y, z, scale=0.3)", Q, K, W), (f"{SDPA}(x, y, z, {SEEN})", Q, K, W),
    (f"{SDPA}(x, y, z, 2 * torch.arange(5).to(x.dtype))", Q, K, W),
    (f"{SDPA}(x, y, z, torch.log({SEEN}.to(x.dtype)))", Q, K, W),
    (f"{SDPA}(x, y, z, is_causal=True, enable_gqa=True)", HEADS, FEWER, FEWER),
    (f"{SDPA}(x, y, z)", ((3, 4), ALL), ((5, 4), ALL), ((5, 2), ALL)),
]  # fmt: skip

# Expressions without inputs: making, promotion of types, integers.
U8, I32 = ("torch.tensor({}, dtype=torch.%s)" % t for t in ("uint8", "int32"))
NARROW = [
    U8.format([100, 200]) + " + 100", U8.format([100, 200]) + " * " + I32.format([2, 3]), "-" + U8.format([1, 0]),
    I32.format([2147483647, 1]) + " + 1", I32.format([7, -7]) + " // 2", I32.format([7, -7]) + " % 3",
    I32.format([7, -7]) + " / 2", I32.format([7, -7]) + " + torch.tensor([1.5])", I32.format([3, -3]) + " * 2.5",
    U8.format([200, 100]) + ".sum()", U8.format([200, 100]) + ".prod()", U8.format([200, 100]) + ".max()",
    U8.format([200, 100]) + ".cumsum(0)", I32.format([5, 7]) + ".pow(2)", I32.format([-5, 7]) + ".abs()",
    "~" + U8.format([1, 254]), U8.format([6, 5]) + " & 3", U8.format([6, 5]) + " << 2", I32.format([-6, 5]) + " >> 1",
    I32.format([-6, 5]) + " | 1", I32.format([-6, 5]) + " ^ " + U8.format([7, 7]), U8.format([1, 2]) + " == 2",
    U8.format([200, 1]) + " > " + I32.format([-1, 1]), I32.format([3, 1, 2]) + ".sort().values",
    I32.format([3, 1, 2]) + ".argsort()", "torch.tensor([1.9, -1.9]).int()", "torch.tensor([300]).to(torch.uint8)",
    I32.format([300, -1]) + ".byte()", U8.format([1]) + ".float()", "torch.zeros(2, dtype=torch.int32)",
    "torch.arange(3, dtype=torch.uint8)", I32.format([[1, 2], [3, 4]]) + " @ " + I32.format([[1], [1]]),
    "torch.cat([" + U8.format([1]) + ", " + I32.format([-1]) + "])", "torch.arange(4.0)[" + I32.format([2, 0]) + "]",
    "torch.where(torch.tensor([True, False]), " + U8.format([1, 2]) + ", " + I32.format([3, 4]) + ")",
    "torch.unique(" + I32.format([3, 1, 3]) + ")", U8.format([1, 0]) + " & torch.tensor([True, True])",
]  # fmt: skip
MAKING = [
    *NARROW,
    "torch.tril_indices(3, 3)", "torch.triu_indices(2, 3, 1)", "torch.logspace(0, 2, 3)", "torch.unique(torch.tensor([3, 1, 3, 2]))",
    "torch.unique(torch.tensor([3, 1, 3]), return_counts=True)[1]", "torch.bincount(torch.tensor([0, 2, 2]))",
    "torch.unique(torch.tensor([3, 1, 3]), return_inverse=True)[1]", "torch.bincount(torch.tensor([0, 2, 2]), torch.tensor([0.5, 1.0, 2.0]))",
    "torch.arange(5)", "torch.arange(1, 8, 2)", "torch.arange(4.0)", "torch.arange(0, 1, 0.25)",
    "torch.arange(5, 0, -2)", "torch.zeros(2, 3)", "torch.zeros((2,))", "torch.ones(2, dtype=torch.int64)",
    "torch.full((2, 2), 7)", "torch.full((2,), 0.5)", "torch.full((2,), True)", "torch.eye(3)", "torch.eye(2, 3)",
    "torch.linspace(0, 1, 5)", "torch.linspace(3, -3, 4)", "torch.tensor([[1, 2], [3, 4]])", "torch.tensor(3.5)",
    "torch.tensor([True, False])", "torch.tensor([1, 2.5])", "torch.tensor([])", "torch.tensor([1.5], dtype=torch.int64)",
    "torch.tensor([1, 2]) + 1.5", "torch.tensor([1, 2]) / 2", "torch.tensor([7, -7]) // 2", "torch.tensor([7, -7]) % 3",
    "torch.tensor([1, 2]) * torch.tensor(2.5)", "torch.tensor([1.0]) + torch.tensor(2.0, dtype=torch.float64)",
    "torch.tensor([1.0], dtype=torch.float64) + torch.tensor([1.0])", "torch.tensor([1, 2]) + torch.tensor([0.5])",
    "torch.tensor([True]) + 1", "torch.tensor([True, True]).sum()", "torch.tensor([1, 2]).sum()", "torch.tensor([3, 1, 2]).sort().values",
    "torch.tensor([2, 3]) ** 2", "2 ** torch.tensor([1, 2])", "torch.tensor([1, 2]).exp()", "torch.tensor([4, 9]).sqrt()",
    "torch.tensor([1, 0]).bool()", "torch.tensor([1.7, -1.7]).long()", "torch.tensor([1, 2]).float()",
    "torch.tensor([5, 3]).max()", "torch.tensor([1, 2]) == 1", "torch.tensor([1.0, 2.0]) != torch.tensor([1.0, 3.0])",
    "torch.tensor([1, 2]) < 1.5", "torch.tensor([True, False]) & torch.tensor([True, True])",
    "torch.tensor([True, False]) | torch.tensor([False, False])", "~torch.tensor([True, False])",
    "torch.tensor([True]) ^ True", "torch.tensor([1, 2, 3]).prod()", "torch.tensor([[1, 2], [3, 4]]).cumsum(0)",
    "torch.tensor([-1, 2]).abs()", "torch.tensor([1, 2, 3])[[0, 2]]", "torch.tensor([[1, 0], [0, 2]]).nonzero()",
    "torch.tensor([1, 2]).max(dim=0).indices", "torch.where(torch.tensor([True, False]), 1, 0)", "torch.zeros(0)",
    "torch.zeros(2, 0).sum(1)", "torch.zeros(0).sum()", "torch.zeros(0).prod()", "torch.zeros(3, 0).sum(0)",
    "torch.tensor(2) * torch.tensor(3)", "torch.tensor([1.0, float('nan')]).max()", "torch.tensor([1, 2]).view(2, 1) * torch.tensor([3, 4])",
]  # fmt: skip

# Changes in place: statements, then the name that is looked at.
STATEMENTS = [
    ("a = torch.zeros(2, 3); a[0] = 1", "a"), ("a = torch.zeros(2, 3); a[:, 1] = torch.tensor([5.0, 6.0])", "a"),
    ("a = torch.arange(6.0); a[::2] = -1", "a"), ("a = torch.arange(6.0); a[a > 2] = 0", "a"),
    ("a = torch.zeros(3); a[[0, 2]] = torch.tensor([1.0, 2.0])", "a"), ("a = torch.zeros(2, 2); a[0, 1] = 7", "a"),
    ("a = torch.arange(6.0).reshape(2, 3); a[..., -1] = 9", "a"), ("a = torch.ones(3); a += 2", "a"),
    ("a = torch.ones(3); a *= torch.tensor([1.0, 2.0, 3.0])", "a"), ("a = torch.ones(3); a.add_(1).mul_(3)", "a"),
    ("a = torch.ones(3); a.zero_()", "a"), ("a = torch.ones(2); a.fill_(4)", "a"), ("a = torch.ones(2); a.copy_(torch.tensor([3, 4]))", "a"),
    ("a = torch.tensor([1.5, 2.5]); a.clamp_(max=2)", "a"), ("a = torch.zeros(2, 3); a[:, [0, 2]] = torch.ones(2, 2)", "a"),
    ("a = torch.zeros(2, 3); a[torch.tensor([True, False])] = torch.tensor([1.0, 2.0, 3.0])", "a"),
    ("x = torch.ones(3, requires_grad=True); a = x * 2; a[0] = 5; a.sum().backward()", "x.grad"),
    ("x = torch.ones(2, requires_grad=True); a = torch.zeros(3); a[1:] = x * 3; (a * a).sum().backward()", "x.grad"),
    ("x = torch.ones(2, requires_grad=True); (x * 2).sum().backward(); (x * 2).sum().backward()", "x.grad"),
    ("x = torch.tensor(3.0, requires_grad=True); y = x ** 3; y.backward(create_graph=True); g = x.grad.clone(); x.grad = None; g.backward()", "x.grad"),
    ("x = torch.ones(2, requires_grad=True); y = x * 3; y.backward(torch.tensor([1.0, 2.0]))", "x.grad"),
    ("x = torch.ones(2, requires_grad=True); y = x.detach(); y = y + 1", "y"),
    ("a = torch.ones(2, 2); b = a.t(); a = a + 1", "b"),
]  # fmt: skip

# Mistakes: torch's class must be one of ours.
MISTAKES = [
    "torch.ones(3) + torch.ones(4)", "torch.ones(2, 3) @ torch.ones(2, 3)", "torch.ones(3).reshape(2)",
    "torch.ones(3)[5]", "torch.ones(3)[0, 0]", "torch.ones(3)[1.5]", "torch.ones(2).sum(3)", "torch.ones(2).squeeze(4)",
    "torch.tensor([1, 2], requires_grad=True)", "torch.ones(2, requires_grad=True).backward()", "torch.ones(2).sum().backward()",
    "torch.ones(2).item()", "bool(torch.ones(2))", "len(torch.tensor(1.0))", "iter(torch.tensor(1.0))",
    "torch.tensor('a')", "torch.tensor([[1, 2], [3]])", "torch.cat([torch.ones(2), torch.ones(2, 2)])", "torch.cat([])",
    "torch.stack([torch.ones(2), torch.ones(3)])", "torch.zeros(-1)", "torch.arange(0, 5, 0)", "torch.ones(2, 2).permute(0)",
    "torch.dot(torch.ones(2), torch.ones(3))", "torch.ones(3)[torch.ones(4) > 0]", "torch.ones(3).view(-1, -1)",
    "torch.ones(2) + 'a'", "torch.exp(1.0)", "torch.ones(2).foo", "torch.ones(2, requires_grad=True).numpy()",
    "torch.autograd.grad(torch.ones(2, requires_grad=True).sum(), torch.ones(2, requires_grad=True))",
    "torch.tensor([2]) ** -1", "torch.ones(2, 3).gather(1, torch.tensor([0]))", "torch.ones(3).topk(5)",
    "torch.ones(2, requires_grad=True).__iadd__(1)", "torch.tensor([1, 2]).mean()", "torch.ones(2).to('nowhere')",
    "torch.ones(2, 2).t().foo()", "torch.ones(3).unsqueeze(5)", "torch.linalg.inv(torch.ones(2, 3))",
    "torch.linalg.cholesky(-torch.eye(2)).tolist()", "torch.linalg.inv(torch.zeros(2, 2)).tolist()", "torch.ones(2)[None, None, 3]",
    "torch.ones(5).split(0)", "torch.ones(2, 2).expand(3, 3)", "torch.ones(2, requires_grad=True).sum().backward(torch.ones(3))",
]  # fmt: skip

# Tensors whose text is compared.
PRINTED = [
    "torch.arange(4.0)", "torch.arange(4)", "torch.tensor(1.5)", "torch.tensor([1.5, -2.25, 3.0])", "torch.tensor([1e-5, 1.0])",
    "torch.tensor([1e10, 1.0])", "torch.tensor([0.1, 1000.5])", "torch.tensor([True, False])", "torch.tensor([float('nan'), 1.0, float('inf')])",
    "torch.tensor([])", "torch.zeros(2, 0)", "torch.zeros(2, 3)", "torch.arange(24.0).reshape(2, 3, 4)", "torch.arange(2000)",
    "torch.arange(2000.0).reshape(40, 50)", "torch.arange(30.0)", "torch.tensor([1.0], requires_grad=True)", "torch.tensor([1.0], requires_grad=True) * 2",
    "torch.tensor([1.0], requires_grad=True).exp()", "torch.tensor([1.0], requires_grad=True).sum()", "torch.tensor([1], dtype=torch.int64)",
    "torch.tensor([-1.0, 10.0, 100.0])", "torch.tensor([123456789.0])", "torch.tensor([0.00001234, 123.0])", "torch.tensor([1e-8])",
    "torch.tensor(-0.0)", "torch.arange(100.0).reshape(4, 25) / 7", "torch.tensor([[1.0]], requires_grad=True).t()",
    "torch.tensor([1.0], requires_grad=True) + 1", "torch.tensor([1.0], requires_grad=True) ** 2", "torch.tensor([1.0], requires_grad=True) / 3",
    "torch.dot(torch.tensor([1.0], requires_grad=True), torch.tensor([1.0]))", "torch.tensor([1.0], requires_grad=True).mean()",
    "torch.tensor([1.0], requires_grad=True).tanh()", "torch.tensor([[1.0]], requires_grad=True).reshape(1)", "torch.tensor([1.0], requires_grad=True)[0]",
    "torch.tensor([1.0], requires_grad=True).relu()", "torch.softmax(torch.tensor([1.0], requires_grad=True), 0)", "-torch.tensor([1.0], requires_grad=True)",
    "torch.tensor([1.0], requires_grad=True) - 1", "torch.stack([torch.tensor([1.0], requires_grad=True)])", "torch.tensor([[1.0]], requires_grad=True) @ torch.tensor([[1.0]])",
    "torch.tensor([1, 2], dtype=torch.int32)", "torch.tensor([[1], [200]], dtype=torch.uint8)",
]  # fmt: skip


def comparisons():
    """Every differentiable comparison: a key, the expression, its inputs, and the element type."""
    for name, bounds in UNARY.items():
        for dtype, shape in (("float64", (2, 3)), ("float32", (3,)), ("float64", ()), ("float32", (0,))):
            yield f"torch.{name}(x)", [(shape, bounds)], dtype
    for name, (first, second) in BINARY.items():
        for dtype, a, b in (("float64", (2, 3), (3,)), ("float32", (3,), ()), ("float64", (2, 1), (1, 2))):
            yield f"torch.{name}(x, y)", [(a, first), (b, second)], dtype
    for expression, *inputs in EXPRESSIONS:
        yield expression, inputs, "float64"
        yield expression, inputs, "float32"


def inputs(torch, specs, dtype):
    """The inputs as tensors that require gradients, by their names."""
    out = {}
    for i, (shape, (low, high)) in enumerate(specs):
        count = 1
        for n in shape:
            count *= n
        flat = torch.tensor(numbers(count, low, high, i), dtype=getattr(torch, dtype))
        out["xyz"[i]] = flat.reshape(shape).clone().requires_grad_()
    return out


def weights(torch, like):
    """Fixed weights of a tensor's shape, none of them special."""
    n = like.numel()
    flat = torch.tensor([0.5 + 0.25 * (i % 5) for i in range(n)], dtype=like.dtype)
    return flat.reshape(tuple(like.shape))


def flat(torch, g):
    """A gradient's numbers; torch has zeros without memory, which only arithmetic can read."""
    return (torch.zeros(g.shape, dtype=g.dtype) + g.detach()).reshape(-1).tolist()


def evaluated(torch, expression, specs, dtype):
    """Value, gradients, second gradients, shape and type of an expression."""
    names = inputs(torch, specs, dtype)
    # Parameters must not be what an expression gives: x + 0 is a result of its own.
    y = eval(expression, {"torch": torch}, dict(names))
    found = {"shape": list(y.shape), "dtype": str(y.dtype).split(".")[-1]}
    found["value"] = y.detach().reshape(-1).tolist()
    if not y.requires_grad:
        return found
    xs = list(names.values())
    gs = torch.autograd.grad(
        (y * weights(torch, y)).sum(), xs, create_graph=True, allow_unused=True
    )
    found["grads"] = [None if g is None else flat(torch, g) for g in gs]
    tracked = [g for g in gs if g is not None and g.requires_grad]
    if dtype == "float64" and tracked:
        total = sum((g * weights(torch, g)).sum() for g in tracked)
        second = torch.autograd.grad(total, xs, allow_unused=True)
        found["second"] = [None if g is None else flat(torch, g) for g in second]
    return found
