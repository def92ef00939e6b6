"""Records every trade of twenty markets while its line is cut fifty times, and proves it against a witness.

The witness has a line of its own that is never cut. At the end both hold the same trades in the same order, or this
says which are missing. `--skew` sets the exchange's clock apart from this computer's, `--too-many` has the exchange
refuse questions in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from upbit_ws_qt import DataType, GlobalWebSocketManager, ManagerListener, ServiceConfig, SubscriptionSpec
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt import GapReport, RestTrade, TradeEvent

MARKETS, CUTS = 20, 50
PATIENCE = 120.0  # seconds to wait for what has to come


class CuttableWay:
    """A way to the exchange that can be cut while the exchange itself goes on.

    Attributes:
        url: where it begins.
        is_closed: whether nobody gets through from now on.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._ways: set[asyncio.Task[None]] = set()
        self.url = ""
        self.is_closed = False

    async def __aenter__(self) -> CuttableWay:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._target._replace(netloc=f"127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._ways, return_exceptions=True)

    def cut(self) -> None:
        """Cut whatever goes this way now."""
        for way in self._ways:
            way.cancel()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_closed:
            writer.transport.abort()
            return
        way = asyncio.current_task()
        assert way is not None
        self._ways.add(way)
        far: asyncio.StreamWriter | None = None
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            far_reader, far = await asyncio.open_connection(self._target.hostname, self._target.port)
            both = [asyncio.ensure_future(_copy(reader, far)), asyncio.ensure_future(_copy(far_reader, writer))]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)  # the end of one way is that of both
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        self._ways.discard(way)
        for end in (writer, far):
            if end is not None:
                end.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()


class Tape(ManagerListener):
    """All trades of some markets, in the order in which they were handed out, and what became of each gap."""

    def __init__(self) -> None:
        self.ids: dict[str, list[int]] = {}
        self.recovered = 0
        self.reports: list[GapReport] = []

    def on_trade(self, trade: TradeEvent) -> None:
        """Write a trade down."""
        self.ids.setdefault(trade.code, []).append(trade.sequential_id)
        self.recovered += trade.recovered

    def on_gap_healed(self, report: GapReport) -> None:
        """Note what became of a gap."""
        self.reports.append(report)
        print(report)


def compare(tape: Tape, witness: Tape) -> tuple[int, int, int, int]:
    """Return how many trades the witness saw since both listened, and how many are missing, twice, out of order."""
    seen = missing = twice = disordered = 0
    for code, truth in witness.ids.items():
        mine = tape.ids.get(code, [])
        both = set(mine)
        begin = next((place for place, number in enumerate(truth) if number in both), len(truth))
        wanted = truth[begin:]
        seen += len(wanted)
        places = {number: place for place, number in enumerate(wanted)}
        order = [places[number] for number in mine if number in places]
        missing += len(places) - len(set(order))
        twice += len(mine) - len(both)
        disordered += sum(later < earlier for earlier, later in pairwise(order))
    return seen, missing, twice, disordered


async def record(cuts: int = CUTS, markets: int = MARKETS, skew: float = 0.0, too_many: int = 0) -> int:
    """Record through so many cuts; return 0 where nothing is missing, twice or out of order."""
    settings = ExchangeSettings(
        markets=markets, rate=400, start_ms=int((time.time() + skew) * 1000), connects_per_second=None
    )
    async with EmbeddedExchange(settings) as exchange, CuttableWay(exchange.public_url) as way:
        codes = sorted(exchange.world.codes)
        wish = SubscriptionSpec(DataType.TRADE, codes)
        tape, witness = Tape(), Tape()
        config = ServiceConfig.for_exchange(exchange)
        taking = GlobalWebSocketManager(
            config.replace(
                public_url=way.url,
                backfill=frozenset({"trade"}),
                # A tape may wait for what belongs before: nothing is ever written down out of order.
                backfill_hold=PATIENCE,
                # With a line that is cut again and again the pauses would grow, as they should, to half a minute.
                backoff_initial=0.05,
                backoff_max=0.2,
            )
        )
        looking = GlobalWebSocketManager(config)
        taking.add_listener(tape)
        try:
            for manager, listener in ((looking, witness), (taking, tape)):
                await manager.start()
                manager.register_component("tape", wish, listener.on_trade)
            await _until(lambda: len(tape.ids) == len(codes))
            for number in range(cuts):
                if too_many and number == cuts // 2:
                    exchange.faults.inject(FaultName.REST_TOO_MANY, times=too_many)
                way.cut()
                await _until(partial(_has, tape, number + 1))
                await asyncio.sleep(0.2)  # and some live trades
            exchange.stop_time()
            # The last trades are still under way to both: what they are the exchange says.
            last = {code: {trade.sequential_id for trade in await _newest(looking, code)} for code in codes}
            await _until(lambda: all(last[code] <= {*tape.ids[code]} & {*witness.ids[code]} for code in codes))
        except TimeoutError:
            print("not all has come in time")
        finally:
            await asyncio.gather(taking.stop(), looking.stop())
    seen, missing, twice, disordered = compare(tape, witness)
    print(
        f"{seen:,} trades of {markets} markets through {cuts} cuts, {tape.recovered:,} of them recovered: "
        f"{missing} missing, {twice} twice, {disordered} out of order"
    )
    return 0 if seen and not (missing or twice or disordered) else 1


async def _newest(manager: GlobalWebSocketManager, code: str) -> tuple[RestTrade, ...]:
    return await manager.rest.trade_page(code, count=3)


def _has(tape: Tape, reports: int) -> bool:
    return len(tape.reports) >= reports


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)


def main() -> int:
    """Read what is asked for and record."""
    parser = argparse.ArgumentParser(description="Record every trade through many cuts of the line.")
    parser.add_argument("--cuts", type=int, default=CUTS)
    parser.add_argument("--markets", type=int, default=MARKETS)
    parser.add_argument("--skew", type=float, default=0.0, help="seconds by which the exchange's clock is ahead")
    parser.add_argument("--too-many", type=int, default=0, help="questions that are refused in the middle")
    asked = parser.parse_args()
    return asyncio.run(record(asked.cuts, asked.markets, asked.skew, asked.too_many))


if __name__ == "__main__":
    raise SystemExit(main())
