"""The simulated exchange without any line to it: time goes in, changes come out, the same for the same seed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .market.account import Account
from .market.announcements import AnnouncementBoard
from .market.beat import TRADE_SHARE, Beat, event_rates
from .market.by_hand import ByHandError, MarketByHand
from .market.candles import DAY, DAY_MS, SECOND, UNITS
from .market.catalog import CAUTIONS, Market, choose
from .market.demo import DemoScript
from .market.indicators import TIMEFRAMES, IndicatorBoard
from .market.numbers import UNIT
from .market.rest import rest_candle, rest_ticker
from .market.shared import Shared
from .regions import REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from .market.simulation import MarketSimulation
    from .messages import BookSide, CandleValues, Change
    from .private_messages import AnnouncementChange

_SLOTS = 1 << 13
_TRADE_SHARE = 0.3  # of the events; the rest are quotes
_PER_EVENT = 1.66  # messages of an event, candles apart: a trade, its ticker and book, or a book
MIN_RATE, MAX_RATE = 1.0, 50_000.0


@dataclass(frozen=True)
class WorldSettings:
    """How a world is made.

    Attributes:
        seed: the same seed and `start_ms` give the same world, byte for byte.
        markets: how many markets, KRW first; None for all.
        rate: public messages a second over all markets and types, 1 to 50,000.
        start_ms: exchange time of the beginning in epoch milliseconds; None for now.
        region: country, see `regions.REGIONS`.
        full: whether it is the whole market, all pairs at the pace that was measured.
        demo: whether a scripted trader and announcements run by themselves.
    """

    seed: int = 1
    markets: int | None = None
    rate: float = 800.0
    start_ms: int | None = None
    region: str = "kr"
    full: bool = False
    demo: bool = False


class World:
    """Markets, account, announcements and indicators of one exchange; moves only when told to."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        # The one look at the computer's clock; from here on exchange time follows what the loop says.
        start = settings.start_ms if settings.start_ms is not None else int(time.time() * 1000)  # noqa: TID251
        self.start_ms = self.now_ms = start
        region = REGIONS[settings.region]
        chosen = choose(settings.markets, region.name, full=settings.full)
        self._shared = Shared(settings.seed, start, has_levels=region.has_levels, lifelike=settings.demo)
        self._markets = {entry.code: MarketByHand(entry, rank, self._shared) for rank, entry in enumerate(chosen)}
        self._delisted: set[str] = set()
        self.markets: list[Market] = [entry.market for entry in chosen]
        self.codes = frozenset(self._markets)
        self.account = Account(self, settings.seed, region.fiat)
        self._board = AnnouncementBoard(settings.seed)
        self.indicators = IndicatorBoard(self, start)
        busy = [entry.code for entry in chosen if entry.quote == region.fiat][:12]
        self._demo = DemoScript(self, busy, settings.seed, start) if settings.demo else None
        self._beat = self._make_beat() if settings.full else None
        self._slots = [] if settings.full else self._deal()
        self._boundary = (start // 1000 + 1) * 1000
        self._next_event = float(start)
        self._pace = 0.0
        self.set_rate(settings.rate)

    def prepare(self) -> Iterator[None]:
        """Look at every market once, a few ms each; what is not prepared is when it is first wanted, and then waits."""
        for market in self._markets.values():
            market.begin()
            yield

    def _make_beat(self) -> Beat:
        busiest_first = sorted(self._markets.values(), key=lambda market: -market.listing.weight)
        beat = self._shared.beat = Beat(busiest_first, self._shared.random, self.start_ms)
        return beat

    def _deal(self) -> list[MarketSimulation]:
        """Lay the markets out by activity, so that one random number picks one."""
        simulations = list(self._markets.values())
        total = sum(each.listing.weight for each in simulations)
        slots: list[MarketSimulation] = []
        for each in simulations:
            slots.extend([each] * max(1, round(_SLOTS * each.listing.weight / total)))
        return slots

    def set_rate(self, rate: float) -> None:
        """Set how many public messages a second there are, 1 to 50,000; others are a ValueError."""
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(f"the rate must lie between {MIN_RATE:g} and {MAX_RATE:g} messages a second, not {rate}")
        self.rate = rate
        if self._beat is not None:
            rates = event_rates(len(self._markets), rate)
            for each, events in zip(self._beat.pairs, rates, strict=True):
                each.trades_per_minute = max(events * TRADE_SHARE * 60, 1 / 60)
            self._beat.set_rates(rates)
            return
        counts = [0] * len(self._markets)
        places = {id(each): place for place, each in enumerate(self._markets.values())}
        for each in self._slots:
            counts[places[id(each)]] += 1
        shares = [count / len(self._slots) for count in counts]
        low, high = 0.0, rate
        for _ in range(60):
            pace = (low + high) / 2
            candles = sum(len(UNITS) * -math.expm1(-pace * _TRADE_SHARE * share) for share in shares)
            if pace * _PER_EVENT + candles < rate:
                low = pace
            else:
                high = pace
        for each, share in zip(self._markets.values(), shares, strict=True):
            if not self._pace:  # the past is made to look like the rate the world began with
                each.trades_per_minute = high * _TRADE_SHARE * share * 60
        previous, self._pace = self._pace, high / 1000
        if previous:
            self._next_event = self.now_ms + max(0.0, self._next_event - self.now_ms) * previous / self._pace
        else:
            self._next_event = self.now_ms + self._shared.random.expovariate(self._pace)

    def advance_to(self, ms: int) -> list[Change]:
        """Let time run up to `ms` and return all that happened, in order; a time in the past changes nothing."""
        out: list[Change] = []
        while self._boundary <= ms:
            self._run(self._boundary, out)
            self.now_ms = self._boundary
            self._turn(self._boundary, out)
            self._boundary += 1000
        self._run(ms + 1, out)
        self.now_ms = max(self.now_ms, ms)
        return out

    def _run(self, until: int, out: list[Change]) -> None:
        if self._beat is not None:
            self._beat.run(until, out)
            return
        shared, slots, pace = self._shared, self._slots, self._pace
        uniform, gap = shared.random.random, shared.random.expovariate
        count = len(slots)
        moment = self._next_event
        while moment < until:
            market = slots[int(uniform() * count)]
            if uniform() < _TRADE_SHARE:
                market.trade(int(moment), out)
            else:
                market.quote(int(moment), out)
            moment += gap(pace)
        self._next_event = moment

    def _turn(self, ms: int, out: list[Change]) -> None:
        """End a second, and whatever else ends with it."""
        traded = self._shared.traded
        for fold in traded:
            fold(out)
        traded.clear()
        self.indicators.close(ms, out)
        if self._demo is not None:
            self._demo.play(ms, out)
        if ms % DAY_MS == 0:
            for market in self._markets.values():
                market.open_day()

    def by_hand(self, code: str) -> MarketByHand:
        """Return a market whose state may be set; `ByHandError` for a code that this world does not have."""
        market = self._markets.get(code)
        if market is None:
            count = len(self._markets)
            raise ByHandError("code", code, f"this exchange has the {count} busiest markets, and it is none of them")
        return market

    def snapshot(self, kind: str, code: str) -> Change | None:
        """Return the latest of a type and pair, rendered as SNAPSHOT by whoever sends it; None when there is none."""
        market = self._markets.get(code)
        if market is None:
            return None
        if kind == "ticker":
            return market.last_ticker(self.now_ms)
        if kind == "trade":
            return market.last_trade()
        if kind == "orderbook":
            return market.orderbook()
        return market.candle(kind) if kind in UNITS else None

    def candles(self, code: str, unit_minutes: int, to_ms: int | None, count: int) -> list[dict[str, Any]]:
        """Return candles as REST does, newest first, generated history behind the live ones.

        Args:
            code: a pair; an unknown one is a KeyError.
            unit_minutes: 0 for seconds, 1, 3, 5, 10, 15, 30, 60 or 240; others are a KeyError.
            to_ms: only candles that begin before it; None for all up to now.
            count: how many at most.
        """
        market = self._markets[code]
        before = self.now_ms + 1 if to_ms is None else min(to_ms, self.now_ms + 1)
        last = market.candle(SECOND).ms
        found = market.past_candles(unit_minutes, before, count) if unit_minutes else market.past_seconds(before, count)
        return [rest_candle(code, unit_minutes, values, last) for values in found]

    def market(self, code: str) -> MarketSimulation:
        """Return a market at work; KeyError for an unknown one."""
        return self._markets[code]

    def market_event(self, code: str) -> dict[str, Any]:
        """Return the warnings about a pair as REST has them; KeyError for an unknown one."""
        return self._markets[code].listing.market_event

    def warn(
        self,
        code: str,
        *,
        caution: bool | None = None,
        cautions: Iterable[str] | None = None,
        delisting_date: str | None = None,
    ) -> list[Change]:
        """Change what the exchange warns of: its tickers and /v1/market/all say so from now on.

        Args:
            code: a pair; an unknown one is a KeyError.
            caution: whether tickers carry CAUTION; None leaves that.
            cautions: reasons, of `catalog.CAUTIONS`; others are a ValueError. None leaves them.
            delisting_date: `yyyy-MM-dd`; None leaves it.
        """
        market = self._markets[code]
        listing = market.listing
        reasons = listing.cautions if cautions is None else tuple(cautions)
        if not set(reasons) <= set(CAUTIONS):
            raise ValueError(f"cautions must be some of {', '.join(CAUTIONS)}, not {reasons}")
        market.mark(
            replace(
                listing,
                caution=listing.caution if caution is None else caution,
                cautions=reasons,
                delisting_date=delisting_date or listing.delisting_date,
            )
        )
        return [market.last_ticker(self.now_ms)]

    def delist(self, code: str) -> list[Change]:
        """End a market: a last ticker says DELISTED, then there is silence. KeyError for an unknown code."""
        market = self._markets[code]
        market.mark(market.listing, "DELISTED")
        last = market.last_ticker(self.now_ms)
        del self._markets[code]
        self._delisted.add(code)
        self.codes = frozenset(self._markets)
        self.markets = [each for each in self.markets if each.market != code]
        if self._beat is not None:
            self._beat.without(market)
        self._slots = [each for each in self._slots if each is not market]
        return [last]

    def rest_ticker(self, codes: Iterable[str]) -> list[dict[str, Any]]:
        """Return the ticker of each known pair as REST does."""
        return [
            rest_ticker(market.last_ticker(self.now_ms))
            for market in map(self._markets.get, codes)
            if market is not None
        ]

    def closed_candles(self, code: str, timeframe: str, count: int, before_ms: int) -> list[CandleValues]:
        """Return closed candles as indicators use them, oldest first; KeyError for an unknown code or time frame.

        None of a market that was delisted: what is watched of it falls silent.
        """
        kind = DAY if timeframe == DAY else f"candle.{timeframe}"
        length = TIMEFRAMES[timeframe]
        if code in self._delisted:
            return []
        return self._markets[code].closed_candles(kind, length, before_ms, count)

    def sides(self, code: str) -> tuple[BookSide, BookSide] | None:
        """Return asks and bids of a pair as they stand; None for an unknown pair."""
        market = self._markets.get(code)
        return (market.book.asks.show(), market.book.bids.show()) if market else None

    def supports_level(self, code: str, level: Decimal) -> bool:
        """Tell whether books of a pair can be grouped by `level`; 0, no grouping, always is."""
        market = self._markets.get(code)
        return market is not None and level * UNIT in market.grid.levels(market.book.asks.frame.prices[0])

    def publish_announcement(
        self, title: str, category: str = "notice", body: str | None = None, url: str | None = None
    ) -> list[Change]:
        """Publish an announcement; the change carries its `.uuid`. Any category is taken."""
        return self._board.publish(title, category, body, url, self.now_ms)

    def update_announcement(
        self,
        uuid: str,
        title: str | None = None,
        category: str | None = None,
        body: str | None = None,
        url: str | None = None,
    ) -> list[Change]:
        """Alter what is given of an announcement; KeyError when it is unknown or long forgotten."""
        return self._board.update(uuid, title, category, body, url, self.now_ms)

    def announcements(self) -> list[AnnouncementChange]:
        """Return the latest announcements, oldest first, each in its last version."""
        return self._board.latest()

    def orderbook_instruments(self, codes: Iterable[str]) -> list[dict[str, Any]]:
        """Return the grid of each known pair, as REST does."""
        return [market.instrument() for market in map(self._markets.get, codes) if market is not None]
