"""Watches the markets for all alarms, with or without a panel that shows them."""

from __future__ import annotations

import logging
import time
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import (
    AnnouncementEvent,
    ConnectionState,
    DataType,
    Delivery,
    GapEvent,
    GapReport,
    OrderbookEvent,
    Phrase,
    TickerEvent,
    TradeEvent,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketType,
)

from ..alarm_rules.files import AlarmFile, AlarmFileError, FiringLog, Stored
from ..alarm_rules.judges import Memory
from ..alarm_rules.rules import (
    MOST_ALARMS,
    Alarm,
    DataLost,
    DataSilent,
    IndicatorLevel,
    Keyword,
    NewListing,
    PriceChange,
    PriceLevel,
    Repeat,
    SpreadWide,
    VolumeSpike,
)
from ..alarm_rules.seen import (
    AnnouncementSeen,
    Basis,
    BookSeen,
    CandlesSeen,
    LossSeen,
    MarketsSeen,
    PriceSeen,
    SilenceSeen,
)
from ..alarm_rules.watch import AlarmState, AlarmWatch, Firing
from ..base.freshness import Freshness, freshness_watch
from ..base.text import mark
from .candle_feed import CandleFeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from upbit_ws_qt import BaseWebSocketEvent, Subscription, WebSocketService

    from ..alarm_rules.rules import Condition
    from ..alarm_rules.seen import Seen
    from ..base.market_catalog import MarketCatalog

__all__ = ["AlarmKeeper", "AlarmStanding"]

_log = logging.getLogger("upbit_ws_qt.desktop")
SAVE_MS = 10_000  # what fired is in the log at once, which is read at the next start: the file has time
_LOOK_MS = 1000
_HISTORY = 200  # candles that a formula begins with at least
_MOST_HISTORY = 1000
_DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED, ConnectionState.STOPPED)
_OF_TICKER = (PriceLevel, PriceChange, DataSilent)


class AlarmStanding(StrEnum):
    """How it stands with an alarm."""

    OFF = "off"
    DONE = "done"
    """It was to fire once, and has."""
    WAITING = "waiting"
    """Nothing has come yet that it could be judged by."""
    WATCHING = "watching"
    BLIND = "blind"
    """What it is judged by is not up to date now."""
    UNSERVED = "unserved"
    """The exchange does not send what it would be judged by."""
    NO_KEY = "no_key"
    """Announcements come to owners of a key only."""


class AlarmKeeper(QObject):
    """Keeps alarms on what markets do in a file, watches for them over a service, and logs those that fire.

    They are no alerts of the connection monitor: those say how the connection does, these what the market does.

    Example:
        >>> from decimal import Decimal
        >>> keeper = AlarmKeeper(service, folder / "alarms.json")
        >>> keeper.fired.connect(lambda firing: print(firing.market, firing.values, firing.basis))
        >>> keeper.put(keeper.new_alarm(PriceLevel(Decimal(150_000_000)), "KRW-BTC"))

    Args:
        service: where the data come from.
        path: of the file; what fired is in another one beside it. None to keep nothing.
        parent: of the object; the service by default.
        catalog: the markets that there are, for alarms on new ones.

    Attributes:
        commands_allowed: whether alarms may run the programs that they name; not unless somebody says so.

    Signals:
        fired(Firing): an alarm has fired.
        changed: there are other alarms now, or one is on or off.
    """

    fired = pyqtSignal(object)
    changed = pyqtSignal()

    def __init__(
        self,
        service: WebSocketService,
        path: Path | None = None,
        parent: QObject | None = None,
        *,
        catalog: MarketCatalog | None = None,
    ) -> None:
        super().__init__(parent or service)
        self.service = service
        self.catalog = catalog
        self.commands_allowed = False
        self._trouble = self._unsaved = ""
        self.proxy = WebSocketClientProxy("alarms", owner=self, service=service)
        self._file = AlarmFile(path)
        self._log = FiringLog(None if path is None else path.with_name(f"{path.stem}-fired.jsonl"))
        self._watches: dict[str, AlarmWatch] = {}
        self._by_market: dict[str, list[AlarmWatch]] = {}
        self._wishes: dict[str, Subscription] = {}
        self._refused: dict[str, WebSocketError] = {}
        self._received: dict[str, float] = {}
        self._freshness = freshness_watch(service)
        self._candles = CandleFeed(service, self.proxy, self)
        self._candles.changed.connect(self._on_candles)
        self._closed = False
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(SAVE_MS)
        self._saving.timeout.connect(self.save)
        self._looks = QTimer(self)
        self._looks.setInterval(_LOOK_MS)
        self._looks.timeout.connect(self.look)
        service.connectionStateChanged.connect(self._on_state)
        service.gapDetected.connect(self._on_gap)
        service.gapHealed.connect(self._on_healed)
        if catalog is not None:
            catalog.refreshed.connect(self._on_markets)
        self._read()

    # -- alarms -------------------------------------------------------------------------------------------------------
    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """All alarms, oldest first."""
        return tuple(watch.alarm for watch in self._watches.values())

    def alarm(self, key: str) -> Alarm | None:
        """Return an alarm by its id; None for one that there is not."""
        watch = self._watches.get(key)
        return None if watch is None else watch.alarm

    def state_of(self, key: str) -> AlarmState:
        """Return what became of an alarm so far."""
        watch = self._watches.get(key)
        return AlarmState() if watch is None else watch.state

    @property
    def trouble(self) -> str:
        """What is wrong with the files, as a Phrase where it can be said in Korean; empty where nothing is."""
        return self._unsaved or self._trouble

    @property
    def firings(self) -> tuple[Firing, ...]:
        """The newest firings, oldest first; those of before the program was started, too."""
        return self._log.firings

    @property
    def unread_firings(self) -> int:
        """How many lines of the log could not be read; the damaged file is put aside."""
        return self._log.unread

    @staticmethod
    def new_alarm(condition: Condition, market: str = "", **choices: Any) -> Alarm:
        """Return an alarm with an id of its own; ValueError for one that could never fire."""
        return Alarm(uuid.uuid4().hex, condition, market.strip().upper(), **choices)

    def put(self, alarm: Alarm) -> None:
        """Watch for an alarm from now on; in the place of the one of its id, which what was seen is forgotten of.

        ValueError where there are too many.
        """
        if alarm.id not in self._watches and len(self._watches) >= MOST_ALARMS:
            raise ValueError(f"there are {MOST_ALARMS} alarms already")
        before = self.state_of(alarm.id)
        self._watches[alarm.id] = AlarmWatch(alarm, msgspec.structs.replace(before, memory=Memory()))
        self._settle()

    def remove(self, key: str) -> None:
        """Have an alarm no more."""
        if self._watches.pop(key, None) is not None:
            self._settle()

    def switch(self, key: str, on: bool) -> None:
        """Switch an alarm on or off."""
        alarm = self.alarm(key)
        if alarm is not None and alarm.on is not on:
            self.put(msgspec.structs.replace(alarm, on=on))

    def standing(self, key: str) -> AlarmStanding:
        """Return how it stands with an alarm."""
        watch = self._watches[key]
        alarm = watch.alarm
        if not alarm.on:
            return AlarmStanding.DONE if alarm.repeat is Repeat.ONCE and watch.state.fired else AlarmStanding.OFF
        condition = alarm.condition
        if isinstance(condition, Keyword):
            if self.service.config.credentials is None:
                return AlarmStanding.NO_KEY
            down = self.service.connection_state(WebSocketType.PRIVATE) is not ConnectionState.CONNECTED
            return AlarmStanding.BLIND if down else AlarmStanding.WATCHING
        if isinstance(condition, NewListing):
            return AlarmStanding.WATCHING if watch.seen_at else AlarmStanding.WAITING
        if self._is_unserved(alarm):
            return AlarmStanding.UNSERVED
        if isinstance(condition, (DataSilent, DataLost)):
            return AlarmStanding.WATCHING
        if self._is_blind(alarm):
            return AlarmStanding.BLIND
        return AlarmStanding.WATCHING if watch.seen_at else AlarmStanding.WAITING

    # -- life ---------------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def save(self) -> None:
        """Write what is not written yet; happens by itself."""
        if self._closed:
            return  # another keeper may have the file by now
        self._saving.stop()
        states = {key: watch.state for key, watch in self._watches.items()}
        try:
            self._file.write(Stored(self.alarms, states))
        except (OSError, ValueError) as error:
            self._tell_unsaved(Phrase(mark("Alarms could not be saved: {cause}"), cause=str(error)))
        else:
            self._unsaved = ""

    def close(self) -> None:
        """Save, and watch for nothing any more."""
        if self._closed:
            return
        self.save()
        self._closed = True
        self._looks.stop()
        self._candles.want({})
        for wish in self._wishes.values():
            wish.close()
        self._wishes.clear()
        self._by_market.clear()

    def _read(self) -> None:
        try:
            stored = self._file.read()
        except AlarmFileError as error:
            stored = error.usable
            told = mark("The file of alarms cannot be read ({cause}). It is left as it is, and nothing is saved.")
            self._trouble = Phrase(told, cause=error.cause)
            if error.aside is not None:
                told = mark("The file of alarms was damaged ({cause}); {count} alarms could be read and are in force. "
                            "The file as it was is {aside}.")  # fmt: skip
                self._trouble = Phrase(told, cause=error.cause, count=len(stored.alarms), aside=error.aside.name)
            _log.warning("%s", self._trouble)
        try:
            self._log.read()
        except OSError as error:
            self._trouble = Phrase(mark("The log of alarms cannot be read: {cause}"), cause=str(error))
            _log.warning("%s", self._trouble)
        newest = {firing.alarm: firing for firing in self._log.firings}
        for alarm in stored.alarms:
            state, firing = stored.states.get(alarm.id, AlarmState()), newest.get(alarm.id)
            if firing is not None and firing.at > state.last:  # it was logged, and then the program died
                state = msgspec.structs.replace(state, fired=state.fired + 1, last=firing.at)
                if alarm.repeat is Repeat.ONCE:
                    alarm = msgspec.structs.replace(alarm, on=False)
            self._watches[alarm.id] = AlarmWatch(alarm, state)
        self._want()

    def _tell_unsaved(self, text: Phrase) -> None:
        if text != self._unsaved:
            _log.warning("%s", text)
        self._unsaved = text

    def _settle(self) -> None:
        """Take other alarms over."""
        self.save()
        self._want()
        self.changed.emit()

    # -- wishes -------------------------------------------------------------------------------------------------------
    def _want(self) -> None:
        """Want what the alarms that are on are judged by, and nothing else."""
        if self._closed:
            return
        watches = [watch for watch in self._watches.values() if watch.alarm.on]
        self._by_market = {}
        for watch in watches:
            self._by_market.setdefault(watch.alarm.market, []).append(watch)

        def markets(*kinds: type) -> list[str]:
            return sorted({each.alarm.market for each in watches if isinstance(each.alarm.condition, kinds)})

        proxy = self.proxy
        self._wish("ticker", markets(*_OF_TICKER), lambda codes: proxy.subscribe_ticker(codes, self._on_ticker))
        self._wish(
            "book",
            markets(SpreadWide),
            lambda codes: proxy.subscribe_orderbook(codes, self._on_book, depth=1, delivery=Delivery.FRAME),
        )
        self._wish(
            "trade", markets(DataLost), lambda codes: proxy.subscribe_trade(codes, self._on_trade, backfill=True)
        )
        needs: dict[tuple[str, str], int] = {}
        for watch in watches:
            condition = watch.alarm.condition
            if isinstance(condition, (VolumeSpike, IndicatorLevel)):
                key = (watch.alarm.market, condition.unit)
                needs[key] = max(needs.get(key, 0), _candles_for(condition))
        self._candles.want(needs)
        words = any(isinstance(each.alarm.condition, Keyword) for each in watches)
        listen = [""] if words and self.service.config.credentials is not None else []
        self._wish(
            "announcement", listen, lambda _: proxy.subscribe_announcement(self._on_announcement, include_body=True)
        )
        self._on_markets()
        self._looks.start() if markets(DataSilent) else self._looks.stop()

    def _wish(self, name: str, codes: list[str], subscribe: Callable[[list[str]], Subscription]) -> None:
        wish = self._wishes.get(name)
        if not codes:
            if wish is not None:
                del self._wishes[name]
                wish.close()
        elif wish is None:
            wish = self._wishes[name] = subscribe(codes)
            wish.staleChanged.connect(self._on_stale)
        elif name != "announcement" and list(wish.symbols) != codes:
            wish.set_symbols(codes)

    def _is_unserved(self, alarm: Alarm) -> bool:
        condition = alarm.condition
        if isinstance(condition, (VolumeSpike, IndicatorLevel)):
            return alarm.market in self._candles.unserved(condition.unit)
        wish = self._wish_of(alarm)
        return wish is not None and any(stream.symbol == alarm.market for stream in wish.unserved)

    def _is_blind(self, alarm: Alarm) -> bool:
        if self.service.connection_state(WebSocketType.PUBLIC) is not ConnectionState.CONNECTED:
            return True
        wish = self._wish_of(alarm)
        return wish is not None and alarm.market in wish.stale_symbols

    def _wish_of(self, alarm: Alarm) -> Subscription | None:
        condition = alarm.condition
        if isinstance(condition, _OF_TICKER):
            return self._wishes.get("ticker")
        if isinstance(condition, SpreadWide):
            return self._wishes.get("book")
        return self._wishes.get("trade") if isinstance(condition, DataLost) else None

    # -- what is seen -------------------------------------------------------------------------------------------------
    def _on_ticker(self, event: TickerEvent) -> None:
        self._received[event.code] = event.received_at
        self._freshness.note(event)
        self._see(event.code, PriceSeen(event.trade_price, event.timestamp, _basis_of(event)))

    def _on_book(self, event: OrderbookEvent) -> None:
        if event.best_bid is not None and event.best_ask is not None:
            self._see(event.code, BookSeen(event.best_bid, event.best_ask, event.timestamp, _basis_of(event)))

    def _on_trade(self, event: TradeEvent) -> None:
        """Trades are wanted so that it is known which of them are missing."""

    def _on_announcement(self, event: AnnouncementEvent) -> None:
        seen = AnnouncementSeen(event.title, event.body or "", event.timestamp, _basis_of(event))
        self._see("", seen)

    @pyqtSlot(str, str, object)
    def _on_candles(self, market: str, unit: str, basis: Basis) -> None:
        series = self._candles.series(market, unit)
        if series is not None and len(series):
            at = max(bar.timestamp for bar in series.bars[-2:])
            self._see(market, CandlesSeen(series.columns, unit, at, basis))

    @pyqtSlot()
    def _on_markets(self) -> None:
        catalog = self.catalog
        if catalog is not None and catalog.fresh:  # what was remembered is not what there is
            codes = frozenset(market.code for market in catalog.markets)
            self._see("", MarketsSeen(codes, _now()))

    @pyqtSlot()
    def look(self) -> None:
        """Look how long markets have been silent; happens by itself every second."""
        wish = self._wishes.get("ticker")
        if wish is None:
            return
        stale, line = wish.stale_symbols, self._freshness.of(WebSocketType.PUBLIC)
        for code in tuple(self._by_market):
            seconds = 0.0
            if line.state in (Freshness.DOWN, Freshness.SILENT):
                seconds = line.age
            elif code in stale and code in self._received:
                seconds = max(0.0, time.monotonic() - self._received[code])
            self._see(code, SilenceSeen(seconds, _now()))

    @pyqtSlot(GapReport)
    def _on_healed(self, report: GapReport) -> None:
        for each in report.unrecoverable:
            if each.stream.data_type is DataType.TRADE:
                lost = max(0, each.expected - each.recovered)
                self._see(each.stream.symbol, LossSeen(lost, str(each.reason), _now()))

    def _see(self, market: str, seen: Seen) -> None:
        for watch in tuple(self._by_market.get(market, ())):
            firing = watch.see(seen)
            if firing is not None:
                self._tell(watch, firing)

    def _tell(self, watch: AlarmWatch, firing: Firing) -> None:
        if (
            firing.basis is Basis.LIVE
            and firing.market
            and self._freshness.of(WebSocketType.PUBLIC).state is Freshness.LATE
        ):
            firing = msgspec.structs.replace(firing, basis=Basis.LATE)
        try:
            self._log.add(firing)
        except OSError as error:
            self._tell_unsaved(Phrase(mark("The log of alarms could not be written: {cause}"), cause=str(error)))
        self._saving.start()
        if not watch.alarm.on:
            QTimer.singleShot(0, self._on_done)  # not while a subscription speaks
        self.fired.emit(firing)

    @pyqtSlot()
    def _on_done(self) -> None:
        self._want()
        self.changed.emit()

    # -- what is not seen ---------------------------------------------------------------------------------------------
    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_state(self, line: WebSocketType, state: ConnectionState) -> None:
        if line is WebSocketType.PUBLIC and state in _DOWN:
            self._interrupt(self._watches.values())

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        if gap.ws_type is WebSocketType.PUBLIC:
            codes = {stream.symbol for stream in gap.streams}
            self._interrupt(watch for watch in self._watches.values() if watch.alarm.market in codes)

    @pyqtSlot(str, bool)
    def _on_stale(self, code: str, stale: bool) -> None:
        if stale:
            self._interrupt(self._by_market.get(code, ()))

    def _interrupt(self, watches: Iterable[AlarmWatch]) -> None:
        for watch in watches:
            if watch.alarm.market and not isinstance(watch.alarm.condition, (DataSilent, DataLost)):
                watch.interrupt()


def _basis_of(event: BaseWebSocketEvent) -> Basis:
    return Basis.RECOVERED if event.recovered else Basis.LIVE


def _candles_for(condition: VolumeSpike | IndicatorLevel) -> int:
    """Return how many candles are wanted: so many that averages which remember all of the past have settled."""
    if isinstance(condition, VolumeSpike):
        return condition.candles + 1
    return int(min(max([*condition.values, 0]) * 4 + _HISTORY, _MOST_HISTORY))


def _now() -> int:
    return int(time.time() * 1000)
