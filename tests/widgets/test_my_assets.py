from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace
from PyQt6.QtCore import Qt

from tests.qt.serving import SETTINGS, served
from tests.waiting import until
from tests.widgets.showing import press, shown
from upbit_ws_qt import WebSocketClientProxy
from upbit_ws_qt.events import MyAssetEvent, MyAssetItem
from upbit_ws_qt.exchange import FaultName
from widgets.account.asset_model import AssetBook, Column
from widgets.account.my_assets import MyAssetsWidget
from widgets.base.panel import PanelState

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

D = Decimal
FRAME = msgspec.json.Encoder(decimal_format="number")


def assets(ms: int, **held: str) -> MyAssetEvent:
    items = tuple(MyAssetItem(currency, D(amount), D(0)) for currency, amount in held.items())
    return MyAssetEvent(type="myAsset", timestamp=ms, asset_uuid="a", assets=items, asset_timestamp=ms)


def column(widget: MyAssetsWidget, which: Column) -> list[str]:
    return [str(widget.model.index(row, which).data()) for row in range(widget.model.rowCount())]


def tickers(exchange: EmbeddedExchange) -> set[str]:
    return {entry[1] for entry in exchange.subscribed("public") if entry[0] == "ticker"}


def won(widget: MyAssetsWidget) -> list[int]:
    return [int(text.replace(",", "")) for text in column(widget, Column.VALUE)]


async def listening(exchange: EmbeddedExchange, widget: MyAssetsWidget) -> None:
    await until(lambda: exchange.subscribed("private") and widget.state is not PanelState.LOADING)


def buy(exchange: EmbeddedExchange, code: str, volume: str) -> None:
    sides = exchange.world.sides(code)
    assert sides is not None
    placed = exchange.place_order(code, "BID", price=D(sides[1].prices[0]).scaleb(-8), volume=D(volume))
    exchange.fill_order(placed[0].uuid)


def test_values_are_exact_and_what_has_no_price_is_counted() -> None:
    book = AssetBook()
    book.take(assets(1000, KRW="1000.5", BTC="0.12345678901234567891", XYZ="1", ADA="0"))
    assert book.wanted_markets() == ["KRW-BTC", "KRW-XYZ"]
    assert book.set_price("KRW-BTC", D(150000000))
    assert not book.set_price("KRW-BTC", D(150000000))
    for market in ("KRW-XYZ", "BTC-XYZ", "USDT-XYZ"):
        book.set_missing(market)
    assert book.wanted_markets() == ["KRW-BTC"]
    assert book.total() == (D("1000.5") + D("0.12345678901234567891") * 150000000, 1)
    assert [held.currency for held in book.held()] == ["KRW", "BTC", "XYZ"]
    book.take(assets(999, BTC="7"))
    assert book.held()[1].total == D("0.12345678901234567891"), "older news change nothing"


def test_without_a_market_in_won_the_next_best_values_a_currency() -> None:
    book = AssetBook()
    book.take(assets(1000, OLD="2", BTC="1", USDT="3"))
    book.set_price("KRW-BTC", D(150000000))
    book.set_price("KRW-USDT", D(1450))
    book.set_missing("KRW-OLD")
    assert book.wanted_markets() == ["BTC-OLD", "KRW-BTC", "KRW-USDT"]
    assert book.total() == (D(150000000) + 3 * D(1450), 1), "its price is still to come"
    book.set_price("BTC-OLD", D("0.00001"))
    assert book.total() == (D(150000000) + 3 * D(1450) + 2 * D(1500), 0)
    book.set_missing("BTC-OLD")
    assert book.wanted_markets() == ["KRW-BTC", "KRW-USDT", "USDT-OLD"]
    book.set_price("USDT-OLD", D("0.5"))
    assert book.total() == (D(150000000) + 3 * D(1450) + 2 * D(725), 0)


@served(credentials=None)
async def test_without_a_key_it_says_so(service: WebSocketService) -> None:
    async with shown(MyAssetsWidget(service)) as widget:
        assert widget.state is PanelState.NO_KEY
        assert not widget.total.isVisible(), "nothing known is not nothing owned"


@served()
async def test_assets_are_valued_by_live_tickers(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyAssetsWidget(service), 700) as widget:
        await until(lambda: widget.state is PanelState.EMPTY)
        buy(exchange, "KRW-BTC", "0.01")
        buy(exchange, "KRW-ETH", "0.5")
        await until(lambda: "–" not in column(widget, Column.VALUE) and len(column(widget, Column.VALUE)) == 3)
        assert tickers(exchange) == {"KRW-BTC", "KRW-ETH"}
        assert column(widget, Column.CURRENCY)[0] == "KRW"
        await until(lambda: won(widget)[1:] == sorted(won(widget)[1:], reverse=True))
        balances = exchange.world.account.balances()
        held = widget.assets.held()
        assert {each.currency: (each.balance, each.locked) for each in held} == {
            each.currency: balances[each.currency] for each in held
        }
        whole, without = widget.assets.total()
        assert without == 0
        await until(lambda: widget.total.text() == f"Total {round(widget.assets.total()[0]):,} KRW")
        assert whole > 0
        async with WebSocketClientProxy("test", service=service) as proxy:
            ticker = (await proxy.get_ticker_snapshot(["KRW-BTC"]))["KRW-BTC"]
        later = replace(ticker, trade_price=D(123_456_000), timestamp=4_000_000_000_000, epoch=0, received_at=0.0)
        exchange.send_raw("public", FRAME.encode(later))
        await until(lambda: "123,456,000" in column(widget, Column.PRICE))


@served()
async def test_prices_are_wanted_only_while_it_is_shown(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyAssetsWidget(service)) as widget:
        await listening(exchange, widget)
        buy(exchange, "KRW-BTC", "0.01")
        await until(lambda: tickers(exchange) == {"KRW-BTC"})
        widget.hide()
        await until(lambda: not exchange.subscribed("public"))
        buy(exchange, "KRW-ETH", "0.5")
        await until(lambda: len(widget.assets) == 3)
        assert not exchange.subscribed("public")
        widget.show()
        await until(lambda: tickers(exchange) == {"KRW-BTC", "KRW-ETH"})


@served()
async def test_a_currency_without_a_market_is_left_out_and_said_so(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(MyAssetsWidget(service)) as widget:
        await listening(exchange, widget)
        message = {
            "type": "myAsset", "asset_uuid": "u", "asset_timestamp": 1, "timestamp": 1, "stream_type": "REALTIME",
            "assets": [{"currency": name, "balance": 1.5, "locked": 0} for name in ("KRW", "NOSUCH", "BTC")],
        }  # fmt: skip
        exchange.send_raw("private", json.dumps(message))
        await until(lambda: "1 without a price" in widget.total.text() and tickers(exchange) == {"KRW-BTC"})
        index = widget.model.index(column(widget, Column.CURRENCY).index("NOSUCH"), Column.VALUE)
        assert "No market" in str(index.data(Qt.ItemDataRole.ToolTipRole))
        assert str(index.siblingAtColumn(Column.PRICE).data()) == "no market"


@served(dataclasses.replace(SETTINGS, markets=None))
async def test_a_currency_without_a_market_in_won_is_valued_through_bitcoin(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    exchange.faults.inject(FaultName.MISSING_CODES, "public", codes=["KRW-ETH"], times=None)
    async with shown(MyAssetsWidget(service), 900) as widget:
        await listening(exchange, widget)
        message = {
            "type": "myAsset", "asset_uuid": "u", "asset_timestamp": 1, "timestamp": 1, "stream_type": "REALTIME",
            "assets": [{"currency": "ETH", "balance": 2, "locked": 0}],
        }  # fmt: skip
        exchange.send_raw("private", json.dumps(message))
        await until(lambda: tickers(exchange) == {"BTC-ETH", "KRW-BTC"})
        await until(lambda: column(widget, Column.PRICE)[0].startswith("≈ "))
        await until(lambda: "without a price" not in widget.total.text())
        hint = widget.model.index(0, Column.VALUE).data(Qt.ItemDataRole.ToolTipRole)
        assert hint == "Valued by BTC-ETH and KRW-BTC: there is no KRW market."


@served()
async def test_by_enter_the_market_of_a_currency_is_chosen(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    chosen: list[str] = []
    async with shown(MyAssetsWidget(service)) as widget:
        widget.symbolActivated.connect(chosen.append)
        await listening(exchange, widget)
        buy(exchange, "KRW-BTC", "0.01")
        await until(lambda: widget.model.rowCount() == 2)
        widget.table.selectRow(0)  # won have no market
        press(widget.table, Qt.Key.Key_Return, Qt.Key.Key_Down, Qt.Key.Key_Return)
        assert chosen == ["KRW-BTC"]


@served(backfill=frozenset({"order", "asset"}))
async def test_holdings_begin_full_and_are_doubted_only_until_the_gap_is_healed(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(MyAssetsWidget(service)) as widget:
        await until(lambda: widget.model.rowCount() > 1)
        assert widget.note.isHidden(), "all is known, and not only what has changed"
        refused = exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: widget.state is PanelState.STALE)
        buy(exchange, "KRW-BTC", "0.01")
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE and bool(widget.healing.text()))
        await until(lambda: not any(time.endswith(" ?") for time in column(widget, Column.TIME)))
        assert widget.healing.text() == "↺ 1"


@served()
async def test_after_a_cut_line_holdings_are_doubted(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyAssetsWidget(service)) as widget:
        await listening(exchange, widget)
        buy(exchange, "KRW-BTC", "0.01")
        await until(lambda: widget.state is PanelState.LIVE)
        refused = exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: widget.state is PanelState.STALE)
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE)
        await until(lambda: all(time.endswith(" ?") for time in column(widget, Column.TIME)))
        await until(lambda: exchange.subscribed("private"))
        buy(exchange, "KRW-BTC", "0.01")
        await until(lambda: not any(time.endswith(" ?") for time in column(widget, Column.TIME)))
