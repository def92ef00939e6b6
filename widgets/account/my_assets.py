"""Own assets, valued in won by live tickers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSlot
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QHBoxLayout

from upbit_ws_qt import (
    DataType,
    Delivery,
    GapReport,
    MyAssetEvent,
    MyOrderEvent,
    Priority,
    Subscription,
    TickerEvent,
    WebSocketError,
)

from ..base.asking import Question
from ..base.kst import kst_clock
from ..base.look import legible
from ..base.panel import plain_label
from ..base.price_format import money_text, percent_text
from ..base.replay_watch import wall_clock
from ..base.table_panel import TablePanel
from ..base.tables import fit_columns
from ..base.text import tr
from .asset_model import WON, AssetBook, Column, MyAssetsModel
from .ring import AllocationRing, Share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QResizeEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import RestAccount, WebSocketService

    from ..base.event_panel import EventPanel
    from ..base.limits import Limit

__all__ = ["MyAssetsWidget"]

_SAMPLES = (
    "WWWW", "000,000.00000", "000,000,000", "000,000,000", "≈ 000,000,000", "000,000,000", "+00,000,000", "+00.00%",
    "100.0%", "+00,000,000", "00:00:00 ?",
)  # fmt: skip
_GIVE_UP = (
    Column.SHARE, Column.LOCKED, Column.TIME, Column.REALISED, Column.AVERAGE, Column.PRICE, Column.PROFIT,
    Column.RATE, Column.VALUE,
)  # fmt: skip
"""In a narrow panel, in this order."""
_ASK_MS = 1500  # after a fill: by then the exchange has reckoned
_RING_FROM_EMS = 60  # a panel that is narrower has no room for a ring
_MOST_SHARES = 7


class MyAssetsWidget(TablePanel):
    """What the account holds, what it cost, what it is worth and has gained; and a ring of what it consists of.

    The exchange tells of a currency when it changes; what holdings cost is asked for.

    Example:
        >>> assets = MyAssetsWidget(service)
        >>> assets.symbolActivated.connect(print)

    Args:
        service: where the data come from.
        parent: of the widget.

    Signals:
        symbolActivated(str): the market of a currency was chosen by double-click or Enter.
    """

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        self.model = MyAssetsModel()
        super().__init__(service, "my assets", self.model, parent)
        self.table.setObjectName("assets")
        self.assets = AssetBook()
        self.healing.be_about(DataType.MY_ASSET)
        self.total = plain_label("", self)
        font = self.total.font()
        font.setBold(True)
        self.total.setFont(font)
        self.note = plain_label("", self.body)
        self.note.setWordWrap(True)
        self.tools.addWidget(self.total)
        self.tools.addStretch()
        self.note.setVisible("asset" not in service.config.backfill)
        self.gain = plain_label("", self)
        self.tools.insertWidget(self.tools.indexOf(self.total) + 1, self.gain)
        self.ring = AllocationRing(self.body)
        self.ring.hide()
        side = QHBoxLayout()
        self.rows.removeWidget(self.table)
        side.addWidget(self.table, 1)
        side.addWidget(self.ring)
        self.rows.addLayout(side, 1)
        self.rows.addWidget(self.note)
        self._since = ""
        self._listens = False
        self._answer: Question | None = None
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(_ASK_MS)
        self._ask.timeout.connect(self._on_ask)
        self._prices: Subscription | None = None
        self._ranked: set[tuple[int, bool]] = set()
        self.retranslate()
        self.restyle()
        self.begin()

    # -- wishes -------------------------------------------------------------------------------------------------------
    def wish(self) -> Subscription:
        """Want the assets; and own fills, which say what was paid, and what sales have brought."""
        if not self._listens:
            self._listens = True
            self._since = kst_clock(int(wall_clock(self.service) * 1000))
            self.proxy.subscribe_my_order(self._on_order)
        if self.service.clock is None:  # what a recording's holdings cost nobody can be asked any more
            self._ask.start(0)
        return self.proxy.subscribe_my_asset(self._on_asset)

    @pyqtSlot()
    def _want_prices(self) -> None:
        """Want the tickers that value what there is, while it can be seen."""
        markets = self.assets.wanted_markets() if self.isVisible() else []
        prices = self._prices
        if not markets:
            self._prices = None
            if prices is not None:
                prices.close()
        elif prices is None:
            self._prices = self.proxy.subscribe_ticker(markets, self._on_ticker, delivery=Delivery.FRAME)
            self._prices.failed.connect(self._on_unpriced)
        elif list(prices.symbols) != markets:
            prices.set_symbols(markets)

    def limits(self) -> Iterable[Limit]:
        """Say that the values follow more slowly under load."""
        return self.fewer_frames()

    # -- data ---------------------------------------------------------------------------------------------------------
    def has_rows(self) -> bool:
        """Whether any currency was heard of."""
        return len(self.assets) > 0

    def silence_text(self, since: str) -> str:
        """Say that silence is normal."""
        if not since:
            return tr("No news of your assets yet.")
        return tr("No changes of your assets since {time} – normal. The exchange tells of them only then.", time=since)

    def on_gap(self) -> None:
        """Doubt what is known."""
        self.assets.doubt()
        self.refresh_soon()

    def on_healed(self, report: GapReport) -> None:
        """Doubt nothing any more."""
        state = self.service.account_state()
        whole = any(each.is_whole for each in report.streams if each.stream.data_type is DataType.MY_ASSET)
        if whole and state is not None:
            self.assets.trust(state)
            self.refresh_soon()

    def forget(self) -> None:
        """Know of no assets."""
        self.assets = AssetBook()
        self._ranked = set()
        self._want_prices()
        self.model.replace([])
        self.refresh()

    def inherit(self, old: EventPanel) -> None:
        """Go on with what another panel of the same account knows; all of it is in doubt."""
        assert isinstance(old, MyAssetsWidget)
        self.assets, self._since = old.assets, old._since
        self.on_gap()
        self.settle()
        self.activate()

    def _on_asset(self, event: MyAssetEvent) -> None:
        self.note_data(event)
        self.assets.take(event)
        self.settle()
        if self.isVisible():
            self._want_prices()
            self.refresh_soon()

    def _on_order(self, event: MyOrderEvent) -> None:
        if self.assets.take_fill(event):
            if self.service.clock is None:
                self._ask.start(_ASK_MS)
            if self.isVisible():
                self.refresh_soon()

    @pyqtSlot()
    def _on_ask(self) -> None:
        """Ask what the holdings cost: no event tells that."""
        if self._answer is not None:
            self._answer.cancel()
        self._answer = Question(self.service.rest.at(Priority.LOW).accounts(), self)
        self._answer.done.connect(self._on_costs)
        self._answer.failed.connect(self._on_costs_failed)

    @pyqtSlot(object)
    def _on_costs(self, accounts: tuple[RestAccount, ...]) -> None:
        self._answer = None
        self.assets.take_accounts(accounts)
        if self.isVisible():
            self.refresh_soon()

    @pyqtSlot(object)
    def _on_costs_failed(self, error: WebSocketError) -> None:
        """Know what fills have told alone; a key may not be allowed to look."""
        self._answer = None
        self.gain.setToolTip(tr("What the holdings cost could not be asked for: {cause}", cause=error.message))

    def _on_ticker(self, event: TickerEvent) -> None:
        if self.assets.set_price(event.code, event.trade_price):
            self.refresh_soon()

    @pyqtSlot(WebSocketError)
    def _on_unpriced(self, error: WebSocketError) -> None:
        del error  # it says what `unserved` says
        if self._prices is not None:
            for stream in self._prices.unserved:
                self.assets.set_missing(stream.symbol)
            QTimer.singleShot(0, self._want_prices)  # not while the subscription speaks
            self.refresh_soon()

    # -- what is seen -------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Value what there is, and show it."""
        self._want_prices()
        super().activate()

    def deactivate(self) -> None:
        """Want no prices any more."""
        super().deactivate()
        self._want_prices()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show all that there is anything of, and its sum."""
        whole, without = self.assets.total()
        self.model.whole = whole
        held = self.assets.held()
        ranked = {(id(row), row.price is None) for row in held}
        if ranked == self._ranked:
            self.model.tell_changed()  # the order is that of before: rows must not jump because a price has moved
        else:
            self._ranked = ranked
            self.model.replace(held)
        self.total.setVisible(self.has_rows())  # nothing known is not nothing owned
        self._show_gain()
        self._show_shares()
        text = tr("Total {amount} KRW", amount=money_text(WON, whole))
        self.total.setText(text + (" + " + tr("%n without a price", without) if without else ""))

    def _show_gain(self) -> None:
        """Say what the holdings have gained, and what sales have brought."""
        profit, cost, without = self.assets.gain()
        realised = self.assets.costs.realised_in_all()
        told = []
        if cost:
            rate = percent_text(profit / cost)
            told.append(tr("Profit {amount} KRW ({rate})", amount=_signed(profit), rate=rate))
        if without:
            told.append(tr("%n without a known cost", without))
        if realised.fees or realised.profit or realised.unknown:
            told.append(tr("realised since {time}: {amount} KRW", time=self._since, amount=_signed(realised.profit)))
        self.gain.setText("  ".join(told))
        self.gain.setVisible(bool(told) and self.has_rows())

    def _show_shares(self) -> None:
        if not self.ring.isVisible():
            return
        whole = self.model.whole
        held = sorted(((each.value or Decimal(0), each) for each in self.assets.held()), key=lambda pair: -pair[0])
        parts = [
            Share(self.model.text(each, Column.CURRENCY), float(value / whole),
                  f"{self.model.text(each, Column.CURRENCY)} {value / whole * 100:.1f}%, {money_text(WON, value)} KRW")
            for value, each in held if value and whole
        ]  # fmt: skip
        rest = sum(share.part for share in parts[_MOST_SHARES:])
        if rest:
            word = tr("Others")
            parts = [*parts[:_MOST_SHARES], Share(word, rest, f"{word} {rest * 100:.1f}%")]
        self.ring.show_shares(parts)

    def _make_room(self) -> None:
        """Show the ring where there is room for it beside the table."""
        wide = self.width() >= self.fontMetrics().horizontalAdvance("m") * _RING_FROM_EMS
        if wide is self.ring.isHidden():
            self.ring.setVisible(wide)
            self._show_shares()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the ring where there is room for it."""
        super().resizeEvent(event)
        if hasattr(self, "ring"):
            self._make_room()

    def market_at(self, place: int) -> str:
        """Return the market of a currency; won have none."""
        return self.model.rows[place].market

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.table.setAccessibleName(tr("My assets"))
        self.ring.setAccessibleName(tr("What the assets consist of"))
        self.note.setText(tr("Only what has changed while the program listened is known: the exchange sends no list."))
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES, _GIVE_UP)
        self.refresh()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        market, colours = self.market_colours, self.colours
        self.model.up, self.model.down = (
            legible(each, colours.text, colours.base) for each in (market.up, market.down)
        )
        super().restyle()
        if hasattr(self, "note"):
            palette = self.note.palette()
            palette.setColor(QPalette.ColorRole.WindowText, QColor(self.colours.muted))
            self.note.setPalette(palette)


def _signed(amount: Decimal) -> str:
    text = money_text(WON, amount)
    return "+" + text if amount > 0 and text != "0" else text
