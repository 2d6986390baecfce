"""Functions with a derivative of their own, as torch writes them."""

from .. import _native
from .._grad_mode import no_grad


class _Context:
    """What ``forward`` leaves for ``backward``."""

    def __init__(self, needs):
        self.needs_input_grad = needs
        self.saved_tensors = ()
        self._differentiable = None

    def save_for_backward(self, *tensors):
        """Keeps tensors, given to ``backward`` as ``saved_tensors``."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *outputs):
        """Says that no gradient flows through these outputs."""
        self._differentiable = outputs

    def set_materialize_grads(self, value):
        """Accepted and without effect: gradients are always tensors."""

    def mark_dirty(self, *inputs):
        """Accepted and without effect: tensors do not change."""


class Function:
    """A function whose derivative is given: static methods ``forward`` and ``backward``.

        >>> class Square(Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (x,) = ctx.saved_tensors
        ...         return 2 * x * g
        >>> Square.apply(tensor(3.0, requires_grad=True))
        tensor(9., grad_fn=<SquareBackward>)

    Saved inputs are the tensors that were given, so that derivatives of derivatives come out.
    """

    @staticmethod
    def forward(ctx, *arguments):
        """The value; ``ctx`` keeps what ``backward`` needs."""
        raise NotImplementedError("a Function needs a static method `forward`")

    @staticmethod
    def backward(ctx, *gradients):
        """The gradients of the arguments, from those of the outputs; None where there is none."""
        raise NotImplementedError("a Function needs a static method `backward`")

    @classmethod
    def apply(cls, *arguments):
        """The function of ``arguments``; gradients flow as ``backward`` says."""
        tensors = [i for i, a in enumerate(arguments) if isinstance(a, _native.Tensor)]
        needs = tuple(
            isinstance(a, _native.Tensor) and a.requires_grad for a in arguments
        )
        ctx = _Context(needs)
        with no_grad():
            if hasattr(cls, "setup_context"):
                results = cls.forward(*arguments)
                cls.setup_context(ctx, arguments, results)
            else:
                results = cls.forward(ctx, *arguments)
        single = isinstance(results, _native.Tensor)
        outputs = (results,) if single else tuple(results)
        if not any(needs) or not _native.is_grad_enabled():
            return results
        inputs = [arguments[i] for i in tensors]

        def rule(k):
            def pull(gradient):
                full = [
                    gradient if j == k else _native.zeros_like(y) for j, y in enumerate(outputs)
                ]
                given = cls.backward(ctx, *full)
                given = given if isinstance(given, tuple) else (given,)
                if len(given) != len(arguments):
                    raise RuntimeError(
                        f"{cls.__name__}.backward gave {len(given)} gradients for "
                        f"{len(arguments)} arguments of forward"
                    )
                return [given[i] for i in tensors]

            return pull

        stopped = {id(y) for y in ctx._differentiable or ()}
        wrapped = tuple(
            y if id(y) in stopped or not y.is_floating_point()
            else _native._custom(cls.__name__, cls.__name__ + ":", y.detach(), inputs, rule(k))
            for k, y in enumerate(outputs)
        )
        return wrapped[0] if single else wrapped
