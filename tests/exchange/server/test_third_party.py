"""Other people's Upbit clients work against the exchange, unchanged but for the URL (extra `bench`)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import tempfile
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
            sys.executable,
            SCRIPT,
            name,
            line,
            cwd=tempfile.gettempdir(),  # cryptofeed writes a log where it is
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
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


def what(lines: list[list[Any]], how: str) -> set[str]:
    """Return the kinds of data that came so."""
    return {kind for each, kind, _, _ in lines if each == how}


def check(lines: list[list[Any]], exchange: EmbeddedExchange) -> None:
    """All is of the markets that were asked for, has a value, and cost no error and no limit."""
    assert {code for _, _, code, _ in lines} <= {"KRW-BTC", "KRW-ETH"}
    assert all(value for _, _, _, value in lines)
    assert exchange.counters.errors == {}
    assert exchange.counters.rate_limit_violations == 0
    assert exchange.counters.auth_failures == 0


async def test_pyupbit_gets_tickers_trades_and_books() -> None:
    lines, exchange = await run("pyupbit")
    check(lines, exchange)
    assert what(lines, "rest") == {"ticker", "orderbook", "candle"}
    assert what(lines, "stream") == {"ticker", "trade", "orderbook"}
    assert {value for how, _, _, value in lines if how == "stream"} == {"REALTIME"}


async def test_ccxt_pro_gets_tickers_trades_books_and_orders() -> None:
    lines, exchange = await run("ccxt")
    check(lines, exchange)
    assert what(lines, "rest") == {"ticker", "trade", "orderbook"}
    assert what(lines, "stream") == {"ticker", "trade", "orderbook", "myOrder"}
    assert lines[-1] == ["stream", "myOrder", "KRW-BTC", "open"]


async def test_upbits_own_library_gets_tickers_trades_and_books() -> None:
    lines, exchange = await run("upbit")
    check(lines, exchange)
    assert what(lines, "rest") == what(lines, "stream") == {"ticker", "trade", "orderbook"}
    assert {value for how, _, _, value in lines if how == "stream"} == {"SNAPSHOT", "REALTIME"}


async def test_cryptofeed_gets_trades_and_books() -> None:
    """It has no tickers of Upbit, and of REST it asks for the markets only."""
    lines, exchange = await run("cryptofeed")
    check(lines, exchange)
    assert what(lines, "rest") == {"market"}
    assert what(lines, "stream") == {"trade", "orderbook"}
