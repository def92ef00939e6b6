"""A window that shows the price of a bitcoin. The README shows this file."""
# ruff: noqa: D101, D102, D103 - as short as it can be, for the README

# README begins
from PyQt6.QtWidgets import QApplication, QLabel

from upbit_ws_qt import ServiceConfig, TickerEvent, WebSocketClientProxy, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import price_text


class Price(QLabel):
    def on_ticker(self, event: TickerEvent) -> None:
        self.setText(f"{event.code}  {price_text(event.code, event.trade_price)}  {event.signed_change_rate:+.2%}")


async def main() -> object:
    await (exchange := EmbeddedExchange()).start()  # an Upbit of your own: without these two lines
    WebSocketService.instance(ServiceConfig.for_exchange(exchange))  # it is the real one
    price = Price("KRW-BTC  …")
    price.resize(360, 80)
    WebSocketClientProxy("price", owner=price).subscribe_ticker("KRW-BTC", price.on_ticker)
    price.show()
    return price


if __name__ == "__main__":
    app = QApplication([])
    run(main)
# README ends
