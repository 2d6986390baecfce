"""Functions of functions against closed forms."""

import dataclasses
from collections import namedtuple

import pytest

import chainrule as cr
from chainrule import func


def close(x, y, tolerance=1e-6):
    # Float32: a few roundings of 6e-8 each.
    x, y = cr.as_tensor(x).to(cr.float64), cr.as_tensor(y).to(cr.float64)
    return tuple(x.shape) == tuple(y.shape) and (x - y).abs().max().item() < tolerance


X = cr.tensor([1.0, 2.0, 3.0])


def test_the_readme_of_derivatives():
    f = lambda x: 3 * x**2 - 4 * x  # noqa: E731
    assert func.grad(f)(1.0).item() == 2.0
    assert func.grad(func.grad(f))(1.0).item() == 6.0
    assert func.grad(func.grad(func.grad(f)))(1.0).item() == 0.0


def test_value_and_grad_of_several_arguments():
    f = lambda w, x, scale: scale * (w * x).sum()  # noqa: E731
    value, (by_w, by_x) = func.value_and_grad(f, argnums=(0, 1))(X, 2 * X, scale=3.0)
    assert value.item() == 84.0
    assert close(by_w, 6 * X) and close(by_x, 3 * X)
    assert close(func.grad(f, argnums=-2)(X, 2 * X, 3.0), 3 * X)
    gradient, value = func.grad_and_value(f)(X, X, 1.0)
    assert close(gradient, X) and value.item() == 14.0


Pair = namedtuple("Pair", "left right")


@dataclasses.dataclass(frozen=True)
class Line:
    slope: cr.Tensor
    offset: cr.Tensor
    name: str


def test_gradients_have_the_structure_of_arguments():
    tree = {"a": [X, (2 * X, 5)], "b": Pair(X, None), "c": Line(X, X, "line")}

    def f(t):
        assert t["a"][1][1] == 5 and t["c"].name == "line"
        a, b, c = t["a"], t["b"], t["c"]
        return (a[0] * a[1][0] + b.left**2 + c.slope * c.offset**2).sum()

    g = func.grad(f)(tree)
    assert close(g["a"][0], 2 * X) and close(g["a"][1][0], X) and g["a"][1][1] == 5
    assert isinstance(g["b"], Pair) and close(g["b"].left, 2 * X) and g["b"].right is None
    assert isinstance(g["c"], Line) and g["c"].name == "line"
    assert close(g["c"].slope, X**2) and close(g["c"].offset, 2 * X**2)


def test_auxiliary_results():
    f = lambda x: ((x**2).sum(), {"norm": x.norm(), "n": 3})  # noqa: E731
    (value, aux), gradient = func.value_and_grad(f, has_aux=True)(X)
    assert value.item() == 14.0 and close(gradient, 2 * X)
    assert close(aux["norm"], 14**0.5) and aux["n"] == 3
    gradient, aux = func.grad(f, has_aux=True)(X)
    assert aux["n"] == 3
    f = lambda x: (x**2, x.sum())  # noqa: E731
    y, pull, aux = func.vjp(f, X, has_aux=True)
    assert close(y, X**2) and aux.item() == 6.0 and close(pull(cr.ones(3))[0], 2 * X)
    y, dy, aux = func.jvp(f, (X,), (cr.ones(3),), has_aux=True)
    assert close(dy, 2 * X) and aux.item() == 6.0
    jacobian, aux = func.jacrev(f, has_aux=True)(X)
    assert close(jacobian, cr.diag(2 * X)) and aux.item() == 6.0


def test_products_with_the_jacobian():
    f = lambda x, y: (x * y, x.sum())  # noqa: E731
    (first, second), pull = func.vjp(f, X, 2 * X)
    assert close(first, 2 * X**2) and second.item() == 6.0
    by_x, by_y = pull((cr.ones(3), cr.tensor(10.0)))
    assert close(by_x, 2 * X + 10) and close(by_y, X)
    _, (d_first, d_second) = func.jvp(f, (X, 2 * X), (cr.ones(3), cr.zeros(3)))
    assert close(d_first, 2 * X) and d_second.item() == 3.0
    y, push = func.linearize(lambda x: x.sin(), X)
    assert close(y, X.sin())
    assert close(push(cr.ones(3)), X.cos()) and close(push(2 * X), 2 * X * X.cos())


def test_whole_jacobians():
    f = lambda x: x.sum() * x  # noqa: E731
    wanted = X.sum() * cr.eye(3) + X.unsqueeze(1)
    assert close(func.jacrev(f)(X), wanted) and close(func.jacfwd(f)(X), wanted)
    blocks = func.jacrev(lambda x, y: {"p": x * y, "s": y.sum()}, argnums=(0, 1))(X, 2 * X)
    assert close(blocks["p"][0], cr.diag(2 * X)) and close(blocks["p"][1], cr.diag(X))
    assert close(blocks["s"][0], cr.zeros(3)) and close(blocks["s"][1], cr.ones(3))


def test_second_derivatives():
    f = lambda x: x.prod() ** 2  # noqa: E731
    x = cr.tensor([1.0, 2.0])
    assert func.hessian(f)(x).tolist() == [[8.0, 8.0], [8.0, 2.0]]
    assert func.hvp(f, x, cr.tensor([1.0, 0.0])).tolist() == [8.0, 8.0]
    assert close(func.jacfwd(func.jacrev(f))(x), func.hessian(f)(x))
    h = func.hessian(lambda a, b: (a * b).sum() ** 2, argnums=(0, 1))(cr.tensor(2.0), cr.tensor(3.0))
    assert [[v.item() for v in row] for row in h] == [[18.0, 24.0], [24.0, 8.0]]
    first, second = func.hvp(lambda a, b: (a * b).sum() ** 2, (cr.tensor(2.0), cr.tensor(3.0)),
                             (cr.tensor(1.0), cr.tensor(0.0)))
    assert (first.item(), second.item()) == (18.0, 24.0)


def test_batches():
    a = cr.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert func.vmap(cr.dot, in_dims=(0, None))(a, a[0]).tolist() == [5.0, 11.0, 17.0]
    assert func.vmap(cr.dot, in_dims=(1, 1))(a, a).tolist() == [35.0, 56.0]
    assert close(func.vmap(lambda x: 2 * x, out_dims=1)(a), 2 * a.T)
    parts = func.vmap(lambda t: {"sum": t["x"].sum(), "y": t["y"]}, in_dims=({"x": 0, "y": None},))
    found = parts({"x": a, "y": cr.tensor(7.0)})
    assert found["sum"].tolist() == [3.0, 7.0, 11.0] and found["y"].tolist() == [7.0] * 3
    w, y = cr.tensor([0.5, -1.0]), cr.tensor([1.0, 0.0, 1.0])
    loss = lambda w, x, y: (w.dot(x) - y) ** 2  # noqa: E731
    per_sample = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(w, a, y)
    assert close(per_sample[0], [-5.0, -10.0])
    noise = func.vmap(lambda x: x + cr.randn(()))(cr.zeros(50))
    assert len(set(noise.tolist())) > 40


def test_gradients_flow_through():
    w = cr.tensor(2.0, requires_grad=True)
    y = func.grad(lambda x: w * (x**3).sum())(X)
    y.sum().backward()
    assert w.grad.item() == 42.0  # 3 Σ x²
    with cr.no_grad():
        assert close(func.grad(lambda x: (x**2).sum())(X), 2 * X)


def test_checkpoints_give_the_same_numbers():
    w = cr.tensor([0.5, -0.2], requires_grad=True)
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    f = lambda x, k: {"y": (x * w).tanh().exp() * k}  # noqa: E731
    f(x, 2.0)["y"].sum().backward()
    plain = x.grad.tolist(), w.grad.tolist()
    x.grad = w.grad = None
    cr.checkpoint(f, x, 2.0)["y"].sum().backward()
    assert (x.grad.tolist(), w.grad.tolist()) == plain
    assert cr.utils.checkpoint.checkpoint is cr.checkpoint


def test_programs_are_traced_once_for_each_signature():
    calls = []

    @cr.compile
    def step(w, x, *, rate=0.1):
        calls.append(1)
        return {"w": w - rate * func.grad(lambda w: ((w * x - 1) ** 2).sum())(w), "rate": rate}

    assert step.__name__ == "step"
    w, x = cr.zeros(2), cr.tensor([1.0, 2.0])
    for _ in range(50):
        w = step(w, x)["w"]
    assert close(w, [1.0, 0.5], 1e-4) and len(calls) == 1
    step(cr.zeros(3), cr.ones(3))
    step(w, x, rate=0.2)
    assert step.signatures == 3 and len(calls) == 3
    p = cr.tensor(1.0, requires_grad=True)
    scaled = cr.compile(lambda x: p * x)
    assert scaled(x).tolist() == [1.0, 2.0]
    with cr.no_grad():
        p.fill_(3.0)
    y = scaled(x)
    assert y.tolist() == [3.0, 6.0]
    y.sum().backward()
    assert p.grad.item() == 3.0


class Mine(Exception):
    pass


def test_errors():
    def fails(x):
        raise Mine("own")

    for run in (
        lambda: func.grad(fails)(X),
        lambda: func.vmap(fails)(X),
        lambda: func.jvp(fails, (X,), (X,)),
        lambda: cr.compile(fails)(X),
        lambda: cr.checkpoint(fails, X),
    ):
        with pytest.raises(Mine, match="own"):
            run()
    with pytest.raises(RuntimeError, match="one number"):
        func.grad(lambda x: x)(X)
    with pytest.raises(TypeError, match="must give a tensor"):
        func.grad(lambda x: 3.0)(X)
    with pytest.raises(TypeError, match="int64"):
        func.grad(lambda x: x.sum())(cr.arange(3))
    with pytest.raises(ValueError, match="no argument 2"):
        func.grad(lambda x: x.sum(), argnums=2)(X)
    with pytest.raises(TypeError, match="pair"):
        func.grad(lambda x: x.sum(), has_aux=True)(X)
    with pytest.raises(ValueError, match="structure"):
        func.vjp(lambda x: (x, x), X)[1](X)
    with pytest.raises(ValueError, match="2 in_dims for 1"):
        func.vmap(cr.sin, in_dims=(0, 0))(X)
    with pytest.raises(ValueError, match="no axis 3"):
        func.vmap(cr.sin, in_dims=3)(X)
    with pytest.raises(ValueError, match="no argument has an axis"):
        func.vmap(cr.sin, in_dims=None)(X)
    with pytest.raises(RuntimeError):
        func.vmap(lambda x: x * x.item())(X)
    with pytest.raises(TypeError, match="hashable"):
        cr.compile(lambda x, s: x)(X, {1, 2})


def test_modules_with_other_tensors():
    net = cr.nn.Linear(2, 1)
    weights = {"weight": cr.tensor([[1.0, 2.0]]), "bias": cr.tensor([3.0])}
    x = cr.tensor([1.0, 1.0])
    assert func.functional_call(net, weights, x).tolist() == [6.0]
    g = func.grad(lambda w: func.functional_call(net, w, (x,)).sum())(weights)
    assert g["weight"].tolist() == [[1.0, 1.0]] and g["bias"].tolist() == [1.0]
    assert net.weight.requires_grad and net(x).requires_grad
