"""The keeper in virtual time: refused requests, whoever is to blame."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.subscriptions.keeping import BTC, ETH, LIVE, desk, entries, refuse_codes, serving
from tests.subscriptions.model import ModelExchange
from tests.subscriptions.specs import ASSETS, codes, key, orders, ticker, tickers, trade
from tests.subscriptions.virtual import elapse, in_virtual_time
from upbit_ws_qt.errors import RecoveryStrategy, SubscriptionError
from upbit_ws_qt.subscriptions import EndpointSync, SplitTrust, StreamStatus, SubscriptionStateManager
from upbit_ws_qt.subscriptions.status import StatusTracker
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from types import FrameType


@in_virtual_time
async def test_a_refused_wish_is_found_and_reported_while_everybody_else_is_served() -> None:
    exchange = ModelExchange()
    exchange.refuses = refuse_codes("KRW-BAD")
    async with desk(exchange) as d:
        for number in range(20):
            d.want(f"good{number}", ticker(f"KRW-C{number}"))
        await d.settled()
        for number in range(20, 30):
            d.want(f"good{number}", ticker(f"KRW-C{number}"))
        d.want("bad", ticker("KRW-BAD"), trade("KRW-BTC"))
        await elapse(0.5)
        await d.settled()
        assert [name for name, _ in d.rejected] == ["bad"]
        error = d.rejected[0][1]
        assert error.codes == ("KRW-BAD",)
        assert "INVALID_PARAM" in str(error)
        assert d.status(ticker("KRW-BAD")) == {StreamStatus.REJECTED}
        assert exchange.table() == entries(ticker(*codes(30)), trade("KRW-BTC"))
        # The first line, and those lost: with all twelve suspects, with the guilty one, and to be sure.
        assert len(exchange.lines) <= 4
        assert d.sync.statistics().split is not SplitTrust.BROKEN
        (quarantined,) = d.sync.statistics().quarantined
        assert quarantined.components == ("bad",)
        with pytest.raises(SubscriptionError):
            await d.sync.wait_served(tickers("KRW-BAD"))


@in_virtual_time
async def test_a_refusal_is_one_error_in_the_same_words_for_all_who_are_told() -> None:
    exchange = ModelExchange()
    exchange.refuses = refuse_codes("KRW-BAD", "KRW-XRP")
    async with serving(exchange, BTC) as d:
        d.want("bad", ticker("KRW-BAD", "KRW-XRP"))
        d.want("also bad", ticker("KRW-BAD", "KRW-XRP"))
        with pytest.raises(SubscriptionError) as awaited:
            await d.sync.wait_served(tickers("KRW-BAD"))
        await elapse(1)
        rejected = dict(d.rejected)
        for code in ("KRW-BAD", "KRW-XRP"):
            told = d.reasons[key(DataType.TICKER, code)]
            assert told is not None
            assert {name: told.for_component(name) for name in rejected} == rejected
        assert set(rejected) == {"bad", "also bad"}
        for name, error in rejected.items():
            assert str(error) == f"the exchange refuses this wish: INVALID_PARAM in {error.spec} (component {name})"
            assert (error.codes, error.component_id) == (("KRW-BAD", "KRW-XRP"), name)
            assert error.recovery is RecoveryStrategy.RESUBSCRIBE
        assert str(awaited.value) in map(str, rejected.values())
        assert d.reasons[key(DataType.TICKER, "KRW-BTC")] is None


@in_virtual_time
async def test_a_stream_that_does_not_come_is_told_with_the_reason() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, ticker("KRW-BTC", "KRW-NOPE")) as d:
        await elapse(1)
        error = d.reasons[key(DataType.TICKER, "KRW-NOPE")]
        assert error is not None
        assert error.codes == ("KRW-NOPE",)
        assert error.recovery is RecoveryStrategy.RETRY
        assert "delisted, misspelt" in str(error)


@in_virtual_time
async def test_a_refused_wish_of_many_codes_beside_many_streams_costs_a_few_calls_for_each_stream() -> None:
    exchange = ModelExchange()
    refused = [f"KRW-BAD{number}" for number in range(200)]
    exchange.refuses = refuse_codes(*refused)
    async with desk(exchange) as d:
        for code in codes(1200):
            d.state.replace(f"good {code}", [ticker(code)])
        d.sync.wishes_changed()
        await d.settled()
        calls = 0
        counted = {Path(inspect.getfile(part)).name for part in (StatusTracker, EndpointSync, SubscriptionStateManager)}

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal calls
            calls += event == "call" and Path(frame.f_code.co_filename).name in counted

        sys.setprofile(count)
        try:
            d.want("bad", ticker(*refused))
            await elapse(3)
        finally:
            sys.setprofile(None)
        assert all(d.reasons[key(DataType.TICKER, code)] is not None for code in refused)
        assert calls < 80 * 1400  # all the lines that the search took; 200 * 1400 for the reasons alone before


@pytest.mark.parametrize("place", [0, 17, 24, 25, 49])
@in_virtual_time
async def test_a_refused_code_in_a_wish_of_fifty_costs_the_others_nothing(place: int) -> None:
    exchange = ModelExchange()
    many = codes(50)
    exchange.refuses = refuse_codes(many[place])
    async with serving(exchange, BTC) as d:
        lines = len(exchange.lines)
        d.want("many", ticker(*many))
        await elapse(0.5)
        await d.settled()
        assert exchange.table() == entries(BTC, ticker(*(code for code in many if code != many[place])))
        assert [error.codes for _, error in d.rejected] == [(many[place],)]
        assert d.status(ticker(many[place])) == {StreamStatus.REJECTED}
        assert d.state.specs_of("many") == (ticker(*many),)
        # Each lost line halves what is left, and a last one makes sure.
        assert len(exchange.lines) - lines <= 8
        assert d.sync.statistics().wishes == 2


@in_virtual_time
async def test_a_wish_that_is_refused_whichever_half_is_asked_for_is_not_looked_at_code_by_code() -> None:
    exchange = ModelExchange()
    exchange.refuses = lambda entry: "INVALID_PARAM" if entry["type"] == "trade" else None
    async with serving(exchange, BTC) as d:
        lines = len(exchange.lines)
        d.want("bad", trade(*codes(50)))
        await elapse(0.5)
        await d.settled()
        assert [error.codes for _, error in d.rejected] == [tuple(codes(50))]
        assert len(exchange.lines) - lines <= 3
        assert exchange.table() == entries(BTC)


@in_virtual_time
async def test_a_lone_refused_wish_is_found_although_nothing_else_vouches_for_the_line() -> None:
    exchange = ModelExchange()
    exchange.refuses = refuse_codes("KRW-BAD")
    async with desk(exchange) as d:
        d.want("bad", ticker("KRW-BAD"))
        await elapse(5)
        assert [name for name, _ in d.rejected] == ["bad"]
        assert len(exchange.lines) <= 4
        d.want("good", BTC)
        await d.settled()
        assert d.status(BTC) == LIVE


@in_virtual_time
async def test_several_refused_wishes_among_many_at_the_first_request() -> None:
    exchange = ModelExchange()
    bad = {"KRW-C3", "KRW-C17", "KRW-C18"}
    exchange.refuses = refuse_codes(*bad)
    async with desk(exchange) as d:
        for number in range(32):
            d.want(f"w{number}", ticker(f"KRW-C{number}"))
        await elapse(1)
        await d.settled()
        assert {error.codes[0] for _, error in d.rejected} == bad
        assert exchange.table() == entries(ticker(*codes(32))) - {("ticker", code, "0") for code in bad}


@in_virtual_time
async def test_an_exchange_that_refuses_everything_for_a_while_costs_nobody_a_wish() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        for number in range(8):
            d.want(f"w{number}", ticker(f"KRW-C{number}"))
        await d.settled()
        exchange.refuses = lambda entry: "INVALID_PARAM"
        exchange.answers_lists = "error"
        exchange.line.drop()
        await elapse(3)
        exchange.refuses = lambda entry: None
        exchange.answers_lists = True
        await elapse(10)
        await d.settled()
        assert d.rejected == []
        assert len(exchange.table()) == 8


@in_virtual_time
async def test_too_many_requests_is_nobodys_fault_and_what_was_refused_is_sent_again() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(2)
        exchange.refuses = lambda entry: "TOO_MANY_REQUEST"
        d.want("b", ETH)
        await elapse(0.1)
        exchange.refuses = lambda entry: None
        await d.settled()
        await elapse(3)
        await d.settled()
        assert d.rejected == []
        assert exchange.table() == entries(BTC, ETH)
        assert d.sync.statistics().refusals == 1
        assert d.limiter.usage(d.loop.time()).factor < 1


@in_virtual_time
async def test_a_line_that_stays_open_after_an_error_is_used_on() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(2)
        exchange.closes_after_error = False
        exchange.refuses = refuse_codes("KRW-BAD")
        d.want("bad", ticker("KRW-BAD"))
        await elapse(5)
        assert len(exchange.lines) == 1
        assert [name for name, _ in d.rejected] == ["bad"]
        assert exchange.table() == entries(BTC)


@in_virtual_time
async def test_a_scope_that_the_key_lacks_costs_only_the_wish_that_needs_it() -> None:
    exchange = ModelExchange()
    exchange.refuses = lambda entry: "INVALID_AUTH" if entry["type"] == "myOrder" else None
    async with desk(exchange, WebSocketType.PRIVATE) as d:
        d.want("assets", ASSETS)
        d.want("orders", orders())
        await elapse(5)
        await d.settled()
        assert [name for name, _ in d.rejected] == ["orders"]
        assert exchange.table() == {("myAsset", "", "0")}


@in_virtual_time
async def test_an_error_that_no_request_explains_is_counted() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(2)
        exchange.fail(exchange.line, "INVALID_PARAM")
        await elapse(1)
        await d.settled()
        assert d.sync.statistics().stray_errors == 1
        assert d.rejected == []
