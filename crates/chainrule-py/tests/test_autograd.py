"""Gradients as torch's users ask for them."""

import threading

import pytest

import chainrule as cr
from chainrule.autograd import functional


def test_hooks_see_and_change_gradients():
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    handle = x.register_hook(lambda g: seen.append(g.tolist()))
    double = x.register_hook(lambda g: g * 2)
    (x * 3).sum().backward()
    assert seen == [[3.0, 3.0]] and x.grad.tolist() == [6.0, 6.0]
    handle.remove()
    double.remove()
    x.grad = None
    (x * 3).sum().backward()
    assert len(seen) == 1 and x.grad.tolist() == [3.0, 3.0]


def test_an_exception_in_a_hook_comes_out_as_it_was():
    x = cr.ones(2, requires_grad=True)
    mistake = KeyError("mine")

    def hook(g):
        raise mistake

    x.register_hook(hook)
    with pytest.raises(KeyError) as raised:
        x.sum().backward()
    assert raised.value is mistake


def test_leaves_and_kept_gradients():
    x = cr.ones(2, requires_grad=True)
    y = x * 2
    assert x.is_leaf and not y.is_leaf and cr.ones(2).is_leaf
    y.retain_grad()
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]
    assert y.grad_fn.name() == "MulBackward0" and x.grad_fn is None
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad = False


def test_modes_as_contexts_and_decorators():
    x = cr.ones(2, requires_grad=True)

    @cr.no_grad()
    def f(x):
        return x * 2

    @cr.no_grad
    def g(x):
        """Doubled."""
        return x * 2

    @cr.inference_mode()
    def h(x):
        with cr.enable_grad():
            return x * 2

    assert not f(x).requires_grad and not g(x).requires_grad and h(x).requires_grad
    assert g.__doc__ == "Doubled." and cr.is_grad_enabled()
    with cr.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    cr.set_grad_enabled(False)
    assert not cr.is_grad_enabled()
    cr.set_grad_enabled(True)
    scope = cr.no_grad()
    with scope, scope:
        assert not cr.is_grad_enabled()
    assert cr.is_grad_enabled()


def test_gradients_are_asked_for():
    x = cr.tensor(3.0, dtype=cr.float64, requires_grad=True)
    z = cr.tensor(1.0, dtype=cr.float64, requires_grad=True)
    (g,) = cr.autograd.grad(x**3, x, create_graph=True)
    (h,) = cr.autograd.grad(g, [x], create_graph=True)
    assert (g.item(), h.item(), cr.autograd.grad(h, x)[0].item()) == (27.0, 18.0, 6.0)
    assert cr.autograd.grad(x**2, [x, z], allow_unused=True)[1] is None
    assert cr.autograd.grad(x**2, [x, z], materialize_grads=True)[1].item() == 0.0
    with pytest.raises(RuntimeError, match="does not depend"):
        cr.autograd.grad(x**2, [x, z])
    y = cr.stack([x, x * 2])
    (g,) = cr.autograd.grad(y, x, grad_outputs=cr.tensor([1.0, 10.0], dtype=cr.float64))
    assert g.item() == 21.0
    (rows,) = cr.autograd.grad(y, x, grad_outputs=cr.eye(2, dtype=cr.float64), is_grads_batched=True)
    assert rows.tolist() == [1.0, 2.0]
    cr.autograd.backward([x * 2, x * 3])
    assert x.grad.item() == 5.0 and z.grad is None
    (x * z).backward(inputs=[z])
    assert x.grad.item() == 5.0 and z.grad.item() == 3.0


class Cube(cr.autograd.Function):
    """x³, with its derivative given."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return scale * x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * ctx.scale * x**2 * g, None


def test_functions_with_derivatives_of_their_own():
    x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    y = Cube.apply(x, 2.0)
    assert repr(y).endswith("grad_fn=<CubeBackward>)")
    (g,) = cr.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [6.0, 24.0]
    assert cr.autograd.grad(g.sum(), x)[0].tolist() == [12.0, 24.0]
    assert cr.autograd.gradcheck(lambda x: Cube.apply(x, 0.5), x)
    assert cr.autograd.gradgradcheck(lambda x: Cube.apply(x, 0.5), x)
    assert not Cube.apply(x.detach(), 2.0).requires_grad


class Wrong(cr.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * x

    @staticmethod
    def backward(ctx, g):
        return g


def test_a_wrong_derivative_is_found():
    x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    with pytest.raises(cr.autograd.GradcheckError, match="differences of values say 2.0"):
        cr.autograd.gradcheck(Wrong.apply, x)
    assert not cr.autograd.gradcheck(Wrong.apply, x, raise_exception=False)


def test_derivatives_of_functions_at_points():
    x = cr.tensor([1.0, 2.0], dtype=cr.float64)
    cube = lambda x: (x**3).sum()
    assert functional.hessian(cube, x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    assert functional.jacobian(lambda x: x**2, x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert functional.jvp(lambda x: x**2, x, cr.ones_like(x))[1].tolist() == [2.0, 4.0]
    assert functional.vjp(lambda x: x**2, x, cr.ones_like(x))[1].tolist() == [2.0, 4.0]
    assert functional.vhp(cube, x, cr.ones_like(x))[1].tolist() == [6.0, 12.0]
    assert functional.hvp(cube, x, cr.ones_like(x))[1].tolist() == [6.0, 12.0]
    blocks = functional.jacobian(lambda x, y: x * y, (x, 2 * x))
    assert blocks[1].tolist() == [[1.0, 0.0], [0.0, 2.0]]
    mixed = functional.hessian(lambda x, y: (x * y).sum(), (x, 2 * x))
    assert mixed[0][1].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_parameters_keep_their_identity():
    w = cr.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="no_grad"):
        w += 1
    before = w * 2
    with cr.no_grad():
        w -= 0.5
        w[0] = 4
    assert w.tolist() == [4.0, 0.5, 0.5] and w.is_leaf and before.tolist() == [2.0, 2.0, 2.0]
    w.data.mul_(2)
    w.data -= 1
    assert w.tolist() == [7.0, 0.0, 0.0]
    (w * w).sum().backward()
    w.grad.mul_(10)
    w.grad += 1
    assert w.grad.tolist() == [141.0, 1.0, 1.0]
    w.grad.zero_()
    assert w.grad.tolist() == [0.0, 0.0, 0.0]
    w.grad = None
    assert w.grad is None


def test_threads_build_and_run_graphs_side_by_side():
    results = {}

    def work(i):
        x = cr.full((50, 50), 1.0 + i).requires_grad_()
        with cr.no_grad() if i % 2 else cr.enable_grad():
            assert (x * 2).requires_grad == (i % 2 == 0)
        for _ in range(10):
            (x @ x).sum().backward()
        results[i] = x.grad[0, 0].item()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: 1000.0 * (1 + i) for i in range(6)}


def test_other_threads_run_while_numbers_are_computed():
    x = cr.rand(1200, 1200)
    for _ in range(10):
        x = (x @ x) / 1200
    thread = threading.Thread(target=x.sum().item)
    thread.start()
    turns = 0
    while thread.is_alive():
        thread.join(0.001)
        turns += 1
    # Some hundred milliseconds; who waits for the interpreter gets one turn or two.
    assert turns > 10
