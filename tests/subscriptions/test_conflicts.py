"""Differences between wishes: each kind found, resolved and put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.subscriptions.specs import book, key, news, orders, ticker
from upbit_ws_qt.subscriptions import ConflictKind, Demand, SubscriptionConflictResolver, SubscriptionStateManager
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from upbit_ws_qt.specs import SubscriptionSpec


@pytest.mark.parametrize(
    ("one", "other", "kind", "words"),
    [
        (book("KRW-BTC", depth=5), book("KRW-BTC", depth=15), ConflictKind.DEPTH, "depth 15, the largest of 5, 15"),
        (book("KRW-BTC"), book("KRW-BTC", level=10000), ConflictKind.LEVEL, "levels 0, 10000"),
        (
            ticker("KRW-BTC", only_snapshot=True),
            ticker("KRW-BTC"),
            ConflictKind.SNAPSHOT_AND_REALTIME,
            "who wants the snapshot alone",
        ),
        (
            ticker("KRW-BTC", only_realtime=True),
            ticker("KRW-BTC"),
            ConflictKind.REALTIME_AND_BOTH,
            "asked for with snapshot",
        ),
        (news("notice"), news("trade"), ConflictKind.CATEGORIES, "notice, trade"),
        (news("notice"), news(), ConflictKind.CATEGORIES, "categories all"),
        (news(include_body=True), news(), ConflictKind.BODY, "with body"),
        (orders("KRW-BTC"), orders(), ConflictKind.ALL_MARKETS, "every market"),
    ],
)
def test_a_difference_is_found_and_explained(
    one: SubscriptionSpec, other: SubscriptionSpec, kind: ConflictKind, words: str
) -> None:
    state = SubscriptionStateManager()
    state.replace("a", [one])
    state.replace("b", [other])
    (conflict,) = state.conflicts()
    assert conflict.kind is kind
    assert conflict.components == ("a", "b")
    assert words in str(conflict.resolution)


def test_equal_wishes_do_not_differ() -> None:
    state = SubscriptionStateManager()
    for name in "abc":
        state.replace(name, [ticker("KRW-BTC"), book("KRW-BTC", depth=5), orders("KRW-BTC")])
    assert state.conflicts() == ()


def test_the_resolution_serves_every_demand() -> None:
    stream = key(DataType.ORDERBOOK, "KRW-BTC")
    resolver = SubscriptionConflictResolver()
    wanted = [Demand(depth=5, snapshot=False), Demand(depth=15, realtime=False), Demand(depth=1)]
    resolved = resolver.resolve_conflicts({stream: wanted})[stream]
    assert (resolved.depth, resolved.realtime, resolved.snapshot) == (15, True, True)
    assert all(resolved.covers(demand) for demand in wanted)
    assert not wanted[0].covers(wanted[1])


def test_realtime_only_against_snapshot_only_needs_both() -> None:
    stream = key(DataType.TICKER, "KRW-BTC")
    wanted = [Demand(snapshot=False), Demand(realtime=False)]
    resolved = SubscriptionConflictResolver().resolve_conflicts({stream: wanted})[stream]
    assert resolved.realtime
    assert resolved.snapshot
