"""What it costs the window's loop to be told that the exchange refuses 200 codes, beside 1,200 streams that flow.

The exchange runs in this process, with its own callbacks left out of what is measured, because the real one refuses no
code that it merely does not know: it is taught to.
"""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks._callbacks import Callbacks
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

    def parse_or_refuse(raw: bytes | str, *place: str) -> Any:
        text = raw if isinstance(raw, str) else raw.decode()
        if REFUSED in text:
            raise RequestRefusedError("INVALID_PARAM")
        return parse(raw, *place)

    exchange.parse_request = parse_or_refuse


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
        with Callbacks(Periodic) as callbacks:  # what is done every second anyway: benchmarks/turns.py
            manager.register_component(
                "bad", bad, lambda _: None, on_status=lambda stream, status, error: told.append(error)
            )
            async with asyncio.timeout(60.0):
                while sum(error is not None for error in told) < CODES:  # noqa: ASYNC110 - a benchmark may poll
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
        await manager.stop()
    print(f"{CODES} refused codes beside {len(codes) * len(TYPES)} streams: told {len(told)} times")
    longest = sorted(callbacks.longest.items(), key=lambda item: -item[1])[:5]
    shown = ", ".join(f"{took * 1e3:.1f} {name}" for name, took in longest)
    print(f"longest callbacks, ms of CPU (target <= {TARGET_MS} ms): {shown}")


if __name__ == "__main__":
    asyncio.run(measure())
