"""What a person sees: panels for anybody's window, each alone or together, and the desktop program made of them.

The panels and what they need are named here; each is loaded when first asked for, so that a program which shows an
order book does not load the plots.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .account.my_assets import MyAssetsWidget
    from .account.my_orders import MyOrdersWidget
    from .alarm_rules.files import AlarmFileError
    from .alarm_rules.rules import (
        Alarm,
        Crossing,
        DataLost,
        DataSilent,
        IndicatorLevel,
        Keyword,
        NewListing,
        PriceChange,
        PriceLevel,
        Repeat,
        SpreadWide,
        VolumeSpike,
    )
    from .alarm_rules.seen import Basis
    from .alarm_rules.watch import Firing
    from .alarms.bell import AlarmBell
    from .alarms.keeper import AlarmKeeper, AlarmStanding
    from .alarms.lines import AlarmLines
    from .alarms.panel import AlarmsWidget
    from .announcements.panel import AnnouncementsWidget
    from .base.look import set_price_colours
    from .base.market_catalog import MarketCatalog
    from .base.panel import PanelState
    from .base.price_format import price_text
    from .base.text import Language, set_language
    from .base.theme import MarketColours, MarketScheme, ThemeMode, apply_theme
    from .chart.choice import ChartChoice, ChosenFormula, PictureStyle, ScaleKind
    from .chart.panel import ChartWidget
    from .connection_indicator import ConnectionIndicator
    from .flow.book_map import BookMapWidget
    from .flow.depth import DepthWidget
    from .flow.footprint import FootprintWidget
    from .flow.ladder import LadderWidget
    from .indicators.panel import IndicatorsWidget
    from .market.map import MarketMapWidget
    from .market.movers import MoversWidget
    from .market.premium import CrossPremiumWidget
    from .market.screener import ScreenerWidget
    from .monitor_dock import ConnectionMonitorDock
    from .order_book.panel import OrderBookWidget
    from .quote.panel import QuoteWidget
    from .replay.bar import ReplayBar
    from .tape.panel import TapeWidget
    from .watch_list.book import WatchBook
    from .watch_list.panel import WatchListWidget
    from .window.log_dock import LogBook, LogWidget

__all__ = [
    "Alarm",
    "AlarmBell",
    "AlarmFileError",
    "AlarmKeeper",
    "AlarmLines",
    "AlarmStanding",
    "AlarmsWidget",
    "AnnouncementsWidget",
    "Basis",
    "BookMapWidget",
    "ChartChoice",
    "ChartWidget",
    "ChosenFormula",
    "ConnectionIndicator",
    "ConnectionMonitorDock",
    "CrossPremiumWidget",
    "Crossing",
    "DataLost",
    "DataSilent",
    "DepthWidget",
    "Firing",
    "FootprintWidget",
    "IndicatorLevel",
    "IndicatorsWidget",
    "Keyword",
    "LadderWidget",
    "Language",
    "LogBook",
    "LogWidget",
    "MarketCatalog",
    "MarketColours",
    "MarketMapWidget",
    "MarketScheme",
    "MoversWidget",
    "MyAssetsWidget",
    "MyOrdersWidget",
    "NewListing",
    "OrderBookWidget",
    "PanelState",
    "PictureStyle",
    "PriceChange",
    "PriceLevel",
    "QuoteWidget",
    "Repeat",
    "ReplayBar",
    "ScaleKind",
    "ScreenerWidget",
    "SpreadWide",
    "TapeWidget",
    "ThemeMode",
    "VolumeSpike",
    "WatchBook",
    "WatchListWidget",
    "apply_theme",
    "price_text",
    "set_language",
    "set_price_colours",
]

_HOMES = {
    "Alarm": "alarm_rules.rules",
    "AlarmBell": "alarms.bell",
    "AlarmFileError": "alarm_rules.files",
    "AlarmKeeper": "alarms.keeper",
    "AlarmLines": "alarms.lines",
    "AlarmStanding": "alarms.keeper",
    "AlarmsWidget": "alarms.panel",
    "AnnouncementsWidget": "announcements.panel",
    "Basis": "alarm_rules.seen",
    "BookMapWidget": "flow.book_map",
    "ChartChoice": "chart.choice",
    "ChartWidget": "chart.panel",
    "ChosenFormula": "chart.choice",
    "ConnectionIndicator": "connection_indicator",
    "ConnectionMonitorDock": "monitor_dock",
    "Crossing": "alarm_rules.rules",
    "DataLost": "alarm_rules.rules",
    "DataSilent": "alarm_rules.rules",
    "DepthWidget": "flow.depth",
    "Firing": "alarm_rules.watch",
    "FootprintWidget": "flow.footprint",
    "IndicatorLevel": "alarm_rules.rules",
    "CrossPremiumWidget": "market.premium",
    "IndicatorsWidget": "indicators.panel",
    "Keyword": "alarm_rules.rules",
    "LadderWidget": "flow.ladder",
    "Language": "base.text",
    "LogBook": "window.log_dock",
    "LogWidget": "window.log_dock",
    "MarketCatalog": "base.market_catalog",
    "MarketColours": "base.theme",
    "MarketMapWidget": "market.map",
    "MarketScheme": "base.theme",
    "MoversWidget": "market.movers",
    "MyAssetsWidget": "account.my_assets",
    "MyOrdersWidget": "account.my_orders",
    "NewListing": "alarm_rules.rules",
    "OrderBookWidget": "order_book.panel",
    "PanelState": "base.panel",
    "PictureStyle": "chart.choice",
    "PriceChange": "alarm_rules.rules",
    "PriceLevel": "alarm_rules.rules",
    "QuoteWidget": "quote.panel",
    "Repeat": "alarm_rules.rules",
    "ReplayBar": "replay.bar",
    "ScaleKind": "chart.choice",
    "SpreadWide": "alarm_rules.rules",
    "ScreenerWidget": "market.screener",
    "TapeWidget": "tape.panel",
    "ThemeMode": "base.theme",
    "VolumeSpike": "alarm_rules.rules",
    "WatchBook": "watch_list.book",
    "WatchListWidget": "watch_list.panel",
    "apply_theme": "base.theme",
    "price_text": "base.price_format",
    "set_language": "base.text",
    "set_price_colours": "base.look",
}


def __getattr__(name: str) -> object:
    """Load a name's module when the name is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(f"{__name__}.{home}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("PyQt6", "pyqtgraph", "numpy"):
            raise
        raise ModuleNotFoundError(
            f"{name} needs {error.name}, which is not installed here: pip install {error.name}", name=error.name
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
