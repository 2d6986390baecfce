"""The cells of the lecture, with its outputs."""

import pytest
import chainrule as torch


def test_a_simple_example():
    x = torch.arange(4.0)
    x.requires_grad_(True)
    assert repr(x) == "tensor([0., 1., 2., 3.], requires_grad=True)"
    assert x.grad is None
    y = 2 * torch.dot(x, x)
    assert repr(y) == "tensor(28., grad_fn=<MulBackward0>)"
    y.backward()
    assert repr(x.grad) == "tensor([ 0.,  4.,  8., 12.])"
    assert repr(x.grad == 4 * x) == "tensor([True, True, True, True])"
    x.grad.zero_()
    y = x.sum()
    y.backward()
    assert repr(x.grad) == "tensor([1., 1., 1., 1.])"
    x.grad.zero_()
    y = x * x
    with pytest.raises(RuntimeError, match="one element"):
        y.backward()
