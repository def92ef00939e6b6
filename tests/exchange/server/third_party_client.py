"""Run by test_third_party: one of other people's Upbit clients, unchanged but for the URL; prints JSON lines.

A line is [how, what, market, value]: "rest" or "stream"; ticker, trade, orderbook or myOrder.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sys
import threading
import urllib.request
from typing import Any

_WANTED = 5
_REAL = "https://api.upbit.com"
_CODES = ["KRW-BTC", "KRW-ETH"]


def tell(how: str, what: str, market: str, value: Any) -> None:
    """Print what has come."""
    print(json.dumps([how, what, market, value], default=str), flush=True)


def run_pyupbit(line: dict[str, str]) -> None:
    """Read tickers, trades and books with pyupbit, whose addresses are written into its code."""
    import pyupbit
    import pyupbit.request_api as rest
    import pyupbit.websocket_api as api

    get = rest.requests.get
    rest.requests.get = lambda url, **options: get(url.replace(_REAL, line["rest_url"]), **options)
    price = pyupbit.get_current_price("KRW-BTC")
    tell("rest", "ticker", "KRW-BTC", price)
    tell("rest", "orderbook", "KRW-BTC", pyupbit.get_orderbook("KRW-BTC")["orderbook_units"][0]["ask_price"])
    candles = pyupbit.get_ohlcv("KRW-BTC", interval="minute1", count=5)
    tell("rest", "candle", "KRW-BTC", len(candles))
    original = api.websockets.connect
    api.websockets.connect = lambda uri, **options: original(
        uri.replace("wss://api.upbit.com/websocket/v1", line["public_url"]), **options
    )
    for kind in ("ticker", "trade", "orderbook"):
        received: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=api.WebSocketClient, args=(kind, _CODES, received), daemon=True).start()
        for _ in range(_WANTED):
            message = received.get(timeout=20)
            tell("stream", message["type"], message["code"], message["stream_type"])


async def run_ccxt(line: dict[str, str]) -> None:
    """Fetch and watch tickers, trades and books, and watch the account's orders, with ccxt.pro."""
    import ccxt.pro

    upbit = ccxt.pro.upbit({"apiKey": line["access_key"], "secret": line["secret_key"]})
    upbit.urls["api"].update(ws=line["public_url"], public=line["rest_url"])
    try:
        tell("rest", "ticker", "KRW-BTC", (await upbit.fetch_ticker("BTC/KRW"))["last"])
        tell("rest", "trade", "KRW-BTC", (await upbit.fetch_trades("BTC/KRW", limit=5))[-1]["price"])
        tell("rest", "orderbook", "KRW-BTC", len((await upbit.fetch_order_book("BTC/KRW"))["bids"]))
        for _ in range(_WANTED):
            ticker = await upbit.watch_ticker("BTC/KRW")
            tell("stream", "ticker", ticker["info"]["code"], ticker["last"])
        for _ in range(_WANTED):
            trades = await upbit.watch_trades("BTC/KRW")
            tell("stream", "trade", trades[-1]["info"]["code"], trades[-1]["price"])
        for _ in range(_WANTED):
            book = await upbit.watch_order_book("ETH/KRW")
            tell("stream", "orderbook", "KRW-ETH", len(book["bids"]))
        watching = asyncio.ensure_future(upbit.watch_orders("BTC/KRW"))
        while not watching.done():
            await asyncio.to_thread(_place_order, line["rest_url"])
            await asyncio.wait([watching], timeout=0.5)
        (order,) = watching.result()[:1]
        tell("stream", "myOrder", order["info"]["code"], order["status"])
    finally:
        await upbit.close()


async def run_upbit(line: dict[str, str]) -> None:
    """Ask for and stream tickers, trades and books with the exchange's own Python library."""
    from upbit import AsyncUpbit

    websocket = line["public_url"].removesuffix("/websocket/v1")
    keys = {"access_key": line["access_key"], "secret_key": line["secret_key"]}
    async with AsyncUpbit(**keys, base_url=line["rest_url"], websocket_base_url=websocket) as client:
        tickers = await client.tickers.list_by_trading_pairs(markets="KRW-BTC")
        tell("rest", "ticker", tickers[0].market, tickers[0].trade_price)
        trades = await client.trades.list(market="KRW-BTC")
        tell("rest", "trade", trades[0].market, trades[0].trade_price)
        books = await client.orderbooks.list(markets="KRW-BTC")
        tell("rest", "orderbook", books[0].market, books[0].orderbook_units[0].ask_price)
        async with client.ws_public.connect_public() as connection:
            for kind in ("ticker", "trade", "orderbook"):
                await connection.send([{"ticket": "t"}, {"type": kind, "codes": _CODES}, {"format": "DEFAULT"}])
                left = _WANTED
                while left:
                    message = await connection.recv()
                    if message.type == kind:
                        tell("stream", kind, message.code, message.stream_type)
                        left -= 1


def run_cryptofeed(line: dict[str, str]) -> None:
    """Stream trades and books with cryptofeed, which takes no address but one with TLS; it has no tickers."""
    import cryptofeed.connection
    from cryptofeed import FeedHandler
    from cryptofeed.connection import RestEndpoint, Routes
    from cryptofeed.defines import L2_BOOK, TRADES
    from cryptofeed.exchanges import Upbit

    connect = cryptofeed.connection.connect
    cryptofeed.connection.connect = lambda uri, **options: connect(line["public_url"], **options)
    Upbit.rest_endpoints = [RestEndpoint(line["rest_url"], routes=Routes("/v1/market/all"))]
    left = {"trade": _WANTED, "orderbook": _WANTED}
    handler = FeedHandler()

    def note(what: str, market: str, value: object) -> None:
        if left[what]:
            left[what] -= 1
            quote = "-".join(reversed(market.split("-")))
            tell("stream", what, quote, value)
        if not any(left.values()):
            sys.stdout.flush()
            os._exit(0)

    async def on_trade(trade: Any, received: float) -> None:
        note("trade", trade.symbol, trade.price)

    async def on_book(book: Any, received: float) -> None:
        note("orderbook", book.symbol, len(book.book.bids))

    tell("rest", "market", "KRW-BTC", "BTC-KRW" in Upbit.symbols())
    handler.add_feed(
        Upbit(
            symbols=["BTC-KRW", "ETH-KRW"],
            channels=[TRADES, L2_BOOK],
            callbacks={TRADES: on_trade, L2_BOOK: on_book},
        )
    )
    handler.run(install_signal_handlers=False)


def _place_order(rest_url: str) -> None:
    order = {"code": "KRW-BTC", "side": "BID", "order_type": "limit", "price": 1000000, "volume": "0.01"}
    with urllib.request.urlopen(f"{rest_url}/control/orders", data=json.dumps(order).encode()) as answer:  # noqa: S310
        answer.read()


if __name__ == "__main__":
    addresses = json.loads(sys.argv[2])
    match sys.argv[1]:
        case "pyupbit":
            run_pyupbit(addresses)
        case "ccxt":
            asyncio.run(run_ccxt(addresses))
        case "upbit":
            asyncio.run(run_upbit(addresses))
        case "cryptofeed":
            run_cryptofeed(addresses)
    sys.stdout.flush()
    os._exit(0)  # pyupbit's threads know no end
