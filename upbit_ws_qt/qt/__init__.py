"""Into Qt (QtCore only): the service, its typed channels, and a proxy that dies with its widget."""

from __future__ import annotations

from upbit_ws_qt.qt.attach import Attachment, attach
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
from upbit_ws_qt.qt.dialogs import exec_dialog
from upbit_ws_qt.qt.excepthook import ExceptHook, SlotError, install_excepthook
from upbit_ws_qt.qt.nested_loops import NestedLoopError
from upbit_ws_qt.qt.paint import PaintMeter
from upbit_ws_qt.qt.proxy import HowDelivered, HowRecovered, HowWanted, WebSocketClientProxy
from upbit_ws_qt.qt.run import run
from upbit_ws_qt.qt.service import WebSocketService
from upbit_ws_qt.qt.subscription import Subscription, SubscriptionState

__all__ = [
    "AnnouncementChannel",
    "Attachment",
    "CandleChannel",
    "Channel",
    "ExceptHook",
    "HowDelivered",
    "HowRecovered",
    "HowWanted",
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
