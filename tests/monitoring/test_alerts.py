"""Alerts: thresholds with hysteresis, no repeats, acknowledged, listed, bounded."""

from __future__ import annotations

import random

import pytest

from tests.monitoring.world import Line, World
from upbit_ws_qt.config import AlertLimits, ServiceConfig
from upbit_ws_qt.monitoring.alerts import (
    ACTIVE_KEPT,
    CLEARED_KEPT,
    RULES,
    Alert,
    AlertBook,
    AlertKind,
    Condition,
    rules_for,
)
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.types import WebSocketType

PUBLIC = WebSocketType.PUBLIC


def slow(value: float, ws_type: WebSocketType = PUBLIC) -> Condition:
    return Condition(AlertKind.SLOW, "", ws_type, value, f"RTT {value}")


def feed(book: AlertBook, start: int, seconds: int, *conditions: Condition) -> tuple[list[Alert], list[Alert]]:
    raised: list[Alert] = []
    cleared: list[Alert] = []
    for now in range(start, start + seconds):
        more, fewer = book.evaluate(now, 1000.0 + now, conditions)
        raised += more
        cleared += fewer
    return raised, cleared


def test_raised_once_after_it_lasted_and_cleared_once_after_it_was_well() -> None:
    book = AlertBook()
    assert feed(book, 0, 10, slow(0.5)) == ([], [])
    raised, _ = feed(book, 10, 100, slow(0.5))
    assert [alert.kind for alert in raised] == [AlertKind.SLOW]
    assert (raised[0].raised_at, raised[0].threshold, raised[0].ws_type) == (1010.0, 0.4, PUBLIC)
    assert feed(book, 110, 100, slow(0.35)) == ([], [])  # between the thresholds nothing changes
    _, cleared = feed(book, 210, 40, slow(0.1))
    assert [alert.alert_id for alert in cleared] == [raised[0].alert_id]
    assert cleared[0].cleared_at == 1240.0


def test_a_spike_raises_nothing() -> None:
    book = AlertBook()
    for second in range(0, 200, 10):
        assert feed(book, second, 8, slow(2.0)) == ([], [])
        assert feed(book, second + 8, 2, slow(0.05)) == ([], [])


def test_a_short_improvement_clears_nothing() -> None:
    book = AlertBook()
    feed(book, 0, 20, slow(0.5))
    for second in range(20, 200, 30):
        assert feed(book, second, 29, slow(0.1)) == ([], [])
        assert feed(book, second + 29, 1, slow(0.5)) == ([], [])


def test_what_is_gone_counts_as_zero() -> None:
    book = AlertBook()
    feed(book, 0, 20, slow(0.5))
    _, cleared = feed(book, 20, 40)
    assert len(cleared) == 1


def test_each_line_and_each_component_has_its_own() -> None:
    book = AlertBook()
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
    book = AlertBook()
    feed(book, 0, 20, slow(0.5))
    feed(book, 20, 1, slow(0.9))
    assert book.listed()[0].message == "RTT 0.9"
    assert book.listed()[0].value == 0.9


def test_acknowledged_stays_so_while_it_lasts_and_is_not_raised_again() -> None:
    book = AlertBook()
    (alert,), _ = feed(book, 0, 20, slow(0.5))
    assert book.acknowledge(alert.alert_id) is not None
    assert feed(book, 20, 60, slow(0.8)) == ([], [])
    assert book.listed()[0].acknowledged
    assert book.acknowledge(999) is None


def test_lasting_ones_come_first_newest_first() -> None:
    book = AlertBook()
    feed(book, 0, 20, slow(0.5))
    feed(book, 20, 40)
    feed(book, 60, 20, slow(0.5), slow(0.5, WebSocketType.INFO))
    listed = book.listed()
    assert [alert.is_active for alert in listed] == [True, True, False]
    assert listed[0].alert_id > listed[1].alert_id
    assert len(book.listed(cleared=False)) == 2


def test_alerts_are_bounded_and_what_the_bound_cost_is_counted() -> None:
    book = AlertBook()
    many = [Condition(AlertKind.QUARANTINED, f"c{n}", None, 1, "") for n in range(ACTIVE_KEPT + 7)]
    raised, _ = book.evaluate(0, 0, many)
    assert len(raised) == ACTIVE_KEPT
    assert book.suppressed == 7
    book.evaluate(1, 1, [])
    assert len(book.listed()) == CLEARED_KEPT


def test_every_kind_has_a_rule_that_clears_below_where_it_raises() -> None:
    assert set(RULES) == set(AlertKind)
    assert all(rule.clear_at < rule.raise_at for rule in RULES.values())


def test_noise_around_a_threshold_is_one_alert() -> None:
    book, rng = AlertBook(), random.Random(4)
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
