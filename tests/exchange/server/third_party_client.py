"""Run by test_third_party: one of other people's Upbit clients, unchanged but for the URL; prints JSON lines."""

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


def run_pyupbit(line: dict[str, str]) -> None:
    """Read tickers, trades and books with pyupbit, whose address is written into its code."""
    import pyupbit.websocket_api as api

    original = api.websockets.connect
    api.websockets.connect = lambda uri, **options: original(
        uri.replace("wss://api.upbit.com/websocket/v1", line["public_url"]), **options
    )
    for kind in ("ticker", "trade", "orderbook"):
        received: queue.Queue[Any] = queue.Queue()
        arguments = (kind, ["KRW-BTC", "KRW-ETH"], received)
        threading.Thread(target=api.WebSocketClient, args=arguments, daemon=True).start()
        for _ in range(_WANTED):
            message = received.get(timeout=20)
            print(json.dumps([message["type"], message["code"], message["stream_type"]]), flush=True)


async def run_ccxt(line: dict[str, str]) -> None:
    """Watch tickers, trades, books and the account's orders with ccxt.pro."""
    import ccxt.pro

    upbit = ccxt.pro.upbit({"apiKey": line["access_key"], "secret": line["secret_key"]})
    upbit.urls["api"].update(ws=line["public_url"], public=line["rest_url"])
    try:
        for _ in range(_WANTED):
            ticker = await upbit.watch_ticker("BTC/KRW")
            print(json.dumps(["ticker", ticker["info"]["code"], ticker["last"]]), flush=True)
        for _ in range(_WANTED):
            trades = await upbit.watch_trades("BTC/KRW")
            print(json.dumps(["trade", trades[-1]["info"]["code"], trades[-1]["price"]]), flush=True)
        for _ in range(_WANTED):
            book = await upbit.watch_order_book("ETH/KRW")
            print(json.dumps(["orderbook", "KRW-ETH", len(book["bids"])]), flush=True)
        watching = asyncio.ensure_future(upbit.watch_orders("BTC/KRW"))
        while not watching.done():
            await asyncio.to_thread(_place_order, line["rest_url"])
            await asyncio.wait([watching], timeout=0.5)
        (order,) = watching.result()[:1]
        print(json.dumps(["myOrder", order["info"]["code"], order["status"]]), flush=True)
    finally:
        await upbit.close()


def _place_order(rest_url: str) -> None:
    order = {"code": "KRW-BTC", "side": "BID", "order_type": "limit", "price": 1000000, "volume": "0.01"}
    with urllib.request.urlopen(f"{rest_url}/control/orders", data=json.dumps(order).encode()) as answer:  # noqa: S310
        answer.read()


if __name__ == "__main__":
    addresses = json.loads(sys.argv[2])
    if sys.argv[1] == "pyupbit":
        run_pyupbit(addresses)
    else:
        asyncio.run(run_ccxt(addresses))
    sys.stdout.flush()
    os._exit(0)  # pyupbit's threads know no end
