"""A trade that comes after a newer one is a trade all the same: each new id is handed out."""

from __future__ import annotations

from tests.promises.stage import market, play
from tests.waiting import until
from upbit_ws_qt import TradeEvent, WebSocketClientProxy


async def main() -> None:
    """Let each two trades of a market change places on the way."""
    async with market(settings={"rate": 500.0}) as (exchange, _):
        codes = [market.market for market in exchange.world.markets]
        seen: list[TradeEvent] = []
        await WebSocketClientProxy("tape").subscribe_trade(codes, seen.append)
        exchange.faults.inject("wrong_order", endpoint="public")
        start = len(seen)
        await until(lambda: len(seen) >= start + 300)
        exchange.stop_time()
        newest: dict[str, int] = {}
        late = 0
        for trade in seen:
            late += trade.timestamp < newest.get(trade.code, 0)
            newest[trade.code] = max(trade.timestamp, newest.get(trade.code, 0))
        assert late, "the exchange did send them out of order"
        assert len({(trade.code, trade.sequential_id) for trade in seen}) == len(seen)


if __name__ == "__main__":
    play(main)
