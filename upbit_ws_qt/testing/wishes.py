"""What a widget asks for, asserted; Qt is loaded when something is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtCore import QObject

    from upbit_ws_qt.qt import WebSocketService
    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = ["assert_no_wishes", "assert_wishes"]


def assert_wishes(widget: QObject, *, service: WebSocketService | None = None, **wishes: str | Iterable[str]) -> None:
    """Assert that a widget, with all that is within it, asks for exactly these data.

    What counts is what the proxies ask for whose owner is the widget, or an object within it: subscriptions, and the
    proxy's own channels.

    Example:
        assert_wishes(window, ticker=["KRW-BTC", "KRW-ETH"], candle_1m="KRW-BTC", my_asset=())

    Args:
        widget: the owner, as `WebSocketClientProxy(…, owner=widget)` has it.
        service: WebSocketService.instance() by default.
        **wishes: markets by the kind of data: ticker, trade, orderbook, candle_1s to candle_240m, my_order, my_asset,
            announcement, indicator, indicator_signal. `()` for what is not about certain markets.

    Raises:
        AssertionError: that names what is asked for too much or too little.
        TypeError: there is no such kind of data.
    """
    expected = {line for kind, symbols in wishes.items() for line in _lines(_wire_name(kind), symbols)}
    found = _wanted(service, widget)
    if found == expected:
        return
    lines = [f"{type(widget).__name__} asks for something else:"]
    lines += [f"  missing: {line}" for line in sorted(expected - found)]
    lines += [f"  too much: {line}" for line in sorted(found - expected)]
    raise AssertionError("\n".join(lines))


def assert_no_wishes(widget: QObject | None = None, *, service: WebSocketService | None = None) -> None:
    """Assert that nothing is asked for any more for a widget, also for one that was deleted, and all within it.

    Args:
        widget: the owner; None for the whole program: then nothing at all may be asked for.
        service: WebSocketService.instance() by default.

    Raises:
        AssertionError: that names what is still asked for.
    """
    if widget is None:
        active = _service(service).manager.get_active_subscriptions()
        left = [f"{stream} (for {', '.join(components)})" for stream, components in active.items()]
    else:
        left = sorted(_wanted(service, widget))
    if left:
        raise AssertionError("\n".join(["still asked for:", *(f"  {line}" for line in left)]))


def _service(given: WebSocketService | None) -> WebSocketService:
    from upbit_ws_qt.qt import WebSocketService  # here: who only collects tests loads no Qt

    return given or WebSocketService.instance()


def _wanted(service: WebSocketService | None, widget: QObject) -> set[str]:
    specs: tuple[SubscriptionSpec, ...] = _service(service).wishes_of(widget)
    return {line for spec in specs for line in _lines(spec.data_type.value, spec.symbols)}


def _lines(wire_name: str, symbols: str | Iterable[str]) -> set[str]:
    codes = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    return {f"{wire_name} {code}" for code in codes} or {wire_name}


def _wire_name(kind: str) -> str:
    from upbit_ws_qt.types import DataType

    try:
        return DataType[kind.upper()].value
    except KeyError:
        known = ", ".join(name.lower() for name in DataType.__members__)
        raise TypeError(f"there is no data called {kind!r}; there is {known}") from None
