"""Which panels the program has, and how each is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from widgets.chart import ChartWidget
from widgets.text import mark
from widgets.watch_list import WatchListWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService
    from widgets.market_catalog import MarketCatalog
    from widgets.rest import RestClient

__all__ = ["PANELS", "Needs", "PanelKind"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What panels are made of."""

    service: WebSocketService
    catalog: MarketCatalog
    rest: RestClient
    symbol: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PanelKind:
    """A panel's title, to be translated, and how it is made."""

    title: str
    make: Callable[[Needs, QWidget], QWidget]


def _watch_list(needs: Needs, parent: QWidget) -> QWidget:
    return WatchListWidget(needs.service, needs.catalog, parent, symbols=needs.symbols)


def _chart(needs: Needs, parent: QWidget) -> QWidget:
    return ChartWidget(needs.service, needs.symbol, parent, rest=needs.rest)


PANELS: dict[str, PanelKind] = {
    "watch_list": PanelKind(mark("Watch list"), _watch_list),
    "chart": PanelKind(mark("Chart"), _chart),
}
"""By the name that layouts know it by."""
