"""Other people's Upbit clients work against the exchange, unchanged but for the URL (extra `bench`)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

SCRIPT = Path(__file__).with_name("third_party_client.py")


async def run(name: str) -> tuple[list[list[Any]], EmbeddedExchange]:
    """Run a client in a process of its own and return what it printed."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed; it comes with the extra `bench`")
    async with EmbeddedExchange(ExchangeSettings(markets=20, rate=500, control=True)) as exchange:
        names = ("public_url", "private_url", "rest_url", "access_key", "secret_key")
        line = json.dumps({each: getattr(exchange, each) for each in names})
        process = await asyncio.create_subprocess_exec(
            sys.executable, SCRIPT, name, line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(90):
                printed, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()[-2000:]
        return [json.loads(each) for each in printed.splitlines()], exchange


async def test_pyupbit_gets_tickers_trades_and_books() -> None:
    messages, exchange = await run("pyupbit")
    assert {kind for kind, _, _ in messages} == {"ticker", "trade", "orderbook"}
    assert {code for _, code, _ in messages} <= {"KRW-BTC", "KRW-ETH"}
    assert {stream for _, _, stream in messages} == {"REALTIME"}
    assert exchange.counters.errors == {}
    assert exchange.counters.rate_limit_violations == 0


async def test_ccxt_pro_gets_tickers_trades_books_and_orders() -> None:
    messages, exchange = await run("ccxt")
    assert {kind for kind, _, _ in messages} == {"ticker", "trade", "orderbook", "myOrder"}
    assert all(value for _, _, value in messages)
    assert messages[-1] == ["myOrder", "KRW-BTC", "open"]
    assert exchange.counters.errors == {}
    assert exchange.counters.auth_failures == 0
