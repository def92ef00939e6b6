"""Into Qt (QtCore only): the service, its typed channels, and a proxy that dies with its widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.qt.attach import Attachment, attach
from upbit_ws_qt.qt.dialogs import exec_dialog
from upbit_ws_qt.qt.excepthook import ExceptHook, SlotError, install_excepthook
from upbit_ws_qt.qt.nested_loops import NestedLoopError
from upbit_ws_qt.qt.paint import PaintMeter
from upbit_ws_qt.qt.proxy import (
    WebSocketClientProxy,
)
from upbit_ws_qt.qt.run import run
from upbit_ws_qt.qt.service import WebSocketService
from upbit_ws_qt.qt.subscription import Subscription, SubscriptionState

if TYPE_CHECKING:
    from upbit_ws_qt.qt.channel import (
        AnnouncementChannel,
        CandleChannel,
        Channel,
        IndicatorChannel,
        IndicatorSignalChannel,
        MyAssetChannel,
        MyOrderChannel,
        OrderbookChannel,
        TickerChannel,
        TradeChannel,
    )

__all__ = [
    "AnnouncementChannel",
    "Attachment",
    "CandleChannel",
    "Channel",
    "ExceptHook",
    "IndicatorChannel",
    "IndicatorSignalChannel",
    "MyAssetChannel",
    "MyOrderChannel",
    "NestedLoopError",
    "OrderbookChannel",
    "PaintMeter",
    "SlotError",
    "Subscription",
    "SubscriptionState",
    "TickerChannel",
    "TradeChannel",
    "WebSocketClientProxy",
    "WebSocketService",
    "attach",
    "exec_dialog",
    "install_excepthook",
    "run",
]


def __getattr__(name: str) -> object:
    """Load the channels when the first is asked for: with them come the events, and what decodes these."""
    if name in __all__:
        from upbit_ws_qt.qt import channel

        return getattr(channel, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
