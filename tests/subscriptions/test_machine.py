"""Wishes, changes, drops, refusals, lapses in any order: in the end the table is the union, and no limit was broken."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.subscriptions.model import Desk, ModelExchange
from tests.subscriptions.specs import book, ticker, trade
from tests.subscriptions.virtual import VirtualLoop, elapse
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions import Standing, StreamStatus
from upbit_ws_qt.subscriptions.wishes import merge_all
from upbit_ws_qt.types import DataType, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import Demand

COMPONENTS = ("a", "b", "c", "d")
CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-NOPE", "KRW-BAD")
UNKNOWN = "KRW-NOPE"
BAD = "KRW-BAD"
LOW = Priority.LOW

_chosen = st.lists(st.sampled_from(CODES), min_size=1, max_size=4, unique=True)
SPECS = st.one_of(
    st.builds(lambda codes: ticker(*codes), _chosen),
    st.builds(lambda codes: ticker(*codes, only_realtime=True), _chosen),
    st.builds(lambda codes: trade(*codes), _chosen),
    st.builds(lambda codes, depth: book(*codes, depth=depth), _chosen, st.sampled_from((1, 5, 15, 30))),
)


def refuses(entry: dict[str, Any]) -> str | None:
    return "INVALID_PARAM" if any(code.startswith(BAD) for code in entry.get("codes", ())) else None


def table_for(specs: list[SubscriptionSpec]) -> set[tuple[Any, ...]]:
    depths: dict[tuple[str, str], int] = {}
    for spec in specs:
        for code in spec.symbols:
            name = (spec.data_type.value, code)
            depths[name] = max(depths.get(name, 0), spec.depth)
    return {(kind, code if depth == 30 else f"{code}.{depth}", "0") for (kind, code), depth in depths.items()}


class SubscriptionMachine(RuleBasedStateMachine):
    """The test's own idea of what is wanted, beside a real keeper and a model of the exchange."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.exchange = ModelExchange()
        self.exchange.unknown = {UNKNOWN}
        self.exchange.refuses = refuses
        self.wanted: dict[str, tuple[SubscriptionSpec, ...]] = {}
        self.strays = 0
        self.desk: Desk

    def play(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run(coroutine)

    @initialize(split=st.sampled_from(("taken", "last", "unsnapped", "refused")))
    def begin(self, split: str) -> None:
        async def main() -> None:
            self.exchange.split = split
            self.desk = Desk(self.exchange, ServiceConfig())
            self.desk.want("base", ticker("KRW-BASE"))
            await elapse(0.1)

        self.wanted["base"] = (ticker("KRW-BASE"),)
        self.play(main())

    @rule(component=st.sampled_from(COMPONENTS), specs=st.lists(SPECS, max_size=3))
    def want(self, component: str, specs: list[SubscriptionSpec]) -> None:
        async def main() -> None:
            with contextlib.suppress(SubscriptionError):  # it holds what the exchange has refused already
                self.desk.want(component, *specs)
                self.wanted[component] = tuple(specs)

        self.play(main())

    @rule(seconds=st.sampled_from((0.0, 0.005, 0.015, 0.05, 0.2, 1.0, 4.0)))
    def pause(self, seconds: float) -> None:
        self.play(elapse(seconds))

    @rule()
    def drop(self) -> None:
        async def main() -> None:
            if self.exchange.lines:
                self.exchange.line.drop()
                await asyncio.sleep(0)

        self.play(main())

    @rule(code=st.sampled_from(("KRW-BASE", *CODES)))
    def trade(self, code: str) -> None:
        async def main() -> None:
            self.exchange.trade(code)
            await asyncio.sleep(0)

        self.play(main())

    @precondition(lambda self: self.strays == 0)
    @rule(error=st.sampled_from(("INVALID_PARAM", "TOO_MANY_REQUEST", "INVALID_AUTH")))
    def stray(self, error: str) -> None:
        """An error out of nowhere: one alone must not cost anybody a wish."""

        async def main() -> None:
            if self.exchange.lines and self.exchange.line.is_open and not self.exchange.line.doomed:
                self.strays += 1
                self.exchange.fail(self.exchange.line, error)
                await asyncio.sleep(0)

        self.play(main())

    @precondition(lambda self: not self.exchange.forget)
    @rule(count=st.integers(1, 3))
    def lapse(self, count: int) -> None:
        self.exchange.forget.append(count)

    @rule(spec=SPECS.filter(lambda spec: BAD not in spec.symbols and not spec.only_realtime))
    def fetch(self, spec: SubscriptionSpec) -> None:
        async def main() -> None:
            with contextlib.suppress(SubscriptionError, TimeoutError):
                async with asyncio.timeout(2):
                    await self.desk.sync.fetch_snapshots([spec])

        self.play(main())

    @rule()
    def take_over(self) -> None:
        self.play(self.desk.take_over())

    @rule()
    def settle(self) -> None:
        async def main() -> None:
            self.exchange.forget.clear()
            await elapse(2)
            await self.desk.settled()
            await elapse(15)  # audits included
            await self.desk.settled()

        self.play(main())
        self.strays = 0
        asked = [spec for specs in self.wanted.values() for spec in specs]
        assert self.exchange.table() == {entry for entry in table_for(asked) if not entry[1].startswith(BAD)}
        keeper = self.desk.sync
        for stream in self.desk.state.demand(WebSocketType.PUBLIC):
            possible = {StreamStatus.LIVE}
            if stream.symbol == UNKNOWN:
                # Wanted realtime only it may be that of a quiet market, unless its snapshot has failed to come before.
                possible = {StreamStatus.UNSERVED} | (possible if self.is_realtime_only(stream.data_type) else set())
            assert keeper.status(stream) in possible, stream
        self.owners_were_told_how_it_stands()
        assert all(BAD in error.codes for _, error in self.desk.rejected)

    def owners_were_told_how_it_stands(self) -> None:
        """What was told of each stream last is so: nobody goes through all of them to find what was forgotten."""
        desk, public = self.desk, WebSocketType.PUBLIC
        told = dict(desk.told)
        statuses = {stream: desk.sync.status(stream) for stream in desk.state.wanted_streams(public)}
        assert {stream: told.get(stream, StreamStatus.WANTED) for stream in statuses} == statuses
        asked = [statuses[stream] for stream in desk.state.demand(public)]
        figures = desk.sync.statistics()
        assert figures.live == sum(status.is_served for status in asked)
        assert len(figures.unserved) == asked.count(StreamStatus.UNSERVED)
        assert figures.streams == len(asked)

    @invariant()
    def the_union_is_that_of_all_wishes(self) -> None:
        if not hasattr(self, "desk"):
            return
        demands: dict[StreamKey, list[Demand]] = {}
        for wish in self.desk.state.wishes(WebSocketType.PUBLIC, Standing.NEW, Standing.TRUSTED):
            for stream, demand in wish.demands.items():
                demands.setdefault(stream, []).append(demand)
        assert self.desk.state.demand(WebSocketType.PUBLIC) == {s: merge_all(each) for s, each in demands.items()}
        differing = {s for s, each in demands.items() if len({demand._replace(priority=LOW) for demand in each}) > 1}
        assert {conflict.streams[0] for conflict in self.desk.state.conflicts()} == differing

    def is_realtime_only(self, data_type: DataType) -> bool:
        specs = [
            s for specs in self.wanted.values() for s in specs if s.data_type is data_type and UNKNOWN in s.symbols
        ]
        return all(spec.only_realtime for spec in specs)

    @invariant()
    def no_limit_is_broken(self) -> None:
        assert self.exchange.violations == 0

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.settle()
            self.play(self.desk.close())
        self.loop.close()


class LongSubscriptionMachine(SubscriptionMachine):
    """The same for a soak run: its test case has settings of its own."""


TestSubscriptions = SubscriptionMachine.TestCase
TestSubscriptions.settings = settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True)
TestSubscriptionsAtLength = pytest.mark.soak(LongSubscriptionMachine.TestCase)
TestSubscriptionsAtLength.settings = settings(max_examples=400, stateful_step_count=40, deadline=None)
