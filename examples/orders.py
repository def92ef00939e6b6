"""Own orders in a label, and every error said. Live where the keys are in the environment, offline where not."""

from __future__ import annotations

import os
import sys

from PyQt6.QtWidgets import QApplication, QLabel

from upbit_ws_qt import (
    AuthenticationError,
    ConfigurationError,
    Credentials,
    MyOrderEvent,
    ServiceConfig,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketService,
    WebSocketType,
    run,
)
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.widgets import price_text


class Orders(QLabel):
    """The latest news of own orders; silence is normal, nothing may have happened."""

    def __init__(self, service: WebSocketService) -> None:
        super().__init__("No orders yet")
        self.resize(480, 60)
        self.service = service
        service.errorOccurred.connect(self.on_error)
        service.gapDetected.connect(lambda gap: print("missed, perhaps, since", gap.since, "(exchange)"))
        self.orders = WebSocketClientProxy("orders", owner=self).subscribe_my_order(self.on_order)

    def on_order(self, order: MyOrderEvent) -> None:
        """Show one change of one order; `price` and `volume` are those of the fill in state "trade"."""
        done = f"{order.executed_volume.normalize():f} done at {price_text(order.code, order.avg_price)}"
        self.setText(f"{order.code} {order.ask_bid} {order.state}: {done}")

    def on_error(self, error: WebSocketError) -> None:
        """Say it; only a refused key needs a person, all else is tried again."""
        print(type(error).__name__, error, f"({error.recovery})", file=sys.stderr)
        if isinstance(error, AuthenticationError):
            self.setText("Key refused (click to try again)")

    def mousePressEvent(self, ev: object) -> None:  # noqa: N802 - Qt's name
        """Try a refused key again, after its scopes or addresses were changed at the exchange."""
        self.service.reconnect(WebSocketType.PRIVATE)


async def main() -> object:
    """Open the label; what is returned is kept until the end."""
    exchange = EmbeddedExchange(ExchangeSettings(demo=True))  # somebody trades on its account
    if "UPBIT_ACCESS_KEY" in os.environ:
        config = ServiceConfig(credentials=Credentials.from_env())
    else:
        await exchange.start()
        config = ServiceConfig.for_exchange(exchange)
    orders = Orders(WebSocketService.instance(config))
    orders.show()
    return exchange, orders


if __name__ == "__main__":
    app = QApplication([])
    try:
        raise SystemExit(run(main))
    except ConfigurationError as error:  # half a key pair, for example
        raise SystemExit(f"orders: {error}") from None
