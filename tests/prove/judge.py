"""Compares, at the end of a course, what the program was handed and told with what really happened."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from tests.prove.acts import Acts
    from tests.prove.stage import Stage
    from tests.prove.watch import Consumer, Seen, Trade

__all__ = ["Judge"]

UNDER_WAY = 2.0
"""Seconds that the newest trades may still need."""
DISORDER_MS = 1000
PRICE_UNIT = 10**8


class Judge:
    """Says what was not as promised."""

    def __init__(self, stage: Stage, acts: Acts) -> None:
        self._stage = stage
        self._acts = acts
        self._truth = {code: {trade.id: place for place, trade in enumerate(t)} for code, t in self._trades().items()}

    async def judge(self) -> None:
        """Look at everything."""
        self._table_is_the_union()
        self._each_epoch_has_its_gap()
        self._limits_were_kept()
        for consumer in self._acts.consumers:
            for code in dict.fromkeys(seen.code for seen in consumer.seen if seen.kind == "trade"):
                self._trades_are_true(consumer, code)
            self._states_never_go_back(consumer)
            self._fills_are_told(consumer)
            self._candles_are_whole(consumer)
        self._account_is_the_exchanges()
        await self._books_balance()

    def _trades(self) -> dict[str, list[Trade]]:
        return self._stage.witness.trades

    def _says(self, text: str) -> None:
        self._stage.violated(text)

    # -- what the exchange knows
    def _table_is_the_union(self) -> None:
        exchange, manager = self._stage.exchange, self._stage.manager
        for ws_type in manager.wiring.endpoints:
            wanted = {(stream.data_type.value, stream.symbol) for stream in manager.get_active_subscriptions()
                      if stream.websocket_type is ws_type and stream not in self._stage.diary.refused}  # fmt: skip
            live = [
                session
                for session in exchange._hub.sessions.values()
                if session.endpoint == ws_type.value
                and session.line.is_open
                and not session.line.transport.other.is_lost  # type: ignore[attr-defined]
            ]
            if len(live) > 1:
                self._says(f"{len(live)} lines to {ws_type.value} are left open")
            listed = {entry[:2] for session in live for entry in session.subscribed()}
            refused = {(stream.data_type.value, stream.symbol) for stream in self._stage.diary.refused}
            if listed - refused != wanted - refused:
                more, less = sorted(listed - wanted), sorted(wanted - listed)
                self._says(f"{ws_type.value}: asked for {more} too, and not {less}")

    def _limits_were_kept(self) -> None:
        counters = self._stage.exchange.counters
        if counters.connects_with_origin:
            self._says("a handshake had an Origin")
        for text in self._stage.toll.too_many:
            self._says(text)
        # What was sent within the limits may reach the exchange at once where the network holds it up.
        if not self._acts.disorders_network and counters.rate_limit_violations:
            self._says(f"{counters.connect_violations} dials and {counters.message_violations} messages too many")

    # -- what the manager said
    def _each_epoch_has_its_gap(self) -> None:
        diary = self._stage.diary
        for ws_type in WebSocketType:
            epochs = [epoch for kind, epoch in diary.epochs if kind is ws_type]
            # Where old is new the line stands: this program itself has lost something on the way in.
            gaps = [(gap.old, gap.new) for gap in diary.gaps if gap.ws_type is ws_type and gap.old != gap.new]
            if epochs != list(range(1, len(epochs) + 1)):
                self._says(f"{ws_type.value}: the epochs were {epochs}")
            if gaps != [(epoch - 1, epoch) for epoch in epochs[1:]]:
                self._says(f"{ws_type.value}: the gaps {gaps} do not go with the epochs {epochs}")

    async def _books_balance(self) -> None:
        metrics = await self._stage.manager.get_performance_metrics()
        for book in metrics.components:
            if book.received != book.delivered + book.conflated + book.dropped + book.pending:
                self._says(f"the books of {book.component_id} do not balance: {book}")

    # -- what a consumer was handed
    def _trades_are_true(self, consumer: Consumer, code: str) -> None:
        places = self._truth.get(code, {})
        mine = [seen for seen in consumer.seen if seen.kind == "trade" and seen.code == code]
        name = f"{consumer.name} {code}"
        twice = [key for key, count in Counter(seen.id for seen in mine if not seen.snapshot).items() if count > 1]
        if twice:
            self._says(f"{name}: handed twice: {twice[:3]}")
        known = [seen for seen in mine if seen.id in places]
        made_up = [seen for seen in mine if seen.id not in places and places and not seen.snapshot
                   and seen.ms > self._trades()[code][0].ms]  # fmt: skip
        if made_up:
            self._says(f"{name}: nobody traded {made_up[:2]}")
        if not known:
            return
        self._order_is_right(name, [seen for seen in known if not seen.recovered and not seen.snapshot], places)
        self._order_is_right(name, [seen for seen in known if seen.recovered], places)
        if consumer.fills("trade"):
            late = self._late_epochs(code)
            placed = [seen for seen in known if not (seen.snapshot or (seen.recovered and seen.epoch in late))]
            self._order_is_right(name, placed, places)
        self._nothing_is_missing(consumer, name, known, places, self._trades()[code])

    def _late_epochs(self, code: str) -> set[int]:
        """Return the epochs beside which trades of a market were recovered behind live ones, as was told."""
        return {
            epoch
            for report in self._stage.diary.reports
            for each in report.streams
            if each.stream.data_type is DataType.TRADE and each.stream.symbol == code and not each.in_order
            for epoch in range(report.old, report.new + 1)
        }

    def _order_is_right(self, name: str, seen: list[Seen], places: dict[int, int]) -> None:
        for before, after in itertools.pairwise(seen):
            if places[before.id] >= places[after.id]:
                self._says(f"{name}: {after.id} was handed out behind {before.id}")
                return

    def _nothing_is_missing(
        self, consumer: Consumer, name: str, known: list[Seen], places: dict[int, int], truth: list[Trade]
    ) -> None:
        stage = self._stage
        if consumer.was_quarantined:  # what it was not handed then was dropped and counted
            return
        had = {seen.id for seen in known}
        # Who comes is shown the newest that others know. Where that came on a line before, what was missed since is
        # owed to those who were there.
        begun = [seen for seen in known if not (seen.snapshot and self._was_over(seen))]
        if not begun:
            return
        first = min(places[seen.id] for seen in begun)
        last = max(places[seen.id] for seen in known)
        if consumer.closed_at is None:
            while last + 1 < len(truth) and truth[last + 1].at < stage.loop.time() - UNDER_WAY:
                last += 1
        missing = [trade for trade in truth[first : last + 1] if trade.id not in had]
        stage.counts["trades missed"] += len(missing)
        stage.counts["trades"] += last + 1 - first
        for trade in missing:
            if not self._was_told(code=name.rpartition(" ")[2], trade=trade, known=known):
                lost = [seen for seen in known if seen.ms >= trade.ms][:1]
                self._says(f"{name}: {trade} is missing, and no gap was told; then came {lost}")
                return
        if consumer.fills("trade") and missing and consumer.closed_at is None and not self._was_lost(name):
            self._says(f"{name}: {len(missing)} trades were not made good: {missing[:2]}")

    def _was_over(self, seen: Seen) -> bool:
        """Whether the line that brought a trade had been replaced when it was handed out."""
        over_at = self._stage.diary.epoch_at.get((WebSocketType.PUBLIC, seen.epoch + 1))
        return over_at is not None and over_at <= seen.at

    def _was_told(self, code: str, trade: Trade, known: list[Seen]) -> bool:
        """Whether a trade lies within a gap that was told."""
        for gap in self._stage.diary.gaps:
            for each in gap.ranges:
                if each.stream.data_type is not DataType.TRADE or each.stream.symbol != code:
                    continue
                since = gap.since if each.since is None else each.since
                came = [seen.ms for seen in known if seen.epoch >= gap.new and not seen.recovered and not seen.snapshot]
                until = min(came, default=10**15) + DISORDER_MS
                if since <= trade.ms <= until:
                    return True
        return False

    def _was_lost(self, name: str) -> bool:
        """Whether it was told that something could not be made good."""
        code = name.rpartition(" ")[2]
        return any(
            recovery.stream.symbol == code for report in self._stage.diary.reports for recovery in report.unrecoverable
        )

    def _candles_are_whole(self, consumer: Consumer) -> None:
        """Each candle that closed while it was wanted is there, with its last price, where it is to be made good."""
        if consumer.closed_at is not None or consumer.was_quarantined or not consumer.fills("candle"):
            return
        lost = {(each.stream.data_type.value, each.stream.symbol)
                for report in self._stage.diary.reports for each in report.unrecoverable}  # fmt: skip
        for (kind, code), truth in self._stage.witness.candles.items():
            if (kind, code) in lost:
                continue
            mine = {start: price for (k, c, start), price in consumer.prices.items() if (k, c) == (kind, code)}
            if len(mine) < 3 or code in self._acts.delisted:
                continue
            first, last = min(mine), max(mine)
            for start in sorted(truth):
                if not first < start < last:
                    continue
                if start not in mine:
                    self._says(f"{consumer.name} {kind} {code}: the candle of {start} is missing")
                    return
                if int(mine[start] * PRICE_UNIT) != truth[start]:
                    self._says(f"{consumer.name} {kind} {code}: the candle of {start} ends at {mine[start]}")
                    return

    def _fills_are_told(self, consumer: Consumer) -> None:
        """Each fill of the account's orders came, once it was told of an order at all, where they are made good."""
        since, until = consumer.orders_since, consumer.closed_at or self._stage.loop.time() - UNDER_WAY
        if since is None or "order" not in self._stage.course.backfill or consumer.was_quarantined:
            return
        if consumer.closed_at is not None:  # what came behind it may have been waiting, or yet to be asked for
            until = max(consumer.filled.values(), default=0.0) - UNDER_WAY
        untold = [at for uuid, at in self._stage.witness.fills.items()
                  if since < at < until and uuid not in consumer.filled]  # fmt: skip
        missing = [at for at in untold if not self._was_owed(consumer, at)]
        self._stage.counts["fills"] += len(consumer.filled)
        if missing:
            self._says(f"{consumer.name}: {len(missing)} fills were not told, the first at {missing[0]:.3f}")

    def _was_owed(self, consumer: Consumer, at: float) -> bool:
        """Whether a fill fell into a gap that was yet to be healed when a consumer went: it had not got that one yet.

        What came behind the gap it may have got, where live events do not wait for the past.
        """
        if consumer.closed_at is None:
            return False
        diary = self._stage.diary
        for gap in diary.gaps:
            begins = diary.epoch_at.get((gap.ws_type, gap.old), 0.0)
            if gap.ws_type is not WebSocketType.PRIVATE or not begins <= at <= diary.gap_at[gap.ws_type, gap.new]:
                continue
            if not any(when <= consumer.closed_at and report.ws_type is gap.ws_type and report.old <= gap.old
                       and gap.new <= report.new for when, report in diary.healed):  # fmt: skip
                return True
        return False

    def _account_is_the_exchanges(self) -> None:
        """What is known of the account is what the exchange has, where it is to be made good."""
        stage = self._stage
        if "order" not in stage.course.backfill or not any(
            spec.data_type is DataType.MY_ORDER for each in self._acts.open_consumers() for spec in each.specs
        ):
            return
        state = stage.manager.account_state()
        theirs = {o.uuid: Decimal(o.executed) / 10**8 for o in stage.exchange.world.account.orders() if o.is_open}
        mine = {} if state is None else {order.uuid: order.executed_volume for order in state.open_orders}
        if state is None or mine != theirs:
            self._says(f"{len(theirs)} orders are open, and {len(mine)} are known to be: {mine} {theirs}")
        has = {name: held for name, held in stage.exchange.world.account.balances().items() if any(held)}
        known = {} if state is None else {each.currency: (each.balance, each.locked) for each in state.balances}
        if "asset" in stage.course.backfill and known != has:
            self._says(f"the balances are {has}, and are known to be {known}")

    def _states_never_go_back(self, consumer: Consumer) -> None:
        """Tickers, books and candles never become older, live or recovered."""
        newest: dict[tuple[str, str], int] = {}
        for seen in consumer.seen:
            if seen.kind == "trade" or seen.recovered or not seen.code:
                continue
            if seen.kind in ("myOrder", "myAsset"):
                continue
            place = seen.id if seen.kind.startswith("candle") else seen.ms
            if place < newest.get((seen.kind, seen.code), 0):
                self._says(f"{consumer.name} {seen.kind} {seen.code}: older after newer")
                return
            newest[seen.kind, seen.code] = place
