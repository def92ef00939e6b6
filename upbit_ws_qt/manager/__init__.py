"""Puts the rooms together: one manager holds the lines and serves every component; no Qt."""

from __future__ import annotations

from upbit_ws_qt.manager.components import ComponentsSnapshot, ComponentSubscription
from upbit_ws_qt.manager.event_stream import EventStream
from upbit_ws_qt.manager.manager import GlobalWebSocketManager
from upbit_ws_qt.manager.notify import ManagerListener
from upbit_ws_qt.manager.trace import FrameRecord, FrameTrace

__all__ = [
    "ComponentSubscription",
    "ComponentsSnapshot",
    "EventStream",
    "FrameRecord",
    "FrameTrace",
    "GlobalWebSocketManager",
    "ManagerListener",
]
