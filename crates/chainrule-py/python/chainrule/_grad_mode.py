"""Scopes in which operations are recorded for gradients, or not: contexts and decorators."""

import functools

from . import _native


class _Scope:
    """A mode of recording, as a context and as a decorator of functions and generators."""

    _on = False

    def __init__(self, orig_func=None):
        # One scope may be entered again inside itself: the states before are a stack.
        self._before = []
        self._function = orig_func
        if orig_func is not None:
            functools.update_wrapper(self, orig_func)

    def __enter__(self):
        self._before.append(_native._enter_grad_mode(self._on))

    def __exit__(self, *exception):
        _native._leave_grad_mode(self._before.pop())

    def __call__(self, *arguments, **options):
        if self._function is not None:
            with type(self)():
                return self._function(*arguments, **options)
        return self._decorate(*arguments)

    def __get__(self, instance, owner=None):
        # A method that was decorated without brackets.
        return self if instance is None else functools.partial(self, instance)

    def _decorate(self, function):
        scope = self

        @functools.wraps(function)
        def inside(*arguments, **options):
            with scope._again():
                return function(*arguments, **options)

        return inside

    def _again(self):
        return type(self)()


class no_grad(_Scope):
    """Inside, operations are not recorded: ``with no_grad(): …`` or ``@no_grad()``."""


class enable_grad(_Scope):
    """Inside, operations are recorded, also within ``no_grad``."""

    _on = True


class set_grad_enabled(_Scope):
    """Switches recording on or off from now on, or in a ``with`` until its end."""

    def __init__(self, mode):
        super().__init__()
        self._on = bool(mode)
        self._before.append(_native._enter_grad_mode(self._on))
        self._fresh = True

    def __enter__(self):
        # The constructor has entered already.
        if not self._fresh:
            super().__enter__()
        self._fresh = False

    def _decorate(self, function):
        _native._leave_grad_mode(self._before.pop())
        return super()._decorate(function)

    def _again(self):
        return (enable_grad if self._on else no_grad)()


class inference_mode(_Scope):
    """The same as ``no_grad``; ``inference_mode(False)`` as ``enable_grad``."""

    def __init__(self, mode=True):
        function = mode if callable(mode) else None
        super().__init__(function)
        self._on = not (function is not None or mode)

    def _again(self):
        return inference_mode(not self._on)
