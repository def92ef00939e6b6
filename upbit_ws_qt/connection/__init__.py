"""One endpoint's life: dial, prove, receive, watch, replace."""

from __future__ import annotations

from upbit_ws_qt.connection.addresses import Addresses
from upbit_ws_qt.connection.auth import JWTManager
from upbit_ws_qt.connection.drain import Drain, DrainFigures
from upbit_ws_qt.connection.epoch import EpochManager, GapEvent, HandedOn
from upbit_ws_qt.connection.figures import ConnectionFigures
from upbit_ws_qt.connection.inbox import Inbox, InboxFigures, LostStream, RawFrame
from upbit_ws_qt.connection.isolation import IsolatedHost
from upbit_ws_qt.connection.line import Line
from upbit_ws_qt.connection.rate_limit import ConnectLimiter, LimiterUsage, MessageLimiter
from upbit_ws_qt.connection.socket import open_socket
from upbit_ws_qt.connection.states import TRANSITIONS, StateChange
from upbit_ws_qt.connection.supervisor import Supervisor
from upbit_ws_qt.connection.transport import (
    CloseInfo,
    Connect,
    ConnectBudget,
    DialError,
    DialRequest,
    SocketFigures,
    SocketLike,
)

__all__ = [
    "TRANSITIONS",
    "Addresses",
    "CloseInfo",
    "Connect",
    "ConnectBudget",
    "ConnectLimiter",
    "ConnectionFigures",
    "DialError",
    "DialRequest",
    "Drain",
    "DrainFigures",
    "EpochManager",
    "GapEvent",
    "HandedOn",
    "Inbox",
    "InboxFigures",
    "IsolatedHost",
    "JWTManager",
    "LimiterUsage",
    "Line",
    "LostStream",
    "MessageLimiter",
    "RawFrame",
    "SocketFigures",
    "SocketLike",
    "StateChange",
    "Supervisor",
    "open_socket",
]
