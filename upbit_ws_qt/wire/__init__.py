"""Bytes to events, and what is wanted to requests; no I/O."""

from __future__ import annotations

from upbit_ws_qt.wire.control import ServerError, ServerStatus, SubscriptionEntry, SubscriptionList, WebSocketMessage
from upbit_ws_qt.wire.decoder import CODE_BEGINS, Frame, decode, decode_late, peek
from upbit_ws_qt.wire.request_rules import (
    INDICATOR_RULES,
    MAX_COMBINATIONS,
    TIMEFRAMES,
    IndicatorRule,
    check_spec,
    count_combinations,
    region_problem,
)
from upbit_ws_qt.wire.requests import TypeObject, build_list_request, build_request, encode_request
from upbit_ws_qt.wire.simple_format import FormatChoice, FormatSavings, SimpleFormatConverter, spell_out

__all__ = [
    "CODE_BEGINS",
    "INDICATOR_RULES",
    "MAX_COMBINATIONS",
    "TIMEFRAMES",
    "FormatChoice",
    "FormatSavings",
    "Frame",
    "IndicatorRule",
    "ServerError",
    "ServerStatus",
    "SimpleFormatConverter",
    "SubscriptionEntry",
    "SubscriptionList",
    "TypeObject",
    "WebSocketMessage",
    "build_list_request",
    "build_request",
    "check_spec",
    "count_combinations",
    "decode",
    "decode_late",
    "encode_request",
    "peek",
    "region_problem",
    "spell_out",
]
