"""Moving elements: shapes, order, joining."""

from .. import _native
from .._native import Tensor
from ._types import array, axis_of, result_type


def broadcast_to(x, /, shape):
    """The array stretched to a shape."""
    return array("broadcast_to", x, "any").broadcast_to(tuple(shape))


def broadcast_arrays(*arrays):
    """The arrays stretched to their common shape."""
    shape = _native.broadcast_shapes(*(tuple(x.shape) for x in arrays))
    return [x.broadcast_to(shape) for x in arrays]


def concat(arrays, /, *, axis=0):
    """The arrays one after the other along an axis; all elements in order if it is None."""
    dtype = result_type(*arrays)
    parts = [x.to(dtype) for x in arrays]
    if axis is None:
        return _native.cat([x.reshape(-1) for x in parts], 0)
    return _native.cat(parts, axis_of("concat", axis, parts[0].ndim))


def stack(arrays, /, *, axis=0):
    """Arrays of one shape side by side along a new axis."""
    dtype = result_type(*arrays)
    return _native.stack([x.to(dtype) for x in arrays], axis_of("stack", axis, arrays[0].ndim + 1))


def unstack(x, /, *, axis=0):
    """The parts of an axis, without it, as a tuple."""
    return tuple(array("unstack", x, "any").unbind(axis_of("unstack", axis, x.ndim)))


def expand_dims(x, /, *, axis=0):
    """With a new axis of length 1 at a place."""
    return array("expand_dims", x, "any").unsqueeze(axis_of("expand_dims", axis, x.ndim + 1))


def squeeze(x, /, axis):
    """Without axes of length 1; another length is an error."""
    gone = (axis,) if isinstance(axis, int) else tuple(axis)
    gone = {axis_of("squeeze", a, array("squeeze", x, "any").ndim) for a in gone}
    if any(x.shape[a] != 1 for a in gone):
        raise ValueError(f"`squeeze` of axes {sorted(gone)} of {tuple(x.shape)}, not all of length 1")
    return x.reshape(tuple(n for a, n in enumerate(x.shape) if a not in gone))


def flip(x, /, *, axis=None):
    """Backwards along axes; along all if None."""
    array("flip", x, "any")
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(axis_of("flip", a, x.ndim) for a in axes)
    return x.flip(axes) if axes else x.clone()


def permute_dims(x, /, axes):
    """With the axes in another order."""
    return array("permute_dims", x, "any").permute(tuple(axes))


def moveaxis(x, source, destination, /):
    """With axes moved to other places, the others in order."""
    array("moveaxis", x, "any")
    listed = lambda a: [a] if isinstance(a, int) else list(a)
    source = [axis_of("moveaxis", a, x.ndim) for a in listed(source)]
    destination = [axis_of("moveaxis", a, x.ndim) for a in listed(destination)]
    if len(source) != len(destination) or len(set(source)) < len(source) or len(
        set(destination)
    ) < len(destination):
        raise ValueError("`moveaxis` takes as many places as axes, each once")
    order = [a for a in range(x.ndim) if a not in source]
    for to, a in sorted(zip(destination, source)):
        order.insert(to, a)
    return x.permute(order) if order else x.clone()


def reshape(x, /, shape, *, copy=None):
    """The same elements in another shape; one length may be −1."""
    y = array("reshape", x, "any").reshape(tuple(shape))
    return y.clone() if copy else y


def roll(x, /, shift, *, axis=None):
    """Elements moved along axes, those that leave at the end come back at the start."""
    array("roll", x, "any")
    if axis is None:
        return x.reshape(-1).roll(shift, 0).reshape(tuple(x.shape))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    for by, a in zip(shifts, axes):
        x = x.roll(by, axis_of("roll", a, x.ndim))
    return x


def repeat(x, repeats, /, *, axis=None):
    """Each element several times in a row, along an axis or of all in order."""
    array("repeat", x, "any")
    if axis is None:
        x, axis = x.reshape(-1), 0
    times = repeats if isinstance(repeats, (int, Tensor)) else list(repeats)
    return x.repeat_interleave(times, axis_of("repeat", axis, x.ndim))


def tile(x, repetitions, /):
    """Copies of the array, so many along each axis."""
    array("tile", x, "any")
    times = tuple(repetitions)
    times = (1,) * (x.ndim - len(times)) + times
    x = x.reshape((1,) * (len(times) - x.ndim) + tuple(x.shape))
    for axis, n in enumerate(times):
        shape = tuple(x.shape)
        stretched = x.unsqueeze(axis).broadcast_to(shape[:axis] + (n,) + shape[axis:])
        x = stretched.reshape(shape[:axis] + (n * shape[axis],) + shape[axis + 1 :])
    return x


__all__ = [
    "broadcast_to", "broadcast_arrays", "concat", "stack", "unstack", "expand_dims", "squeeze", "flip",
    "permute_dims", "moveaxis", "reshape", "roll", "repeat", "tile",
]  # fmt: skip
