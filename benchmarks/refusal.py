"""What it costs the window's loop to be told that the exchange refuses 200 codes, beside 1,200 streams that flow.

The exchange runs in this process, with its own callbacks left out of what is measured, because the real one refuses no
code that it merely does not know: it is taught to.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any, Self

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, RequestRefusedError, hub
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.manager.periodic import Periodic
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

STREAMS, CODES = 1_200, 200
TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
TARGET_MS = 5.0
REFUSED = "KRW-REFUSED"


def refuse_codes_of_that_name() -> None:
    """Have requests refused that name one of the codes."""
    exchange: Any = hub
    parse = exchange.parse_request

    def parse_or_refuse(raw: bytes | str, endpoint: str) -> Any:
        text = raw if isinstance(raw, str) else raw.decode()
        if REFUSED in text:
            raise RequestRefusedError("INVALID_PARAM")
        return parse(raw, endpoint)

    exchange.parse_request = parse_or_refuse


class Callbacks:
    """Times the plain callbacks of the loop that are the client's, while it is entered.

    Without the garbage collector, which here goes through the whole exchange too, and without what is done every second
    anyway (benchmarks/monitor.py).
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.name = ""
        self._handle: Any = asyncio.Handle
        self._run = self._handle._run

    def __enter__(self) -> Self:
        gc.disable()
        self._handle._run = lambda handle: self._timed(handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle._run = self._run
        gc.enable()

    def _timed(self, handle: Any) -> None:
        callback = handle._callback
        owner = getattr(callback, "__self__", callback)
        module = getattr(callback, "__module__", None) or type(owner).__module__
        began = time.process_time()
        self._run(handle)
        took = time.process_time() - began
        is_ours = module.startswith("upbit_ws_qt") and not module.startswith("upbit_ws_qt.exchange")
        if took > self.longest and is_ours and not isinstance(owner, Periodic):
            self.longest, self.name = took, getattr(callback, "__qualname__", repr(callback))


async def measure() -> None:
    settings = ExchangeSettings(markets=STREAMS // len(TYPES), rate=50, connects_per_second=None)
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(ServiceConfig.for_exchange(exchange, alerts=False))
        await manager.start()
        codes = [market.market for market in exchange.world.markets]
        for code in codes:
            handle = manager.register_component(code, [SubscriptionSpec(kind, code) for kind in TYPES], lambda _: None)
        await handle.wait_served(60.0)
        told: list[object] = []
        bad = SubscriptionSpec(DataType.TICKER, [f"{REFUSED}{number}" for number in range(CODES)])
        refuse_codes_of_that_name()
        with Callbacks() as callbacks:
            manager.register_component(
                "bad", bad, lambda _: None, on_status=lambda stream, status, error: told.append(error)
            )
            while sum(error is not None for error in told) < CODES:  # noqa: ASYNC110 - a benchmark may poll
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
        await manager.stop()
    print(f"{CODES} refused codes beside {len(codes) * len(TYPES)} streams: told {len(told)} times")
    print(f"longest callback {callbacks.longest * 1e3:.1f} ms of CPU, {callbacks.name} (target <= {TARGET_MS} ms)")


if __name__ == "__main__":
    asyncio.run(measure())
