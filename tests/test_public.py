"""What docs/release.md calls public beside `upbit_ws_qt` itself and the panels: changing a list is a decision."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = {
    "upbit_ws_qt.events": """
        AnnouncementCategory AnnouncementEvent AnnouncementEventType AskBid BaseWebSocketEvent CandleEvent Change
        IndicatorEvent IndicatorParams IndicatorSignalEvent IndicatorType IndicatorValue MarketState MarketWarning
        MyAssetEvent MyAssetItem MyOrderEvent OrderState OrderType OrderbookEvent OrderbookUnit SignalEventParams
        SmpType StreamType TickerEvent TimeInForce TradeEvent Trigger stamp
    """,
    "upbit_ws_qt.exchange": """
        ByHandError Change ConnectionView Counters EmbeddedExchange ExchangeSettings Fault FaultName OrderRejectedError
        OrderView PlacedOrder RequestRefusedError SettingsError World WorldSettings
    """,
    "upbit_ws_qt.testing": "assert_no_wishes assert_wishes",
}


@pytest.mark.parametrize("module", NAMES)
def test_the_public_names_are_these(module: str) -> None:
    found = import_module(module)
    assert sorted(found.__all__) == sorted(NAMES[module].split())
    assert all(getattr(found, name) is not None for name in found.__all__)


def test_the_programs_and_entry_points_are_these() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["scripts"]) == {"upbit-ws-desktop", "upbit-ws-doctor", "upbit-ws-record", "upbit-ws-relay"}
    assert set(project["entry-points"]) == {"pytest11", "pyinstaller40"}


def test_the_page_on_releases_names_the_modules_that_are_public() -> None:
    page = (ROOT / "docs" / "release.md").read_text(encoding="utf-8")
    (promise,) = re.findall(r"^- \*\*Public\*\* is .*?(?=^- )", page, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`(upbit_ws_qt[.\w]*)`", promise))
    assert named == {*NAMES, "upbit_ws_qt", "upbit_ws_qt.widgets"}
