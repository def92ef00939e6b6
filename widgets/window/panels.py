"""Which panels the program has, and how each is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account.my_assets import MyAssetsWidget
from ..account.my_orders import MyOrdersWidget
from ..alarms.keeper import AlarmKeeper
from ..alarms.lines import AlarmLines
from ..alarms.panel import AlarmsWidget
from ..announcements.panel import AnnouncementsWidget
from ..base.text import mark
from ..chart.panel import ChartWidget
from ..flow.book_map import BookMapWidget
from ..flow.depth import DepthWidget
from ..flow.footprint import FootprintWidget
from ..flow.ladder import LadderWidget
from ..indicators.choice import FIRST_WATCHES
from ..indicators.panel import IndicatorsWidget
from ..market.map import MarketMapWidget
from ..market.movers import MoversWidget
from ..market.premium import CrossPremiumWidget
from ..market.screener import ScreenerWidget
from ..monitor_dock import ConnectionMonitorDock
from ..order_book.panel import OrderBookWidget
from ..quote.panel import QuoteWidget
from ..tape.panel import TapeWidget
from ..watch_list.panel import WatchListWidget
from .log_dock import LogBook, LogWidget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import IndicatorSpec, WebSocketService

    from ..base.market_catalog import MarketCatalog
    from ..watch_list.book import WatchBook

__all__ = ["PANELS", "Needs", "PanelKind"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What panels are made of."""

    service: WebSocketService
    catalog: MarketCatalog
    log: LogBook
    symbol: str
    symbols: tuple[str, ...]
    unit: str
    watches: tuple[tuple[IndicatorSpec, str], ...] = FIRST_WATCHES
    record: Path | None = None
    control: str | None = None
    """Where the embedded exchange takes faults; None for any other exchange."""
    chart: Path | None = None
    """The file in which the charts keep how they are shown, and their drawings."""
    book: WatchBook | None = None
    """Lists, tags and notes, common to all watch lists."""
    instance: str = ""
    """Name of a further panel of its kind, "chart#2"; empty for the first one."""
    alarms: AlarmKeeper | None = None
    """Who watches for alarms; None for one that keeps nothing."""


@dataclass(frozen=True, slots=True)
class PanelKind:
    """A panel's title, to be translated, how it is made, and whether there may be only one (it keeps a record)."""

    title: str
    make: Callable[[Needs, QWidget], QWidget]
    single: bool = False


def _alarms(needs: Needs, parent: QWidget) -> AlarmsWidget:
    keeper = needs.alarms or AlarmKeeper(needs.service, parent=parent, catalog=needs.catalog)
    return AlarmsWidget(keeper, needs.symbol, parent)


def _chart(needs: Needs, parent: QWidget) -> ChartWidget:
    chart = ChartWidget(
        needs.service, needs.symbol, parent, unit=needs.unit, memory=needs.chart, memory_name=needs.instance
    )
    if needs.alarms is not None:
        AlarmLines(chart, needs.alarms)
    return chart


PANELS: dict[str, PanelKind] = {
    "watch_list": PanelKind(
        mark("Watch list"),
        lambda needs, parent: WatchListWidget(
            needs.service, needs.catalog, parent, symbols=needs.symbols, book=needs.book
        ),
    ),
    "quote": PanelKind(
        mark("Quote"),
        lambda needs, parent: QuoteWidget(needs.service, needs.symbol, parent, catalog=needs.catalog),
    ),
    "chart": PanelKind(mark("Chart"), _chart),
    "order_book": PanelKind(
        mark("Order book"),
        lambda needs, parent: OrderBookWidget(needs.service, needs.symbol, parent),
    ),
    "tape": PanelKind(mark("Tape"), lambda needs, parent: TapeWidget(needs.service, needs.symbol, parent)),
    "ladder": PanelKind(mark("Ladder"), lambda needs, parent: LadderWidget(needs.service, needs.symbol, parent)),
    "depth": PanelKind(mark("Depth chart"), lambda needs, parent: DepthWidget(needs.service, needs.symbol, parent)),
    "footprint": PanelKind(
        mark("Footprint"), lambda needs, parent: FootprintWidget(needs.service, needs.symbol, parent)
    ),
    "book_map": PanelKind(mark("Book map"), lambda needs, parent: BookMapWidget(needs.service, needs.symbol, parent)),
    "my_orders": PanelKind(mark("My orders"), lambda needs, parent: MyOrdersWidget(needs.service, parent)),
    "my_assets": PanelKind(mark("My assets"), lambda needs, parent: MyAssetsWidget(needs.service, parent)),
    "alarms": PanelKind(mark("Alarms"), _alarms),
    "announcements": PanelKind(mark("Announcements"), lambda needs, parent: AnnouncementsWidget(needs.service, parent)),
    "indicators": PanelKind(
        mark("Indicators"),
        lambda needs, parent: IndicatorsWidget(needs.service, needs.symbol, parent, watches=needs.watches),
    ),
    "market_map": PanelKind(
        mark("Market map"), lambda needs, parent: MarketMapWidget(needs.service, needs.catalog, parent)
    ),
    "movers": PanelKind(mark("Movers"), lambda needs, parent: MoversWidget(needs.service, needs.catalog, parent)),
    "screener": PanelKind(mark("Screener"), lambda needs, parent: ScreenerWidget(needs.service, needs.catalog, parent)),
    "premium": PanelKind(
        mark("Cross premium"), lambda needs, parent: CrossPremiumWidget(needs.service, needs.catalog, parent)
    ),
    "monitor": PanelKind(
        mark("Connection monitor"),
        lambda needs, parent: ConnectionMonitorDock(needs.service, parent, record=needs.record, control=needs.control),
        single=True,
    ),
    "log": PanelKind(mark("Log"), lambda needs, parent: LogWidget(needs.log, parent)),
}
"""By the name that layouts know it by."""
