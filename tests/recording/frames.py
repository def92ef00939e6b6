"""Frames as the exchange spells them, for recordings that no exchange has to be started for."""

from __future__ import annotations

import json
from typing import Any


def trade(code: str, number: int, *, ms: int | None = None, **more: Any) -> bytes:
    at = 1_700_000_000_000 + number * 10 if ms is None else ms
    fields: dict[str, Any] = {
        "type": "trade",
        "code": code,
        "timestamp": at,
        "trade_date": "2023-11-14",
        "trade_time": "22:13:20",
        "trade_timestamp": at,
        "trade_price": 50_000_000 + number,
        "trade_volume": 0.125,
        "ask_bid": "BID",
        "prev_closing_price": 50_000_000,
        "change": "RISE",
        "change_price": 1000,
        "sequential_id": 1_700_000_000_000_0000 + number,
        "best_ask_price": 50_001_000,
        "best_ask_size": 0.5,
        "best_bid_price": 50_000_000,
        "best_bid_size": 0.25,
        "stream_type": "REALTIME",
        **more,
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def book(code: str, number: int, *, ms: int | None = None) -> bytes:
    at = 1_700_000_000_000 + number * 10 if ms is None else ms
    fields = {
        "type": "orderbook",
        "code": code,
        "timestamp": at,
        "total_ask_size": 3.5,
        "total_bid_size": 2.25,
        "orderbook_units": [
            {"ask_price": 101.0 + step + number, "bid_price": 100.0 - step, "ask_size": 1.5, "bid_size": 0.75}
            for step in range(5)
        ],
        "stream_type": "REALTIME",
        "level": 0,
    }
    return json.dumps(fields, separators=(",", ":")).encode()
