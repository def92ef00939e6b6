"""What was connected to a proxy's channel is not called when the owner is gone, and its stream leaves the wire."""

from __future__ import annotations

from PyQt6 import sip
from PyQt6.QtWidgets import QLabel

from tests.promises.stage import market, play
from tests.waiting import until
from upbit_ws_qt import WebSocketClientProxy


async def main() -> None:
    """Let a label die while another one hears the same market."""
    async with market() as (exchange, _):
        gone, stays = QLabel(), QLabel()
        channel = WebSocketClientProxy("gone", owner=gone).ticker("KRW-BTC")
        channel.received.connect(lambda event: gone.setText(event.code))
        channel.frame.connect(lambda event: gone.setText(event.code))
        heard: list[object] = []
        proxy = WebSocketClientProxy("stays", owner=stays)
        proxy.ticker("KRW-BTC").received.connect(heard.append)
        await until(lambda: gone.text() and heard)
        gone.deleteLater()
        await until(lambda: sip.isdeleted(gone))
        before = len(heard)
        await until(lambda: len(heard) >= before + 20)  # a call of the dead label's lambda would end the program
        await proxy.cleanup()
        await until(lambda: not exchange.subscribed("public"))


if __name__ == "__main__":
    play(main)
