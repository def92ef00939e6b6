"""The keeper in virtual time: the first request, and changes as the budget allows."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

import upbit_ws_qt
from tests.subscriptions.keeping import BTC, ETH, LIVE, desk, entries, serving
from tests.subscriptions.model import LATENCY, ModelExchange
from tests.subscriptions.specs import codes, ticker, trade
from tests.subscriptions.virtual import elapse, in_virtual_time
from upbit_ws_qt.subscriptions import SplitTrust
from upbit_ws_qt.types import DataFormat, Priority

if TYPE_CHECKING:
    from types import FrameType


@in_virtual_time
async def test_four_components_that_overlap_are_one_request_and_only_what_nobody_wants_goes() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        for name in "abcd":
            d.want(name, BTC, trade("KRW-BTC"))
        d.want("e", BTC, ETH)
        await d.settled()
        assert len(exchange.requests) == 1
        assert exchange.table() == entries(BTC, ETH, trade("KRW-BTC"))
        d.want("e")
        await elapse(1)
        assert exchange.table() == entries(BTC, trade("KRW-BTC"))
        d.want("a")
        d.want("b")
        await elapse(1)
        assert len(exchange.requests) == 2


@in_virtual_time
async def test_the_first_change_leaves_within_20_ms() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(2)
        started = d.loop.time()
        d.want("b", ETH)
        await d.settled()
        assert 0 < exchange.line.sent[-1][0] - started <= 0.02


class CallsWithin:
    """Counts the calls of functions of the subscriptions' room and of the wire."""

    ROOMS = tuple(str(Path(upbit_ws_qt.__file__).parent / room) for room in ("subscriptions", "wire"))

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(self.ROOMS):
            self.counts[frame.f_code.co_qualname] += 1


async def calls_of_one_more(beside: int) -> Counter[str]:
    """Return the calls that one more wish takes, beside so many streams that flow, until it is served."""
    exchange = ModelExchange()
    async with serving(exchange, ticker(*codes(beside)), trade(*codes(beside))) as d:
        d.want("b", ticker("KRW-FIRST"))  # the first change of a session has more to find out
        await d.settled()
        await elapse(10)
        d.sync.statistics(), d.state.conflicts()
        with CallsWithin() as calls:
            d.want("b", ticker("KRW-FIRST", "KRW-MORE"))
            await elapse(2)
            d.sync.statistics(), d.state.conflicts()
        assert d.status(ticker("KRW-MORE")) == LIVE
    return calls.counts


@in_virtual_time
async def test_what_one_more_wish_costs_does_not_grow_with_those_that_stay() -> None:
    few, many = await calls_of_one_more(10), await calls_of_one_more(300)
    grown = many - few
    assert not grown, grown.most_common(5)


@in_virtual_time
async def test_one_more_symbol_beside_500_costs_one_snapshot_and_one_list_for_the_session() -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker(*codes(500))) as d:
        assert len(exchange.snapshots) == 500
        for number in range(3):
            d.want(f"b{number}", ticker(f"KRW-D{number}"))
            await d.settled()
            await elapse(2)
        assert exchange.snapshots[500:] == [("ticker", f"KRW-D{number}") for number in range(3)]
        assert exchange.lists == 2  # one for the line, one to learn that the split is taken
        assert d.sync.statistics().split is SplitTrust.PROVED
        assert d.sync.statistics().efficiency_score > 80


@in_virtual_time
async def test_changes_that_undo_each_other_cost_no_request_and_are_counted() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(6)
        sent = len(exchange.line.sent)
        for _ in range(3):
            d.want("b", ETH)
            d.want("b")
            await elapse(0.1)
        assert len(exchange.line.sent) == sent
        assert d.sync.statistics().cancelled == 3
        d.want("b", ETH)
        await d.settled()
        assert d.sync.statistics().cancelled == 3


@in_virtual_time
async def test_the_request_that_would_ask_for_all_is_planned_as_the_session_would_send_it() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC, trade("KRW-BTC")) as d:
        assert [str(spec) for spec in d.sync.optimize().specs] == [
            str(ticker("KRW-BTC", only_realtime=True)),
            str(trade("KRW-BTC", only_realtime=True)),
        ]
        assert [str(spec) for spec in await d.state.optimize_subscription_requests(d.ws_type)] == [
            str(BTC),
            str(trade("KRW-BTC")),
        ]


@in_virtual_time
async def test_six_changes_within_half_a_second_are_at_most_five_requests() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(2)
        before = len(exchange.requests)
        for number in range(6):
            d.want("b", ticker(f"KRW-D{number}"))
            await elapse(0.09)
        await d.settled()
        await elapse(2)
        assert len(exchange.requests) - before <= 5
        assert exchange.table() == entries(BTC, ticker("KRW-D5"))
        assert exchange.violations == 0


@in_virtual_time
@pytest.mark.parametrize("changes", [700, pytest.param(1800, marks=pytest.mark.soak)])
async def test_a_strategy_that_changes_its_mind_every_100_ms_for_minutes(changes: int) -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        for number in range(changes):
            d.want("b", ticker(f"KRW-D{number % 7}"))
            await elapse(0.1)
        sent = [at for at, _ in exchange.line.sent]
        assert exchange.violations == 0
        assert max(b - a for a, b in itertools.pairwise(sent)) <= 1.0
        assert max(sum(1 for at in sent if s <= at < s + 60) for s in sent) >= 90
        await d.settled()
        await elapse(2)
        assert exchange.table() == entries(BTC, ticker(f"KRW-D{(changes - 1) % 7}"))


@in_virtual_time
async def test_adding_and_removing_at_once_sends_nothing() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(2)
        d.want("b", ETH)
        d.want("b")
        await elapse(2)
        assert len(exchange.requests) == 1
        assert ("ticker", "KRW-ETH") not in exchange.snapshots


@in_virtual_time
async def test_wishes_that_change_while_the_line_is_proved_are_not_lost() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        d.want("a", BTC)
        await elapse(LATENCY / 2)
        d.want("a", ETH)
        await d.settled()
        await elapse(1)
        assert exchange.table() == entries(ETH)
        assert d.status(ETH) == LIVE
        assert len(exchange.lines) == 1


@in_virtual_time
async def test_nothing_wanted_any_more_is_left_to_the_connection() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        assert d.needs_line()
        d.want("a")
        await elapse(2)
        assert not d.needs_line()
        assert len(exchange.requests) == 1  # there is no request that subscribes to nothing
        d.want("a", BTC)
        await elapse(2)
        assert len(exchange.requests) == 1  # it has been flowing all the time
        d.want("a", ETH)
        await d.settled()
        assert exchange.table() == entries(ETH)


@in_virtual_time
async def test_urgent_streams_get_a_request_of_their_own_before_a_long_one() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        d.want("many", ticker(*codes(200)))
        d.want("urgent", trade("KRW-BTC", priority=Priority.CRITICAL))
        await d.settled()
        assert exchange.snapshots[0] == ("trade", "KRW-BTC")
        assert [len(body) for body in exchange.requests] == [1, 2]
        assert len(exchange.table()) == 201


@pytest.mark.parametrize("data_format", list(DataFormat))
@in_virtual_time
async def test_every_message_names_the_running_format(data_format: DataFormat) -> None:
    exchange = ModelExchange()
    async with desk(exchange, data_format=data_format) as d:
        d.want("a", BTC)
        await d.settled()
        formats = {data.rsplit(b'"format":"', 1)[1].rstrip(b'"}]') for _, data in exchange.line.sent}
        wanted = "SIMPLE" if data_format is DataFormat.AUTO else data_format.value
        assert formats == {wanted.encode()}
        assert len(exchange.line.sent) == 2


@pytest.mark.parametrize(
    ("compression", "wanted", "reason"),
    [
        # The model's frames are all alike: compressed, they are next to nothing in either spelling.
        (True, DataFormat.DEFAULT, "SIMPLE would save only"),
        (False, DataFormat.SIMPLE, "SIMPLE saves"),
    ],
)
@in_virtual_time
async def test_auto_names_the_format_that_what_is_subscribed_was_measured_for_and_sends_nothing_for_its_sake(
    compression: bool, wanted: DataFormat, reason: str
) -> None:
    exchange = ModelExchange()
    async with desk(exchange, compression=compression) as d:
        d.want("a", BTC)
        await d.settled()
        assert (d.sync.statistics().data_format, d.sync.statistics().format_savings) == (DataFormat.SIMPLE, None)
        await elapse(2)
        sent = len(exchange.line.sent)
        for _ in range(150):
            exchange.trade("KRW-BTC")
            await elapse(0.1)
        assert len(exchange.line.sent) == sent, "the format waits for a request that is sent anyway"
        figures = d.sync.statistics()
        assert figures.data_format is wanted
        assert figures.format_reason.startswith(reason), figures.format_reason
        assert figures.format_savings is not None
        assert figures.format_savings.messages == 100
        assert not exchange.line.is_watched(), "what has been measured costs nothing any more"
        d.want("b", ETH)
        await d.settled()
        assert exchange.line.format == wanted.value


@in_virtual_time
async def test_auto_keeps_to_what_it_found_when_types_come_and_go() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        for specs in ((BTC,), (BTC, trade("KRW-BTC")), (BTC,), (BTC, trade("KRW-BTC"))):
            d.want("a", *specs)
            await d.settled()
            for _ in range(130):
                exchange.trade("KRW-BTC")
                await elapse(0.1)
        formats = [data.rsplit(b'"format":"', 1)[1].rstrip(b'"}]') for _, data in exchange.line.sent]
        changes = sum(one != other for one, other in itertools.pairwise(formats))
        assert formats[-1] == b"DEFAULT"
        assert changes == 1
