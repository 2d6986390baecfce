"""Mistakes are exceptions of the expected classes, that name the line of Python."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import chainrule as cr


def line():
    return sys._getframe(1).f_lineno


def test_an_error_names_its_line_and_those_that_led_there():
    x = cr.ones(32, 10)
    made = line() - 1
    bias = cr.zeros(7).requires_grad_().named("bias")
    with pytest.raises(ValueError) as raised:
        x + bias
    here = line() - 1
    text = str(raised.value)
    assert text.splitlines()[0].endswith(f"{__file__}:{here}")
    assert f"made at {__file__}:{made}" in text and 'parameter "bias"' in text
    assert "10 and 7 differ on the last axis" in text


def test_the_line_of_no_grad_is_named():
    x = cr.ones(2, requires_grad=True)
    with cr.no_grad():
        scope = line() - 1
        y = x.sum()
    with pytest.raises(RuntimeError, match="no_grad") as raised:
        y.backward()
    assert f"{__file__}:{scope}" in str(raised.value).replace("\n        ", " ")


def test_an_index_out_of_range_is_found_at_once():
    x = cr.arange(4.0)
    for key in (4, -5, [0, 9], (slice(None), 0), cr.tensor([4])):
        with pytest.raises(IndexError):
            x[key]


def test_texts_speak_python():
    """No text that a user of Python sees has an idiom of Rust."""
    mistakes = [
        lambda: cr.ones(2, requires_grad=True).backward(),
        lambda: cr.ones(2).sum().backward(),
        lambda: cr.ones(2).item(),
        lambda: cr.tensor([1], requires_grad=True),
        lambda: cr.ones(3).gather(0, cr.ones(2)),
        lambda: cr.ones(2, 2) @ cr.ones(3, 2),
        lambda: cr.ones(2, requires_grad=True).sum().backward(cr.ones(2)),
        lambda: cr.ones(2).retain_grad(),
        lambda: cr.tensor([1.0, float("nan")]).sum().__int__(),
        lambda: cr.autograd.grad(cr.ones(2, requires_grad=True).sum(), cr.ones(2)),
    ]
    for mistake in mistakes:
        with pytest.raises((RuntimeError, TypeError, ValueError)) as raised:
            mistake()
        text = str(raised.value)
        assert "hint" in text
        for idiom in ("&", "::", "DType", "to_dtype", "backward_with", ".to_vec", ".i(", "F64"):
            assert idiom not in text, text


def test_a_mistake_inside_the_engine_is_no_crash():
    with pytest.raises(Exception) as raised:
        cr.zeros(10**18, 10**18)
    assert isinstance(raised.value, Exception) and "memory" in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")
def test_an_interrupt_stops_a_long_computation():
    n = 2000
    w = (cr.rand(n, n) * (2 / n)).requires_grad_()
    x = cr.rand(4, n)

    def chain(steps):
        # Tracked, so that it stays pending however heavy it grows; with new numbers each time.
        y = x + cr.rand(1)
        for _ in range(steps):
            y = y @ w
        return y.sum()

    def seconds(y):
        start = time.monotonic()
        y.item()
        return time.monotonic() - start

    def going_on(y):
        """How long `y` is computed after an interrupt; None if that ends before one is sent."""
        sent, ended = [], threading.Event()

        def interrupt():
            if not ended.wait(0.05):
                sent.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            y.item()
            ended.set()
        except KeyboardInterrupt:
            return time.monotonic() - sent[0]
        finally:
            ended.set()
            thread.join()

    seconds(chain(20))
    step = min(seconds(chain(20)) for _ in range(3)) / 20
    for length in (1.5, 6.0, 24.0):
        y = chain(20 + round(length / step))
        after = going_on(y)
        if after is not None:
            break
    # It stopped after the step that ran, one of very many, not at the end.
    assert y.requires_grad and after < 0.5 * seconds(y)
    # An interrupt while nothing is computed is Python's alone.
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert (cr.ones(2) > 0).all() and cr.ones(2).sum().item() == 2.0


def test_nothing_is_printed_for_an_error_that_is_raised():
    code = "import chainrule as cr\ntry: cr.zeros(-1)\nexcept RuntimeError: print('caught')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("caught\n", "")
