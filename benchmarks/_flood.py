"""A server in a process of its own that answers a subscription with market data, no two frames of which are alike.

    python benchmarks/_flood.py --kind mix [--rate 900] [--at-once 1] [--deflate]

Without a rate it sends as fast as the client takes. With one it sends so many frames a second, one or several a write:
one as a market does, for which the client wakes up each time, hundreds as in a burst.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
from itertools import cycle
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKETS = 200
KINDS = ("ticker", "trade", "book15", "book30", "mix", "alike")
"""`mix`: books of 30, tickers and trades as 40 : 7 : 3; `alike`: tickers that differ in their times only, as this
server sent them once, for comparisons with older commits."""
_AT_ONCE = 500  # frames a write, where nothing is said
_STOCK = 4000  # frames that are made beforehand; of each only the times are new when it is sent again
_MOST_UNSENT = 1024 * 1024
_TIME = "1790000000000"
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
_START_MS = int(_TIME)


def codes(count: int = MARKETS) -> list[str]:
    """Return made-up KRW markets, the first of them KRW-BTC."""
    return ["KRW-BTC", *(f"KRW-C{number:03d}" for number in range(count - 1))]


def types_of(kind: str) -> list[str]:
    """Return the types that a client has to subscribe to for a kind of data."""
    if kind == "mix":
        return ["ticker", "trade", "orderbook"]
    return ["orderbook" if kind.startswith("book") else "ticker" if kind == "alike" else kind]


class _Stock:
    """Payloads made beforehand, each with its own digits."""

    def __init__(self, kind: str, markets: list[str]) -> None:
        self._markets = markets
        self._random = random.Random(17)
        self._number = 10**15
        self._now = _START_MS
        kinds = ["book30"] * 40 + ["ticker"] * 7 + ["trade"] * 3 if kind == "mix" else [kind]
        self._random.shuffle(kinds)
        made = [self._payload(kinds[place % len(kinds)], self._random.choice(markets)) for place in range(_STOCK)]
        if kind == "alike":
            made = [self._payload(kind, code) for code in markets]
        self._made = cycle(made)

    def snapshots(self, types: list[str]) -> list[bytes]:
        """Return the present state of each stream, with which an exchange begins."""
        found = []
        for name in types:
            for code in self._markets:
                self._now += 1
                payload = self._payload("book30" if name == "orderbook" else name, code)
                made = payload.replace(_TIME.encode(), b"%d" % self._now).replace(b"REALTIME", b"SNAPSHOT")
                found.append(made)
        return found

    def next(self) -> bytes:
        """Return a payload later than all before."""
        self._now += 1
        self._number += 1
        made = next(self._made).replace(_TIME.encode(), b"%d" % self._now)
        return made.replace(b'"sequential_id":0', b'"sequential_id":%d' % self._number)

    def _digits(self, many: int) -> str:
        return str(self._random.randrange(10 ** (many - 1), 10**many))

    def _price(self) -> str:
        return f"{self._digits(6)}000.0"

    def _size(self) -> str:
        return f"{self._random.randrange(100)}.{self._digits(8)}"

    def _payload(self, kind: str, code: str) -> bytes:
        if kind == "alike":
            text = _TICKER % (code, _START_MS, _START_MS)
        elif kind == "ticker":
            text = self._ticker(code)
        elif kind == "trade":
            text = self._trade(code)
        else:
            text = self._book(code, int(kind.removeprefix("book")))
        return text.encode()

    def _ticker(self, code: str) -> str:
        price, volume, total = self._price(), self._size(), self._size()
        rise = f"{self._digits(6)}.0"
        rate = f"0.00{self._digits(8)}"
        return (
            f'{{"type":"ticker","code":"{code}","opening_price":{self._price()},"high_price":{self._price()},'
            f'"low_price":{self._price()},"trade_price":{price},"prev_closing_price":{self._price()},'
            f'"acc_trade_price":{self._digits(11)}.{self._digits(8)},"change":"RISE","change_price":{rise},'
            f'"signed_change_price":{rise},"change_rate":{rate},"signed_change_rate":{rate},"ask_bid":"BID",'
            f'"trade_volume":{volume},"acc_trade_volume":{total},"trade_date":"2026{self._digits(4)}",'
            f'"trade_time":"{self._digits(6)}","trade_timestamp":{_TIME},"acc_ask_volume":{self._size()},'
            f'"acc_bid_volume":{self._size()},"highest_52_week_price":{self._price()},'
            f'"highest_52_week_date":"2026-10-{self._digits(2)}","lowest_52_week_price":{self._price()},'
            f'"lowest_52_week_date":"2026-02-{self._digits(2)}","market_state":"ACTIVE","is_trading_suspended":false,'
            f'"delisting_date":null,"market_warning":"NONE","timestamp":{_TIME},'
            f'"acc_trade_price_24h":{self._digits(12)}.{self._digits(8)},"acc_trade_volume_24h":{self._size()},'
            '"stream_type":"REALTIME"}'
        )

    def _trade(self, code: str) -> str:
        return (
            f'{{"type":"trade","code":"{code}","timestamp":{_TIME},"trade_date":"2026-11-{self._digits(2)}",'
            f'"trade_time":"12:{self._digits(2)}:{self._digits(2)}","trade_timestamp":{_TIME},'
            f'"trade_price":{self._price()},"trade_volume":{self._size()},"ask_bid":"ASK",'
            f'"prev_closing_price":{self._price()},"change":"FALL","change_price":{self._digits(6)}.0,'
            f'"sequential_id":0,"best_ask_price":{self._price()},"best_ask_size":{self._size()},'
            f'"best_bid_price":{self._price()},"best_bid_size":{self._size()},"stream_type":"REALTIME"}}'
        )

    def _book(self, code: str, depth: int) -> str:
        units = ",".join(
            f'{{"ask_price":{self._price()},"bid_price":{self._price()},"ask_size":{self._size()},'
            f'"bid_size":{self._size()}}}'
            for _ in range(depth)
        )
        return (
            f'{{"type":"orderbook","code":"{code}","timestamp":{_TIME},"total_ask_size":{self._size()},'
            f'"total_bid_size":{self._size()},"orderbook_units":[{units}],"stream_type":"REALTIME","level":0}}'
        )


def _frame(payload: bytes) -> bytes:
    return b"\x82\x7e" + len(payload).to_bytes(2, "big") + payload


async def _flood(connection: ServerConnection, stock: _Stock, rate: float, at_once: int, deflate: bool) -> None:
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    transport = connection.transport
    while not transport.is_closing():
        if rate:
            sent += at_once
            await asyncio.sleep(began + sent / rate - loop.time())
        if deflate:  # a write each, unless the loop does not get to it
            for _ in range(at_once):
                await connection.send(stock.next())
        else:
            transport.write(b"".join([_frame(stock.next()) for _ in range(at_once)]))
        while transport.get_write_buffer_size() > _MOST_UNSENT:  # noqa: ASYNC110 - nobody tells when it is less
            await asyncio.sleep(0.0005)


async def _serve_one(connection: ServerConnection, arguments: argparse.Namespace) -> None:
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
                stock = _Stock(arguments.kind, listing[0]["codes"])
                for snapshot in stock.snapshots([each["type"] for each in listing]):
                    await connection.send(snapshot)
                flood = asyncio.get_running_loop().create_task(
                    _flood(connection, stock, arguments.rate, arguments.at_once, arguments.deflate)
                )
    except ConnectionClosed:
        return  # a contender is done
    finally:
        if flood is not None:
            flood.cancel()


async def _main(arguments: argparse.Namespace) -> None:
    async with serve(
        lambda connection: _serve_one(connection, arguments),
        "127.0.0.1",
        0,
        compression="deflate" if arguments.deflate else None,
        ping_interval=None,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"ws://127.0.0.1:{port}/websocket/v1", flush=True)
        await asyncio.get_running_loop().create_future()


@contextlib.contextmanager
def flood_server(
    kind: str = "alike", rate: float = 0.0, at_once: int = _AT_ONCE, *, deflate: bool = False
) -> Iterator[str]:
    """Run the server in a process of its own and yield its address.

    Args:
        kind: one of KINDS.
        rate: frames a second; 0 for as many as the client takes.
        at_once: frames a write.
        deflate: whether permessage-deflate is offered.
    """
    command = [sys.executable, __file__, "--kind", kind, "--rate", str(rate), "--at-once", str(at_once)]
    if deflate:
        command.append("--deflate")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, default="alike")
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--at-once", type=int, default=_AT_ONCE)
    parser.add_argument("--deflate", action="store_true")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args()))
