"""A market that was busy and sends nothing any more is dim in the watch list; one that was never busy is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import shown
from upbit_ws_qt.exchange import FaultName
from widgets.base.market_catalog import MarketCatalog
from widgets.base.silence import BUSY_LOOKS, QUIET_LOOKS, SilenceWatch
from widgets.watch_list.model import Column
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

SPOKEN = Qt.ItemDataRole.AccessibleTextRole


def test_only_what_was_busy_falls_silent() -> None:
    watch, last = SilenceWatch(), object()
    for number in range(BUSY_LOOKS):
        assert watch.look([("BUSY", number), ("QUIET", number // 2)]) == []
    assert watch.look([("BUSY", last), ("QUIET", last)]) == []  # something new of both
    silent = [watch.look([("BUSY", last), ("QUIET", last)]) for _ in range(QUIET_LOOKS)]
    assert silent == [[]] * (QUIET_LOOKS - 1) + [["BUSY"]]
    assert watch.look([("BUSY", last)]) == ["BUSY"]
    assert watch.look([("BUSY", object())]) == []


def test_one_that_woke_up_has_to_prove_anew_that_it_is_busy() -> None:
    watch, last = SilenceWatch(), object()
    for _ in range(BUSY_LOOKS):
        watch.look([("A", object())])
    for _ in range(QUIET_LOOKS):
        watch.look([("A", last)])
    watch.look([("A", object())])
    assert not any(watch.look([("A", last)]) for _ in range(2 * QUIET_LOOKS))


def test_after_a_pause_nobody_is_known_to_be_busy() -> None:
    watch, last = SilenceWatch(), object()
    for _ in range(BUSY_LOOKS):
        watch.look([("A", object())])
    watch.forget()
    assert not any(watch.look([("A", last)]) for _ in range(2 * QUIET_LOOKS))


@served(busy_silence_timeout=3600.0)  # the test looks itself
async def test_a_busy_market_that_falls_silent_is_dim_until_it_speaks_again(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    async with shown(WatchListWidget(service, catalog, symbols=("KRW-BTC", "KRW-ETH")), 520, 400) as widget:
        model = widget.model

        def newest(code: str) -> object:
            return model.row(model.row_of(code)).event

        def price(code: str) -> QModelIndex:
            return model.index(model.row_of(code), Column.PRICE)

        async def look(*codes: str) -> None:
            """Look again when each of these has sent something."""
            before = {code: newest(code) for code in codes}
            await until(lambda: all(newest(code) is not before[code] for code in codes))
            widget.look_for_silence()

        exchange.set_rate(1000)
        for _ in range(BUSY_LOOKS):
            await look("KRW-BTC", "KRW-ETH")
        muted = exchange.faults.inject(FaultName.MUTE, "public", codes=["KRW-BTC"])
        while model.row(model.row_of("KRW-BTC")).stale_since is None:
            await look("KRW-ETH")
        assert model.row(model.row_of("KRW-ETH")).stale_since is None
        assert "Not up to date" in str(price("KRW-BTC").data(SPOKEN))
        muted.clear()
        await until(lambda: model.row(model.row_of("KRW-BTC")).stale_since is None)
        assert price("KRW-BTC").data(SPOKEN) == price("KRW-BTC").data()
