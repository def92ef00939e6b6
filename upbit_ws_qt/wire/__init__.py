"""Bytes to events and wishes to requests; no I/O."""

from __future__ import annotations

from upbit_ws_qt.wire.decoder import Frame, decode, peek
from upbit_ws_qt.wire.messages import Message, ServerError, ServerStatus, SubscriptionEntry, SubscriptionList
from upbit_ws_qt.wire.requests import build_list_request, build_request
from upbit_ws_qt.wire.rules import INDICATOR_RULES, check_spec, count_combinations
from upbit_ws_qt.wire.simple_format import FormatSavings, SimpleFormatConverter

__all__ = [
    "INDICATOR_RULES",
    "FormatSavings",
    "Frame",
    "Message",
    "ServerError",
    "ServerStatus",
    "SimpleFormatConverter",
    "SubscriptionEntry",
    "SubscriptionList",
    "build_list_request",
    "build_request",
    "check_spec",
    "count_combinations",
    "decode",
    "peek",
]
