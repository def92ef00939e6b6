"""How a callback is held: weakly where it belongs to the widget, so that no wish keeps a widget alive."""

from __future__ import annotations

import inspect
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from PyQt6.QtCore import QObject, pyqtBoundSignal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hold_callback", "receiver_of", "signal_of"]


def receiver_of(callback: object) -> QObject | None:
    """Return the QObject whose bound method the callback is, or is a partial of; None for anything else."""
    while isinstance(callback, partial):
        callback = callback.func
    receiver = getattr(callback, "__self__", None)
    return receiver if isinstance(receiver, QObject) else None


def signal_of(callback: object) -> pyqtBoundSignal | None:
    """Return the signal where the callback is one, or its emit.

    A signal has to be connected as a signal: calling the emit of a deleted object crashes the interpreter.
    """
    if isinstance(callback, pyqtBoundSignal):
        return callback
    sender = getattr(callback, "__self__", None)
    return sender if isinstance(sender, pyqtBoundSignal) else None


def hold_callback(callback: Callable[..., Any], owner: QObject | None) -> Callable[[Any], Any]:
    """Return what to call instead of `callback`.

    A method of `owner`, also inside a partial, is held weakly; everything else as it is, so that a lambda which
    mentions its widget keeps that widget's Python half alive for as long as it is subscribed.
    """
    inner = callback if isinstance(callback, partial) else partial(callback)
    method, args, keywords = inner.func, inner.args, inner.keywords
    if owner is None or not isinstance(method, MethodType) or method.__self__ is not owner:
        return callback
    weak = WeakMethod(method)
    if inspect.iscoroutinefunction(method):
        return _weak_coroutine(weak, args, keywords)
    if args or keywords:
        return _weak_partial(weak, args, keywords)

    def deliver(event: Any) -> Any:
        bound = weak()
        return None if bound is None else bound(event)

    return deliver


def _weak_partial(weak: WeakMethod[Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Callable[[Any], Any]:
    def deliver(event: Any) -> Any:
        bound = weak()
        return None if bound is None else bound(*args, event, **keywords)

    return deliver


def _weak_coroutine(weak: WeakMethod[Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Callable[[Any], Any]:
    async def deliver(event: Any) -> None:
        bound = weak()
        if bound is not None:
            await bound(*args, event, **keywords)

    return deliver
