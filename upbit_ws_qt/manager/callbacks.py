"""How a callback is held: weakly where it belongs to its component, so that no wish keeps a component alive."""

from __future__ import annotations

import inspect
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hold_callback"]


def hold_callback(callback: Callable[..., Any], owner: object) -> Callable[[Any], Any]:
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
