"""`Delivery.EVERY`: each event is handed out, or stands in the component's own book as conflated and is told of."""

from __future__ import annotations

import time

from tests.promises.stage import market, play
from tests.waiting import until
from upbit_ws_qt import Alert, TickerEvent, WebSocketClientProxy, WebSocketType


def paint(event: TickerEvent) -> None:
    """Do what takes a window longer than the exchange takes to send the next one."""
    time.sleep(0.0005)


async def main() -> None:
    """Let far more come at once than can be handed out in time, as when a window stands still for a while."""
    async with market(settings={"rate": 2000.0}, metrics_interval=0.5) as (exchange, service):
        alerts: list[Alert] = []
        service.alertRaised.connect(alerts.append)
        proxy = WebSocketClientProxy("book keeper")
        await proxy.subscribe_ticker([market.market for market in exchange.world.markets], paint)
        exchange.stop_time()
        await exchange.advance(5.0)
        (line,) = exchange.connections

        def is_accounted_for() -> bool:
            sent = line.frames_sent - service.subscription_statistics()[WebSocketType.PUBLIC].lists
            (book,) = (c for c in service.performance_metrics().components if c.component_id == "book keeper")
            return book.delivered < sent == book.received == book.delivered + book.conflated + book.dropped

        await until(is_accounted_for)
        await until(lambda: alerts)


if __name__ == "__main__":
    play(main)
