"""The account: orders in all their states, and sums that are exact whatever is done."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchange.world.reading import read, shown, world
from upbit_ws_qt.exchange.market.orders import OrderRejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Message = dict[str, Any]
FEE = Decimal("0.0005")


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    with localcontext() as context:
        context.prec = 80
        yield


def _messages(changes: list[Any]) -> list[Message]:
    return [read(change) for change in changes]


def _held(changes: list[Any]) -> dict[str, tuple[Decimal, Decimal]]:
    assets = _messages(changes)[-1]
    assert assets["type"] == "myAsset"
    return {each["currency"]: (each["balance"], each["locked"]) for each in assets["assets"]}


def test_a_bid_is_locked_filled_in_parts_and_done() -> None:
    account = world().account
    free = account.balances()["KRW"][0]
    placed = account.place("KRW-BTC", "BID", "limit", "149000000", "0.1", identifier="mine", time_in_force="post_only")
    waiting, _ = _messages(placed)
    cost = Decimal(14_900_000)
    assert (waiting["state"], waiting["identifier"], waiting["time_in_force"]) == ("wait", "mine", "post_only")
    assert waiting["reserved_fee"] == waiting["remaining_fee"] == cost * FEE
    assert waiting["locked"] == cost * (1 + FEE)
    assert waiting["trade_uuid"] is None
    assert _held(placed)["KRW"] == (free - cost * (1 + FEE), cost * (1 + FEE))

    part = account.fill(placed[0].uuid, "0.04", "148999000")
    trade, _ = _messages(part)
    assert (trade["state"], trade["price"], trade["volume"]) == ("trade", 148_999_000, Decimal("0.04"))
    assert trade["trade_fee"] == trade["paid_fee"] == Decimal("0.04") * 148_999_000 * FEE
    assert (trade["remaining_volume"], trade["executed_volume"], trade["trades_count"]) == (
        Decimal("0.06"),
        Decimal("0.04"),
        1,
    )
    assert trade["executed_funds"] == Decimal("0.04") * 148_999_000
    assert trade["is_maker"] is True
    assert trade["trade_uuid"]
    assert trade["avg_price"] == 148_999_000

    rest = account.fill(placed[0].uuid)
    last, done, _ = _messages(rest)
    assert (last["state"], done["state"]) == ("trade", "done")
    assert done["price"] == 149_000_000
    assert done["volume"] == Decimal("0.1")
    assert done["locked"] == done["remaining_volume"] == done["remaining_fee"] == 0
    spent = Decimal("0.04") * 148_999_000 + Decimal("0.06") * 149_000_000
    assert _held(rest)["KRW"] == (free - spent * (1 + FEE), Decimal(0))
    assert done["paid_fee"] == spent * FEE
    assert last["trade_uuid"] != trade["trade_uuid"]


def test_an_ask_brings_money_less_the_fee() -> None:
    account = world().account
    free, coins = account.balances()["KRW"][0], account.balances()["BTC"][0]
    placed = account.place("KRW-BTC", "ASK", "limit", "151000000", "0.2")
    assert _held(placed)["BTC"] == (coins - Decimal("0.2"), Decimal("0.2"))
    filled = account.fill(placed[0].uuid, "0.05", is_maker=False)
    money = Decimal("0.05") * 151_000_000
    assert _held(filled)["KRW"][0] == free + money * (1 - FEE)
    assert _held(filled)["BTC"] == (coins - Decimal("0.2"), Decimal("0.15"))
    assert _messages(filled)[0]["is_maker"] is False


def test_cancel_releases_what_was_locked() -> None:
    account = world().account
    before = account.balances()["KRW"]
    placed = account.place("KRW-BTC", "BID", "limit", "149000000", "0.1")
    cancelled = account.cancel(placed[0].uuid)
    assert _messages(cancelled)[0]["state"] == "cancel"
    assert account.balances()["KRW"] == before
    with pytest.raises(OrderRejectedError, match="no open order"):
        account.cancel(placed[0].uuid)


@pytest.mark.parametrize("side", ["BID", "ASK"])
def test_prevention_takes_a_part_or_all(side: str) -> None:
    account = world().account
    before = account.balances()
    placed = account.place("KRW-BTC", side, "limit", "150000000", "0.1", smp_type="cancel_maker")
    part = _messages(account.prevent(placed[0].uuid, "0.03"))[0]
    assert (part["state"], part["prevented_volume"], part["remaining_volume"]) == (
        "prevented",
        Decimal("0.03"),
        Decimal("0.07"),
    )
    released = Decimal("0.03") if side == "ASK" else Decimal("0.03") * 150_000_000 * (1 + FEE)
    assert part["prevented_locked"] == released
    assert part["smp_type"] == "cancel_maker"
    rest = _messages(account.prevent(placed[0].uuid))[0]
    assert (rest["state"], rest["remaining_volume"], rest["locked"]) == ("cancel", 0, 0), "nothing was left"
    assert account.balances() == before
    order = account.order(placed[0].uuid)
    assert order is not None
    assert not order.is_open


@pytest.mark.statement("P9.22")
def test_every_order_says_how_self_matches_are_prevented() -> None:
    account = world().account
    place = partial(account.place, "KRW-BTC", "BID", "limit", "149000000", "0.01")
    assert _messages(place())[0]["smp_type"] == "cancel_maker", "the default"
    assert _messages(place(time_in_force="post_only"))[0]["smp_type"] == "none"
    assert _messages(place(time_in_force="post_only", smp_type="none"))[0]["smp_type"] == "none"
    assert _messages(account.place("KRW-BTC", "BID", "price", 10_000))[0]["smp_type"] == "cancel_maker"
    before = account.balances()
    for mode in ("reduce", "cancel_maker", "cancel_taker"):
        assert _messages(place(smp_type=mode))[0]["smp_type"] == mode
        with pytest.raises(OrderRejectedError, match="post_only") as refused:
            place(time_in_force="post_only", smp_type=mode)
        assert refused.value.name == "invalid_parameter"
    spent = 3 * Decimal(1_490_000) * (1 + FEE)
    assert account.balances()["KRW"][0] == before["KRW"][0] - spent, "what is refused locks nothing"


@pytest.mark.statement("P9.22")
def test_an_order_without_prevention_cannot_be_prevented() -> None:
    account = world().account
    placed = account.place("KRW-BTC", "BID", "limit", "149000000", "0.1", smp_type="none")
    with pytest.raises(OrderRejectedError, match="none"):
        account.prevent(placed[0].uuid)
    account.place("KRW-BTC", "ASK", "limit", "148000000", "0.1", smp_type="none")
    assert {order.state for order in account.orders()} == {"wait"}


SMP_CASES = [
    # mode, maker volume, taker volume, (maker state, left), (taker state, left)
    ("cancel_maker", "0.3", "0.1", ("cancel", "0"), ("wait", "0.1")),
    ("cancel_taker", "0.3", "0.1", ("wait", "0.3"), ("cancel", "0")),
    ("reduce", "0.3", "0.1", ("wait", "0.2"), ("cancel", "0")),
    ("reduce", "0.1", "0.3", ("cancel", "0"), ("wait", "0.2")),
    ("reduce", "0.1", "0.1", ("cancel", "0"), ("cancel", "0")),
]


@pytest.mark.parametrize("buys", [True, False])
@pytest.mark.parametrize(("mode", "maker", "taker", "of_maker", "of_taker"), SMP_CASES)
def test_an_order_never_meets_one_of_its_own_account(
    mode: str, maker: str, taker: str, of_maker: tuple[str, str], of_taker: tuple[str, str], buys: bool
) -> None:
    account = world().account
    start = account.balances()
    sides = ("ASK", "BID") if buys else ("BID", "ASK")
    resting = account.place("KRW-BTC", sides[0], "limit", "150000000", maker)[0].uuid
    price = "150001000" if buys else "149999000"
    coming = account.place("KRW-BTC", sides[1], "limit", price, taker, smp_type=mode)
    for uuid, (state, left) in ((resting, of_maker), (coming[0].uuid, of_taker)):
        order = account.order(uuid)
        assert order is not None
        assert (order.state, Decimal(order.remaining).scaleb(-8)) == (state, Decimal(left))
        assert order.prevented_volume == order.volume - order.remaining
        assert order.executed == 0
    told = _messages(coming)
    assert next(each["uuid"] for each in told if each["type"] == "myOrder") == coming[0].uuid
    assert told[-1]["type"] == "myAsset"
    for message in told[1:-1]:
        assert message["state"] == ("cancel" if message["remaining_volume"] == 0 else "prevented")
        assert message["prevented_volume"] > 0
        assert message["prevented_locked"] > 0
    for order in account.orders():
        if order.is_open:
            account.cancel(order.uuid)
    assert account.balances() == start


@pytest.mark.parametrize(("mode", "states"), [
    ("cancel_maker", ["wait", "cancel", "trade", "done"]),
    ("cancel_taker", ["wait", "cancel"]),
    ("reduce", ["wait", "cancel", "prevented", "trade", "done"]),
])  # fmt: skip
def test_a_market_order_does_not_meet_ones_own_best_offer_either(mode: str, states: list[str]) -> None:
    of = world()
    account = of.account
    best = shown(of, "orderbook", "KRW-BTC")["orderbook_units"][0]["ask_price"]
    account.place("KRW-BTC", "ASK", "limit", best, "0.1")
    money = best * Decimal("0.3") if mode == "reduce" else Decimal(10_000)
    told = _messages(account.place("KRW-BTC", "BID", "price", money, smp_type=mode))
    seen = [message["state"] for message in told if message["type"] == "myOrder"]
    assert [state for place, state in enumerate(seen) if seen[place : place + 2] != ["trade", "trade"]] == states


def test_a_reserved_order_meets_nobody_until_it_waits() -> None:
    account = world().account
    resting = account.place("KRW-BTC", "ASK", "limit", "150000000", "0.1")[0].uuid
    reserved = account.place("KRW-BTC", "BID", "limit", "150000000", "0.1", watching=True)[0].uuid
    assert {order.state for order in account.orders()} == {"wait", "watch"}
    told = _messages(account.trigger(reserved))
    assert [(each.get("uuid"), each.get("state")) for each in told[:2]] == [(reserved, "wait"), (resting, "cancel")]
    assert told[-1]["type"] == "myAsset"


def test_a_market_buy_walks_through_the_book() -> None:
    of = world()
    asks = shown(of, "orderbook", "KRW-BTC")["orderbook_units"]
    wanted = asks[0]["ask_price"] * asks[0]["ask_size"] * (1 + FEE) + 1_000_000
    changes = of.account.place("KRW-BTC", "BID", "price", price=wanted.quantize(Decimal("1e-8")))
    messages = _messages(changes)
    assert [message.get("state") for message in messages] == ["wait", "trade", "trade", "done", None]
    assert messages[1]["volume"] == asks[0]["ask_size"]
    assert [message["price"] for message in messages[1:3]] == [asks[0]["ask_price"], asks[1]["ask_price"]]
    assert messages[3]["order_type"] == "price"
    assert messages[3]["locked"] == 0


def test_a_market_sell_larger_than_the_book_ends_cancelled() -> None:
    of = world(markets=None)
    bids = shown(of, "orderbook", "BTC-XRP")
    resting = bids["total_bid_size"]
    of.account._held["XRP"][0] = 10**40  # as many as it takes
    messages = _messages(of.account.place("BTC-XRP", "ASK", "market", volume=resting + 5))
    assert messages[-2]["state"] == "cancel"
    assert messages[-2]["executed_volume"] == resting
    assert messages[-2]["remaining_volume"] == 5


def test_a_reserved_order_waits_to_be_triggered() -> None:
    account = world().account
    placed = account.place("KRW-BTC", "BID", "limit", "140000000", "0.01", watching=True)
    assert _messages(placed)[0]["state"] == "watch"
    with pytest.raises(OrderRejectedError):
        account.fill(placed[0].uuid)
    assert _messages(account.trigger(placed[0].uuid))[0]["state"] == "wait"
    with pytest.raises(OrderRejectedError, match="not reserved"):
        account.trigger(placed[0].uuid)
    account.fill(placed[0].uuid)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("KRW-NOPE", "BID", "limit", "1000", "10"), "market_does_not_exist"),
        (("KRW-BTC", "BUY", "limit", "150000000", "1"), "invalid_parameter"),
        (("KRW-BTC", "BID", "stop", "150000000", "1"), "invalid_parameter"),
        (("KRW-BTC", "BID", "market", None, "1"), "invalid_parameter"),
        (("KRW-BTC", "ASK", "price", "10000", None), "invalid_parameter"),
        (("KRW-BTC", "BID", "limit", "150000000", None), "invalid_parameter"),
        (("KRW-BTC", "BID", "limit", "150000000", "-1"), "invalid_parameter"),
        (("KRW-BTC", "BID", "limit", "150000000", "NaN"), "invalid_parameter"),
        (("KRW-BTC", "BID", "limit", "150000000", "0.000000001"), "invalid_parameter"),
        (("KRW-BTC", "BID", "price", "10000", "1"), "invalid_parameter"),
        (("KRW-BTC", "BID", "limit", "150000500", "0.001"), "invalid_price"),
        (("KRW-BTC", "BID", "limit", "150000000", "0.00003"), "under_min_total"),
        (("KRW-BTC", "BID", "price", "4999", None), "under_min_total"),
        (("KRW-BTC", "BID", "limit", "150000000", "1"), "insufficient_funds"),
        (("KRW-ETH", "ASK", "market", None, "100"), "insufficient_funds"),
        (("KRW-BTC", "BID", "limit", "150000000", "0.01", "gtc"), "invalid_parameter"),
        (("KRW-BTC", "BID", "limit", "150000000", "0.01", None, None, "sometimes"), "invalid_parameter"),
    ],
)
def test_what_the_exchange_refuses_changes_nothing(arguments: tuple[Any, ...], name: str) -> None:
    account = world().account
    before = account.balances()
    with pytest.raises(OrderRejectedError) as caught:
        account.place(*arguments)
    assert caught.value.name == name
    assert account.balances() == before
    assert account.orders() == []


def test_fills_are_never_too_large_nor_at_a_worse_price() -> None:
    account = world().account
    bid = account.place("KRW-BTC", "BID", "limit", "149000000", "0.1")[0].uuid
    ask = account.place("KRW-BTC", "ASK", "limit", "151000000", "0.1")[0].uuid
    refused: list[Callable[[], Any]] = [
        lambda: account.fill(bid, "0.2"),
        lambda: account.fill(bid, "0.1", "149001000"),
        lambda: account.fill(ask, "0.1", "150999000"),
        lambda: account.prevent(bid, "0.2"),
        lambda: account.fill("no such order"),
    ]
    for attempt in refused:
        with pytest.raises(OrderRejectedError):
            attempt()


def _check_sums(account: Any, start: dict[str, Decimal]) -> None:
    """What is held, locked and paid is what was there at the beginning."""
    krw, btc = start["KRW"], start["BTC"]
    locked = {"KRW": Decimal(0), "BTC": Decimal(0)}
    for order in account.orders():
        funds, fee = Decimal(order.executed_funds).scaleb(-20), Decimal(order.paid_fee).scaleb(-20)
        volume = Decimal(order.executed).scaleb(-8)
        krw += -funds - fee if order.side == "BID" else funds - fee
        btc += volume if order.side == "BID" else -volume
        locked["KRW" if order.side == "BID" else "BTC"] += Decimal(order.locked).scaleb(-20)
        assert order.locked >= 0
        assert order.is_open or order.locked == 0
        if order.order_type == "limit":
            assert order.volume == order.remaining + order.executed + order.prevented_volume
            if order.side == "BID":
                assert Decimal(order.locked).scaleb(-20) == (
                    Decimal(order.price).scaleb(-8) * Decimal(order.remaining).scaleb(-8) * (1 + FEE)
                    if order.is_open
                    else 0
                )
    held = account.balances()
    assert held["KRW"][0] + held["KRW"][1] == krw
    assert held["BTC"][0] + held["BTC"][1] == btc
    assert held["KRW"][1] == locked["KRW"]
    assert held["BTC"][1] == locked["BTC"]
    assert all(free >= 0 and kept >= 0 for free, kept in held.values())


def _attempt(act: Callable[[], Any]) -> str | None:
    try:
        act()
    except OrderRejectedError as refusal:
        return refusal.name
    return None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["bid", "ask", "buy", "sell", "fill", "part", "cancel", "prevent"]),
        st.integers(0, 10),
        st.integers(1, 9_999_999),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(STEPS)
def test_sums_are_exact_whatever_is_done(steps: list[tuple[str, int, int]]) -> None:
    account = world(markets=1).account
    start = {currency: free for currency, (free, _) in account.balances().items()}
    for what, which, size in steps:
        volume = Decimal(size).scaleb(-8)
        limit = Decimal(145_000_000 + which * 1000)
        waiting = [order for order in account.orders() if order.is_open]
        order = waiting[which % len(waiting)] if waiting else None
        part = Decimal(max(1, order.remaining * which // 11)).scaleb(-8) if order else Decimal(0)
        acts: dict[str, Callable[[], Any]] = {
            "bid": partial(account.place, "KRW-BTC", "BID", "limit", limit, volume),
            "ask": partial(account.place, "KRW-BTC", "ASK", "limit", limit, volume),
            "buy": partial(account.place, "KRW-BTC", "BID", "price", Decimal(size)),
            "sell": partial(account.place, "KRW-BTC", "ASK", "market", None, volume),
        }
        if order is not None:
            better = Decimal(order.price).scaleb(-8) + (-500 if order.side == "BID" else 500)
            acts["fill"] = partial(account.fill, order.uuid, None, better)
            acts["part"] = partial(account.fill, order.uuid, part)
            acts["cancel"] = partial(account.cancel, order.uuid)
            acts["prevent"] = partial(account.prevent, order.uuid, part)
        refused = _attempt(acts[what]) if what in acts else None
        assert refused in (None, "insufficient_funds", "under_min_total")
        _check_sums(account, start)


def test_finished_orders_are_forgotten_in_time_and_open_ones_are_not() -> None:
    account = world(markets=1).account
    kept = account.place("KRW-BTC", "BID", "limit", "149000000", "0.001")[0].uuid
    for _ in range(1700):
        account.cancel(account.place("KRW-BTC", "BID", "limit", "149000000", "0.001")[0].uuid)
    assert len(account.orders()) <= 1502
    assert account.order(kept) is not None
