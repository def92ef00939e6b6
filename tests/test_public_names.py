"""The public names, pinned: changing this list is a decision, not an accident."""

from __future__ import annotations

import subprocess
import sys

import pytest

import upbit_ws_qt

# DESIGN.md, "Public names": these are promised; the others in __all__ were added with them.
PROMISED = set(
    """
    WebSocketType DataType ConnectionState GlobalManagerState IndependenceLevel BackpressureStrategy BackpressureConfig Delivery Priority DataFormat Credentials ServiceConfig
    BaseWebSocketEvent TickerEvent TradeEvent OrderbookEvent OrderbookUnit CandleEvent MyOrderEvent MyAssetEvent MyAssetItem AnnouncementEvent IndicatorEvent IndicatorSignalEvent
    WebSocketError ConfigurationError ConnectionLostError AuthenticationError RateLimitError SubscriptionError RecoveryError BackpressureError DecodeError
    SubscriptionSpec ComponentSubscription SimpleFormatConverter GlobalWebSocketManager EpochManager ConnectionMetrics PerformanceMetrics HealthStatus SubscriptionStateManager
    DataRoutingEngine FanoutHub DataPoolManager ConnectionIndependenceMonitor JWTManager SimpleWebSocketClient WebSocketService WebSocketClientProxy Subscription GapEvent Alert
    """.split()  # noqa: E501, SIM905
)
ADDED = {
    "AdaptationStep",
    "FrameRecord",
    "FrameTrace",
    "HistorySeries",
    "LineEvent",
    "INDICATOR_RULES",
    "IndicatorRule",
    "IndicatorSpec",
    "MAX_COMBINATIONS",
    "ManagerListener",
    "RecoveryStrategy",
    "StateChange",
    "StreamKey",
    "StreamStatus",
    "SubscriptionState",
    "TIMEFRAMES",
    "count_combinations",
    "install_excepthook",
    "run",
    "safe_text",
}


def test_the_public_names_are_these() -> None:
    assert set(upbit_ws_qt.__all__) == PROMISED | ADDED
    assert len(upbit_ws_qt.__all__) == len(set(upbit_ws_qt.__all__))


@pytest.mark.parametrize("name", upbit_ws_qt.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(upbit_ws_qt, name) is not None
    assert name in dir(upbit_ws_qt)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'WebSocketServices'"):
        upbit_ws_qt.WebSocketServices  # noqa: B018


def test_only_what_is_asked_for_is_loaded() -> None:
    code = (
        "import sys, upbit_ws_qt\n"
        "upbit_ws_qt.GlobalWebSocketManager, upbit_ws_qt.SimpleWebSocketClient\n"
        "import upbit_ws_qt.exchange\n"
        "sys.exit(any(name.startswith(('PyQt6', 'qasync', 'pyqtgraph')) for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
