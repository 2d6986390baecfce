"""Tensors as text, in torch's form."""

import math

_OPTIONS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
):
    """How tensors are printed: decimals, the most elements shown, how many at the ends, line width."""
    profiles = {
        "default": dict(precision=4, threshold=1000, edgeitems=3, linewidth=80),
        "short": dict(precision=2, threshold=1000, edgeitems=2, linewidth=80),
        "full": dict(precision=4, threshold=math.inf, edgeitems=3, linewidth=80),
    }
    if profile is not None:
        _OPTIONS.update(profiles[profile])
    given = dict(precision=precision, threshold=threshold, edgeitems=edgeitems, linewidth=linewidth)
    _OPTIONS.update({name: value for name, value in given.items() if value is not None})
    _OPTIONS["sci_mode"] = sci_mode


class _Style:
    """How the numbers of one tensor are written: all in the width of the widest finite one."""

    def __init__(self, numbers, floating):
        self.floating, self.whole, self.scientific, self.width = floating, True, False, 1
        if not floating:
            self.width = max((len(str(x)) for x in numbers), default=1)
            return
        finite = [x for x in numbers if math.isfinite(x) and x != 0]
        if finite:
            low, high = min(map(abs, finite)), max(map(abs, finite))
            self.whole = all(x == math.ceil(x) for x in finite)
            self.scientific = high / low > 1000 or high > 1e8 or not self.whole and low < 1e-4
            if _OPTIONS["sci_mode"] is not None:
                self.scientific = _OPTIONS["sci_mode"]
            self.width = max(len(self(x)) for x in finite)

    def __call__(self, x):
        if not self.floating:
            return str(x).rjust(self.width)
        if not math.isfinite(x):
            text = "nan" if math.isnan(x) else ("inf" if x > 0 else "-inf")
        elif self.scientific:
            text = f"{x:.{_OPTIONS['precision']}e}"
        elif self.whole:
            text = f"{x:.0f}."
        else:
            text = f"{x:.{_OPTIONS['precision']}f}"
        return text.rjust(self.width)


def _shown(numbers, depth, summary):
    """The numbers that are printed."""
    if depth == 0:
        yield numbers
        return
    edge = _OPTIONS["edgeitems"]
    if summary and len(numbers) > 2 * edge:
        numbers = numbers[:edge] + numbers[-edge:]
    for part in numbers:
        yield from _shown(part, depth - 1, summary)


def _grid(numbers, depth, indent, summary, style):
    if depth == 0:
        return style(numbers)
    edge = _OPTIONS["edgeitems"]
    gap = summary and len(numbers) > 2 * edge
    if depth == 1:
        if gap:
            texts = [style(x) for x in numbers[:edge]] + [" ..."] + [style(x) for x in numbers[-edge:]]
        else:
            texts = [style(x) for x in numbers]
        line = max(1, int((_OPTIONS["linewidth"] - indent) // (style.width + 2)))
        lines = [texts[i : i + line] for i in range(0, len(texts), line)]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(t) for t in lines) + "]"
    inner = lambda part: _grid(part, depth - 1, indent + 1, summary, style)
    if gap:
        rows = [inner(x) for x in numbers[:edge]] + ["..."] + [inner(x) for x in numbers[-edge:]]
    else:
        rows = [inner(x) for x in numbers]
    return "[" + ("," + "\n" * (depth - 1) + " " * (indent + 1)).join(rows) + "]"


def text(x):
    """A tensor as torch prints it."""
    from . import _native

    numbers, rank = x.detach().tolist(), x.ndim
    floating = x.dtype.is_floating_point
    summary = x.numel() > _OPTIONS["threshold"]
    endings = []
    if x.numel() == 0:
        grid = "[" * max(rank, 1) + "]" * max(rank, 1) if rank != 1 else "[]"
        if rank != 1:
            grid = "[]"
            endings.append(f"size={tuple(x.shape)}")
    else:
        style = _Style(list(_shown(numbers, rank, summary)), floating)
        grid = _grid(numbers, rank, len("tensor("), summary, style)
    usual = {_native.get_default_dtype(), _native.int64, _native.bool}
    if x.dtype not in usual or (x.numel() == 0 and x.dtype is not _native.get_default_dtype()):
        endings.append(f"dtype={x.dtype!r}")
    if x.grad_fn is not None:
        endings.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        endings.append("requires_grad=True")
    return _wrapped("tensor(" + grid, endings)


def _wrapped(text, endings):
    """The endings on the last line, or on lines of their own where that would be too long."""
    last = len(text) - text.rfind("\n") + 1
    for ending in endings:
        if last + len(ending) + 2 > _OPTIONS["linewidth"]:
            text += ",\n" + " " * len("tensor(") + ending
            last = len("tensor(") + len(ending)
        else:
            text += ", " + ending
            last += len(ending) + 2
    return text + ")"
