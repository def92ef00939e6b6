"""A wish that is changed goes on where it stays what it was: nothing is told twice that may be told once only."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.waiting import until
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from tests.manager.conftest import Desk
    from upbit_ws_qt.events import TradeEvent


def of(seen: list[TradeEvent], code: str) -> list[TradeEvent]:
    return [event for event in seen if event.code == code]


def served(seen: list[TradeEvent], codes: list[str], enough: int) -> bool:
    return all(of(seen, code) for code in codes) and len(of(seen, "KRW-BTC")) >= enough


async def test_a_trade_is_not_told_again_where_another_market_is_added(desk: Desk) -> None:
    seen: list[TradeEvent] = []
    wish = SubscriptionSpec(DataType.TRADE, "KRW-BTC")
    handle = desk.manager.register_component("tape", wish, seen.append)
    await until(lambda: of(seen, "KRW-BTC"))
    for codes in (["KRW-BTC", "KRW-ETH"], ["KRW-BTC", "KRW-ETH", "KRW-XRP"], ["KRW-BTC"]):
        enough = len(of(seen, "KRW-BTC")) + 2
        handle.set_specs(SubscriptionSpec(DataType.TRADE, codes))
        await until(partial(served, seen, codes, enough))
    told = [(event.code, event.sequential_id) for event in seen]
    assert len(told) == len(set(told))


async def test_a_late_joiner_still_hears_the_newest_trade(desk: Desk) -> None:
    first: list[TradeEvent] = []
    late: list[TradeEvent] = []
    wish = SubscriptionSpec(DataType.TRADE, "KRW-BTC")
    desk.manager.register_component("tape", wish, first.append)
    await until(lambda: first)
    desk.manager.register_component("other", wish, late.append)
    await until(lambda: late)
    assert late[0].sequential_id in {event.sequential_id for event in first}
