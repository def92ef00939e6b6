"""`widgets` names its panels in one place, loads each when asked, and they are put into anybody's window."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import widgets
from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import shown
from widgets.base.panel import Panel

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService

ROOT = Path(__file__).parents[2]


def test_the_names_are_these() -> None:
    assert widgets.__all__ == [
        "Alarm", "AlarmBell", "AlarmFileError", "AlarmKeeper", "AlarmLines", "AlarmStanding", "AlarmsWidget",
        "AnnouncementsWidget", "Basis", "BookMapWidget", "ChartChoice", "ChartWidget", "ChosenFormula",
        "ConnectionIndicator", "ConnectionMonitorDock", "CrossPremiumWidget", "Crossing", "DataLost",
        "DataSilent", "DepthWidget", "Firing", "FootprintWidget", "IndicatorLevel", "IndicatorsWidget",
        "Keyword", "LadderWidget", "Language", "LogBook", "LogWidget", "MarketCatalog", "MarketColours",
        "MarketMapWidget", "MarketScheme", "MoversWidget", "MyAssetsWidget", "MyOrdersWidget", "NewListing",
        "OrderBookWidget", "PanelState", "PictureStyle", "PriceChange", "PriceLevel", "QuoteWidget", "Repeat",
        "ReplayBar", "ScaleKind", "ScreenerWidget", "SpreadWide", "TapeWidget", "ThemeMode", "VolumeSpike",
        "WatchBook", "WatchListWidget", "apply_theme", "price_text", "set_language", "set_price_colours",
    ]  # fmt: skip
    assert dir(widgets) == widgets.__all__


@pytest.mark.parametrize("name", widgets.__all__)
def test_each_name_is_what_it_says(name: str) -> None:
    assert getattr(widgets, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'TradeButton'"):
        _ = widgets.TradeButton


def test_an_order_book_does_not_load_the_plots() -> None:
    program = "import sys; from widgets import OrderBookWidget; print(*(name.split('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "PyQt6" in loaded
    assert not loaded & {"pyqtgraph", "numpy"}


@served()
async def test_the_example_shows_live_panels_that_follow_the_watch_list(service: WebSocketService) -> None:
    market_window = runpy.run_path(str(ROOT / "examples" / "panels.py"))["market_window"]
    async with shown(market_window(service), 1100, 700) as window:
        panels = window.findChildren(Panel)
        assert len(panels) == 3
        await until(lambda: all(panel.state is widgets.PanelState.LIVE for panel in panels))
        [markets] = window.findChildren(widgets.WatchListWidget)
        markets.symbolSelected.emit("KRW-ETH")
        followers = [panel for panel in panels if panel is not markets]
        await until(lambda: all(panel.state is widgets.PanelState.LIVE for panel in followers))
        assert {panel.symbol for panel in followers} == {"KRW-ETH"}
