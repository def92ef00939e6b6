"""What is given up under load and in which order, taken back with hysteresis, undone by hand; and predictions."""

from __future__ import annotations

import random

import pytest

from tests.monitoring.world import stream_stats
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.monitoring.adaptive import (
    LADDER,
    AdaptationKind,
    AdaptationStep,
    AdaptiveSubscriptionManager,
    LoadMetrics,
)
from upbit_ws_qt.monitoring.monitor import LoadAdapted, Monitor
from upbit_ws_qt.monitoring.prediction import KEPT_STREAMS, RateStore
from upbit_ws_qt.monitoring.program_metrics import ProgramMonitor
from upbit_ws_qt.monitoring.stats import ProgramStats
from upbit_ws_qt.monitoring.stream_metrics import StreamMonitors
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, Delivery, Priority

BUSY = LoadMetrics(loop_lag=0.3)
CALM = LoadMetrics(loop_lag=0.001, memory_bytes=200 * 1024**2)
BETWEEN = LoadMetrics(loop_lag=0.07)


def run(manager: AdaptiveSubscriptionManager, start: int, seconds: int, load: LoadMetrics) -> list[AdaptationStep]:
    steps = [manager.adapt_to_load(now, load) for now in range(start, start + seconds)]
    return [step for step in steps if step is not None]


def test_what_costs_the_user_least_goes_first_one_step_at_a_time() -> None:
    manager = AdaptiveSubscriptionManager()
    steps = run(manager, 0, 100, BUSY)
    assert [step.kind for step in steps] == list(LADDER)
    assert [round(step.at) for step in steps] == [5, 10, 15, 20, 25]
    assert all(step.applied and "300 ms late" in step.because for step in steps)
    assert manager.plan.frame_divisor == 4


def test_a_short_peak_gives_nothing_up() -> None:
    manager = AdaptiveSubscriptionManager()
    for start in range(0, 600, 10):
        assert run(manager, start, 4, BUSY) == []
        assert run(manager, start + 4, 6, CALM) == []


def test_it_is_taken_back_in_reverse_order_and_slowly() -> None:
    manager = AdaptiveSubscriptionManager()
    run(manager, 0, 16, BUSY)
    steps = run(manager, 16, 200, CALM)
    assert [(step.kind, step.applied) for step in steps] == [
        (AdaptationKind.BOOK_DEPTH_5, False),
        (AdaptationKind.BOOK_DEPTH_15, False),
        (AdaptationKind.LOW_BY_FRAME, False),
    ]
    assert steps[0].at == 46
    assert manager.plan.steps == ()


def test_between_the_thresholds_everything_stays() -> None:
    manager = AdaptiveSubscriptionManager()
    run(manager, 0, 6, BUSY)
    assert run(manager, 6, 1000, BETWEEN) == []
    assert manager.plan.steps == (AdaptationKind.LOW_BY_FRAME,)


def test_critical_is_never_touched_and_high_keeps_its_books() -> None:
    manager = AdaptiveSubscriptionManager()
    run(manager, 0, 100, BUSY)
    plan = manager.plan
    assert plan.delivery_for(Priority.CRITICAL, Delivery.EVERY) is Delivery.EVERY
    assert plan.delivery_for(Priority.NORMAL, Delivery.EVERY) is Delivery.EVERY
    assert plan.delivery_for(Priority.LOW, Delivery.EVERY) is Delivery.FRAME
    depths = [plan.depth_for(priority, 30) for priority in Priority]
    assert depths == [30, 30, 5, 5]
    assert plan.depth_for(Priority.LOW, 1) == 1


def test_depth_goes_over_fifteen() -> None:
    manager = AdaptiveSubscriptionManager()
    run(manager, 0, 11, BUSY)
    assert manager.plan.depth_for(Priority.NORMAL, 30) == 15


def test_undone_by_hand_stays_undone_for_ten_minutes() -> None:
    manager = AdaptiveSubscriptionManager()
    run(manager, 0, 6, BUSY)
    step = manager.undo(6)
    assert step is not None
    assert step.by_hand
    assert manager.plan.steps == ()
    kinds = [step.kind for step in run(manager, 7, 400, BUSY)]
    assert AdaptationKind.LOW_BY_FRAME not in kinds
    assert AdaptationKind.LOW_BY_FRAME in [step.kind for step in run(manager, 407, 300, BUSY)]


def test_who_takes_a_book_of_15_back_does_not_get_one_of_5() -> None:
    manager = AdaptiveSubscriptionManager()
    run(manager, 0, 11, BUSY)
    assert manager.plan.depth_for(Priority.NORMAL, 30) == 15
    manager.undo(11)
    run(manager, 12, 500, BUSY)
    assert manager.plan.depth_for(Priority.NORMAL, 30) == 30
    assert manager.plan.frame_divisor == 4  # what was not undone goes on being given up
    run(manager, 612, 20, BUSY)
    assert manager.plan.depth_for(Priority.NORMAL, 30) == 5


def test_nothing_to_undo() -> None:
    assert AdaptiveSubscriptionManager().undo(0) is None


@pytest.mark.parametrize(
    ("load", "word"), [(LoadMetrics(backlog_seconds=3), "work"), (LoadMetrics(memory_bytes=2 * 1024**3), "MiB")]
)
def test_backlog_and_memory_press_too(load: LoadMetrics, word: str) -> None:
    (step,) = run(AdaptiveSubscriptionManager(), 0, 6, load)
    assert word in step.because


def test_steps_are_listed_and_bounded() -> None:
    manager = AdaptiveSubscriptionManager()
    for start in range(0, 40_000, 40):
        run(manager, start, 6, BUSY)
        run(manager, start + 6, 34, CALM)
    assert len(manager.steps()) == 200


def test_one_stall_of_the_program_is_not_load() -> None:
    monitor = Monitor(ServiceConfig())
    changes = []
    for now in range(60):
        changes += monitor.observe(now, ProgramStats(loop_lag=5.0 if now == 20 else 0.001))
    assert not [change for change in changes if isinstance(change, LoadAdapted)]


def test_lasting_lag_is() -> None:
    monitor = Monitor(ServiceConfig())
    changes = []
    for now in range(60):
        changes += monitor.observe(now, ProgramStats(loop_lag=0.3))
    adapted = [change for change in changes if isinstance(change, LoadAdapted)]
    assert adapted[0].plan.steps == (AdaptationKind.LOW_BY_FRAME,)


# -- predictions ------------------------------------------------------------------------------------------------


def measured(streams: dict[StreamKey, tuple[float, float]], *, seconds: int = 300, cost: float = 0.0) -> RateStore:
    """Watch streams of given (events a second, bytes an event), noisily, for a while."""
    rng = random.Random(8)
    program, monitors, book = ProgramMonitor(), StreamMonitors(), RateStore()
    counts = dict.fromkeys(streams, 0)
    total = 0
    for now in range(0, seconds, 10):
        for key, (rate, _) in streams.items():
            counts[key] += round(rng.gauss(rate * 10, (rate * 10) ** 0.5))
        total = sum(counts.values())
        deep = {key: 30 if key.data_type is DataType.ORDERBOOK else 0 for key in streams}
        stats = [stream_stats(key, max(0, counts[key]), size, depth=deep[key]) for key, (_, size) in streams.items()]
        monitors.look(now, stats)
        program.observe(now, ProgramStats(work={"decode": total * cost} if cost else {}))
        rate = sum(rate for rate, _ in streams.values())
        book.learn(now, monitors.streams.values(), program.stage_shares, rate)
    return book


def codes(count: int) -> list[str]:
    return [f"KRW-C{n}" for n in range(count)]


def test_measured_streams_are_predicted_within_a_tenth() -> None:
    rng = random.Random(3)
    truth = {StreamKey(DataType.TICKER, code): (rng.uniform(0.5, 20), 900.0) for code in codes(40)}
    prediction = measured(truth).predict([SubscriptionSpec(DataType.TICKER, codes(40))])
    rate = sum(events for events, _ in truth.values())
    assert prediction.streams == 40
    assert prediction.messages_per_second == pytest.approx(rate, rel=0.1)
    assert prediction.bytes_per_second == pytest.approx(rate * 900, rel=0.1)
    assert prediction.measured_share == 1


def test_streams_not_measured_yet_are_predicted_from_their_like() -> None:
    rng = random.Random(4)
    truth = {StreamKey(DataType.TRADE, code): (rng.uniform(0.5, 5), 450.0) for code in codes(100)}
    half = {key: truth[key] for key in list(truth)[::2]}
    prediction = measured(half).predict([SubscriptionSpec(DataType.TRADE, codes(100))])
    assert prediction.messages_per_second == pytest.approx(sum(rate for rate, _ in truth.values()), rel=0.3)
    assert 0.3 < prediction.measured_share < 0.7


def test_a_stream_that_many_want_is_on_the_wire_once() -> None:
    book = measured({StreamKey(DataType.TRADE, "KRW-BTC"): (10, 450.0)})
    one = SubscriptionSpec(DataType.TRADE, "KRW-BTC")
    prediction = book.predict([one] * 5)
    assert prediction.streams == 1
    assert prediction.callbacks_per_second == pytest.approx(5 * prediction.messages_per_second)


def test_a_shallower_book_is_smaller_and_the_deepest_wish_counts() -> None:
    book = measured({StreamKey(DataType.ORDERBOOK, "KRW-BTC"): (10, 3040.0)})
    deep = SubscriptionSpec(DataType.ORDERBOOK, "KRW-BTC", depth=30)
    shallow = SubscriptionSpec(DataType.ORDERBOOK, "KRW-BTC", depth=5)
    assert book.predict([deep]).bytes_per_second == pytest.approx(30_400, rel=0.1)
    assert book.predict([shallow]).bytes_per_second == pytest.approx(6_650, rel=0.1)
    assert book.predict([shallow, deep]).bytes_per_second == book.predict([deep]).bytes_per_second


def test_cpu_follows_what_messages_were_measured_to_cost() -> None:
    book = measured({StreamKey(DataType.TICKER, code): (10, 900.0) for code in codes(10)}, cost=0.0002)
    prediction = book.predict([SubscriptionSpec(DataType.TICKER, codes(10))])
    assert prediction.cpu_share == pytest.approx(100 * 0.0002, rel=0.2)


def test_without_any_measurement_it_is_a_guess_and_says_so() -> None:
    prediction = RateStore().predict([SubscriptionSpec(DataType.TICKER, codes(3)), SubscriptionSpec(DataType.MY_ASSET)])
    assert prediction.measured_share == 0
    assert prediction.messages_per_second > 0


def test_snapshots_alone_cost_nothing_that_lasts() -> None:
    assert RateStore().predict([SubscriptionSpec(DataType.TICKER, codes(3), only_snapshot=True)]).streams == 0


def test_what_is_remembered_is_bounded() -> None:
    monitors, book = StreamMonitors(), RateStore()
    for batch in range(8):
        for now in (0, 10):
            keys = [StreamKey(DataType.TRADE, f"KRW-X{batch}N{n}") for n in range(1000)]
            monitors.look(batch * 20 + now, [stream_stats(key, now * 10) for key in keys])
        book.learn(batch * 20 + 10, monitors.streams.values(), {}, 10)
    assert len(book._rates) == KEPT_STREAMS
