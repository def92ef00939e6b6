"""What a monitor can ask of the service: nothing before it was used, and what each stream brings afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject

from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt import WebSocketClientProxy, WebSocketService, WebSocketType

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange


def test_before_it_was_used_everything_is_empty(qapp: QApplication) -> None:
    service = WebSocketService()
    assert (service.line_events(60), service.alerts(), service.issues(), service.interference()) == ((), (), (), ())
    assert (service.adaptations(), service.stream_metrics(), service.trace_frames()) == ((), (), None)
    assert len(service.history("score", None, 60).values) == 0
    assert not service.acknowledge(1)
    assert not service.undo_adaptation()
    assert not service.resume("nobody")
    meter = service.measure_painting()
    meter.watch(QObject())
    meter._on_painted(0.5) if meter._on_painted is not None else None
    meter.close()


@served()
async def test_each_stream_has_its_rate_bytes_and_age(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    proxy = WebSocketClientProxy("panel", service=service)
    markets = sorted(exchange.world.codes)[:5]
    proxy.subscribe_ticker(markets, lambda event: None)
    await until(lambda: sum(stream.messages_per_second > 0 for stream in service.stream_metrics()) >= 3)
    streams = service.stream_metrics()
    assert {stream.key.symbol for stream in streams} == set(markets)
    rates = [stream.messages_per_second for stream in streams]
    assert rates == sorted(rates, reverse=True)
    assert streams[0].bytes_per_second > 100 * streams[0].messages_per_second
    assert streams[0].last_event_age is not None
    await until(lambda: service.connection_metrics(WebSocketType.PUBLIC).current_subscriptions == 5)
    await proxy.cleanup()
