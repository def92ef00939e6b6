"""Alerts: thresholds with hysteresis, no repeats, acknowledged, listed, bounded."""

from __future__ import annotations

import math
import random

import pytest

from tests.monitoring.world import PING_EVERY, Line, World
from upbit_ws_qt.config import AlertLimits, ServiceConfig
from upbit_ws_qt.monitoring.alerts import (
    ACTIVE_KEPT,
    CLEARED_KEPT,
    RULES,
    Alert,
    AlertKind,
    AlertStore,
    Condition,
    rules_for,
)
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.types import ConnectionState, WebSocketType

PUBLIC = WebSocketType.PUBLIC


def slow(value: float, ws_type: WebSocketType = PUBLIC) -> Condition:
    return Condition(AlertKind.SLOW, "", ws_type, value, f"RTT {value}")


def put_aside(number: int) -> Condition:
    return Condition(AlertKind.QUARANTINED, f"c{number}", None, 1, "")


def feed(book: AlertStore, start: int, seconds: int, *conditions: Condition) -> tuple[list[Alert], list[Alert]]:
    raised: list[Alert] = []
    cleared: list[Alert] = []
    for now in range(start, start + seconds):
        more, fewer = book.evaluate(now, 1000.0 + now, conditions)
        raised += more
        cleared += fewer
    return raised, cleared


def test_raised_once_after_it_lasted_and_cleared_once_after_it_was_well() -> None:
    book = AlertStore()
    assert feed(book, 0, 10, slow(0.5)) == ([], [])
    raised, _ = feed(book, 10, 100, slow(0.5))
    assert [alert.kind for alert in raised] == [AlertKind.SLOW]
    assert (raised[0].raised_at, raised[0].threshold, raised[0].ws_type) == (1010.0, 0.4, PUBLIC)
    assert feed(book, 110, 100, slow(0.35)) == ([], [])  # between the thresholds nothing changes
    _, cleared = feed(book, 210, 40, slow(0.1))
    assert [alert.alert_id for alert in cleared] == [raised[0].alert_id]
    assert cleared[0].cleared_at == 1240.0


def test_a_spike_raises_nothing() -> None:
    book = AlertStore()
    for second in range(0, 200, 10):
        assert feed(book, second, 8, slow(2.0)) == ([], [])
        assert feed(book, second + 8, 2, slow(0.05)) == ([], [])


def test_a_short_improvement_clears_nothing() -> None:
    book = AlertStore()
    feed(book, 0, 20, slow(0.5))
    for second in range(20, 200, 30):
        assert feed(book, second, 29, slow(0.1)) == ([], [])
        assert feed(book, second + 29, 1, slow(0.5)) == ([], [])


def test_what_is_gone_counts_as_zero() -> None:
    book = AlertStore()
    feed(book, 0, 20, slow(0.5))
    _, cleared = feed(book, 20, 40)
    assert len(cleared) == 1


def test_each_line_and_each_component_has_its_own() -> None:
    book = AlertStore()
    raised, _ = feed(
        book,
        0,
        20,
        slow(1),
        slow(1, WebSocketType.PRIVATE),
        Condition(AlertKind.QUARANTINED, "chart", None, 1, "chart"),
        Condition(AlertKind.QUARANTINED, "book", None, 1, "book"),
    )
    assert len(raised) == 4
    assert len({alert.alert_id for alert in raised}) == 4


def test_the_message_follows_the_figure_while_it_lasts() -> None:
    book = AlertStore()
    feed(book, 0, 20, slow(0.5))
    feed(book, 20, 1, slow(0.9))
    assert book.listed()[0].message == "RTT 0.9"
    assert book.listed()[0].value == 0.9


def test_acknowledged_stays_so_while_it_lasts_and_is_not_raised_again() -> None:
    book = AlertStore()
    (alert,), _ = feed(book, 0, 20, slow(0.5))
    assert book.acknowledge(alert.alert_id) is not None
    assert feed(book, 20, 60, slow(0.8)) == ([], [])
    assert book.listed()[0].acknowledged
    assert book.acknowledge(999) is None


def test_lasting_ones_come_first_newest_first() -> None:
    book = AlertStore()
    feed(book, 0, 20, slow(0.5))
    feed(book, 20, 40)
    feed(book, 60, 20, slow(0.5), slow(0.5, WebSocketType.INFO))
    listed = book.listed()
    assert [alert.is_active for alert in listed] == [True, True, False]
    assert listed[0].alert_id > listed[1].alert_id
    assert len(book.listed(cleared=False)) == 2


def test_alerts_are_bounded_and_what_the_bound_cost_is_counted() -> None:
    book = AlertStore()
    many = [put_aside(n) for n in range(ACTIVE_KEPT + 7)]
    raised, _ = book.evaluate(0, 0, many)
    assert len(raised) == ACTIVE_KEPT
    assert book.suppressed == 7
    book.evaluate(1, 1, [])
    assert len(book.listed()) == CLEARED_KEPT


def test_what_the_bound_holds_back_is_counted_once_however_long_it_lasts() -> None:
    book = AlertStore()
    many = [put_aside(n) for n in range(ACTIVE_KEPT + 7)]
    for now in range(50):
        book.evaluate(now, now, many)
    assert book.suppressed == 7
    book.evaluate(50, 50, many[:ACTIVE_KEPT])
    book.evaluate(51, 51, many)  # seven more cases
    assert book.suppressed == 14
    raised, _ = book.evaluate(52, 52, many[7:])  # there is room again, seen in the next look
    raised += book.evaluate(53, 53, many[7:])[0]
    assert len(raised) == 7


def test_a_full_list_never_hides_that_a_line_is_lost() -> None:
    book = AlertStore()
    many = [put_aside(n) for n in range(ACTIVE_KEPT)]
    book.evaluate(0, 0, many)
    raised, _ = book.evaluate(1, 1, [Condition(AlertKind.CONNECTION_LOST, "", PUBLIC, 3, ""), *many])
    assert [alert.kind for alert in raised] == [AlertKind.CONNECTION_LOST]


def test_a_figure_that_is_not_known_neither_raises_nor_clears() -> None:
    book = AlertStore()
    assert feed(book, 0, 100, slow(math.nan)) == ([], [])
    (alert,), _ = feed(book, 100, 20, slow(0.5))
    assert feed(book, 120, 25, slow(0.1)) == ([], [])
    assert feed(book, 145, 1000, slow(math.nan)) == ([], [])
    assert (book.listed()[0].value, book.listed()[0].message) == (0.5, "RTT 0.5")
    assert feed(book, 1145, 30, slow(0.1)) == ([], [])  # the whole time anew
    _, cleared = feed(book, 1175, 1, slow(0.1))
    assert [each.alert_id for each in cleared] == [alert.alert_id]


def test_exactly_at_a_threshold_it_is_raised_and_cleared() -> None:
    book, rule = AlertStore(), RULES[AlertKind.SLOW]
    raised, _ = feed(book, 0, 11, slow(rule.raise_at))
    assert len(raised) == 1
    _, cleared = feed(book, 11, 31, slow(rule.clear_at))
    assert len(cleared) == 1


def test_seen_and_over_and_back_again_is_a_new_one() -> None:
    book = AlertStore()
    (first,), _ = feed(book, 0, 20, slow(0.5))
    book.acknowledge(first.alert_id)
    feed(book, 20, 40)
    (second,), _ = feed(book, 60, 20, slow(0.5))
    assert (second.alert_id != first.alert_id, second.acknowledged) == (True, False)
    assert book.acknowledge(first.alert_id) is None


def test_ten_thousand_components_that_come_and_go_leave_nothing_behind() -> None:
    book = AlertStore()
    for now in range(10_000):
        book.evaluate(now, now, [put_aside(now)])
    book.evaluate(10_000, 10_000, [])
    assert len(book.listed()) == CLEARED_KEPT
    assert not book._active
    assert not book._beyond
    assert not book._within
    assert not book._held_back


def test_a_lost_line_is_not_over_before_it_is_back() -> None:
    made = World(Monitor(ServiceConfig()), [Line()])
    made.run(30)
    line = made.lines[0]
    line.lose("reset")
    made.run(4)
    assert made.raised == ["connection_lost"]
    line.state = ConnectionState.SYNCING  # a long proof of many subscriptions
    made.run(9)
    assert made.monitor.alerts(cleared=False)
    line.restore(made.now)
    for _ in range(5):  # up for four seconds at a time
        made.run(4)
        line.lose("reset again")
        made.run(3)
        line.restore(made.now)
    assert made.raised.count("connection_lost") == 1
    made.run(7)
    assert [alert.kind.value for alert in made.monitor.alerts(cleared=False)] == ["reconnecting_often"]


def test_a_slow_line_that_is_renewed_has_one_alert() -> None:
    made = World(Monitor(ServiceConfig()), [Line(rtt=0.9)])
    made.run(120)
    assert made.raised == ["slow"]
    for _ in range(5):
        made.lines[0].restore(made.now)
        made.lines[0].next_ping = made.now + PING_EVERY
        made.run(120)
    assert made.raised == ["slow"]
    made.lines[0].rtt = 0.04
    made.run(240)
    assert made.monitor.alerts(cleared=False) == ()


@pytest.mark.parametrize("state", [ConnectionState.STOPPED, ConnectionState.DISCONNECTED])
def test_what_a_line_was_alerted_for_is_over_when_the_line_is(state: ConnectionState) -> None:
    made = World(Monitor(ServiceConfig()), [Line(rtt=0.9, unreadable_share=0.3, rate_budget_used=0.95)])
    made.run(60)
    line = made.lines[0]
    for _ in range(4):
        line.lose("reset")
        made.run(3)
        line.restore(made.now)
        made.run(3)
    assert set(made.raised) == {"slow", "errors", "rate_limit", "connection_lost", "reconnecting_often"}
    line.state, line.wanted, line.connected_since = state, False, None
    made.run(31)
    assert made.monitor.alerts(cleared=False) == ()
    raised = len(made.raised)
    line.wanted, line.rtt, line.unreadable_share, line.rate_budget_used = True, 0.04, 0.0, 0.1
    line.restore(made.now)
    made.run(10)
    assert [alert for alert in made.raised[raised:] if alert not in ("reconnecting_often", "errors")] == []


def test_every_kind_has_a_rule_that_clears_below_where_it_raises() -> None:
    assert set(RULES) == set(AlertKind)
    assert all(rule.clear_at < rule.raise_at for rule in RULES.values())


def test_noise_around_a_threshold_is_one_alert() -> None:
    book, rng = AlertStore(), random.Random(4)
    raised = 0
    for now in range(3600):
        more, _ = book.evaluate(now, now, [slow(rng.uniform(0.36, 0.48))])
        raised += len(more)
    assert raised <= 1


def test_limits_move_both_ends_of_a_rule() -> None:
    quick = rules_for(AlertLimits(slow=0.2, memory=100 * 1024**2, reconnecting_often=1, unserved=5, rate_limit=0.45))
    assert set(quick) == set(AlertKind)
    assert all(rule.clear_at < rule.raise_at for rule in quick.values())
    assert quick[AlertKind.SLOW].raise_at == 0.2
    assert quick[AlertKind.SLOW].clear_at == pytest.approx(0.15)
    assert quick[AlertKind.MEMORY].raise_at == 100 * 1024**2
    assert quick[AlertKind.UNSERVED].clear_at == 4
    assert quick[AlertKind.LATE] == RULES[AlertKind.LATE]


def test_limits_of_the_configuration_are_the_monitors() -> None:
    config = ServiceConfig(alert_limits=AlertLimits(memory=64 * 1024**2, connection_lost=30))
    made = World(Monitor(config), [Line()], memory=65 * 1024**2)
    made.run(20)
    assert made.raised == ["memory"]
    assert made.monitor.alerts()[0].threshold == 64 * 1024**2
    assert made.monitor.adaptive is not None
    assert made.monitor.adaptive.plan.steps  # what costs least is given up from there on, too
    made.lines[0].lose("reset")
    made.run(25)
    assert made.raised == ["memory"]
    made.run(10)
    assert made.raised == ["memory", "connection_lost"]
