"""A server in a process of its own that answers a subscription with tickers as fast as the client takes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKETS = 200
_ROUNDS = 5  # per write
_MOST_UNSENT = 1024 * 1024
# The protocol sheet's ticker, 1 KB, with places for code and time.
_TICKER = (
    '{"type":"ticker","code":"%s","opening_price":109868000.0,"high_price":111000000.0,"low_price":108800000.0,'
    '"trade_price":110345000.0,"prev_closing_price":109868000.0,"acc_trade_price":86240000000.12345678,"change":"RISE",'
    '"change_price":477000.0,"signed_change_price":477000.0,"change_rate":0.0043415735,'
    '"signed_change_rate":0.0043415735,"ask_bid":"BID","trade_volume":0.00123456,"acc_trade_volume":784.12345678,'
    '"trade_date":"20261120","trade_time":"120000","trade_timestamp":%d,"acc_ask_volume":391.12345678,'
    '"acc_bid_volume":393.0,"highest_52_week_price":178000000.0,"highest_52_week_date":"2026-10-09",'
    '"lowest_52_week_price":95000000.0,"lowest_52_week_date":"2026-02-05","market_state":"ACTIVE",'
    '"is_trading_suspended":false,"delisting_date":null,"market_warning":"NONE","timestamp":%d,'
    '"acc_trade_price_24h":171240000000.98765432,"acc_trade_volume_24h":1555.12345678,"stream_type":"REALTIME"}'
)
_START_MS = 1_790_000_000_000


def codes(count: int = MARKETS) -> list[str]:
    """Return made-up KRW markets, the first of them KRW-BTC."""
    return ["KRW-BTC", *(f"KRW-C{number:03d}" for number in range(count - 1))]


def _frame(code: str, timestamp: int) -> bytes:
    payload = (_TICKER % (code, timestamp, timestamp)).encode()
    return b"\x82\x7e" + len(payload).to_bytes(2, "big") + payload


async def _flood(connection: ServerConnection, wanted: list[str]) -> None:
    now = _START_MS
    while not connection.transport.is_closing():
        chunk = bytearray()
        for _ in range(_ROUNDS):
            now += 1
            for code in wanted:
                chunk += _frame(code, now)
        connection.transport.write(chunk)
        while connection.transport.get_write_buffer_size() > _MOST_UNSENT:  # noqa: ASYNC110 - nobody tells when it is less
            await asyncio.sleep(0.0005)


async def _serve_one(connection: ServerConnection) -> None:
    flood: asyncio.Task[None] | None = None
    listing: list[dict[str, Any]] = []
    try:
        async for message in connection:
            parts = json.loads(message)
            if any(part.get("method") == "LIST_SUBSCRIPTIONS" for part in parts):
                ticket = parts[0].get("ticket")
                answer = {"method": "LIST_SUBSCRIPTIONS", "result": listing, "ticket": ticket}
                await connection.send(json.dumps(answer).encode())
                continue
            listing = [{"type": p["type"], "codes": sorted(p["codes"])} for p in parts if "type" in p]
            if flood is None and listing:
                flood = asyncio.get_running_loop().create_task(_flood(connection, listing[0]["codes"]))
    except ConnectionClosed:
        return  # a contender is done
    finally:
        if flood is not None:
            flood.cancel()


async def _main() -> None:
    async with serve(_serve_one, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"ws://127.0.0.1:{port}/websocket/v1", flush=True)
        await asyncio.get_running_loop().create_future()


@contextlib.contextmanager
def flood_server() -> Iterator[str]:
    """Run the server in a process of its own and yield its address."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
