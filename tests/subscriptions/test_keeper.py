"""The keeper against a model of the exchange, in virtual time: changes, proofs, repairs, refusals, the end."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from tests.subscriptions.model import LATENCY, Desk, ModelExchange
from tests.subscriptions.specs import ASSETS, codes, key, news, orders, ticker, tickers, trade
from tests.subscriptions.virtual import play
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import ConnectionLostError, RecoveryError, SubscriptionError
from upbit_ws_qt.subscriptions import SplitTrust, StreamStatus
from upbit_ws_qt.types import DataFormat, DataType, Priority, WebSocketType

LIVE, UNSERVED = {StreamStatus.LIVE}, {StreamStatus.UNSERVED}
BTC, ETH = ticker("KRW-BTC"), ticker("KRW-ETH")


def entries(*specs: Any) -> set[tuple[Any, ...]]:
    return {(spec.data_type.value, code, "0") for spec in specs for code in spec.symbols or ("",)}


def desk(exchange: ModelExchange, ws_type: WebSocketType = WebSocketType.PUBLIC, **settings: Any) -> Desk:
    return Desk(exchange, ServiceConfig(**settings), ws_type)


def refuse_codes(*bad: str) -> Any:
    return lambda entry: "INVALID_PARAM" if set(bad) & set(entry.get("codes", ())) else None


# -- the first request and changes ------------------------------------------------------------------------------------


def test_four_components_that_overlap_are_one_request_and_only_what_nobody_wants_goes() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            for name in "abcd":
                d.want(name, BTC, trade("KRW-BTC"))
            d.want("e", BTC, ETH)
            await d.settled()
            assert len(exchange.requests) == 1
            assert exchange.table() == entries(BTC, ETH, trade("KRW-BTC"))
            d.want("e")
            await asyncio.sleep(1)
            assert exchange.table() == entries(BTC, trade("KRW-BTC"))
            d.want("a")
            d.want("b")
            await asyncio.sleep(1)
            assert len(exchange.requests) == 2

    play(main())


def test_the_first_change_leaves_within_20_ms() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(2)
            started = d.loop.time()
            d.want("b", ETH)
            await d.settled()
            assert 0 < exchange.line.sent[-1][0] - started <= 0.02

    play(main())


def test_one_more_symbol_beside_500_costs_one_snapshot_and_one_list_for_the_session() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(500)))
            await d.settled()
            assert len(exchange.snapshots) == 500
            for number in range(3):
                d.want(f"b{number}", ticker(f"KRW-D{number}"))
                await d.settled()
                await asyncio.sleep(2)
            assert exchange.snapshots[500:] == [("ticker", f"KRW-D{number}") for number in range(3)]
            assert exchange.lists == 2  # one for the line, one to learn that the split is taken
            assert d.keeper.statistics().split is SplitTrust.PROVED
            assert d.keeper.statistics().efficiency_score > 80

    play(main())


def test_six_changes_within_half_a_second_are_at_most_five_requests() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(2)
            before = len(exchange.requests)
            for number in range(6):
                d.want("b", ticker(f"KRW-D{number}"))
                await asyncio.sleep(0.09)
            await d.settled()
            await asyncio.sleep(2)
            assert len(exchange.requests) - before <= 5
            assert exchange.table() == entries(BTC, ticker("KRW-D5"))
            assert exchange.violations == 0

    play(main())


def test_a_strategy_that_changes_its_mind_every_100_ms_for_three_minutes() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            for number in range(1800):
                d.want("b", ticker(f"KRW-D{number % 7}"))
                await asyncio.sleep(0.1)
            sent = [at for at, _ in exchange.line.sent]
            assert exchange.violations == 0
            assert max(b - a for a, b in itertools.pairwise(sent)) <= 1.0
            assert max(sum(1 for at in sent if s <= at < s + 60) for s in sent) >= 90
            await d.settled()
            await asyncio.sleep(2)
            assert exchange.table() == entries(BTC, ticker(f"KRW-D{1799 % 7}"))

    play(main())


def test_adding_and_removing_at_once_sends_nothing() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(2)
            d.want("b", ETH)
            d.want("b")
            await asyncio.sleep(2)
            assert len(exchange.requests) == 1
            assert ("ticker", "KRW-ETH") not in exchange.snapshots

    play(main())


def test_wishes_that_change_while_the_line_is_proved_are_not_lost() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await asyncio.sleep(LATENCY / 2)
            d.want("a", ETH)
            await d.settled()
            await asyncio.sleep(1)
            assert exchange.table() == entries(ETH)
            assert d.status(ETH) == LIVE
            assert len(exchange.lines) == 1

    play(main())


def test_nothing_wanted_any_more_is_left_to_the_connection() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            assert d.needs_line()
            d.want("a")
            await asyncio.sleep(2)
            assert not d.needs_line()
            assert len(exchange.requests) == 1  # there is no request that subscribes to nothing
            d.want("a", BTC)
            await asyncio.sleep(2)
            assert len(exchange.requests) == 1  # it has been flowing all the time
            d.want("a", ETH)
            await d.settled()
            assert exchange.table() == entries(ETH)

    play(main())


def test_urgent_streams_get_a_request_of_their_own_before_a_long_one() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("many", ticker(*codes(200)))
            d.want("urgent", trade("KRW-BTC", priority=Priority.CRITICAL))
            await d.settled()
            assert exchange.snapshots[0] == ("trade", "KRW-BTC")
            assert [len(body) for body in exchange.requests] == [1, 2]
            assert len(exchange.table()) == 201

    play(main())


@pytest.mark.parametrize("data_format", list(DataFormat))
def test_every_message_names_the_running_format(data_format: DataFormat) -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange, data_format=data_format) as d:
            d.want("a", BTC)
            await d.settled()
            formats = {data.rsplit(b'"format":"', 1)[1].rstrip(b'"}]') for _, data in exchange.line.sent}
            wanted = "SIMPLE" if data_format is DataFormat.AUTO else data_format.value
            assert formats == {wanted.encode()}
            assert len(exchange.line.sent) == 2

    play(main())


# -- the proof --------------------------------------------------------------------------------------------------------


def test_an_unknown_code_is_unserved_and_does_not_hold_the_rest_up() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-NOPE"}
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC", "KRW-NOPE"))
            await d.keeper.wait_served(tickers("KRW-BTC"))
            assert d.loop.time() - exchange.line.sent[0][0] < 1
            with pytest.raises(SubscriptionError, match="KRW-NOPE") as caught:
                await d.keeper.wait_served(tickers("KRW-BTC", "KRW-NOPE"))
            assert caught.value.codes == ("KRW-NOPE",)
            assert d.keeper.statistics().unserved == (key(DataType.TICKER, "KRW-NOPE"),)
            assert len(exchange.lines) == 1

    play(main())


def test_a_code_that_was_unserved_does_not_delay_the_next_line() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-NOPE"}
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC", "KRW-NOPE"))
            await d.settled()
            exchange.line.drop()
            await asyncio.sleep(0.2)
            await d.settled()
            assert d.keeper.restore_times[-1] < 0.1

    play(main())


def test_an_unserved_code_becomes_live_when_it_is_listed() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-NEW"}
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC", "KRW-NEW"))
            await d.settled()
            assert d.status(ticker("KRW-NEW")) == UNSERVED
            exchange.line.show("ticker", "KRW-NEW", "REALTIME")
            await asyncio.sleep(1)
            assert d.status(ticker("KRW-NEW")) == LIVE

    play(main())


def test_data_frames_are_looked_at_only_while_something_is_open() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(1)
            assert not exchange.line.is_watched()
            d.want("b", ETH)
            await asyncio.sleep(0.02)
            assert exchange.line.is_watched()
            await d.settled()
            await asyncio.sleep(1)
            assert not exchange.line.is_watched()

    play(main())


def test_private_streams_are_proved_by_the_list_and_assets_warm_up() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange, WebSocketType.PRIVATE) as d:
            d.want("a", ASSETS, orders("KRW-BTC"))
            await d.settled()
            assert d.status(ASSETS) == {StreamStatus.WARMING_UP}
            assert d.status(orders("KRW-BTC")) == LIVE
            await d.keeper.wait_served([key(DataType.MY_ASSET)])
            before = exchange.lists
            d.want("b", news(), orders())
            await d.settled()
            assert exchange.lists == before + 1
            assert d.status(orders("KRW-BTC")) == LIVE  # every market brings it
            exchange.line.show("myAsset", "")
            await asyncio.sleep(0.1)
            assert d.status(ASSETS) == LIVE

    play(main())


def test_a_stream_wanted_realtime_only_is_proved_by_the_list() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC", only_realtime=True))
            await d.settled()
            assert d.status(BTC) == LIVE
            assert exchange.snapshots == []
            d.want("b", BTC)
            await asyncio.sleep(1)
            assert exchange.snapshots == [("ticker", "KRW-BTC")]

    play(main())


@pytest.mark.parametrize("times", [1, 2])
def test_codes_that_the_list_lacks_are_asked_for_again(times: int) -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(50)))
            await d.settled()
            exchange.forget.extend([7] * times)
            exchange.line.drop()
            await asyncio.sleep(0.1)
            await d.settled()
            assert len(exchange.table()) == 50
            assert d.keeper.statistics().repairs == times
            assert d.status(ticker(*codes(50))) == LIVE

    play(main())


def test_codes_that_the_list_goes_on_lacking_are_unserved_and_the_rest_is_live() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.forget.extend([3] * 3)
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(50)))
            await d.settled()
            assert len(d.keeper.statistics().unserved) == 3
            assert d.keeper.statistics().live == 47
            assert len(exchange.requests) == 3

    play(main())


def test_a_list_that_is_not_answered_costs_the_line_where_nothing_else_proves_it() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.answers_lists = False
        async with desk(exchange, WebSocketType.PRIVATE) as d:
            d.want("a", ASSETS)
            await asyncio.sleep(5)
            assert d.errors
            assert all(isinstance(error, RecoveryError) for error in d.errors)
            assert d.keeper.statistics().lists_unanswered >= 2
            exchange.answers_lists = True
            await d.settled()

    play(main())


def test_a_list_that_is_not_answered_is_made_up_for_by_data() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.answers_lists = False
        async with desk(exchange) as d:
            d.want("a", BTC)
            await asyncio.sleep(5)
            assert d.errors == []
            assert d.status(BTC) == LIVE
            assert d.keeper.statistics().restores == 1

    play(main())


def test_an_exchange_that_refuses_lists_is_not_asked_for_them_for_ever() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.answers_lists = "error"
        async with desk(exchange) as d:
            d.want("a", BTC)
            await asyncio.sleep(20)
            assert exchange.lists == 2
            assert d.status(BTC) == LIVE
            assert d.rejected == []

    play(main())


def test_a_line_on_which_nothing_comes_of_what_came_before_is_given_up() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC", "KRW-ETH"))
            await d.settled()
            exchange.unknown = {"KRW-BTC", "KRW-ETH"}
            exchange.line.drop()
            await asyncio.sleep(3.3)
            assert [type(error) for error in d.errors] == [RecoveryError]
            exchange.unknown = set()
            await d.settled()
            assert d.status(BTC) == LIVE

    play(main())


# -- one type in two ways ---------------------------------------------------------------------------------------------


def test_an_exchange_that_takes_only_the_last_object_of_a_type_is_asked_plainly_from_then_on() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "last"
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(5)))
            await d.settled()
            d.want("b", BTC)
            await d.settled()
            await asyncio.sleep(2)
            assert exchange.table() == entries(ticker(*codes(5)), BTC)
            assert d.keeper.statistics().split is SplitTrust.BROKEN
            d.want("c", ETH)
            await d.settled()
            await asyncio.sleep(2)
            assert len(exchange.requests[-1]) == 1
            assert exchange.table() == entries(ticker(*codes(5)), BTC, ETH)

    play(main())


def test_an_exchange_that_sends_no_snapshot_beside_realtime_only_is_asked_plainly_from_then_on() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "unsnapped"
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(5)))
            await d.settled()
            d.want("b", BTC)
            await d.settled()
            assert d.status(BTC) == LIVE
            assert d.keeper.statistics().split is SplitTrust.BROKEN

    play(main())


def test_an_unknown_code_is_not_taken_for_a_broken_split() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-NOPE"}
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(5)))
            await d.settled()
            d.want("b", ticker("KRW-NOPE"))
            await d.settled()
            assert d.status(ticker("KRW-NOPE")) == UNSERVED
            assert d.keeper.statistics().split is SplitTrust.UNKNOWN
            assert len(exchange.requests) <= 3

    play(main())


def test_an_exchange_that_refuses_one_type_in_two_ways_blames_nobody() -> None:
    async def main() -> None:
        exchange = ModelExchange()

        seen: dict[str, set[bool]] = {}

        def refuses(entry: dict[str, Any]) -> str | None:
            if entry is exchange.body_first:
                seen.clear()
            seen.setdefault(entry["type"], set()).add(bool(entry.get("is_only_realtime")))
            return "INVALID_PARAM" if len(seen[entry["type"]]) > 1 else None

        exchange.refuses = refuses
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(5)))
            await d.settled()
            d.want("b", BTC)
            await d.settled()
            await asyncio.sleep(2)
            assert d.rejected == []
            assert d.status(BTC) == LIVE
            assert d.keeper.statistics().split is SplitTrust.BROKEN

    play(main())


def test_an_exchange_that_refuses_one_type_in_two_ways_and_a_wish_besides_blames_that_wish_alone() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "refused"
        exchange.refuses = refuse_codes("KRW-BAD")
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(5)))
            await d.settled()
            d.want("b", BTC, ticker("KRW-BAD"), ETH)
            await d.settled()
            await asyncio.sleep(2)
            d.want("c", trade("KRW-BTC"), ticker("KRW-XRP"))
            await asyncio.sleep(2)
            await d.settled()
            assert [error.codes for _, error in d.rejected] == [("KRW-BAD",)]
            assert exchange.table() == entries(ticker(*codes(5)), BTC, ETH, ticker("KRW-XRP"), trade("KRW-BTC"))
            assert d.keeper.statistics().split is SplitTrust.BROKEN

    play(main())


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_refused_wish_is_found_and_reported_while_everybody_else_is_served() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.refuses = refuse_codes("KRW-BAD")
        async with desk(exchange) as d:
            for number in range(20):
                d.want(f"good{number}", ticker(f"KRW-C{number}"))
            await d.settled()
            for number in range(20, 30):
                d.want(f"good{number}", ticker(f"KRW-C{number}"))
            d.want("bad", ticker("KRW-BAD"), trade("KRW-BTC"))
            await asyncio.sleep(0.5)
            await d.settled()
            assert [name for name, _ in d.rejected] == ["bad"]
            error = d.rejected[0][1]
            assert error.codes == ("KRW-BAD",)
            assert "INVALID_PARAM" in str(error)
            assert d.status(ticker("KRW-BAD")) == {StreamStatus.REJECTED}
            assert exchange.table() == entries(ticker(*codes(30)), trade("KRW-BTC"))
            # The first line, and those lost: with all twelve suspects, with the guilty one, and to be sure.
            assert len(exchange.lines) <= 4
            assert d.keeper.statistics().split is not SplitTrust.BROKEN
            (quarantined,) = d.keeper.statistics().quarantined
            assert quarantined.components == ("bad",)
            with pytest.raises(SubscriptionError):
                await d.keeper.wait_served(tickers("KRW-BAD"))

    play(main())


def test_a_lone_refused_wish_is_found_although_nothing_else_vouches_for_the_line() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.refuses = refuse_codes("KRW-BAD")
        async with desk(exchange) as d:
            d.want("bad", ticker("KRW-BAD"))
            await asyncio.sleep(5)
            assert [name for name, _ in d.rejected] == ["bad"]
            assert len(exchange.lines) <= 4
            d.want("good", BTC)
            await d.settled()
            assert d.status(BTC) == LIVE

    play(main())


def test_several_refused_wishes_among_many_at_the_first_request() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        bad = {"KRW-C3", "KRW-C17", "KRW-C18"}
        exchange.refuses = refuse_codes(*bad)
        async with desk(exchange) as d:
            for number in range(32):
                d.want(f"w{number}", ticker(f"KRW-C{number}"))
            await asyncio.sleep(1)
            await d.settled()
            assert {error.codes[0] for _, error in d.rejected} == bad
            assert exchange.table() == entries(ticker(*codes(32))) - {("ticker", code, "0") for code in bad}

    play(main())


def test_an_exchange_that_refuses_everything_for_a_while_costs_nobody_a_wish() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            for number in range(8):
                d.want(f"w{number}", ticker(f"KRW-C{number}"))
            await d.settled()
            exchange.refuses = lambda entry: "INVALID_PARAM"
            exchange.answers_lists = "error"
            exchange.line.drop()
            await asyncio.sleep(3)
            exchange.refuses = lambda entry: None
            exchange.answers_lists = True
            await asyncio.sleep(10)
            await d.settled()
            assert d.rejected == []
            assert len(exchange.table()) == 8

    play(main())


def test_too_many_requests_is_nobodys_fault_and_what_was_refused_is_sent_again() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(2)
            exchange.refuses = lambda entry: "TOO_MANY_REQUEST"
            d.want("b", ETH)
            await asyncio.sleep(0.1)
            exchange.refuses = lambda entry: None
            await d.settled()
            await asyncio.sleep(3)
            await d.settled()
            assert d.rejected == []
            assert exchange.table() == entries(BTC, ETH)
            assert d.keeper.statistics().refusals == 1
            assert d.limiter.usage(d.loop.time()).factor < 1

    play(main())


def test_a_line_that_stays_open_after_an_error_is_used_on() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(2)
            exchange.closes_after_error = False
            exchange.refuses = refuse_codes("KRW-BAD")
            d.want("bad", ticker("KRW-BAD"))
            await asyncio.sleep(5)
            assert len(exchange.lines) == 1
            assert [name for name, _ in d.rejected] == ["bad"]
            assert exchange.table() == entries(BTC)

    play(main())


def test_a_scope_that_the_key_lacks_costs_only_the_wish_that_needs_it() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.refuses = lambda entry: "INVALID_AUTH" if entry["type"] == "myOrder" else None
        async with desk(exchange, WebSocketType.PRIVATE) as d:
            d.want("assets", ASSETS)
            d.want("orders", orders())
            await asyncio.sleep(5)
            await d.settled()
            assert [name for name, _ in d.rejected] == ["orders"]
            assert exchange.table() == {("myAsset", "", "0")}

    play(main())


def test_an_error_that_no_request_explains_is_counted() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(2)
            exchange.fail(exchange.line, "INVALID_PARAM")
            await asyncio.sleep(1)
            await d.settled()
            assert d.keeper.statistics().stray_errors == 1
            assert d.rejected == []

    play(main())


# -- lines that go ----------------------------------------------------------------------------------------------------


def test_after_a_cut_everything_is_restored_and_proved() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            for number in range(10):
                d.want(f"w{number}", ticker(*codes(50)), trade(f"KRW-C{number}"))
            await d.settled()
            for _ in range(5):
                exchange.line.drop()
                await asyncio.sleep(0.3)
                await d.settled()
                assert len(exchange.table()) == 60
                assert d.keeper.statistics().restored == d.keeper.statistics().restorable == 60
            assert max(d.keeper.restore_times) < 0.25
            assert [len(line.sent) for line in exchange.lines] == [2] * 6

    play(main())


def test_a_stream_is_wanted_again_while_there_is_no_line() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            exchange.line.drop()
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            assert d.status(BTC) == {StreamStatus.WANTED}
            d.want("a", ETH)
            await d.settled()
            assert exchange.table() == entries(ETH)

    play(main())


def test_a_line_that_goes_while_it_is_proved_is_an_error_for_the_connection() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await asyncio.sleep(LATENCY / 2)
            exchange.line.drop()
            await d.settled()
            assert [type(error) for error in d.errors] == [ConnectionLostError]
            assert d.status(BTC) == LIVE

    play(main())


def test_a_new_line_takes_over_without_disturbing_the_old_one() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            await asyncio.sleep(1)
            old = exchange.line
            new = d.dial()
            d.want("b", ETH)
            await d.keeper.synchronize(new)
            await asyncio.sleep(LATENCY)
            assert set(old.table) == set(new.table) == entries(BTC, ETH)
            told = len(d.told)
            assert old.observer is None
            assert old.control is None
            d.want("c", trade("KRW-BTC"))
            await d.settled()
            assert exchange.table() == entries(BTC, ETH, trade("KRW-BTC"))
            assert {stream for stream, _ in d.told[told:]} == {key(DataType.TRADE, "KRW-BTC")}
            old.drop()
            await d.keeper.stop()

    play(main())


def test_a_new_line_that_fails_leaves_the_old_one_serving() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            old, new = exchange.line, d.dial()
            exchange.refuses = lambda entry: "INVALID_PARAM"
            with pytest.raises(RecoveryError):
                await d.keeper.synchronize(new)
            exchange.refuses = lambda entry: None
            assert d.status(BTC) == LIVE
            exchange.lines.append(old)
            d.want("b", ETH)
            await d.settled()
            assert set(old.table) == entries(BTC, ETH)
            assert d.rejected == []

    play(main())


# -- snapshots on request ---------------------------------------------------------------------------------------------


def test_snapshots_ride_along_without_disturbing_what_flows() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC", "KRW-ETH"))
            await d.settled()
            exchange.snapshots.clear()
            await d.keeper.fetch_snapshots([ticker("KRW-XRP", "KRW-BTC"), trade("KRW-XRP")])
            assert sorted(exchange.snapshots) == [("ticker", "KRW-BTC"), ("ticker", "KRW-XRP"), ("trade", "KRW-XRP")]
            assert exchange.table() == entries(BTC, ETH)
            await asyncio.sleep(5)
            assert len(exchange.requests) == 2
            assert d.status(BTC) == LIVE

    play(main())


def test_a_snapshot_that_does_not_come_is_named() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-NOPE"}
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            with pytest.raises(SubscriptionError, match="KRW-NOPE"):
                await d.keeper.fetch_snapshots([ticker("KRW-ETH", "KRW-NOPE")])
            with pytest.raises(SubscriptionError, match="has no snapshot"):
                await d.keeper.fetch_snapshots([ASSETS])
            await asyncio.sleep(1)
            assert d.keeper.statistics().split is SplitTrust.UNKNOWN
            assert exchange.table() == entries(BTC)

    play(main())


def test_a_snapshot_needs_no_wish_and_waits_for_a_line() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            fetch = asyncio.create_task(d.keeper.fetch_snapshots([BTC]))
            await asyncio.sleep(0)
            assert d.needs_line()
            await fetch
            assert not d.needs_line()
            assert exchange.table() == set()

    play(main())


def test_a_component_that_wants_the_snapshot_alone_gets_it_once() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC, ticker("KRW-ETH", only_snapshot=True))
            await d.settled()
            await asyncio.sleep(1)
            assert exchange.snapshots.count(("ticker", "KRW-ETH")) == 1
            d.want("b", ticker("KRW-XRP"))
            await asyncio.sleep(1)
            exchange.line.drop()
            await asyncio.sleep(1)
            assert exchange.snapshots.count(("ticker", "KRW-ETH")) == 1
            d.want("c", ticker("KRW-ETH", only_snapshot=True))
            await asyncio.sleep(1)
            assert exchange.snapshots.count(("ticker", "KRW-ETH")) == 2
            assert exchange.table() == entries(BTC, ticker("KRW-XRP"))

    play(main())


def test_a_snapshot_where_the_split_is_broken_leaves_nothing_behind() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "last"
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(5)))
            await d.settled()
            d.want("b", BTC)
            await d.settled()
            await asyncio.sleep(2)
            await d.keeper.fetch_snapshots([ETH])
            await asyncio.sleep(2)
            assert exchange.table() == entries(ticker(*codes(5)), BTC)

    play(main())


def test_a_snapshot_that_does_not_come_beside_a_stream_is_asked_for_plainly() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "last"
        async with desk(exchange) as d:
            d.want("a", ticker("KRW-BTC"))
            await d.settled()
            await asyncio.sleep(1)
            await d.keeper.fetch_snapshots([ETH])
            await asyncio.sleep(1)
            assert exchange.table() == entries(BTC)
            assert d.keeper.statistics().split is SplitTrust.BROKEN

    play(main())


def test_a_change_that_proves_itself_by_nothing_is_audited() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC, ETH, trade("KRW-XRP"))
            await d.settled()
            await asyncio.sleep(2)
            d.want("b", ticker("KRW-ADA"))
            await d.settled()
            d.want("b")
            await asyncio.sleep(0.5)
            exchange.forget.append(1)
            d.want("a", BTC, trade("KRW-XRP"))
            await asyncio.sleep(0.1)
            assert len(exchange.table()) == 1
            await asyncio.sleep(6)
            assert exchange.table() == entries(BTC, trade("KRW-XRP"))
            lists = exchange.lists
            await asyncio.sleep(60)
            assert exchange.lists <= lists + 1

    play(main())


def test_an_exchange_that_goes_on_forgetting_is_not_asked_for_ever() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", ticker(*codes(10)))
            await d.settled()
            exchange.forget.extend([3] * 1000)
            d.want("b", BTC)
            await asyncio.sleep(60)
            assert len(exchange.requests) < 12
            assert exchange.violations == 0
            assert d.keeper.statistics().unserved

    play(main())


# -- the end ----------------------------------------------------------------------------------------------------------


def test_stopping_ends_every_wait() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-BTC"}
        async with desk(exchange) as d:
            d.want("a", BTC)
            waiting = [
                asyncio.create_task(d.keeper.wait_served(tickers("KRW-BTC"))),
                asyncio.create_task(d.keeper.fetch_snapshots([BTC])),
            ]
            await asyncio.sleep(0.05)
            await d.keeper.stop()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(result) for result in results] == [ConnectionLostError] * 2
            await d.keeper.stop()
            for call in (d.keeper.wait_served([]), d.keeper.fetch_snapshots([BTC]), d.keeper.synchronize(d.dial())):
                with pytest.raises(ConnectionLostError):
                    await call

    play(main())


def test_a_stream_that_is_dropped_while_somebody_waits_for_it_is_named() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-BTC"}
        async with desk(exchange) as d:
            d.want("a", BTC)
            waiting = asyncio.create_task(d.keeper.wait_served(tickers("KRW-BTC")))
            await asyncio.sleep(0.05)
            d.want("a")
            with pytest.raises(SubscriptionError, match="KRW-BTC"):
                await waiting

    play(main())


def test_every_change_of_status_is_told_once_and_in_order() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        async with desk(exchange) as d:
            d.want("a", BTC)
            await d.settled()
            exchange.line.drop()
            await asyncio.sleep(0.2)
            await d.settled()
            stream = key(DataType.TICKER, "KRW-BTC")
            told = [status for key_, status in d.told if key_ == stream]
            assert all(a is not b for a, b in itertools.pairwise(told))
            assert told[-1] is StreamStatus.LIVE
            assert told.count(StreamStatus.LIVE) == 2

    play(main())
