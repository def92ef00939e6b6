"""How long a cut line takes to be proved again: 50 symbols, three types each, ten components; back-off excluded."""

from __future__ import annotations

import asyncio
import sys

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

CUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
PUBLIC = WebSocketType.PUBLIC


async def proved(manager: GlobalWebSocketManager, epoch: int) -> None:
    """Return when a line of this epoch, or a later one, is proved."""
    while (  # noqa: ASYNC110 - a benchmark may poll
        manager.get_current_epoch(PUBLIC) < epoch or manager.connection_state(PUBLIC) is not ConnectionState.CONNECTED
    ):
        await asyncio.sleep(0.001)


async def measure(told: dict[str, str]) -> None:
    manager = GlobalWebSocketManager(config_for(told, backoff_initial=0.3, backoff_max=0.5, alerts=False))
    await manager.start()
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")][:50]
    for n in range(10):
        specs = [SubscriptionSpec(kind, markets[n * 5 : n * 5 + 5]) for kind in TYPES]
        manager.register_component(f"c{n}", specs, lambda event: None)
    for cut in range(CUTS):
        await proved(manager, cut + 1)
        await asyncio.sleep(0.2)
        line = manager.wiring.endpoints[PUBLIC].connection.line
        assert line is not None
        line.abort("cut by the benchmark")
    await proved(manager, CUTS + 1)
    times = sorted(manager.wiring.endpoints[PUBLIC].sync.restore_times[-CUTS:])
    statistics = manager.wiring.subscription_statistics()[PUBLIC]
    await manager.stop()
    print(f"{CUTS} cuts, {statistics.restored}/{statistics.restorable} streams proved after the last one")
    p50, p99 = times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3
    print(f"open line to proof: p50 {p50:.1f} ms, p99 {p99:.1f} ms (target p99 <= 250 ms)")


def main() -> None:
    with child_exchange("--rate", "1000", "--markets", "60", "--quiet-account") as told:
        asyncio.run(measure(told))


if __name__ == "__main__":
    main()
